"""Who changes the replicas of one function: KEDA and the HPA, exactly, over the answers of its triggers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from simulations.figures import Cause
from simulations.hpa import HpaState, Seen, Series, reconcile
from simulations.hpa import Why as HpaWhy
from simulations.keda import (
    Answer,
    Asked,
    Check,
    Checked,
    Event,
    OpenStream,
    Pushed,
    Queried,
    Scale,
    ScaledObject,
    Serve,
    Status,
    StreamEnded,
    Tick,
    cached,
    due,
    request_scale,
    start,
    step,
)
from simulations.keda import Why as KedaWhy
from simulations.model import SECOND, Function, micros
from simulations.pods import Pods
from simulations.requests import NEVER
from simulations.watched import Watched

BEAT: Final = 10 * SECOND
"""How often the scaler repeats on its stream that a trigger is active."""
_CAUSES: Final = {KedaWhy.WOKEN: Cause.KEDA_WAKES, KedaWhy.ASLEEP: Cause.KEDA_SLEEPS}
_HELD_BACK: Final = frozenset({HpaWhy.SCALE_UP_LIMIT, HpaWhy.UP_STABILIZED})

Rescale = Callable[[int, Cause, str], None]


class Controllers(Protocol):
    """Whoever scales a function; it says when it looks next, and what it hears in between."""

    held_back: bool
    """Whether more replicas are wanted than may be asked for yet."""

    @property
    def next_at(self) -> int:
        """When it acts next, in microseconds."""
        ...

    def act(self, now: int) -> None:
        """Do what is due."""
        ...

    def arrived(self, now: int) -> None:
        """Hear of a request, before anything is done about it."""
        ...

    def ended(self, now: int) -> None:
        """Hear of one that is about to leave."""
        ...

    def woken(self, trigger: int, now: int) -> None:
        """Hear that a trigger has become active."""
        ...

    def reached(self, *, up: bool, now: int) -> None:
        """Hear that the scaler stopped, or started."""
        ...

    def paused(self, *, paused: bool, now: int) -> None:
        """Hear of the annotation that pauses everything."""
        ...


class KedaAndHpa:
    """KEDA's loop and its HPA over one Deployment."""

    def __init__(self, function: Function, watched: Sequence[Watched], pods: Pods, rescale: Rescale) -> None:
        self.held_back = False
        self._function = function
        self._scaled: ScaledObject = function.scaled
        self._watched = watched
        self._pods = pods
        self._rescale = rescale
        phases = function.phases
        self._loop = start(self._scaled, Status(created=0.0), 0.0)
        self._loop = replace(self._loop, check_at=phases.check / SECOND)
        self._hpa = HpaState()
        self._sync_at = phases.sync
        self._gaps: list[int] = phases.gaps.tolist()
        self._syncs = 0
        self._beats = [NEVER] * len(watched)
        self._settles_at = phases.check

    @property
    def next_at(self) -> int:
        """When KEDA or the HPA looks next, or the scaler repeats itself."""
        if self._scaled.stopped:
            return self._settles_at
        due_at = due(self._scaled, self._loop)
        return min(micros(due_at) if due_at < NEVER else NEVER, self._sync_at, *self._beats)

    def act(self, now: int) -> None:
        """Do one thing that is due: KEDA's check before a push before a sync."""
        if self._scaled.stopped:
            self._settle(now)
        elif micros(due(self._scaled, self._loop)) <= now:
            self._step(Tick(), now)
        elif min(self._beats) <= now:
            self._beat(self._beats.index(min(self._beats)), now)
        elif self._sync_at <= now:
            self._sync(now)

    def arrived(self, now: int) -> None:
        """Ask nobody: KEDA looks at sources, not at requests."""

    def ended(self, now: int) -> None:
        """Do nothing for one that is served."""

    def woken(self, trigger: int, now: int) -> None:
        """Push, if the trigger's stream is open."""
        if self._function.scaled.triggers[trigger].push and self._open(trigger):
            self._beat(trigger, now)

    def reached(self, *, up: bool, now: int) -> None:
        """End every stream cleanly when the scaler stops; KEDA comes back by itself."""
        if up:
            return
        for number, trigger in enumerate(self._function.scaled.triggers):
            self._beats[number] = NEVER
            if trigger.push and self._open(number):
                self._step(StreamEnded(trigger=number, clean=True), now)

    def paused(self, *, paused: bool, now: int) -> None:
        """Stop everything; afterwards KEDA and the HPA begin anew, with nothing remembered but the last activity."""
        self._scaled = replace(self._function.scaled, paused=paused)
        self._settles_at = now
        self._beats = [NEVER] * len(self._watched)
        if not paused:
            self._loop = start(self._scaled, self._loop.status, now / SECOND)
            self._hpa, self._sync_at = HpaState(), now + self._gap()

    def _settle(self, now: int) -> None:
        """Scale once to the replicas that a pause names, if it names any; nobody looks again."""
        self._settles_at = NEVER
        asked = Asked(active=False, replicas=self._pods.replicas)
        _, verdict = request_scale(self._scaled, self._loop.status, asked, now / SECOND)
        if isinstance(verdict, Scale):
            self._rescale(verdict.replicas, Cause.KEDA_OTHER, verdict.why)

    def _open(self, trigger: int) -> bool:
        return self._loop.triggers[trigger].opens_at is None and not self._scaled.stopped

    def _gap(self) -> int:
        self._syncs += 1
        return self._gaps[self._syncs - 1]

    def _beat(self, trigger: int, now: int) -> None:
        """Say on a stream that its trigger is active, and when to say so again."""
        active = self._watched[trigger].active and self._open(trigger)
        self._beats[trigger] = now + BEAT if active else NEVER
        if active:
            self._step(Pushed(trigger=trigger, active=True, replicas=self._pods.replicas), now)

    def _answers(self) -> tuple[Answer, ...]:
        idle = self._scaled.idle_replicas
        rest = self._scaled.min_replicas if idle is None else idle
        return tuple(each.answer(self._pods.replicas, rest) for each in self._watched)

    def _step(self, event: Event, now: int) -> Series | None:
        """Let KEDA's loop take an event, and do what it says; returns what it serves to the HPA."""
        at = now / SECOND
        if isinstance(event, Tick):  # what is due now may be due a rounding of floats later
            at = max(at, due(self._scaled, self._loop))
        self._loop, actions = step(self._scaled, self._loop, event, at)
        served: Series | None = None
        for action in actions:
            match action:
                case Scale():
                    self._rescale(action.replicas, _CAUSES.get(action.why, Cause.KEDA_OTHER), action.why)
                case Check():
                    pods = self._pods
                    checked = Checked(answers=self._answers(), replicas=pods.replicas, ready=pods.ready)
                    self._step(checked, now)
                case OpenStream():
                    self._opened(action.trigger, now)
                case Serve():
                    served = action.series
                case _:
                    pass
        return served

    def _opened(self, trigger: int, now: int) -> None:
        if self._watched[trigger].running:
            self._beat(trigger, now)
        else:
            self._step(StreamEnded(trigger=trigger, clean=False), now)

    def _sync(self, now: int) -> None:
        """Let the HPA look: it asks through KEDA, live unless the metric is cached."""
        series = tuple(self._query(number, now) for number in range(len(self._watched)))
        pods = self._pods
        seen = Seen(replicas=pods.replicas, pods=pods.ready + pods.starting, ready=pods.ready, series=series)
        self._hpa, outcome = reconcile(self._function.hpa, self._hpa, seen, now / SECOND)
        self._sync_at = now + self._gap()
        self.held_back = outcome.why in _HELD_BACK
        if outcome.rescaled:
            cause = Cause.HPA_UP if outcome.replicas > outcome.before else Cause.HPA_DOWN
            self._rescale(outcome.replicas, cause, outcome.why)

    def _query(self, trigger: int, now: int) -> Series | None:
        answers = list(self._answers())
        recorded = cached(self._scaled, self._loop, trigger)
        answers[trigger] = answers[trigger] if recorded is None else recorded
        pods = self._pods
        event = Queried(trigger=trigger, answers=tuple(answers), replicas=pods.replicas, ready=pods.ready)
        return self._step(event, now)
