"""One ScaledObject as KEDA and the HPA look after it: the pure models decide, this waits, calls and writes.

``simulations.keda.step`` says what to do about what happened; here are the clock that makes it happen, the RPCs that
answer, and the scale subresource. Beside it run the HPA's syncs and, for a push trigger, StreamMetricSpec, whose waits
differ from those of StreamIsActive: a stream that delivered something may end badly and still begins again with 2 s.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from math import isfinite
from random import Random
from typing import Final, Protocol, assert_never

import grpc
from grpc.aio import AioRpcError

from scaler.aio import delays, woken
from simulations.demo.clock import Clock, Moment
from simulations.demo.emulator.calls import Spec, Trigger
from simulations.demo.emulator.record import Happened, Record, Synced, seen_by, synced
from simulations.demo.latency import Cause
from simulations.demo.ledger import Move
from simulations.hpa import SYNC_PERIOD, HpaState, MetricSpec, Series
from simulations.keda import (
    Action,
    Answer,
    Check,
    Checked,
    Event,
    Keep,
    LoopState,
    OpenStream,
    Pushed,
    Queried,
    Scale,
    ScaledObject,
    Serve,
    Status,
    StreamEnded,
    Tick,
    Told,
    due,
    start,
    step,
)

DRIFT: Final = (0.005, 0.020)  # s that a sync comes later than its period, as in a cluster
FIRST_REQUEUE: Final = 0.2  # s until a reconcile that failed is tried again; it doubles
LONGEST_REQUEUE: Final = 60.0  # s


class Target(Protocol):
    """The scale subresource of a workload."""

    @property
    def replicas(self) -> int:
        """What is asked for."""
        ...

    @property
    def existing(self) -> int:
        """How many pods there are."""
        ...

    @property
    def ready(self) -> int:
        """How many of them are ready."""
        ...

    def scale(self, replicas: int) -> None:
        """Ask for a number of replicas."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the scaler said last: by whom it was asked, and its answer; ``True`` is a push."""

    by: Cause
    answer: Answer | bool
    at: float


