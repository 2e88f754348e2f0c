"""The files of a recording: begun, written to, rotated, and the oldest removed. Every call here may block.

What it must not do is harm whoever records: it raises nothing but ``OSError``, and keeps within its limit.
"""

import os
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scaler.config.memory import in_bytes
from scaler.errors import ConfigError
from scaler.recording.format import PREFIX, SUFFIX

ROTATE_AFTER: Final = 3600.0  # s
PIECES: Final = 8  # of the limit is one file at most, so that of what is kept an eighth goes at a time
LEAST: Final = 4 * 2**20  # bytes: a file begins with all that goes on, and that has to fit
_GZIP: Final = 31  # zlib's word for a gzip header and the largest window
_LEVEL: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to record: ``limit`` is how many bytes the recordings in ``folder`` have, all together, at most."""

    folder: Path
    limit: int


def place_of(folder: Path | None, limit: str) -> Place | None:
    """Put the two options of a command line together; ``None``, no recording, is without a folder.

    Raises :class:`ConfigError` for a limit that is none, or too small to be kept.
    """
    if folder is None:
        return None
    try:
        amount = in_bytes(limit)
    except ValueError as error:
        raise ConfigError([f"--record-limit {limit!r} {error}"]) from error
    if amount < LEAST:
        raise ConfigError([f"--record-limit {limit} is too small: say at least {LEAST // 2**20}Mi"])
    return Place(folder=folder, limit=amount)


class Files:
    """The file that is written to now. Several processes may share a folder, each within the limit of all.

    With processes that share it the limit may be passed by a file of each: none knows how the others grow.
    """

    def __init__(self, place: Place, name: str) -> None:
        self.number = 0
        self._place = place
        self._name = name
        self._file: int | None = None
        self._path = Path()
        self._began = 0.0
        self._size = self._preamble = self._others = 0
        self._packer = zlib.compressobj(_LEVEL, wbits=_GZIP)

    @property
    def due(self) -> bool:
        """Whether another file is to be begun: there is none, or it is old or large enough."""
        full = self._size - self._preamble >= self._place.limit // PIECES
        return self._file is None or full or time.monotonic() - self._began >= ROTATE_AFTER

    def begin(self, preamble: bytes) -> None:
        """Go on with another file, which begins with ``preamble``."""
        self.close()
        self._place.folder.mkdir(parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        self._path = self._place.folder / f"{PREFIX}{stamp}-{self._name}-{self.number:04}{SUFFIX}"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self.number += 1
        self._began = time.monotonic()
        self._packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
        self._size = self._preamble = 0
        self._make_room()
        self.write(preamble)
        self._preamble = self._size

    def write(self, lines: bytes) -> None:
        """Write whole lines, so that they can be read whatever happens to the process next."""
        self._put(self._packer.compress(lines) + self._packer.flush(zlib.Z_SYNC_FLUSH))
        if self._size + self._others > self._place.limit:
            self._make_room()

    def close(self) -> None:
        """Close the file as gzip wants it; it is given up if that cannot be."""
        if self._file is None:
            return
        try:
            self._put(self._packer.flush(zlib.Z_FINISH))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Leave the file as it is."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                os.close(file)

    def _put(self, piece: bytes) -> None:
        if self._file is None:
            raise FileNotFoundError(f"{self._place.folder}: no file is open")
        view = memoryview(piece)
        while view:
            written = os.write(self._file, view)
            self._size += written
            view = view[written:]

    def _make_room(self) -> None:
        """Remove the oldest recordings until there is room for this file to grow to its end."""
        room = max(0, self._place.limit - max(self._size, self._place.limit // PIECES))
        kept = [(path, path.stat().st_size) for path in recordings(self._place.folder) if path != self._path]
        self._others = sum(size for _, size in kept)
        for path, size in kept:
            if self._others <= room:
                return
            path.unlink(missing_ok=True)
            self._others -= size


def recordings(folder: Path) -> list[Path]:
    """List the files of a recording, the oldest first."""
    return sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))
