"""What one function lived through, added up while time passes."""

from dataclasses import dataclass, field

import numpy as np

from simulations.figures import Blame, Cause, Figures, Move, Step, Timeline
from simulations.model import Function
from simulations.pods import Pods
from simulations.requests import Requests

COLUMNS = ("at", "arrivals", "backlog", "desired", "ready", "starting", "warm", "missed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand until the next event: what is added up for as long as it lasts.

    ``draining`` of those in service are on pods that were removed, of which there are ``drained``. ``waiting`` are
    those that count. ``needed`` replicas are enough for what is unfinished, ``None`` where no trigger says so.
    """

    waiting: int
    serving: int
    draining: int
    drained: int
    ready: int
    starting: int
    replicas: int
    blame: Blame
    needed: int | None
    limited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFigures:
    """What the pool did for the function; pod-microseconds and counts."""

    warm_time: int = 0
    warmed: int = 0
    hits: int = 0
    missed: int = 0
    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class Ledger:
    """Adds up from ``since`` on; what comes before is not counted."""

    since: int
    now: int = 0
    started_before: int = 0
    cold: int = 0
    wakes: int = 0
    sleeps: int = 0
    ups: int = 0
    downs: int = 0
    most: int = 0
    ready_time: int = 0
    busy_time: int = 0
    draining_time: int = 0
    draining_busy_time: int = 0
    starting_time: int = 0
    limit_time: int = 0
    overshoot_time: int = 0
    blamed: list[int] = field(default_factory=lambda: [0] * len(Blame))
    moves: list[Move] = field(default_factory=list)
    samples: list[tuple[int, ...]] = field(default_factory=list)

    def pass_time(self, until: int, standing: Standing) -> None:
        """Add up what stands until an instant."""
        span = until - max(self.now, self.since)
        self.now = until
        if span <= 0:
            return
        self.blamed[standing.blame] += standing.waiting * span
        self.busy_time += standing.serving * span
        self.draining_time += standing.drained * span
        self.draining_busy_time += standing.draining * span
        self.ready_time += standing.ready * span
        self.starting_time += standing.starting * span
        self.limit_time += span if standing.limited else 0
        if standing.needed is not None:
            self.overshoot_time += max(0, standing.replicas - standing.needed) * span

    def move(self, move: Move) -> None:
        """Enter a change of the replicas, or of the bridges."""
        if move.at < self.since:
            return
        self.moves.append(move)
        if move.cause is Cause.KNATIVE:
            self._ticked(move)
        self.wakes += move.cause is Cause.KEDA_WAKES
        self.sleeps += move.cause is Cause.KEDA_SLEEPS
        self.ups += move.cause is Cause.HPA_UP
        self.downs += move.cause is Cause.HPA_DOWN

    def _ticked(self, move: Move) -> None:
        """Enter a change by Knative, which does all of it alone."""
        self.wakes += move.before == 0
        self.sleeps += move.after == 0
        self.ups += 0 < move.before < move.after
        self.downs += 0 < move.after < move.before

    def timeline(self) -> Timeline | None:
        """Return the samples that were taken."""
        if not self.samples:
            return None
        table = np.asarray(self.samples, dtype=np.int64).T
        return Timeline(**dict(zip(COLUMNS, table, strict=True)))


def summed(ledger: Ledger, function: Function, requests: Requests, pods: Pods, pool: PoolFigures) -> Figures:
    """Say what a function came to by ``ledger.now``."""
    first, before = requests.first_since(ledger.since), ledger.started_before
    begun, served = requests.counted(first, ledger.now)
    return Figures(
        name=function.name,
        arrived=max(0, requests.arrived - first),
        served=served,
        waiting=requests.arrived - max(first, requests.begun),
        serving=begun - served,
        cold=ledger.cold,
        waits=requests.waits(first),
        unbegun=requests.unbegun(first, ledger.now),
        service_time=requests.service_of(first),
        ready_time=ledger.ready_time,
        busy_time=ledger.busy_time,
        draining_time=ledger.draining_time,
        draining_busy_time=ledger.draining_busy_time,
        starting_time=ledger.starting_time,
        warm_time=pool.warm_time,
        blamed=tuple(ledger.blamed),
        started=pods.started - before,
        starts=pods.phases(before),
        warmed=pool.warmed,
        hits=pool.hits,
        missed=pool.missed,
        wakes=ledger.wakes,
        sleeps=ledger.sleeps,
        ups=ledger.ups,
        downs=ledger.downs,
        most=ledger.most,
        limit_time=ledger.limit_time,
        overshoot_time=ledger.overshoot_time,
        moves=tuple(ledger.moves),
        timeline=ledger.timeline(),
        done=requests.done,
        memory=function.memory,
        concurrency=function.concurrency,
        steps=pool.steps,
    )
