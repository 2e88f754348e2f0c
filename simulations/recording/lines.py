"""The lines of a recording, file by file: streamed, each with the run of the process that wrote it.

What cannot be read is counted and named, never dropped in silence; a file that ends in the midst of a line is none of
it, for that is how a process is recorded that was killed.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from scaler.errors import ConfigError
from scaler.recording.format import PREFIX, SUFFIX, VERSION, What
from simulations.recording.model import Troubles

CHUNK: Final = 1 << 16
LONGEST: Final = 1 << 20  # bytes of a line: far more than any of ours
_GZIP: Final = 31
_KNOWN: Final[Mapping[str, What]] = {str(each): each for each in What}


class Said(NamedTuple):
    """One line: what it ``is``, ``at`` how many milliseconds since 1970, in which ``run`` of a process."""

    run: int
    what: What
    at: int
    facts: dict[str, Any]


def lines(folder: Path, troubles: Troubles, watched: Callable[[list[Path]], Iterator[Path]]) -> Iterator[Said]:
    """Yield every line of a folder, or of one file; ``watched`` goes through the files for who looks on.

    Raises :class:`ConfigError` where there is no recording, or one of a later version.
    """
    files = [folder] if folder.is_file() else sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))
    if not files:
        raise ConfigError([f"{folder} has no recording: files {PREFIX}…{SUFFIX} of `warmscaler serve --record`"])
    runs = _Runs()
    for path in watched(files):
        troubles.files += 1
        yield from _File(path, troubles, runs).said()
    troubles.lost = runs.lost


class _Runs:
    """Which files are of one run: those of a host's process, for as long as their numbers grow."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int], tuple[int, int]] = {}
        self._lost: dict[int, int] = {}

    @property
    def lost(self) -> int:
        """How many lines all of them could not write."""
        return sum(self._lost.values())

    def number(self, facts: dict[str, Any]) -> int:
        """Return the run of a file by its first line."""
        process, file = (str(facts["host"]), int(facts["process"])), int(facts["file"])
        run, last = self._last.get(process, (-1, file))
        if file <= last:
            run = len(self._lost)
        self._last[process] = (run, file)
        self._lost[run] = int(facts["lost"])
        return run


class _File:
    """One file."""

    def __init__(self, path: Path, troubles: Troubles, runs: _Runs) -> None:
        self._path = path
        self._troubles = troubles
        self._runs = runs
        self._run = -1
        self._number = 0

    def said(self) -> Iterator[Said]:
        for text in self._texts():
            self._number += 1
            try:
                line = self._understood(json.loads(text))
            except (ValueError, KeyError, TypeError) as error:
                self._complain(f"{type(error).__name__}: {error}")
                continue
            if line is not None:
                self._troubles.lines += 1
                yield line

    def _understood(self, facts: dict[str, Any]) -> Said | None:
        """Return a line; ``None`` for one of a kind that came after this reader."""
        is_, at = facts["is"], int(facts["at"])
        if is_ == What.RECORDING:
            self._begin(facts)
        if self._run < 0:
            raise ValueError("it comes before the line that says what this file is")
        what = _KNOWN.get(is_)
        return Said(self._run, what, at, facts) if what is not None else None

    def _begin(self, facts: dict[str, Any]) -> None:
        if facts["version"] > VERSION:
            raise ConfigError([f"{self._path}: version {facts['version']}, and this warmscaler reads {VERSION}"])
        self._run = self._runs.number(facts)

    def _texts(self) -> Iterator[bytes]:
        unpacker, rest = zlib.decompressobj(wbits=_GZIP), b""
        with self._path.open("rb") as file:
            while piece := file.read(CHUNK):
                try:
                    rest += unpacker.decompress(piece)
                except zlib.error as error:
                    self._complain(f"damaged from here on: {error}")
                    return
                *whole, rest = rest.split(b"\n")
                yield from whole
                if len(rest) > LONGEST:
                    self._complain("a line without an end")
                    return
        if not unpacker.eof or rest:
            self._troubles.torn.append(self._path.name)

    def _complain(self, why: str) -> None:
        self._troubles.complain(f"{self._path.name}:{self._number}: {why}")
