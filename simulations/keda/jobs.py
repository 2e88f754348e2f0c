"""How many Jobs KEDA starts for a ScaledJob at a check, as keda 2.21 does it (scaledjob/metrics.go, scale_jobs.go).

A ScaledJob has no HPA, no cooldown, no fallback and no push: there are its polls, and what the triggers answer then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import assert_never

from simulations.hpa import MetricSpec, TargetKind
from simulations.keda.model import Answer, Told

MAX_REPLICAS = 100
"""Jobs at most, where ``maxReplicaCount`` is not said; what is said counts the minimum in, and this does not."""


class Strategy(StrEnum):
    """What is taken from the Jobs that the queue asks for (``scalingStrategy.strategy``)."""

    DEFAULT = "default"
    """All that run: for a queue that counts what is worked on."""
    CUSTOM = "custom"
    """A fixed number, and a share of those that run."""
    ACCURATE = "accurate"
    """Those whose pods have not started: for a queue that forgets what was taken."""
    EAGER = "eager"
    """Nothing: as many as there is room for."""


class Several(StrEnum):
    """What several triggers come to (``scalingStrategy.multipleScalersCalculation``)."""

    MAX = "max"
    MIN = "min"
    AVG = "avg"
    SUM = "sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """The fields of a ScaledJob that decide how many Jobs are started.

    ``deduction`` and ``percentage`` are of ``custom``; without a percentage that is a number it is ``default``.
    """

    strategy: Strategy = Strategy.DEFAULT
    several: Several = Several.MAX
    min_replicas: int = 0
    max_replicas: int | None = None
    deduction: int = 0
    percentage: float | None = None

    @property
    def least(self) -> int:
        """Jobs that always run; where more than the maximum is said, that."""
        return self.min_replicas if self.max_replicas is None else min(self.min_replicas, self.max_replicas)

    @property
    def most(self) -> int:
        """Jobs that may run beside those; where the minimum is above the maximum, the maximum once more."""
        if self.max_replicas is None:
            return MAX_REPLICAS
        return self.max_replicas if self.min_replicas > self.max_replicas else self.max_replicas - self.min_replicas

    @property
    def limit(self) -> int:
        """Jobs that may run in all."""
        return self.least + self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the triggers ask for: so many Jobs by their targets, but never more than the ``queue`` is long."""

    active: bool
    queue: int = 0
    jobs: int = 0
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """Those of a ScaledJob that are not finished; ``pending`` of them have no pod that runs."""

    unfinished: int
    pending: int


class JobWhy(StrEnum):
    """Why KEDA started so many Jobs, in the operator's words."""

    BELOW_MIN = "fewer Jobs than minReplicaCount"
    QUEUE = "work waits for more Jobs"
    QUIET = "no trigger is active"
    ENOUGH = "enough Jobs run or start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Start ``count`` Jobs."""

    count: int
    why: JobWhy


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one trigger asks for; all three are of one that answered."""

    queue: float
    jobs: float
    active: bool


def demand(spec: JobSpec, answers: Sequence[Answer], metrics: Sequence[MetricSpec]) -> Demand:
    """Put together what the triggers answer; one that failed is left out.

    Only an active trigger counts, and by ``max`` only if it has a queue: activity alone starts nothing. A target of
    kind Value is none: such a trigger asks for no Job.
    """
    pairs = zip(answers, metrics, strict=True)
    asked = [_asked(spec, answer, metric) for answer, metric in pairs if isinstance(answer, Told)]
    queue, jobs, active = _together(spec.several, [each for each in asked if each.active])
    return Demand(
        active=active or spec.least > 0,
        queue=ceil(queue),
        jobs=ceil(min(jobs, spec.most)),
        failed=len(asked) < len(answers),
    )


def started(spec: JobSpec, asked: Demand, jobs: Jobs) -> Started:
    """Say how many Jobs are started at a check."""
    if jobs.unfinished < spec.least:
        return Started(count=spec.least - jobs.unfinished, why=JobWhy.BELOW_MIN)
    room = max(0, _room(spec, asked, Jobs(unfinished=jobs.unfinished - spec.least, pending=jobs.pending)))
    queue = spec.most if spec.strategy is Strategy.EAGER else asked.queue
    count = min(queue, room) if asked.active else 0
    if count > 0:
        return Started(count=count, why=JobWhy.QUEUE)
    return Started(count=0, why=JobWhy.ENOUGH if asked.active and asked.queue else JobWhy.QUIET)


def _asked(spec: JobSpec, answer: Told, metric: MetricSpec) -> _Asked:
    queue = answer.value / 1000
    averaged = metric.kind is TargetKind.AVERAGE_VALUE
    return _Asked(queue, min(queue / (metric.target / 1000), spec.most) if averaged else 0.0, answer.active)


def _together(several: Several, asked: Sequence[_Asked]) -> tuple[float, float, bool]:
    """Return queue, Jobs and activity of the active triggers."""
    match several:
        case Several.MAX:
            best = max((each for each in asked if each.queue > 0), key=lambda each: each.queue, default=None)
            return (best.queue, best.jobs, True) if best is not None else (0.0, 0.0, False)
        case Several.MIN:
            return _least(asked)
        case Several.AVG | Several.SUM:
            share = len(asked) if several is Several.AVG and asked else 1
            return sum(each.queue for each in asked) / share, sum(each.jobs for each in asked) / share, bool(asked)
        case _:
            assert_never(several)


def _least(asked: Sequence[_Asked]) -> tuple[float, float, bool]:
    """Return the least; an empty queue counts as not seen yet, so whatever comes after it is taken."""
    queue, jobs = 0.0, 0.0
    for each in asked:
        if queue == 0 or each.queue < queue:
            queue, jobs = each.queue, each.jobs
    return queue, jobs, bool(asked)


def _room(spec: JobSpec, asked: Demand, jobs: Jobs) -> int:
    """Return how many Jobs the strategy lets start, below zero if there are too many."""
    most, running, pending = spec.most, jobs.unfinished, jobs.pending
    match spec.strategy:
        case Strategy.CUSTOM if spec.percentage is not None:
            return min(asked.jobs - spec.deduction - int(running * spec.percentage), most)
        case Strategy.DEFAULT | Strategy.CUSTOM:
            return asked.jobs - running
        case Strategy.ACCURATE:
            full = asked.jobs + running - pending > most
            return most - running if full else asked.jobs - pending
        case Strategy.EAGER:
            return min(most - running - pending, asked.jobs)
        case _:
            assert_never(spec.strategy)
