"""The scaler's side of one trigger: it reads the source, decides by the service's own policy, and answers KEDA."""

from bisect import bisect_right
from math import ceil
from typing import Final

from scaler.errors import Cause
from scaler.model import Decision, Instant, OnUnknown, Outage, Reading, Snapshot, Standing, Verdict
from scaler.policy.demand import Signal
from scaler.policy.freeze import Scale, as_it_is
from scaler.policy.step import State, step
from simulations.hpa import MetricSpec, TargetKind
from simulations.keda import Answer, Failed, Told
from simulations.keda.numbers import quantity
from simulations.model import SECOND, Backlog, Counts, Series, Trigger
from simulations.requests import NEVER, Requests

MILLI: Final = 1000


class Watched:
    """One trigger; ``metric`` is what the HPA has of it."""

    def __init__(self, trigger: Trigger, metric: MetricSpec, requests: Requests) -> None:
        self.source = trigger.source
        self.verdict: Verdict | None = None
        self._trigger = trigger
        self._metric = metric
        self._requests = requests
        self._series = _Steps(trigger.source) if isinstance(trigger.source, Series) else None
        self._state = State()
        self._down_since: int | None = None
        self._next = trigger.first
        self._early = NEVER
        self.running = True

    @property
    def next_reading(self) -> int:
        """When the source is read next."""
        return min(self._next, self._early) if self.running else NEVER

    @property
    def active(self) -> bool:
        """Whether the last verdict is that there is work."""
        return isinstance(self.verdict, Decision) and self.verdict.active

    @property
    def backlog(self) -> int:
        """What the source counts now, in milli units."""
        if self._series is not None:
            return self._series.now[0]
        counts_all = isinstance(self.source, Backlog) and self.source.counts is Counts.UNFINISHED
        return MILLI * (self._requests.unfinished if counts_all else self._requests.waiting)

    @property
    def remote(self) -> bool:
        """Whether an outage concerns it."""
        return isinstance(self.source, Backlog) or self.source.remote

    @property
    def down(self) -> bool:
        """Whether the source does not answer."""
        return self._down_since is not None

    def read(self, now: int) -> None:
        """Read the source, and decide."""
        if now >= self._next:
            self._next = now + self._trigger.interval
        self._early = NEVER
        self._state, self.verdict = step(self._state, self._reading(now), self._trigger.rules)

    def arrived(self, now: int) -> None:
        """Hear of an arrival: a source that can tell has it read soon, while there was no work so far."""
        watch = self._trigger.watch
        if watch is not None and not (self.active or self.down or self._early < NEVER):
            self._early = now + watch

    def lose(self, now: int) -> None:
        """Let the source answer no more."""
        self._down_since, self._early = now, NEVER

    def find(self) -> None:
        """Let the source answer again."""
        self._down_since = None

    def stop(self) -> None:
        """Stop the scaler: what it knew is forgotten."""
        self.running = False
        self._state, self.verdict, self._early = State(), None, NEVER

    def start(self, now: int) -> None:
        """Start the scaler: it reads at once."""
        self.running, self._next, self._early = True, now, NEVER

    def answer(self, replicas: int, idle: int) -> Answer:
        """Return what KEDA is told while the target has ``replicas``, and ``idle`` when nothing is active.

        Of what was never read the answer is that all stays as it is, where the rules say so.
        """
        if not self.running:
            return Failed(unspecified=True)
        if isinstance(self.verdict, Decision):
            return _told(self.verdict.active, self.verdict.value)
        if self._trigger.rules.on_unknown is OnUnknown.ERROR:
            return Failed()
        averaged = self._metric.kind is TargetKind.AVERAGE_VALUE
        return _told(*as_it_is(Scale(replicas=replicas, idle=idle, averaged=averaged), self._metric.target / MILLI))

    def signal(self, replicas: int) -> Signal | None:
        """Return what the pool is told: nothing while nothing is known."""
        verdict = self.verdict
        if not isinstance(verdict, Decision) or verdict.standing in {Standing.FROZEN, Standing.UNKNOWN}:
            return None
        shared = self._metric.kind is TargetKind.VALUE
        value = verdict.value * max(1, replicas) if shared else verdict.value
        return Signal(active=verdict.active, value=value, target=self._metric.target / MILLI)

    def _reading(self, now: int) -> Reading:
        at = Instant(now / SECOND)
        if self._down_since is not None:
            return Outage(at=at, since=Instant(self._down_since / SECOND), cause=Cause.UNREACHABLE)
        if self._series is not None:
            value, active = self._series.at(now)
            return Snapshot(at=at, value=value / MILLI, activity=self._trigger.rules.activation + (1 if active else 0))
        count = self.backlog / MILLI
        return Snapshot(at=at, value=count, activity=count)


class _Steps:
    """A series, looked up at instants that do not go backwards."""

    def __init__(self, series: Series) -> None:
        self.now = (0, False)
        self._times: list[int] = series.times.tolist()
        self._values: list[int] = series.values.tolist()
        self._active: list[int] = series.active.tolist()

    def at(self, instant: int) -> tuple[int, bool]:
        """Return value and activity at ``instant``."""
        place = bisect_right(self._times, instant) - 1
        if place >= 0:
            self.now = (self._values[place], bool(self._active[place]))
        return self.now


def _told(active: bool, value: float) -> Told:  # noqa: FBT001 - the pair that a verdict is
    return Told(value=quantity(value, ceil(value)), active=active)
