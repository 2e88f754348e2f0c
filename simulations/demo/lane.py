"""One of the worlds that run beside each other: its own queue, ScaledObject and Deployment, and the same arrivals."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Protocol

import grpc

from scaler.pool.manifests import ADOPTED, BRIDGED, DRAINING, WARM
from simulations.cluster.api import SimulatedApi
from simulations.demo.arrivals import service_time
from simulations.demo.brokers.base import Broker, BrokerDown, Queue
from simulations.demo.clock import Clock, Moment
from simulations.demo.cluster import ClusterDeployment, Manifests, deployed_in_cluster
from simulations.demo.emulator.calls import Trigger
from simulations.demo.emulator.keda import Heard, Keda, Target
from simulations.demo.journal import Journal
from simulations.demo.latency import Cause
from simulations.demo.ledger import Ledger, Move, Wait
from simulations.demo.pods import Deployment, Phase, Pod, PodSpec, Worker, deployed
from simulations.hpa import SCALE_DOWN, Behavior, MetricSpec
from simulations.keda import Failed, ScaledObject, TriggerSpec

TARGET: Final = 5
"""Waiting events that one replica is there for."""
MAX_REPLICAS: Final = 10
COOLDOWN: Final = 5.0  # s; KEDA's default is 300, in which nobody would watch
DOWN_WINDOW: Final = 30.0  # s of the HPA's stabilisation downwards; its default is 300
PUSH_INTERVAL: Final = 5.0  # s: where `true` is pushed, polls only put to sleep, and reach the scaler, not the broker
POLL_INTERVAL: Final = 30.0  # s: KEDA's default
SCALER_INTERVAL: Final = 2.0  # s between two readings of the source by the service, its default
RETRY: Final = 0.05  # wall seconds between two tries to publish

SHORT_NAME: Final = 4  # characters of a pod's name that people are told

_STEPS: Final = {
    (WARM, BRIDGED): "steps in",
    (BRIDGED, ADOPTED): "is adopted by the Deployment, a cold one goes",
    (ADOPTED, BRIDGED): "was not adopted, and stays a bridge",
    (BRIDGED, DRAINING): "is not needed any more: it drains",
    (DRAINING, BRIDGED): "steps in again",
    (DRAINING, WARM): "is warm again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How KEDA learns that there is work: the trigger's type, and the ScaledObject's pollingInterval in seconds.

    With a ``pool`` its Deployment is one of the simulated cluster, where warm pods wait for it.
    """

    name: str
    title: str
    type: str
    push: bool
    polling_interval: float
    pool: bool = False

    @property
    def scaled(self) -> ScaledObject:
        """The ScaledObject. It sets ``behavior``, as everybody should who sets a cooldown below 300 s."""
        return ScaledObject(
            triggers=(TriggerSpec(metric=MetricSpec(target=1000 * TARGET), push=self.push),),
            max_replicas=MAX_REPLICAS,
            polling_interval=self.polling_interval,
            cooldown=COOLDOWN,
            behavior=Behavior(down=replace(SCALE_DOWN, window=DOWN_WINDOW)),
        )


