"""Credentials of connections: read from Secrets and mounted files, followed, and never shown.

What is missing or forbidden makes no trigger invalid: it is a lack, which the source's readings tell. What was read
once is good until it is read anew; an API that does not answer takes nothing away.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from structlog import get_logger

from scaler.aio import woken
from scaler.config.document import Reference, Source
from scaler.config.file import LOOK_EVERY
from scaler.config.source import read_file
from scaler.errors import ApiRefused, ApiUnreachable, Cause
from scaler.net.kube import FORBIDDEN, SECRETS, Document, Kube
from scaler.triggers.connections import Connection, Lack

log = get_logger(__name__)

FIRST_LOOK: Final = 0.7  # s that a new configuration waits for its Secrets; what comes later is put in then
LONGEST: Final = 1024 * 1024  # bytes of a file: as much as a Secret can hold

T = TypeVar("T")

Values = Mapping[str, str] | Lack
"""What is in a Secret or a folder, by key or file name, or why that is not known."""


Folder = tuple[str, frozenset[str]]
"""A folder's name, and the files in it that matter."""


@dataclass(slots=True)
class Box:
    """One Secret or folder that is followed: its latest values, and the task that brings them."""

    values: Values = field(repr=False)
    task: asyncio.Task[None] | None = None
    known: asyncio.Event = field(default_factory=asyncio.Event)


class Credentials:
    """The Secrets of ``namespace`` and the folders below ``root`` that the connections in force speak of."""

    def __init__(self, tasks: asyncio.TaskGroup, kube: Kube | None, namespace: str, root: Path) -> None:
        self._tasks = tasks
        self._kube = kube
        self._namespace = namespace
        self._root = root
        self._secrets: dict[str, Box] = {}
        self._folders: dict[Folder, Box] = {}
        self._changed = asyncio.Event()

    async def follow(self, sources: Mapping[str, Source]) -> None:
        """Follow what these connections speak of and nothing else; returns when it is known, or has taken too long."""
        secrets = {each.secret.name for each in sources.values() if each.secret is not None}
        folders = {_folder(each.folder) for each in sources.values() if each.folder is not None}
        for box in (*_without(self._secrets, secrets), *_without(self._folders, folders)):
            _end(box)
        for name in secrets - self._secrets.keys():
            self._secrets[name] = self._begin_secret(name)
        for folder in folders - self._folders.keys():
            box = self._folders[folder] = Box(values=_unread(f"folder {folder[0]}"))
            box.task = self._tasks.create_task(self._look(folder, box), name=f"folder {folder[0]}")
        await self._first_look()

    def connections(self, sources: Mapping[str, Source]) -> dict[str, Connection]:
        """Return the connections with what is known of their credentials now."""
        return {name: self._connection(each) for name, each in sources.items()}

    async def changed(self) -> None:
        """Wait until something that is followed has changed."""
        await woken(self._changed, None)

    def stop(self) -> None:
        """Follow nothing any more."""
        for box in (*self._secrets.values(), *self._folders.values()):
            _end(box)

    def _begin_secret(self, name: str) -> Box:
        about = self._secret_named(name)
        if self._kube is None:
            said = f"{about}: there is no access to the Kubernetes API (serve --kubeconfig)"
            box = Box(values=Lack(cause=Cause.MISSING, said=said))
            box.known.set()
            return box
        box = Box(values=_unread(about))
        box.task = self._tasks.create_task(self._follow_secret(self._kube, name, box), name=about)
        return box

    async def _follow_secret(self, kube: Kube, name: str, box: Box) -> None:
        about = self._secret_named(name)

        def heard(document: Document | None) -> None:
            self._take(box, _of_secret(document, about))

        def failed(error: ApiRefused | ApiUnreachable) -> None:
            if isinstance(box.values, Lack):
                self._take(box, _lack(error, about))

        await kube.follow(SECRETS, self._namespace, name, heard, failed)

    async def _look(self, folder: Folder, box: Box) -> None:
        """Read a folder again and again; what changes is read twice, since a writer may be half way through."""
        self._take(box, await asyncio.to_thread(_of_folder, self._root, *folder))
        before = box.values
        while True:
            await asyncio.sleep(LOOK_EVERY)
            values = await asyncio.to_thread(_of_folder, self._root, *folder)
            if values == before:
                self._take(box, values)
            before = values

    def _take(self, box: Box, values: Values) -> None:
        box.known.set()
        if values != box.values:
            box.values = values
            self._changed.set()

    async def _first_look(self) -> None:
        try:
            async with asyncio.timeout(FIRST_LOOK):
                for box in (*self._secrets.values(), *self._folders.values()):
                    await box.known.wait()
        except TimeoutError:
            log.warning("credentials are not known yet")

    def _connection(self, source: Source) -> Connection:
        found: dict[str, str | Lack] = {}
        if source.secret is not None:
            values = self._secrets[source.secret.name].values
            found |= _found(source.secret, values, self._secret_named(source.secret.name))
        if source.folder is not None:
            values = self._folders[_folder(source.folder)].values
            found |= _found(source.folder, values, f"folder {source.folder.name}")
        return Connection(
            kind=source.kind,
            namespaces=source.namespaces,
            parameters=source.parameters,
            credentials={key: value for key, value in found.items() if isinstance(value, str)},
            lacking={key: value for key, value in found.items() if isinstance(value, Lack)},
        )

    def _secret_named(self, name: str) -> str:
        return f"Secret {self._namespace}/{name}"


