"""What a controller sees of the API: its own copy of all objects of one kind, a little late, and a queue of names."""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import Document, Resource
from simulations.cluster.client import SimulatedKube
from simulations.cluster.store import Key
from simulations.cluster.times import Time

WATCH: Final = 3600  # s that a watch lasts
AGAIN: Final = 0.1  # s after which an informer that lost its watch begins anew
FIRST_RETRY: Final = 0.005  # s after a failed sync; doubles, as in Kubernetes' work queues
LAST_RETRY: Final = 5.0  # s, at most

OnChange = Callable[[Document | None, Document | None], None]


def everywhere(resource: Resource) -> str:
    """Return the path of all objects of a kind, in whatever namespace."""
    return f"/{'apis' if '/' in resource.api else 'api'}/{resource.api}/{resource.plural}"


def key_of(document: Document) -> Key:
    """Return namespace and name."""
    return document["metadata"]["namespace"], document["metadata"]["name"]


class Informer:
    """All objects of one kind; ``on_change`` is called with what was and what is, each None if there is none."""

    def __init__(self, kube: SimulatedKube, resource: Resource, on_change: OnChange) -> None:
        self.objects: dict[Key, Document] = {}
        self._kube = kube
        self._path = everywhere(resource)
        self._on_change = on_change

    async def run(self) -> NoReturn:
        """Follow for ever."""
        while True:
            try:
                await self._follow()
            except (ApiRefused, ApiUnreachable):
                await asyncio.sleep(AGAIN)

    def inside(self, namespace: str) -> list[Document]:
        """Return the objects of one namespace."""
        return [document for key, document in self.objects.items() if key[0] == namespace]

    async def _follow(self) -> None:
        listed = await self._kube.call("GET", self._path)
        there = {key_of(document): document for document in listed["items"]}
        for key in [*there, *(key for key in self.objects if key not in there)]:
            self._set(key, there.get(key))
        query = {"resourceVersion": listed["metadata"]["resourceVersion"]}
        async for kind, document, _ in self._kube.events(self._path, query, WATCH):
            if kind != "BOOKMARK":
                self._set(key_of(document), None if kind == "DELETED" else document)

    def _set(self, key: Key, now: Document | None) -> None:
        before = self.objects.pop(key, None)
        if now is not None:
            self.objects[key] = now
        self._on_change(before, now)


class Controller:
    """A loop that brings one object after another to what is wanted; ``delay`` is how long it lets a name wait.

    While it is ``frozen`` it does nothing, as a controller manager that is gone.
    """

    def __init__(self, time: Time, delay: Callable[[], float]) -> None:
        self.frozen = False
        self._time = time
        self._delay = delay
        self._waiting: dict[Key, None] = {}
        self._failures: dict[Key, int] = {}
        self._news = asyncio.Event()

    def look(self, key: Key) -> None:
        """Have an object looked at soon."""
        self._waiting[key] = None
        self._news.set()

    def thaw(self) -> None:
        """Go on after it was frozen."""
        self.frozen = False
        self._news.set()

    async def run(self) -> NoReturn:
        """Work for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self._time.sleep(self._delay())
            while self._waiting and not self.frozen:
                key = next(iter(self._waiting))
                del self._waiting[key]
                await self._try(key)

    async def sync(self, key: Key) -> None:
        """Bring one object closer to what is wanted."""
        raise NotImplementedError

    async def _try(self, key: Key) -> None:
        try:
            await self.sync(key)
        except (ApiRefused, ApiUnreachable):
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            wait = min(FIRST_RETRY * 2 ** min(failures, 20), LAST_RETRY)
            asyncio.get_running_loop().call_later(wait, self.look, key)
        else:
            self._failures.pop(key, None)