class Keda:
    """KEDA and the HPA for one ScaledObject with one trigger.

    ``on_move`` hears of each change of the replicas and of its reason, ``on_heard`` of each answer of the scaler.
    """

    def __init__(self, wanted: ScaledObject, trigger: Trigger, target: Target, clock: Clock) -> None:
        self.scaled = wanted
        self.heard: Heard | None = None
        self.on_heard: Callable[[Heard], None] = lambda _: None
        self.on_move: Callable[[Move, str], None] = lambda _move, _why: None
        self.record = Record(scaled=wanted, begun=0.0)
        self._trigger = trigger
        self._target = target
        self._clock = clock
        self._tasks = asyncio.TaskGroup()
        self._state: LoopState
        self._hpa = HpaState()
        self._served: Series | None = None
        self._wake = asyncio.Event()
        self._chance = Random(0)  # noqa: S311 - the drift of the syncs

    async def run(self) -> None:
        """Look after the object until cancelled: make its HPA, then loop, push and sync side by side."""
        self._reconcile(await self._first_spec())
        begun = self._clock.now()
        self.record = Record(scaled=self.scaled, begun=begun)
        self._state = start(self.scaled, Status(created=begun), begun)
        async with self._tasks as tasks:
            tasks.create_task(self._loop(), name="keda loop")
            tasks.create_task(self._syncs(), name="hpa")
            if self.scaled.triggers[0].push:
                tasks.create_task(self._specs(), name="keda specs")

    async def _first_spec(self) -> Spec:
        requeues = delays(FIRST_REQUEUE, cap=LONGEST_REQUEUE)
        while (spec := await self._trigger.spec()) is None:
            await self._clock.sleep(next(requeues))
        return spec

    def _reconcile(self, spec: Spec) -> None:
        """Build the HPA from the metric of the trigger."""
        trigger = replace(self.scaled.triggers[0], metric=MetricSpec(target=spec.target))
        self.scaled = replace(self.scaled, triggers=(trigger,))

    # -- the loop ----------------------------------------------------------------------------------------------

    async def _loop(self) -> None:
        while True:
            ahead = due(self.scaled, self._state) - self._clock.now()
            if ahead > 0.0:
                await woken(self._wake, self._clock.on_the_wall(ahead) if isfinite(ahead) else None)
            else:
                self._happen(Tick(), self._clock.moment())

    def _happen(self, event: Event, asked: Moment) -> None:
        """Step the model, do what it says, and let the loop look again what is due."""
        at = self._clock.now()
        self.record.entries.append(Happened(at=at, event=event))
        event, before = seen_by(event, self._target.replicas, self._target.ready), self._state
        self._state, actions = step(self.scaled, before, event, at)
        for number, action in enumerate(actions):
            pushed = isinstance(event, Pushed) or (before.pushed and number > 0)  # one that waited for a check's end
            self._do(action, asked, Cause.PUSH if pushed else Cause.CHECK)
        self._wake.set()

    def _do(self, action: Action, asked: Moment, cause: Cause) -> None:
        match action:
            case Scale(replicas=replicas, why=why):
                self._write(replicas, why, asked, cause)
            case Check():
                self._tasks.create_task(self._check(), name="keda check")
            case OpenStream(trigger=number):
                self._tasks.create_task(self._stream(number), name="keda stream")
            case Serve(series=series):
                self._served = series
            case Keep():
                pass
            case _:
                assert_never(action)

    async def _check(self) -> None:
        asked = self._clock.moment()
        answer = await self._trigger.answer()
        self._hear(Cause.CHECK, answer)
        self._happen(Checked(answers=(answer,), replicas=0, ready=0), asked)

    async def _stream(self, number: int) -> None:
        """Read one StreamIsActive to its end, and tell how that was."""
        opened, clean = self._clock.moment(), True
        try:
            async with aclosing(self._trigger.pushes()) as pushes:
                async for active in pushes:
                    self._hear(Cause.PUSH, active)
                    self._happen(Pushed(trigger=number, active=active, replicas=0), opened)
        except AioRpcError:
            clean = False
        self._happen(StreamEnded(trigger=number, clean=clean), self._clock.moment())

    async def _specs(self) -> None:
        """Follow StreamMetricSpec for ever; without that RPC, never again."""
        waits = delays(2.0, cap=60.0)
        while (healthy := await self._spec_stream()) is not None:
            if healthy:
                waits = delays(2.0, cap=60.0)
            await self._clock.sleep(next(waits))

    async def _spec_stream(self) -> bool | None:
        """Read one stream; true if it said something or ended well, ``None`` if the scaler does not know it."""
        said = False
        try:
            async with aclosing(self._trigger.streamed_specs()) as specs:
                async for spec in specs:
                    said = True
                    self._reconcile(spec)
        except AioRpcError as error:
            return None if error.code() is grpc.StatusCode.UNIMPLEMENTED else said
        return True

    # -- the HPA -----------------------------------------------------------------------------------------------

    async def _syncs(self) -> None:
        while True:
            await self._clock.sleep(SYNC_PERIOD + self._chance.uniform(*DRIFT))
            await self._sync()

    async def _sync(self) -> None:
        """Do one sync; at zero replicas the HPA asks for nothing."""
        asked, self._served = self._clock.moment(), None
        if self._target.replicas:
            answer = await self._trigger.answer()
            self._hear(Cause.HPA, answer)
            self._happen(Queried(trigger=0, answers=(answer,), replicas=0, ready=0), asked)
        at = self._clock.now()
        self.record.entries.append(Synced(at=at))
        pods = (self._target.replicas, self._target.existing, self._target.ready)
        self._hpa, outcome = synced(self.scaled, self._hpa, pods, self._served, at)
        if outcome.rescaled:
            self._write(outcome.replicas, outcome.why, asked, Cause.HPA)

    # -- telling -----------------------------------------------------------------------------------------------

    def _hear(self, by: Cause, answer: Answer | bool) -> None:  # noqa: FBT001 - a push is a truth value
        self.heard = Heard(by=by, answer=answer, at=self._clock.now())
        self.on_heard(self.heard)

    def _write(self, replicas: int, why: str, asked: Moment, cause: Cause) -> None:
        before = self._target.replicas
        self._target.scale(replicas)
        move = Move(before=before, after=replicas, asked=asked, at=self._clock.moment(), cause=cause)
        self.on_move(move, why)


__all__ = ["Heard", "Keda", "Target", "Told"]
