"""The state of the API: all objects, the counter of versions, who wrote what, and what a call names."""

import marshal
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Final, NamedTuple

from scaler.net.kube import Body, Resource
from simulations.cluster.objects import NOT_FOUND, refuse
from simulations.cluster.patches import Document
from simulations.cluster.store import Change, Collection, Key, Kind, Stored
from simulations.cluster.times import Time

_PATH: Final = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?"
)


class Target(NamedTuple):
    """What a path names; ``namespace`` is None for all of them, ``name`` empty for all objects."""

    path: str
    collection: Collection
    namespace: str | None
    name: str
    sub: str

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.namespace or "", self.name


class Request(NamedTuple):
    """One call, as the server reads it."""

    who: str
    method: str
    path: str
    body: Body | None = None
    query: Mapping[str, str] = {}
    content: str = "application/json"


class Write(NamedTuple):
    """One write that was tried: ``status`` is what was answered, ``version`` the counter after it, ``at`` seconds."""

    who: str
    method: str
    path: str
    text: bytes
    status: int
    version: int
    at: float

    @property
    def body(self) -> Body | None:
        """What was sent."""
        sent: Body | None = marshal.loads(self.text)  # noqa: S302 - packed by the API itself
        return sent


class State:
    """Everything that there is; :class:`simulations.cluster.api.SimulatedApi` is what may be done to it."""

    def __init__(self, time: Time, chance: Random, kinds: Iterable[Kind], *, kept: int, recorded: int) -> None:
        self.time = time
        self.chance = chance
        self.version = 1
        self.writes: deque[Write] = deque(maxlen=recorded)
        self.uids: dict[str, tuple[Collection, Key]] = {}
        self._collections = {(kind.api, kind.plural): Collection(kind, kept=kept) for kind in kinds}
        self._targets: dict[str, Target] = {}
        self._listeners: list[Callable[[Kind, Change], None]] = []

    def on_change(self, listener: Callable[[Kind, Change], None]) -> None:
        """Call ``listener`` with every change, before anybody else may know of it."""
        self._listeners.append(listener)

    def collections(self) -> Iterable[Collection]:
        """Return all kinds' objects."""
        return self._collections.values()

    def objects(self, resource: Resource, namespace: str | None = None) -> list[Document]:
        """Return all objects as they are now: to be read, never to be changed."""
        return [
            stored.document
            for key, stored in self._collections[resource.api, resource.plural].objects.items()
            if namespace is None or key[0] == namespace
        ]

    def compact(self) -> None:
        """Forget every change so far, as etcd does every five minutes: watches from before get 410."""
        for collection in self._collections.values():
            collection.compact()

    def target(self, path: str) -> Target:
        """Return what a path names; raise :class:`ApiRefused` (404) if the API has nothing of the kind."""
        found = self._targets.get(path)
        if found is None:
            found = self._targets[path] = self._parsed(path)
        return found

    def _parsed(self, path: str) -> Target:
        match = _PATH.fullmatch(path)
        if match is None:
            refuse(f"{path}: the server could not find the requested resource", NOT_FOUND)
        api = f"{match['group']}/{match['version']}" if match["group"] else match["version"]
        collection, sub = self._collections.get((api, match["plural"])), match["sub"] or ""
        if collection is None or (sub and sub not in _subresources(collection.kind)):
            refuse(f"{path}: the server could not find the requested resource", NOT_FOUND)
        return Target(path, collection, match["namespace"], match["name"] or "", sub)

    def found(self, target: Target) -> Stored:
        """Return one object; raise :class:`ApiRefused` (404) if there is none."""
        stored = target.collection.objects.get(target.key)
        if stored is None:
            refuse(f"{target.path}: {target.collection.kind.plural} {target.name!r} not found", NOT_FOUND)
        return stored

    def commit(self, collection: Collection, key: Key, before: Stored | None, document: Document) -> Stored:
        """Keep a new state of an object under the next version."""
        self.version += 1
        document = {**document, "metadata": {**document["metadata"], "resourceVersion": str(self.version)}}
        after = Stored(document)
        if before is None:
            self.uids[document["metadata"]["uid"]] = (collection, key)
        self._publish(collection, key, Change(self.version, before, after, gone=False))
        return after

    def remove(self, collection: Collection, key: Key, document: Document) -> Stored:
        """Let an object be gone; ``document`` is its last state."""
        self.version += 1
        last = Stored({**document, "metadata": {**document["metadata"], "resourceVersion": str(self.version)}})
        self.uids.pop(document["metadata"]["uid"], None)
        self._publish(collection, key, Change(self.version, collection.objects[key], last, gone=True))
        return last

    def _publish(self, collection: Collection, key: Key, change: Change) -> None:
        for listener in self._listeners:
            listener(collection.kind, change)
        collection.put(key, change)


def _subresources(kind: Kind) -> set[str]:
    has = {"status": kind.status, "scale": kind.scale, "binding": kind.kind == "Pod"}
    return {name for name, there in has.items() if there}
