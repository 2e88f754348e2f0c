"""What etcd and the API server's cache are to the API: objects, a bounded history, watchers."""

import asyncio
import marshal
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from scaler.errors import ApiRefused
from simulations.cluster.patches import Document

GONE: Final = 410

Key = tuple[str, str]  # namespace and name


class Stored:
    """One state of one object. ``document`` is never changed, only replaced; readers get a :meth:`copy`."""

    __slots__ = ("_packed", "document", "labels")

    def __init__(self, document: Document) -> None:
        self.document = document
        self.labels: dict[str, str] = document["metadata"].get("labels") or {}
        self._packed: bytes | None = None

    def copy(self) -> Document:
        """Return the document as somebody's own."""
        if self._packed is None:
            self._packed = marshal.dumps(self.document)
        copy: Document = marshal.loads(self._packed)  # noqa: S302 - packed one line above
        return copy


class Change(NamedTuple):
    """What one write did: an object came (``before`` is None), changed, or went (``gone``; ``after`` is its last)."""

    version: int
    before: Stored | None
    after: Stored
    gone: bool


class News(NamedTuple):
    """What a watch is to be told, and when that happened, in seconds of the event loop's clock."""

    kind: str
    seen: Stored
    version: int
    at: float


Accepts = Callable[[Stored], bool]


class Watcher:
    """What one watch has not been told yet, among what it ``accepts``."""

    def __init__(self, namespace: str | None, accepts: Accepts, *, most: int) -> None:
        self.news: deque[News] = deque()
        self.broken = False
        self._namespace = namespace
        self._accepts = accepts
        self._most = most
        self._waiter: asyncio.Future[None] | None = None

    def hear(self, change: Change) -> None:
        """Note a change as the watch will tell it: an object that moves out of the selection is deleted for it."""
        if self._is_elsewhere(change.after):
            return
        was = change.before is not None and self._accepts(change.before)
        now = not change.gone and self._accepts(change.after)
        if now:
            self._put("MODIFIED" if was else "ADDED", change.after, change.version)
        elif was:
            self._put("DELETED", change.after if change.gone else _moved_out(change), change.version)

    def meet(self, stored: Stored) -> None:
        """Note an object that was there before the watch."""
        if not self._is_elsewhere(stored) and self._accepts(stored):
            self._put("ADDED", stored, int(stored.document["metadata"]["resourceVersion"]))

    def break_off(self) -> None:
        """End the watch without a word."""
        self.broken = True
        self._wake()

    def _is_elsewhere(self, stored: Stored) -> bool:
        return self._namespace is not None and stored.document["metadata"]["namespace"] != self._namespace

    def _put(self, kind: str, seen: Stored, version: int) -> None:
        """Have the watch told so; one that nobody reads is ended."""
        if len(self.news) >= self._most:
            self.broken = True
        if not self.broken:
            self.news.append(News(kind, seen, version, asyncio.get_running_loop().time()))
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        """Wait for news, or for the end."""
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter


def _moved_out(change: Change) -> Stored:
    """Return the object as it last was in the selection, with the version of the change, as the API server does."""
    if change.before is None:
        return change.after
    last = change.before.document
    return Stored({**last, "metadata": {**last["metadata"], "resourceVersion": str(change.version)}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object: how paths and documents name it, and what the API does for it."""

    api: str
    plural: str
    kind: str
    status: bool = True  # has a status of its own path
    scale: bool = False
    counted: bool = True  # has a generation
    blind: bool = True  # may be replaced without naming a version
    custom: bool = False  # defined by a CustomResourceDefinition


class Collection:
    """All objects of one kind, and their last changes."""

    def __init__(self, kind: Kind, *, kept: int) -> None:
        self.kind = kind
        self.objects: dict[Key, Stored] = {}
        self.history: deque[Change] = deque(maxlen=kept)
        self.forgotten = 0  # the version of the last change that is no longer in the history
        self._watchers: set[Watcher] = set()

    def put(self, key: Key, change: Change) -> None:
        """Carry out a change and tell the watchers."""
        if change.gone:
            del self.objects[key]
        else:
            self.objects[key] = change.after
        if len(self.history) == self.history.maxlen:
            self.forgotten = self.history[0].version
        self.history.append(change)
        for watcher in self._watchers:
            watcher.hear(change)

    def compact(self) -> None:
        """Forget the history: who would go on from before must list again."""
        if self.history:
            self.forgotten = self.history[-1].version
            self.history.clear()

    def at(self, version: int) -> dict[Key, Stored]:
        """Return the objects as they were; raise :class:`ApiRefused` (410) if that is forgotten."""
        if version < self.forgotten:
            raise ApiRefused(f"The resourceVersion {version} is too old ({self.forgotten})", GONE)
        objects = dict(self.objects)
        for change in _newer(self.history, version):
            about = change.after.document["metadata"]
            key = about["namespace"], about["name"]
            if change.before is None:
                objects.pop(key, None)
            else:
                objects[key] = change.before
        return objects

    def behind(self, changes: int, now: int) -> int:
        """Return the version from before that many changes, as far as the history goes."""
        steps = min(changes, len(self.history))
        return self.history[-steps].version - 1 if steps else now

    def watch(self, watcher: Watcher, version: int) -> None:
        """Let a watcher hear what comes after ``version``; raise :class:`ApiRefused` (410) if that is forgotten."""
        if version < self.forgotten:
            raise ApiRefused(f"too old resource version: {version} ({self.forgotten})", GONE)
        for change in reversed(list(_newer(self.history, version))):
            watcher.hear(change)
        self._watchers.add(watcher)

    def leave(self, watcher: Watcher) -> None:
        """Let a watcher hear no more."""
        self._watchers.discard(watcher)


def _newer(history: deque[Change], version: int) -> Iterable[Change]:
    """Yield the changes after ``version``, the newest first."""
    for change in reversed(history):
        if change.version <= version:
            return
        yield change
