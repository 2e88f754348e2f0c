"""One of the worlds that run beside each other: its own queue, ScaledObject and Deployment, and the same arrivals."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Final

import grpc

from simulations.demo.arrivals import service_time
from simulations.demo.brokers.base import Broker, BrokerDown, Queue
from simulations.demo.clock import Clock
from simulations.demo.emulator.calls import Trigger
from simulations.demo.emulator.keda import Heard, Keda
from simulations.demo.journal import Journal
from simulations.demo.latency import Cause
from simulations.demo.ledger import Ledger, Move
from simulations.demo.pods import Deployment, Pod, PodSpec, deployed
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How KEDA learns that there is work: the trigger's type, and the ScaledObject's pollingInterval in seconds."""

    name: str
    title: str
    type: str
    push: bool
    polling_interval: float

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all lanes share; ``scaler`` is where it listens."""

    clock: Clock
    journal: Journal
    broker: Broker
    scaler: str
    channel: grpc.aio.Channel
    calls: Counter[str]
    seed: int


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


@dataclass(slots=True, kw_only=True)
class Lane:
    """Everything of one lane; ``name`` is that of its ScaledObject."""

    name: str
    kind: Kind
    ledger: Ledger
    deployment: Deployment
    producer: Producer
    keda: Keda
    journal: Journal
    deaf: bool = False

    async def run(self) -> None:
        """Publish what arrives, and let KEDA look after it, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.keda.run(), name=f"keda {self.kind.name}")
            tasks.create_task(self.producer.run(), name=f"producer {self.kind.name}")

    def moved(self, move: Move, why: str) -> None:
        """Enter a change of the replicas, and tell of it."""
        answered, foreseen = len(self.ledger.activations), self.ledger.foreseen
        self.ledger.moved(move)
        why = f"due before the outage: {why}" if self.ledger.foreseen > foreseen else why
        who = "HPA" if move.cause is Cause.HPA else "KEDA"
        waits = [each.waited for each in self.ledger.activations[answered:]]
        after = f", {spoken(waits[0])} after the event" if waits else ""
        by = f" by {move.cause}" if move.before == 0 else ""
        text = f"{self.kind.title} {move.before}→{move.after}{by}{after}"
        self.journal.say(who, text if waits else f"{text}, {why}", loud=bool(waits))

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

    def make_pod() -> Pod:
        return Pod(spec, queue, clock, lambda number: ledger.done(number, clock.moment()))

    metadata = {
        **queue.trigger,
        "scalerAddress": around.scaler,
        "interval": f"{max(100, round(1000 * clock.on_the_wall(SCALER_INTERVAL)))}ms",
    }
    name = f"orders-{kind.name}"
    trigger = Trigger(around.channel, name, metadata, around.calls)
    async with deployed(make_pod, Random(around.seed)) as deployment:  # noqa: S311 - jitter of cold starts
        lane = Lane(
            name=name,
            kind=kind,
            ledger=ledger,
            deployment=deployment,
            producer=Producer(queue, ledger, clock),
            keda=Keda(kind.scaled, trigger, deployment, clock),
            journal=around.journal,
        )
        lane.keda.on_move, lane.keda.on_heard = lane.moved, lane.heard
        yield lane


def spoken(seconds: float) -> str:
    """Say a latency as people do."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1.0 else f"{seconds:.1f} s"
