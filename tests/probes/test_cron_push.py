"""How the cron probe tells of an edge: when it comes, and whatever is done to the wall clock meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest

from scaler.hub import running_hub
from scaler.model import Instant, Reading, Snapshot
from scaler.probes.base import Surroundings, Watching
from scaler.probes.cron import probe
from scaler.probes.cron.probe import CronSource, Window
from tests.probes.cron_world import (
    EVEN_HOURS,
    KINDS,
    QUARTERS,
    RunningWall,
    Wall,
    opened,
    read,
    understand,
    window_of,
)


class Ear:
    """Collects the hints of a watch."""

    def __init__(self, wanted: Collection[Window]) -> None:
        self.hints: asyncio.Queue[frozenset[Window]] = asyncio.Queue()
        self.covered: asyncio.Queue[frozenset[Window]] = asyncio.Queue()
        self.watching: Watching[Window] = Watching(
            frozenset(wanted), lambda windows: self.hints.put_nowait(frozenset(windows)), self._covered
        )

    def _covered(self) -> None:
        self.covered.put_nowait(self.watching.covered)

    async def hears(self) -> frozenset[Window]:
        """Wait for a hint."""
        return await asyncio.wait_for(self.hints.get(), 5)


@asynccontextmanager
async def watching(source: CronSource, *windows: Window) -> AsyncIterator[Ear]:
    ear = Ear(windows)
    task = asyncio.create_task(source.watch(ear.watching))
    try:
        assert await asyncio.wait_for(ear.covered.get(), 5) == frozenset(windows)
        yield ear
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def attentive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the wall clock all the time, instead of once a minute."""
    monkeypatch.setattr(probe, "RECHECK", 0.01)


async def test_the_edge_is_hinted_when_it_comes_and_not_before() -> None:
    edge = datetime(2024, 6, 6, 14, tzinfo=UTC)
    wall = RunningWall(edge - timedelta(milliseconds=150))
    source = await opened(wall)
    even, odd = window_of(EVEN_HOURS), window_of(QUARTERS | {"start": "7 * * * *"})
    async with watching(source, even, odd) as ear:
        assert (await read(source, even)).value == 0
        assert await ear.hears() == {even}
        late = wall() - edge
        assert timedelta(0) <= late < timedelta(milliseconds=50)
        assert (await read(source, even)).value == 10


@pytest.mark.usefixtures("attentive")
async def test_a_clock_that_is_set_forward_is_noticed() -> None:
    wall, window = Wall(datetime(2024, 6, 6, 13, tzinfo=UTC)), window_of(EVEN_HOURS)
    async with watching(await opened(wall), window) as ear:
        wall.now += timedelta(hours=1)
        assert await ear.hears() == {window}


@pytest.mark.usefixtures("attentive")
async def test_a_clock_that_is_set_back_is_noticed() -> None:
    wall, window = Wall(datetime(2024, 6, 6, 13, 30, tzinfo=UTC)), window_of(EVEN_HOURS)
    source = await opened(wall)
    async with watching(source, window) as ear:
        assert (await read(source, window)).value == 0
        wall.now -= timedelta(hours=1)
        assert await ear.hears() == {window}
        assert (await read(source, window)).value == 10


async def test_what_becomes_wanted_is_covered_and_heard() -> None:
    wall = RunningWall(datetime(2024, 6, 6, 13, 59, 59, 700_000, tzinfo=UTC))
    window = window_of(EVEN_HOURS)
    async with watching(await opened(wall)) as ear:
        ear.watching.wanted.set(frozenset([window]))
        assert await asyncio.wait_for(ear.covered.get(), 5) == {window}
        assert await ear.hears() == {window}


async def test_the_hub_reads_at_the_edge_whatever_the_interval() -> None:
    edge = datetime(2024, 6, 6, 14, tzinfo=UTC)
    wall = RunningWall(edge - timedelta(milliseconds=200))
    told: asyncio.Queue[Reading] = asyncio.Queue()
    trigger = understand(EVEN_HOURS | {"interval": "60s"})
    async with running_hub(Surroundings(clock=lambda: Instant(time.monotonic()), wall=wall)) as hub:
        hub.follow(KINDS["cron"], trigger.ask, trigger.interval, told.put_nowait).set_quiet(True)
        values: list[float] = []
        while values[-1:] != [10]:
            reading = await asyncio.wait_for(told.get(), 5)
            assert isinstance(reading, Snapshot)
            values.append(reading.value)
        assert wall() - edge < timedelta(milliseconds=50)
    assert set(values[:-1]) == {0}
