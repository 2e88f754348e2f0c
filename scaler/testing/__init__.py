"""For authors of probes: the contract as a test, and fakes of the domain.

:func:`check_probe` runs a probe as the service does, against its real server, and raises :class:`Broken` with what it
saw when the contract does not hold.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

from scaler.aio import ungrouped
from scaler.config.document import Config
from scaler.hub import running_hub
from scaler.model import Instant, Outage, Reading, Snapshot, Trigger
from scaler.net.egress import Egress
from scaler.probes.base import Surroundings
from scaler.probes.registry import AnyProbe
from scaler.triggers.metadata import understand

PROMPT: Final = 2.0  # s within which cancelling must be done
SOON: Final = 10.0  # s within which news of a quiet trigger must be seen, however rarely it is read
RARELY: Final = 120.0  # s
PATIENCE: Final = 30.0  # s, for what a slow machine may take


class Broken(AssertionError):
    """The probe does not keep the contract."""


@dataclass(kw_only=True)
class FakeClock:
    """A clock that stands until it is moved; call it for the instant."""

    now: float = 1000.0

    def __call__(self) -> Instant:
        """Tell the time."""
        return Instant(self.now)

    def forward(self, seconds: float) -> Instant:
        """Move on, and tell the time."""
        self.now += seconds
        return self()


@dataclass(kw_only=True)
class World:
    """What :func:`check_probe` does to the real server: each is awaited and leaves it in the state its name says.

    ``fill(n)`` puts ``n`` pieces of work there, ``drain`` takes all away, ``cut`` puts the server out of reach and
    ``mend`` brings it back as it was.
    """

    fill: Callable[[int], Awaitable[object]]
    drain: Callable[[], Awaitable[object]]
    cut: Callable[[], Awaitable[object]]
    mend: Callable[[], Awaitable[object]]


@dataclass(kw_only=True)
class Follower:
    """Keeps the readings of one trigger and waits for the one it wants."""

    readings: list[Reading] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, reading: Reading) -> None:
        """Take a reading from the hub."""
        self.readings.append(reading)
        self._news.set()

    async def until(
        self, what: str, wanted: Callable[[Reading], bool], patience: float = PATIENCE, *, since: int | None = None
    ) -> Reading:
        """Wait for a reading that is ``wanted``; raise :class:`Broken` with the last one if none comes.

        Only those after the first ``since`` readings count; without it, only those that come from now on.
        """
        start = len(self.readings) if since is None else since
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not (fresh := [each for each in self.readings[start:] if wanted(each)]):
                    self._news.clear()
                    await self._news.wait()
                return fresh[0]
        raise Broken(f"no reading with {what} within {patience:g} s; the last one: {self.readings[-1:]}")


@asynccontextmanager
async def following(probe: AnyProbe, trigger: Trigger) -> AsyncIterator[Follower]:
    """Follow a trigger as the service would, quiet at first, with loopback allowed."""
    surroundings = Surroundings(clock=lambda: Instant(time.monotonic()), egress=Egress(loopback=True))
    async with running_hub(surroundings) as hub:
        follower = Follower()
        held = hub.follow(probe, trigger.ask, trigger.interval, follower)
        held.set_quiet(True)
        yield follower


async def check_probe(probe: AnyProbe, metadata: Mapping[str, str], world: World) -> None:
    """Raise :class:`Broken` unless ``probe`` keeps its contract on the real server that ``metadata`` names.

    Checked: the first reading comes; filling and draining are seen; a probe that reads quiet triggers more often unless
    they are watched tells of news long before the interval; a cut is an :class:`Outage` for as long as it lasts and
    never a number; recovery is seen with the right number; the end is prompt, also during a cut; no task and no thread
    is left behind.
    """
    trigger = understand("contract", "check", metadata, {probe.kind: probe}, Config().defaults)
    await world.drain()
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    with ungrouped():
        await _check_all(probe, trigger, world)
    await _check_leaks(tasks, threads)


async def _check_all(probe: AnyProbe, trigger: Trigger, world: World) -> None:
    await _check_seen(probe, trigger, world)
    if probe.pace.uncovered is not None:
        await _check_told(probe, replace(trigger, interval=RARELY), world)
    await _check_cut(probe, trigger, world)
    await _check_prompt_end(probe, trigger, world)


async def _check_seen(probe: AnyProbe, trigger: Trigger, world: World) -> None:
    async with following(probe, trigger) as follower:
        await follower.until("nothing there", _amounts_to(0))
        await world.fill(3)
        await follower.until("3 filled in", _amounts_to(3))
        await world.drain()
        await follower.until("all drained", _amounts_to(0))


async def _check_told(probe: AnyProbe, trigger: Trigger, world: World) -> None:
    async with following(probe, trigger) as follower:
        await follower.until("nothing there", _amounts_to(0))
        await asyncio.sleep(PROMPT)  # long enough for a watch to be in charge
        told = len(follower.readings)
        await world.fill(1)
        await follower.until("what a push or a closer look tells", _amounts_to(1), SOON, since=told)
        await world.drain()


async def _check_cut(probe: AnyProbe, trigger: Trigger, world: World) -> None:
    async with following(probe, trigger) as follower:
        await world.fill(2)
        await follower.until("2 filled in", _amounts_to(2))
        told = len(follower.readings)
        await world.cut()
        try:
            await _stay_cut(follower, trigger.interval)
            during = follower.readings[told:]
        finally:
            await world.mend()
        if wrong := [each for each in during if isinstance(each, Snapshot) and each.value != 2]:  # noqa: PLR2004
            raise Broken(f"a number that was never there: {wrong}")
        after = await follower.until("the number of before the cut", lambda reading: isinstance(reading, Snapshot))
        if not _amounts_to(2)(after):
            raise Broken(f"the first number after the cut was {after}, though 2 were there all the time")
        await world.drain()
        await follower.until("all drained", _amounts_to(0))


async def _stay_cut(follower: Follower, interval: float) -> None:
    """Wait for the outage, and then long enough for a probe that tires of saying so to say something else."""
    await follower.until("an outage", _is_outage)
    for _ in range(2):
        await follower.until("an outage", _is_outage, PATIENCE + interval)


async def _check_prompt_end(probe: AnyProbe, trigger: Trigger, world: World) -> None:
    await world.cut()
    try:
        async with following(probe, trigger) as follower:
            await follower.until("an outage", _is_outage)
            began = time.monotonic()
        if (took := time.monotonic() - began) > PROMPT:
            raise Broken(f"ending it during a cut took {took:.1f} s")
    finally:
        await world.mend()


async def _check_leaks(tasks: set[asyncio.Task[object]], threads: set[threading.Thread]) -> None:
    deadline = time.monotonic() + PROMPT
    while (left := _left(tasks, threads)) and time.monotonic() < deadline:  # noqa: ASYNC110 - no thread tells its end
        await asyncio.sleep(0.02)
    if left:
        raise Broken(f"left behind: {left}")


def _left(tasks: set[asyncio.Task[object]], threads: set[threading.Thread]) -> list[str]:
    new_tasks = [str(task) for task in asyncio.all_tasks() - tasks]
    # The event loop keeps threads of its own, which it names so, to resolve host names.
    new_threads = [each.name for each in set(threading.enumerate()) - threads if not each.name.startswith("asyncio_")]
    return new_tasks + new_threads


def _amounts_to(value: float) -> Callable[[Reading], bool]:
    return lambda reading: isinstance(reading, Snapshot) and reading.value == value


def _is_outage(reading: Reading) -> bool:
    return isinstance(reading, Outage)
