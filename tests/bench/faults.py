"""What can happen to a broker for a while: entering breaks it, leaving heals it, and what it then says is true."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from redis.asyncio import Redis as RedisClient

from tests.servers.process import Server
from tests.servers.redis import Redis

_LOAD_DELAY: Final = 0.002  # s for each key of a slowed Redis
_OVERHEAD: Final = 0.00008  # s that sleeping costs each time

Fault = Callable[[Server, float], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def killed(server: Server, seconds: float) -> AsyncIterator[None]:
    """Kill it; connections are refused until it starts again with its data."""
    del seconds
    server.kill()
    yield
    await asyncio.to_thread(server.start)


@asynccontextmanager
async def silent(server: Server, seconds: float) -> AsyncIterator[None]:
    """Let it hang: connections stay open and are accepted, and nobody answers."""
    del seconds
    server.pause()
    yield
    server.resume()


@asynccontextmanager
async def unreachable(server: Server, seconds: float) -> AsyncIterator[None]:
    """Let every packet get lost: open connections hang, and for new ones not even a SYN is answered.

    The kernel drops them while a paused server's queue of connections is full.
    """
    del seconds
    server.pause()
    fillers = _fill(server)
    yield
    for filler in fillers:
        filler.close()
    server.resume()


def _fill(server: Server) -> list[socket.socket]:
    fillers = []
    while True:
        filler = socket.socket()
        filler.settimeout(0.5)
        fillers.append(filler)
        try:
            filler.connect((server.host, server.port))
        except TimeoutError:
            return fillers


@asynccontextmanager
async def loading(server: Server, seconds: float) -> AsyncIterator[None]:
    """Kill it and start it again with so much data that it answers LOADING for ``seconds``."""
    assert isinstance(server, Redis)
    await _grow(server, round(seconds / (_LOAD_DELAY + _OVERHEAD)))
    server.kill()
    server.config = (f"key-load-delay {_LOAD_DELAY * 1e6:.0f}", "loading-process-events-interval-bytes 1024")
    server.launch()
    yield
    server.start_within = 60.0 + seconds
    await asyncio.to_thread(server.wait_ready)


async def _grow(server: Redis, keys: int) -> None:
    """Fill a Redis with keys that nobody reads, and have its file in the format that is loaded in small bites."""
    async with RedisClient.from_url(server.url) as client:
        for start in range(0, keys, 10_000):
            await client.mset({f"filler-{number}": "x" for number in range(start, min(start + 10_000, keys))})
        await client.execute_command("BGREWRITEAOF")
        while (await client.info("persistence"))["aof_rewrite_in_progress"]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


@asynccontextmanager
async def emptied(server: Server, seconds: float) -> AsyncIterator[None]:
    """Kill it; it starts again without any data."""
    del seconds
    server.kill()
    yield
    server.wipe()
    await asyncio.to_thread(server.start)
