"""A client of the simulated API, with the interface of the real one and, if asked for, a network that fails."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final, NoReturn

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import BUSY, PATIENCE, Body, Document, Event, Kube
from simulations.cluster.api import SimulatedApi
from simulations.cluster.listing import accepting
from simulations.cluster.state import Request
from simulations.cluster.store import Collection, Watcher

UNREAD: Final = 100_000  # events after which a watch that nobody reads is ended
_TROUBLE: Final = 500


@dataclass(slots=True, kw_only=True)
class Faults:
    """What goes wrong between one client and the API; may be changed while it runs. Chances are 0 to 1.

    ``latency``: seconds of the wall for each call, from and to. ``interleave``: the chance that others run between a
    call and what it does. ``unheard``: calls that are lost before they do anything. ``unanswered``: writes that are
    done and whose answer is lost. ``refused``: calls that are answered with the status ``refusal``, which does
    nothing (500 and more are trouble: :class:`ApiUnreachable`). ``stale``: how many changes old, at most, a list or an
    object may be that is read with ``resourceVersion=0``. ``watch_lag``: seconds by which a watch hears late, from and
    to. ``dies_after``: the client is killed by its n-th write, done but never answered. ``down``: nothing goes through.
    """

    latency: tuple[float, float] = (0.0, 0.0)
    interleave: float = 0.25
    unheard: float = 0.0
    unanswered: float = 0.0
    refused: float = 0.0
    refusal: int = _TROUBLE
    stale: int = 0
    watch_lag: tuple[float, float] = (0.0, 0.0)
    dies_after: int | None = None
    down: bool = False


@dataclass(slots=True)
class Calls:
    """What a client did: calls made, and writes that were carried out."""

    made: int = 0
    written: int = 0
    died: asyncio.Event = field(default_factory=asyncio.Event)


class SimulatedKube(Kube):
    """``scaler.net.kube.Kube`` on a :class:`SimulatedApi`; ``who`` is its name in the record of writes.

    ``calls.died`` is set when :attr:`Faults.dies_after` has come true. From then on every call and watch fails with
    :class:`ApiUnreachable`: whatever the code behind it still does, nobody sees it.
    """

    def __init__(
        self, api: SimulatedApi, who: str = "tests", *, faults: Faults | None = None, namespace: str = "default"
    ) -> None:
        super().__init__(client=None, namespace=namespace)
        self.api = api
        self.who = who
        self.faults = faults or Faults()
        self.calls = Calls()
        self._chance = Random(f"{who} {api.seed}")  # noqa: S311 - seeded chance, wanted
        self._watchers: set[Watcher] = set()

    async def call(  # noqa: PLR0913 - the interface of the real one
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
        patience: float | None = None,
    ) -> Document:
        """Do as :meth:`Kube.call` does."""
        faults, write = self.faults, method != "GET"
        self.calls.made += 1
        takes, limit = self._chance.uniform(*faults.latency), PATIENCE if patience is None else patience
        await self._way(takes / 2, limit)
        self._lose(method, path, faults.unheard)
        if faults.refused and self._chance.random() < faults.refused:
            _refuse(method, path, faults.refusal)
        asked = dict(query) if query else {}
        if not write and faults.stale and asked.get("resourceVersion") == "0":
            return self.api.read(path, asked, behind=self._chance.randint(0, faults.stale))
        answer = self.api.handle(Request(self.who, method, path, body, asked, content))
        if write:
            self._written(method, path)
        await self._way(takes / 2, limit - takes / 2)
        self._lose(method, path, faults.unanswered if write else 0.0)
        return answer

    async def _way(self, takes: float, limit: float) -> None:
        """Take the way to the server or back; give up when the caller's patience is at its end."""
        if takes > 0:
            await asyncio.sleep(min(takes, limit))
            if takes > limit:
                raise ApiUnreachable("the Kubernetes API cannot be reached: no answer in time")
        elif self.faults.interleave and self._chance.random() < self.faults.interleave:
            await asyncio.sleep(0)

    def _lose(self, method: str, path: str, chance: float) -> None:
        if self.calls.died.is_set() or self.faults.down or (chance and self._chance.random() < chance):
            raise ApiUnreachable(f"{method} {path}: the Kubernetes API cannot be reached: connection reset")

    def _written(self, method: str, path: str) -> None:
        self.calls.written += 1
        if self.faults.dies_after is not None and self.calls.written >= self.faults.dies_after:
            self.kill()
            raise ApiUnreachable(f"{method} {path}: the client was killed")

    def kill(self) -> None:
        """Let nothing of this client go through any more, and end its watches."""
        self.calls.died.set()
        self.cut()

    def cut(self) -> None:
        """End all watches, as a connection that breaks does."""
        for watcher in self._watchers:
            watcher.break_off()

    async def events(self, path: str, query: Mapping[str, str], seconds: int) -> AsyncGenerator[Event]:
        """Do as :meth:`Kube.events` does."""
        self._lose("GET", path, 0.0)
        target = self.api.target(path)
        watcher = Watcher(target.namespace, accepting(query), most=UNREAD)
        _begin(target.collection, watcher, query.get("resourceVersion", ""), self.api.version)
        self._watchers.add(watcher)
        try:
            async for event in self._told(watcher, seconds):
                yield event
        finally:
            target.collection.leave(watcher)
            self._watchers.discard(watcher)
        yield "BOOKMARK", _bookmark(target.collection, self.api.version), str(self.api.version)

    async def _told(self, watcher: Watcher, lasts: float) -> AsyncGenerator[Event]:
        """Yield what a watch hears, late if so asked, until it is over or the connection breaks."""
        loop = asyncio.get_running_loop()
        end = loop.time() + lasts
        while True:
            while watcher.news and not watcher.broken:
                await self._late(watcher.news[0].at - loop.time())
                if not watcher.broken:
                    kind, seen, version, _ = watcher.news.popleft()
                    yield kind, seen.copy(), str(version)
            if watcher.broken or self.faults.down:
                raise ApiUnreachable("the Kubernetes API cannot be reached: the watch broke")
            if loop.time() >= end:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout_at(end):
                    await watcher.wait()

    async def _late(self, since: float) -> None:
        """Wait until an event that happened ``since`` seconds from now (so less than zero) is to be heard."""
        if self.faults.watch_lag[1] > 0:
            await asyncio.sleep(max(0.0, since + self._chance.uniform(*self.faults.watch_lag)))


def _begin(collection: Collection, watcher: Watcher, asked: str, now: int) -> None:
    """Begin a watch after the version that is asked for; without one, with all that there is."""
    if asked in {"", "0"}:
        for key in sorted(collection.objects):
            watcher.meet(collection.objects[key])
    collection.watch(watcher, now if asked in {"", "0"} else int(asked))


def _bookmark(collection: Collection, version: int) -> Document:
    kind = collection.kind
    return {"apiVersion": kind.api, "kind": kind.kind, "metadata": {"resourceVersion": str(version)}}


def _refuse(method: str, path: str, status: int) -> NoReturn:
    said = f"{method} {path}: {status}"
    if status >= _TROUBLE or status == BUSY:
        raise ApiUnreachable(said)
    raise ApiRefused(said, status)