PUSH: Final = Kind(name="push", title="push", type="external-push", push=True, polling_interval=PUSH_INTERVAL)
POLL: Final = Kind(name="poll", title="polling", type="external", push=False, polling_interval=POLL_INTERVAL)
POOL: Final = replace(PUSH, name="pool", title="push + pool", pool=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all lanes share; ``scaler`` is where it listens, ``api`` that of the cluster for a lane with a pool."""

    clock: Clock
    journal: Journal
    broker: Broker
    scaler: str
    channel: grpc.aio.Channel
    calls: Counter[str]
    seed: int
    api: SimulatedApi | None = None


class Producer:
    """Publishes every event of a lane, and keeps it as long as the broker is down: nothing is lost."""

    def __init__(self, queue: Queue, ledger: Ledger, clock: Clock) -> None:
        self.kept = 0
        self._queue = queue
        self._ledger = ledger
        self._clock = clock
        self._events: asyncio.Queue[tuple[int, float]] = asyncio.Queue()
        self._held = 0
        self._failed_at = float("-inf")

    @property
    def held(self) -> int:
        """How many events arrived and are not published."""
        return self._held

    def arrive(self, number: int) -> None:
        """Take an event."""
        self._held += 1
        self._events.put_nowait((number, self._clock.now()))

    async def run(self) -> None:
        """Publish in the order of arrival until cancelled."""
        while True:
            number, arrived = await self._events.get()
            await self._publish(number, arrived)
            self._held -= 1

    async def _publish(self, number: int, arrived: float) -> None:
        """Try until it is published; its latency counts from the try that succeeds."""
        while not await self._try(number, kept=arrived <= self._failed_at):
            self._failed_at = self._clock.now()
            await asyncio.sleep(RETRY)
        self.kept += arrived <= self._failed_at

    async def _try(self, number: int, *, kept: bool) -> bool:
        self._ledger.published(number, self._clock.moment(), kept=kept)
        try:
            await self._queue.publish(number)
        except BrokerDown:
            self._ledger.withdrawn(number, self._clock.moment())
            return False
        return True


class Scaled(Target, Protocol):
    """What KEDA scales, and what people see of it."""

    @property
    def serving(self) -> int:
        """How many pods take events."""
        ...

    @property
    def phases(self) -> Sequence[Phase]:
        """Where each pod stands, oldest first."""
        ...

    async def settled(self) -> None:
        """Wait, a few seconds at most, until there are as many pods as were asked for."""


@dataclass(slots=True, kw_only=True)
class Lane:
    """Everything of one lane; ``name`` is that of its ScaledObject and of its Deployment."""

    name: str
    kind: Kind
    ledger: Ledger
    deployment: Scaled
    producer: Producer
    keda: Keda
    journal: Journal
    deaf: bool = False

    async def run(self) -> None:
        """Publish what arrives, and let KEDA look after it, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.keda.run(), name=f"keda {self.kind.name}")
            tasks.create_task(self.producer.run(), name=f"producer {self.kind.name}")

    @property
    def wait(self) -> Wait:
        """What the lane is measured by: until KEDA asks for a replica or, with a pool, until a Ready pod is there."""
        return self.ledger.ready if self.kind.pool else self.ledger.asked

    def moved(self, move: Move, why: str) -> None:
        """Enter a change of the replicas, and tell of it."""
        answered, foreseen = len(self.ledger.asked.activations), self.ledger.foreseen
        self.ledger.moved(move)
        why = f"due before the outage: {why}" if self.ledger.foreseen > foreseen else why
        who = "HPA" if move.cause is Cause.HPA else "KEDA"
        waits = [each.waited for each in self.ledger.asked.activations[answered:]]
        after = f", {spoken(waits[0])} after the event" if waits else ""
        by = f" by {move.cause}" if move.before == 0 else ""
        text = f"{self.kind.title} {move.before}→{move.after}{by}{after}"
        self.journal.say(who, text if waits else f"{text}, {why}", loud=bool(waits))

    def serves(self, move: Move) -> None:
        """Enter that more or fewer pods take events; tell of a claim that somebody waited for."""
        answered = len(self.ledger.ready.activations)
        self.ledger.serve(move)
        waits = [each.waited for each in self.ledger.ready.activations[answered:]]
        if waits and move.cause is Cause.CLAIM:
            pods = "1 warm pod" if move.after == 1 else f"{move.after} warm pods"
            self.journal.say("pool", f"claimed {pods}, {spoken(waits[0])} after the event", loud=True)

    def handed_over(self, pod: str, before: str, now: str) -> None:
        """Tell of one step of a hand-off; of a claim that somebody waits for, :meth:`serves` tells."""
        awaited = now == BRIDGED and self.ledger.ready.pending is not None
        if (before, now) in _STEPS and not awaited:
            self.journal.say("pool", f"warm pod {pod[-SHORT_NAME:]} {_STEPS[before, now]}")

    def heard(self, heard: Heard) -> None:
        """Tell once when the scaler stops to answer, and once when it answers again."""
        deaf = isinstance(heard.answer, Failed)
        if deaf != self.deaf:
            text = "the scaler does not answer; replicas stay" if deaf else "the scaler answers again"
            self.journal.say("KEDA", f"{self.kind.title}: {text}", loud=deaf)
        self.deaf = deaf


@asynccontextmanager
async def built_lane(kind: Kind, around: Surroundings) -> AsyncIterator[Lane]:
    """Have a lane for as long as the block lasts; nothing happens in it until it is run."""
    clock = around.clock
    queue = await around.broker.queue(kind.name)
    ledger = Ledger(TARGET)
    spec = PodSpec(service_time=lambda number: service_time(around.seed, number))

    def make_worker() -> Worker:
        return Worker(spec, queue, clock, lambda number: ledger.done(number, clock.moment()))

    metadata = {
        **queue.trigger,
        "scalerAddress": around.scaler,
        "interval": f"{max(100, round(1000 * clock.on_the_wall(SCALER_INTERVAL)))}ms",
    }
    name = name_of(kind)
    async with _deployed(kind, around, metadata, make_worker) as deployment:
        lane = Lane(
            name=name,
            kind=kind,
            ledger=ledger,
            deployment=deployment,
            producer=Producer(queue, ledger, clock),
            keda=Keda(kind.scaled, Trigger(around.channel, name, metadata, around.calls), deployment, clock),
            journal=around.journal,
        )
        lane.keda.on_move, lane.keda.on_heard = lane.moved, lane.heard
        _listen(lane, deployment, clock)
        yield lane


def name_of(kind: Kind) -> str:
    """Return the name of a lane's ScaledObject and Deployment."""
    return f"orders-{kind.name}"


@asynccontextmanager
async def _deployed(
    kind: Kind, around: Surroundings, metadata: Mapping[str, str], make_worker: Callable[[], Worker]
) -> AsyncIterator[Deployment | ClusterDeployment]:
    """Have the lane's Deployment, in the cluster if there is a pool for it."""
    clock, chance = around.clock, Random(around.seed)  # noqa: S311 - jitter of cold starts
    if around.api is not None and kind.pool:
        manifests = Manifests(name=name_of(kind), trigger=metadata, most=MAX_REPLICAS)
        async with deployed_in_cluster(around.api, manifests, clock, chance, make_worker) as in_cluster:
            yield in_cluster
    else:
        async with deployed(lambda: Pod(make_worker(), clock), chance) as deployment:
            yield deployment


def _listen(lane: Lane, deployment: Deployment | ClusterDeployment, clock: Clock) -> None:
    """Let the lane hear of its pods."""

    def started(before: int, after: int) -> None:
        now = clock.moment()
        lane.serves(Move(before=before, after=after, asked=now, at=now, cause=Cause.START))

    def led(before: int, after: int, since: Moment, claimed: bool) -> None:  # noqa: FBT001 - a fact that comes along
        cause = Cause.CLAIM if claimed else Cause.START
        lane.serves(Move(before=before, after=after, asked=since, at=clock.moment(), cause=cause))

    if isinstance(deployment, ClusterDeployment):
        deployment.on_serving, deployment.on_stage = led, lane.handed_over
    else:
        deployment.on_serving = started


def spoken(seconds: float) -> str:
    """Say a latency as people do."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1.0 else f"{seconds:.1f} s"
