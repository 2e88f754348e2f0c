"""What the tests of the Kafka probe share: a source that is open, an ear for its hints, and a hand on the cluster."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any, ClassVar, Protocol, TypeVar

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Instant
from scaler.net.egress import Egress
from scaler.probes.base import Amount, Found, Surroundings, Watching
from scaler.probes.kafka import Kafka
from scaler.probes.kafka.lag import Lag
from scaler.probes.kafka.login import Cluster
from scaler.probes.kafka.source import KafkaSource
from tests.servers.kafka_desk import Desk
from tests.servers.mock_kafka import CLIENT_OPTIONS

T = TypeVar("T")

SURROUNDINGS = Surroundings(clock=lambda: Instant(time.monotonic()), egress=Egress(loopback=True))

_numbers = count(1)


class MockReadable(Kafka):
    """The probe for librdkafka's mock cluster, which cannot negotiate versions."""

    api_version: ClassVar[tuple[int, ...] | None] = CLIENT_OPTIONS["api_version"]


class Desked(Protocol):
    """A server that lets itself be arranged."""

    def desk(self) -> Desk: ...


def fresh(word: str) -> str:
    """Name a topic or a group that no other test uses."""
    return f"{word}-{next(_numbers)}-{time.monotonic_ns()}"


async def arranged(server: Desked, act: Callable[[Desk], T]) -> T:
    """Do something to the cluster, beside the event loop."""

    def blocking() -> T:
        with server.desk() as desk:
            return act(desk)

    return await asyncio.to_thread(blocking)


async def topic(server: Desked, partitions: int = 1, copies: int = 1, **more: Any) -> str:
    """Create a topic and return its name."""
    name = fresh("topic")
    await arranged(server, lambda desk: desk.create(name, partitions=partitions, copies=copies, **more))
    return name


@asynccontextmanager
async def opened(
    *servers: str, probe: Kafka | None = None, egress: Egress = SURROUNDINGS.egress, **more: Any
) -> AsyncIterator[KafkaSource]:
    """Open a source and close it."""
    surroundings = Surroundings(clock=SURROUNDINGS.clock, egress=egress)
    source = await (probe or Kafka()).open(Cluster(servers=servers, **more), surroundings)
    try:
        yield source
    finally:
        await source.close()


async def lags(source: KafkaSource, *queries: Lag) -> list[float | Cause]:
    """Read, and tell numbers, or why there are none; for the cluster as a whole too."""
    try:
        found: Mapping[Lag, Found] = await source.read(queries)
    except SourceUnavailable as failure:
        return [failure.cause] * len(queries)
    return [told(found[query]) for query in queries]


def told(answer: Found) -> float | Cause:
    """Tell the number, or why there is none."""
    return answer.value if isinstance(answer, Amount) else answer.cause


async def until(
    source: KafkaSource, query: Lag, wanted: Callable[[float | Cause], bool], within: float = 20.0
) -> list[float | Cause]:
    """Read every 100 ms until an answer is ``wanted``; return all answers on the way."""
    seen: list[float | Cause] = []
    async with asyncio.timeout(within):
        while True:
            seen += await lags(source, query)
            if wanted(seen[-1]):
                return seen
            await asyncio.sleep(0.1)


class Ear:
    """Collects the hints of a watch, and reads as the hub does."""

    def __init__(self, wanted: Collection[Lag]) -> None:
        self.hints: asyncio.Queue[set[Lag]] = asyncio.Queue()
        self._covered = asyncio.Event()
        self.watching: Watching[Lag] = Watching(frozenset(wanted), self._hint, self._covered.set)
        self.watch: asyncio.Task[None] | None = None

    def _hint(self, queries: Collection[Lag]) -> None:
        self.hints.put_nowait(set(queries))

    async def hears(self, within: float = 5.0) -> set[Lag]:
        """Wait for a hint."""
        async with asyncio.timeout(within):
            return await self.hints.get()

    async def quiet(self, seconds: float = 0.5) -> bool:
        """Tell whether nothing more is hinted for a while; what is to be heard on loopback is heard much sooner."""
        with suppress(TimeoutError):
            return not await self.hears(within=seconds)
        return True

    async def ends(self, within: float = 5.0) -> SourceUnavailable:
        """Wait until the watch has failed, and tell why."""
        assert self.watch is not None
        async with asyncio.timeout(within):
            await asyncio.wait([self.watch])
        failure = self.watch.exception()
        assert isinstance(failure, SourceUnavailable), failure
        return failure

    async def covers(self, *queries: Lag, within: float = 10.0) -> None:
        """Wait until exactly ``queries`` are covered."""
        async with asyncio.timeout(within):
            while self.watching.covered != frozenset(queries):
                self._covered.clear()
                await self._covered.wait()


@asynccontextmanager
async def watching(source: KafkaSource, *queries: Lag) -> AsyncIterator[Ear]:
    """Watch queries that have been read, and wait until they are covered."""
    for each in queries:  # a new partition's leader may not know of its honour yet
        await until(source, each, lambda answer: not isinstance(answer, Cause))
    ear = Ear(queries)
    ear.watch = task = asyncio.create_task(source.watch(ear.watching))
    waiting = asyncio.create_task(ear.covers(*queries))
    try:
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        await waiting
        yield ear
    finally:
        waiting.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError, SourceUnavailable):
            await task
