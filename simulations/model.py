"""What is simulated: values only; what comes out of it is in :mod:`simulations.figures`.

Time is whole microseconds since the beginning of a run, memory is bytes, metric values and targets are whole milli
units. Arrays are one-dimensional int64 and never written to once they are here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from scaler.config.pools import PoolSection
from scaler.model import Rules
from simulations.hpa import HpaSpec
from simulations.keda import ScaledObject

Ints = npt.NDArray[np.int64]

SECOND = 1_000_000
"""Microseconds."""


def micros(seconds: float) -> int:
    """Return the nearest whole microsecond."""
    return round(seconds * SECOND)


# -- what is asked of a function ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The requests of one function: when each arrives (ascending), and how long a slot of a pod is busy with it."""

    arrivals: Ints
    service: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """How long the pods of a function take to start, by phase; the k-th pod that starts has row ``k % len``."""

    schedule: Ints
    pull: Ints
    start: Ints
    ready: Ints

    @property
    def total(self) -> Ints:
        """From a pod's creation until it is Ready."""
        return self.schedule + self.pull + self.start + self.ready


class Counts(StrEnum):
    """What the backlog of a source counts."""

    UNFINISHED = "unfinished"
    """Requests that wait and those in service: Kafka's lag, NATS's and RabbitMQ's default, HTTP concurrency."""
    WAITING = "waiting"
    """Requests that no pod has taken: the length of a Redis list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A value that does not depend on the function's own requests: ``values[i]`` holds from ``times[i]`` on.

    ``values`` are milli units; ``active`` (0 or 1) says whether the source is. Before the first time it is 0 and
    inactive. This is what a recording replays, and what a ``cron`` trigger is; the latter asks nobody, so that it
    is not ``remote``: no outage concerns it.
    """

    times: Ints
    values: Ints
    active: Ints
    remote: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The function's own requests, as the source counts them."""

    counts: Counts = Counts.UNFINISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One trigger of a function, beside the :class:`~simulations.keda.TriggerSpec` that KEDA has of it.

    The scaler reads the source first at ``first`` and then every ``interval``; ``watch`` is how long after an arrival
    it reads once more while the trigger is inactive, ``None`` where the source cannot tell that something arrived.
    """

    source: Backlog | Series
    rules: Rules = field(default_factory=Rules)
    interval: int = 2 * SECOND
    first: int = 0
    watch: int | None = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """When the controllers look: the first check of KEDA, the first sync of the HPA, and from each sync to the next.

    There are more ``gaps`` than the run has syncs; a gap is the sync period and a small drift.
    """

    check: int
    sync: int
    gaps: Ints


class Happening(StrEnum):
    """What may happen to a function at an instant, beside its requests."""

    SOURCE_DOWN = "the source does not answer"
    SOURCE_UP = "the source answers again"
    SCALER_DOWN = "the scaler stops"
    SCALER_UP = "the scaler starts"
    ROLLOUT = "a new version is rolled out"
    PAUSE = "the ScaledObject is paused"
    RESUME = "the ScaledObject is no longer paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One happening, ``at`` an instant."""

    at: int
    what: Happening


@dataclass(frozen=True, slots=True, kw_only=True)
class KnativeRules:
    """Knative's pod autoscaler in place of KEDA and the HPA, with its defaults (``simulations.policies.knative``).

    ``target`` is concurrency of one pod, before ``utilization``; times in seconds.
    """

    target: float = 100.0
    utilization: float = 0.7
    stable_window: float = 60.0
    panic_window: float = 6.0
    panic_threshold: float = 2.0
    tick: float = 2.0
    grace: float = 30.0
    max_up_rate: float = 1000.0
    max_down_rate: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How KEDA starts Jobs for a ScaledJob, instead of replicas (``simulations.keda.jobs``).

    ``max_replicas`` is ``None`` where nobody says it, which is 100 beside the minimum; ``running_percentage`` is of
    the strategy ``custom``, which without it is ``default``. ``several`` is what several triggers come to. The
    function's ``scaled.max_replicas`` is how many Jobs may run in all.
    """

    strategy: str = "default"
    several: str = "max"
    max_replicas: int | None = None
    min_replicas: int = 0
    running_deduction: int = 0
    running_percentage: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One Deployment with its ScaledObject, or one ScaledJob, and everything that happens to it.

    ``concurrency`` requests are served by a pod at once. ``memory`` is what a pod requests. ``pool`` names the pool
    that keeps warm pods for it. A claimed pod serves ``claim`` after the word of it. Of ``knative`` and ``job`` at most
    one is set, and takes the place of KEDA's executor and the HPA.
    """

    name: str
    scaled: ScaledObject
    hpa: HpaSpec
    triggers: tuple[Trigger, ...]
    work: Work
    starts: Starts
    phases: Phases
    concurrency: int = 1
    memory: int = 256 * 2**20
    replicas: int = 0
    pool: str | None = None
    claim: int = 20_000
    incidents: tuple[Incident, ...] = ()
    knative: KnativeRules | None = None
    job: Job | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` where two take the place of KEDA's executor."""
        if self.knative is not None and self.job is not None:
            raise ValueError(f"{self.name} is a ScaledJob, and Knative's: it can be one of them")


class Sizer(StrEnum):
    """Who decides how many warm pods there are."""

    CONFIGURED = "configured"
    """The pool's section: fixed, scheduled, or the base stock; the service's own code."""
    REACTIVE = "reactive"
    """As OpenWhisk's prewarm stock: one more for each cold start since it looked last, fewer without."""
    HISTOGRAM = "histogram"
    """The hybrid histogram of Serverless in the Wild: a pod just before the next wake-up is due."""
    FORECAST = "forecast"
    """The base stock, raised (never lowered) by a Holt-Winters forecast of the wake-ups."""
    SEASONAL = "seasonal"
    """The base stock, raised (never lowered) by what the same hour of the days before needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One pool of the configuration, and who sizes it; ``options`` are the sizer's own (``simulations.policies``)."""

    section: PoolSection
    sizer: Sizer = Sizer.CONFIGURED
    options: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Each request that ``source`` has finished arrives at ``sink`` ``after`` so many microseconds."""

    source: str
    sink: str
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything of one run: from 0 until ``end``; what comes before ``warmup`` is simulated and not counted.

    ``wall`` is the time of the calendar at 0, in seconds since 1970, for schedules. ``bins`` is how many samples of a
    timeline are taken, 0 for none.
    """

    functions: tuple[Function, ...]
    end: int
    pools: Mapping[str, Pool] = field(default_factory=dict)
    feeds: tuple[Feed, ...] = ()
    warmup: int = 0
    wall: float = 0.0
    bins: int = 0
