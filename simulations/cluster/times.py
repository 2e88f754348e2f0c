"""The cluster's time: injected, so that it may run faster than the wall, or not on the wall at all."""

import asyncio
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

START = 1_700_000_000.0  # s: where a clock that is told nothing else begins; any instant would do


class Time(Protocol):
    """What the cluster needs of a clock: ``now`` in seconds, from anywhere on, and to wait for seconds of it."""

    def now(self) -> float:
        """Tell the time."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; zero and less is no wait at all."""


class LoopTime:
    """The time of the running event loop, so many times faster; on a loop whose time jumps, it jumps as well."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed

    def now(self) -> float:
        """Tell the time."""
        return asyncio.get_running_loop().time() * self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait; zero and less is no wait at all."""
        if seconds > 0:
            await asyncio.sleep(seconds / self._speed)


def stamp(now: float) -> str:
    """Return an instant as the API writes it: whole seconds."""
    return _stamp(int(now))


@lru_cache(maxsize=256)
def _stamp(second: int) -> str:
    return datetime.fromtimestamp(START + second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4096)
def instant(text: str) -> float:
    """Return what :func:`stamp` was given, to the second."""
    return datetime.fromisoformat(text).timestamp() - START
