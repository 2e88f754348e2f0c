"""A configuration in a file, and in another one the last good text, for a start while the first is bad."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from structlog import get_logger

from scaler.config.source import Content, Unreadable, read_file

log = get_logger(__name__)

LOOK_EVERY: Final = 0.2  # s
SETTLED: Final = 0.1  # s in which a file must not change before it is read: a writer may be half way through
IMPATIENT: Final = 0.5  # s after which a file that never settles is read as it is
_HASH: Final = 12  # characters that tell two paths apart


class FileOrigin:
    """The file at ``path``; the last good text is kept in the folder ``state``, if there is one."""

    def __init__(self, path: Path, state: Path | None = None) -> None:
        self._path = path
        self._store = state / _kept_as(path) if state is not None else None
        self._seen: Content = Unreadable("not read yet")
        self._complained = False

    def __str__(self) -> str:
        """Name the file."""
        return str(self._path)

    async def first(self) -> Content:
        """Read the file."""
        self._seen = await self._read()
        return self._seen

    async def changed(self) -> Content:
        """Look at the file again and again until it says something else."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            content = await self._read()
            if content != self._seen:
                self._seen = await self._settled(content)
                return self._seen

    async def kept(self) -> bytes | None:
        """Read what an earlier process kept."""
        content = await asyncio.to_thread(read_file, self._store) if self._store is not None else None
        return content if isinstance(content, bytes) else None

    async def accepted(self, text: bytes, text_hash: str) -> None:
        """Keep the text; that it cannot be kept is logged once."""
        del text_hash
        if self._store is None:
            return
        try:
            await asyncio.to_thread(_write, self._store, text)
        except OSError as error:
            if not self._complained:
                log.warning("last good configuration not kept", file=str(self._store), why=error.strerror)
            self._complained = True

    async def rejected(self, problems: Sequence[str]) -> None:
        """Do nothing: log, metrics and ``/status`` tell."""

    async def _read(self) -> Content:
        return await asyncio.to_thread(read_file, self._path)

    async def _settled(self, content: Content) -> Content:
        """Wait until the file stays as it is for a moment, and return what it says then."""
        deadline = asyncio.get_running_loop().time() + IMPATIENT
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(SETTLED)
            before, content = content, await self._read()
            if before == content:
                break
        return content


def _kept_as(path: Path) -> str:
    """Name the file that keeps the last good text of another, so that a folder may serve several."""
    digest = sha256(os.fsencode(path.absolute())).hexdigest()[:_HASH]
    return f"{path.stem[:100]}-{digest}.last-good.yaml"


def _write(path: Path, text: bytes) -> None:
    """Write a file so that there is the old one or the new one at any moment, and after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(file.name).unlink()
            raise
