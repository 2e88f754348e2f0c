"""What came out of a run: whole numbers, the same from either engine.

Time is whole microseconds since the beginning of the run.
"""

from dataclasses import dataclass
from enum import IntEnum

from simulations.model import Ints


class Blame(IntEnum):
    """What a waiting request waits for: the first that holds of SOURCE, START, POLL, RATE, HPA and QUEUE."""

    POLL = 0
    """There is no replica, and KEDA has not noticed yet."""
    START = 1
    """Pods are starting, or being claimed."""
    RATE = 2
    """The HPA wanted more at its last sync, and may not go faster."""
    HPA = 3
    """More replicas are needed than asked for: the next sync will see."""
    QUEUE = 4
    """There are as many replicas as the target asks for, or as are allowed."""
    SOURCE = 5
    """The source does not answer: nobody can take work from it."""


class Cause(IntEnum):
    """Who changed a number of pods."""

    KEDA_WAKES = 0
    KEDA_SLEEPS = 1
    KEDA_OTHER = 2
    HPA_UP = 3
    HPA_DOWN = 4
    KNATIVE = 5
    CLAIM = 6
    ADOPT = 7
    DRAIN = 8
    ROLLOUT = 9
    JOB = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of the replicas that are asked for (or of the bridges: CLAIM, ADOPT, DRAIN), and the blocking rule.

    ``why`` says the rule, in the words of KEDA's executor, of the HPA or of the pool.
    """

    at: int
    before: int
    after: int
    cause: Cause
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A wake-up of a pooled function: ``pods`` more were wanted at once, of which ``missed`` had no warm pod."""

    at: int
    pods: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Samples at equal distances; ``arrivals`` and ``missed`` are counts of the bin that ends there."""

    at: Ints
    arrivals: Ints
    backlog: Ints
    desired: Ints
    ready: Ints
    starting: Ints
    warm: Ints
    missed: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one function lived through between ``warmup`` and ``end``: whole numbers, the same from either engine.

    ``waits`` are microseconds from arrival to the beginning of service, of the requests that arrived in that time
    and were begun; ``waiting`` and ``serving`` are those that were not begun, or not finished, at the end.
    ``unbegun`` is how long each of the waiting had waited by then. ``cold`` arrived when no pod served and no warm
    one was at hand. Times are pod-microseconds: ``ready_time`` of replicas and bridges that serve, ``busy_time`` is
    slots in service (divide by the concurrency for pods), ``draining_time`` of pods that serve no more and finish
    what they hold, as few as can hold it, and ``draining_busy_time`` the slots in service on them, a part of
    ``busy_time``; ``starting_time`` of replicas that start, ``warm_time``
    of warm pods that nobody has claimed, from their creation on, and of those that served and drain. ``blamed`` is
    request-microseconds of waiting by :class:`Blame`. ``started`` are cold pods of the workload, ``warmed`` pods
    the pool created; ``hits`` are claims that came in time, ``missed`` replicas that were wanted at once and had no
    warm pod. ``wakes`` are 0→1 by KEDA or Knative, ``sleeps`` N→0, ``ups`` and ``downs`` are steps of the HPA or
    Knative. ``overshoot_time`` is pod-microseconds asked for beyond what the backlog needed, ``limit_time`` is time
    at ``maxReplicaCount``. ``starts`` sums the four phases of the cold starts. ``done`` is when each request left,
    of the whole run.
    """

    name: str
    arrived: int
    served: int
    waiting: int
    serving: int
    cold: int
    waits: Ints
    unbegun: Ints
    service_time: int
    ready_time: int
    busy_time: int
    draining_time: int
    draining_busy_time: int
    starting_time: int
    warm_time: int
    blamed: tuple[int, ...]
    started: int
    starts: tuple[int, int, int, int]
    warmed: int
    hits: int
    missed: int
    wakes: int
    sleeps: int
    ups: int
    downs: int
    most: int
    limit_time: int
    overshoot_time: int
    moves: tuple[Move, ...]
    timeline: Timeline | None
    done: Ints
    memory: int
    concurrency: int
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run of a world came to, function by function in the world's order."""

    figures: tuple[Figures, ...]
    end: int
    warmup: int
