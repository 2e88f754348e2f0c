"""A simulated Deployment: pods that take their time to start and then really work.

Not simulated are rollouts, crashes and nodes: a pod that is asked for comes, and one that is not wanted any more
finishes what it holds and goes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from scaler.aio import ended
from simulations.demo.brokers.base import BrokerDown, Delivery, Queue, Tap
from simulations.demo.clock import Clock

TAKE_PATIENCE: Final = 0.5  # wall seconds for one event, after which a pod looks whether it is still wanted
RETRY: Final = 0.1  # wall seconds between two tries to reach the broker


class Phase(StrEnum):
    """Where a pod stands."""

    SCHEDULING = "scheduling"
    PULLING = "pulling"
    STARTING = "starting"
    WARMING = "not ready"
    READY = "ready"
    BRIDGED = "bridged"
    ADOPTED = "adopted"
    DRAINING = "draining"
    LEAVING = "terminating"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """Seconds of each step; the defaults add up to 8, and each start differs from them by up to ``jitter``."""

    schedule: float = 0.4
    pull: float = 3.6
    start: float = 1.5
    ready: float = 2.5
    jitter: float = 0.1

    @property
    def steps(self) -> tuple[tuple[Phase, float], ...]:
        """The steps in their order."""
        return (
            (Phase.SCHEDULING, self.schedule),
            (Phase.PULLING, self.pull),
            (Phase.STARTING, self.start),
            (Phase.WARMING, self.ready),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    """What every pod is: ``service_time`` gives the seconds that an event takes, by its number."""

    service_time: Callable[[int], float]
    concurrency: int = 2
    cold_start: ColdStart = ColdStart()


class Worker:
    """What is inside a pod: it pulls events, serves them and acknowledges them, until it is dismissed."""

    def __init__(self, spec: PodSpec, queue: Queue, clock: Clock, done: Callable[[int], None]) -> None:
        self.spec = spec
        self._queue = queue
        self._clock = clock
        self._done = done
        self._dismissed = asyncio.Event()

    @property
    def dismissed(self) -> bool:
        """Whether it is wanted no longer."""
        return self._dismissed.is_set()

    def dismiss(self) -> None:
        """Want it no longer: it finishes what it holds."""
        self._dismissed.set()

    async def work(self) -> None:
        """Work, and return when it was dismissed and has finished."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(self.spec.concurrency):
                tasks.create_task(self._work(), name=f"slot {number}")

    async def _work(self) -> None:
        """Hold a place at the queue, and take it again whenever the broker was gone."""
        while not self._dismissed.is_set():
            try:
                async with self._queue.tapped() as tap:
                    await self._serve(tap)
            except BrokerDown:
                await asyncio.sleep(RETRY)

    async def _serve(self, tap: Tap) -> None:
        while not self._dismissed.is_set():
            delivery = await tap.take(TAKE_PATIENCE)
            if delivery is not None:
                await self._handle(delivery)

    async def _handle(self, delivery: Delivery) -> None:
        await self._clock.sleep(self.spec.service_time(delivery.number))
        await delivery.acknowledge()
        self._done(delivery.number)


class Pod:
    """One pod; ``on_change`` hears when it begins to take events, and when it takes no more."""

    def __init__(self, worker: Worker, clock: Clock) -> None:
        self.phase = Phase.SCHEDULING
        self.on_change: Callable[[], None] = lambda: None
        self._worker = worker
        self._clock = clock

    def dismiss(self) -> None:
        """Want it no longer: it finishes what it holds."""
        self._worker.dismiss()
        self.phase = Phase.LEAVING
        self.on_change()

    async def live(self, chance: Random) -> None:
        """Start, work, and return when it was dismissed and has finished."""
        await self._start(chance)
        await self._worker.work()

    async def _start(self, chance: Random) -> None:
        cold = self._worker.spec.cold_start
        for phase, length in cold.steps:
            if self._worker.dismissed:
                return
            self.phase = phase
            await self._clock.sleep(length * chance.uniform(1.0 - cold.jitter, 1.0 + cold.jitter))
        if not self._worker.dismissed:
            self.phase = Phase.READY
            self.on_change()


class Deployment:
    """``replicas`` is what was last asked for; of the pods, those that are leaving no longer count.

    ``on_serving`` hears how many pods took events, and how many do now.
    """

    def __init__(self, tasks: asyncio.TaskGroup, make_pod: Callable[[], Pod], chance: Random) -> None:
        self.replicas = 0
        self.on_serving: Callable[[int, int], None] = lambda _before, _after: None
        self._serving = 0
        self._tasks = tasks
        self._make_pod = make_pod
        self._chance = chance
        self._pods: list[Pod] = []
        self._lives: set[asyncio.Task[None]] = set()

    @property
    def phases(self) -> list[Phase]:
        """Where each pod stands, oldest first."""
        return [pod.phase for pod in self._pods]

    @property
    def existing(self) -> int:
        """How many pods there are, without those that are leaving."""
        return len(self._staying())

    @property
    def ready(self) -> int:
        """How many pods are ready."""
        return sum(pod.phase is Phase.READY for pod in self._pods)

    @property
    def serving(self) -> int:
        """How many pods take events: those that are ready."""
        return self.ready

    async def settled(self) -> None:
        """Wait until there are as many pods as were asked for: always, here."""

    def scale(self, replicas: int) -> None:
        """Ask for a number of replicas: pods are made or dismissed at once, those that are not ready first."""
        self.replicas = replicas
        pods = self._staying()
        for _ in range(replicas - len(pods)):
            self._create()
        pods.sort(key=lambda pod: pod.phase is Phase.READY)
        for pod in pods[: max(0, len(pods) - replicas)]:
            pod.dismiss()

    async def end(self) -> None:
        """End every pod at once."""
        for pod in tuple(self._pods):
            pod.dismiss()
        await ended(tuple(self._lives))

    def _staying(self) -> list[Pod]:
        return [pod for pod in self._pods if pod.phase is not Phase.LEAVING]

    def _create(self) -> None:
        pod = self._make_pod()
        pod.on_change = self._changed
        self._pods.append(pod)
        life = self._tasks.create_task(self._live(pod), name="pod")
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)

    def _changed(self) -> None:
        before, self._serving = self._serving, self.serving
        if self._serving != before:
            self.on_serving(before, self._serving)

    async def _live(self, pod: Pod) -> None:
        try:
            await pod.live(self._chance)
        finally:
            self._pods.remove(pod)


@asynccontextmanager
async def deployed(make_pod: Callable[[], Pod], chance: Random) -> AsyncIterator[Deployment]:
    """Have a Deployment of zero replicas for as long as the block lasts."""
    async with asyncio.TaskGroup() as tasks:
        deployment = Deployment(tasks, make_pod, chance)
        try:
            yield deployment
        finally:
            await deployment.end()
