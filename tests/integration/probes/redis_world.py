"""What the tests of the Redis probe share: a source that is open, and an ear for its hints."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Instant
from scaler.net.egress import Egress
from scaler.probes.base import Amount, Found, Surroundings, Watching
from scaler.probes.redis import Redis
from scaler.probes.redis.params import Key, Server
from scaler.probes.redis.probe import RedisSource

SURROUNDINGS = Surroundings(clock=lambda: Instant(time.monotonic()), egress=Egress(loopback=True))


@asynccontextmanager
async def opened(host: str, port: int | None, **more: Any) -> AsyncIterator[RedisSource]:
    """Open a source and close it."""
    assert port is not None
    source = await Redis().open(Server(host=host, port=port, **more), SURROUNDINGS)
    try:
        yield source
    finally:
        await source.close()


async def tried(host: str, port: int, name: str) -> float | Cause:
    """Open, read one key and close; tell the number, or why there is none."""
    try:
        async with opened(host, port) as source:
            (found,) = (await source.read([Key(name)])).values()
    except SourceUnavailable as error:
        found = error
    return found.value if isinstance(found, Amount) else found.cause


async def sizes(source: RedisSource, *names: str) -> list[float | str]:
    """Read, and tell numbers, or the words of what failed."""
    found = await source.read([Key(name) for name in names])
    return [_told(found[Key(name)]) for name in names]


def _told(answer: Found) -> float | str:
    return answer.value if isinstance(answer, Amount) else str(answer)


class Ear:
    """Collects the hints of a watch."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.hints: asyncio.Queue[set[str]] = asyncio.Queue()
        self.covered = asyncio.Event()
        self.watching: Watching[Key] = Watching(frozenset(map(Key, wanted)), self._hint, self.covered.set)

    def _hint(self, keys: Collection[Key]) -> None:
        self.hints.put_nowait({key.name for key in keys})

    async def hears(self, within: float = 5.0) -> set[str]:
        """Wait for a hint."""
        async with asyncio.timeout(within):
            return await self.hints.get()

    async def quiet(self) -> bool:
        """Tell whether nothing more is hinted for a while; what is to be heard on loopback is heard much sooner."""
        with suppress(TimeoutError):
            return not await self.hears(within=0.3)
        return True

    async def covers(self, *names: str) -> None:
        """Wait until exactly ``names`` are covered."""
        async with asyncio.timeout(5.0):
            while self.watching.covered != frozenset(map(Key, names)):
                self.covered.clear()
                await self.covered.wait()


@asynccontextmanager
async def watching(source: RedisSource, *names: str) -> AsyncIterator[Ear]:
    """Watch ``names`` and have them read once, as the hub does."""
    ear = Ear(names)
    task = asyncio.create_task(source.watch(ear.watching))
    waiting = asyncio.create_task(ear.covers(*names))
    try:
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        await waiting
        await source.read([Key(name) for name in names])
        yield ear
    finally:
        waiting.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError, SourceUnavailable):
            await task