def _folder(reference: Reference) -> Folder:
    return reference.name, frozenset(reference.keys.values())


def _without(boxes: dict[T, Box], wanted: set[T]) -> list[Box]:
    """Take out the boxes that nobody wants any more."""
    return [boxes.pop(each) for each in boxes.keys() - wanted]


def _end(box: Box) -> None:
    if box.task is not None:
        box.task.cancel()


def _found(reference: Reference, values: Values, about: str) -> Iterator[tuple[str, str | Lack]]:
    """Yield each parameter that a reference speaks of, with its value or why there is none."""
    for parameter, key in reference.keys.items():
        if isinstance(values, Lack):
            yield parameter, values
        elif values.get(key, "").strip():
            yield parameter, values[key]
        else:
            yield parameter, Lack(cause=Cause.MISSING, said=f"{about} has no key {key} with a text in it")


def _unread(about: str) -> Lack:
    return Lack(cause=Cause.MISSING, said=f"{about}: not read yet")


def _lack(error: ApiRefused | ApiUnreachable, about: str) -> Lack:
    if isinstance(error, ApiRefused) and error.status == FORBIDDEN:
        return Lack(cause=Cause.DENIED, said=f"{about}: forbidden (grant list and watch on it)")
    return Lack(cause=Cause.UNREACHABLE, said=f"{about}: {error}")


def _of_secret(document: Document | None, about: str) -> Values:
    if document is None:
        return Lack(cause=Cause.MISSING, said=f"{about}: not found")
    return {key: _decoded(value, base64.b64decode) for key, value in (document.get("data") or {}).items()}


def _decoded(value: T, plain: Callable[[T], bytes]) -> str:
    """Return a text, an empty one for what is none."""
    try:
        return plain(value).decode()
    except (ValueError, TypeError):
        return ""


def _of_folder(root: Path, name: str, files: frozenset[str]) -> Values:
    """Read files of a folder; their names are plain, and links lead nowhere but into the folder."""
    try:
        folder = root.resolve() / name
        if not folder.is_dir():
            return Lack(cause=Cause.MISSING, said=f"folder {name}: not found below {root}")
        inside = [file for file in files if (folder / file).resolve().is_relative_to(folder)]
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, on Python 3.11 and 3.12
        return Lack(cause=Cause.MISSING, said=f"folder {name}: {error}")
    contents = {file: read_file(folder / file, LONGEST) for file in inside}
    return {
        file: _decoded(content, bytes)
        for file, content in contents.items()
        if isinstance(content, bytes) and len(content) <= LONGEST
    }


@asynccontextmanager
async def running_credentials(kube: Kube | None, namespace: str, root: Path) -> AsyncIterator[Credentials]:
    """Follow credentials for as long as the block lasts."""
    async with asyncio.TaskGroup() as tasks:
        credentials = Credentials(tasks, kube, namespace, root)
        try:
            yield credentials
        finally:
            credentials.stop()
