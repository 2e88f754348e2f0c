"""What KEDA is told about one ScaledObject, what it remembers, what happens to it and what it does: values only.

Replica counts are whole numbers, metric values and targets are whole milli units, time is seconds.
"""

from dataclasses import dataclass
from enum import StrEnum

from simulations.hpa import Behavior, MetricSpec, Series


class FallbackBehavior(StrEnum):
    """How many replicas a failing trigger stands for."""

    STATIC = "static"
    CURRENT = "currentReplicas"
    CURRENT_IF_HIGHER = "currentReplicasIfHigher"
    CURRENT_IF_LOWER = "currentReplicasIfLower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """What to say for a metric after *more than* ``failure_threshold`` failures in a row."""

    replicas: int
    failure_threshold: int
    behavior: FallbackBehavior = FallbackBehavior.STATIC


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSpec:
    """One trigger with its one metric: ``push`` for ``external-push``, ``cached`` for ``useCachedMetrics``."""

    metric: MetricSpec
    push: bool = False
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledObject:
    """The fields of a ScaledObject that decide about replicas, with KEDA's defaults.

    ``paused``, ``scale_in_paused``, ``scale_out_paused`` and ``forced`` are the annotations ``paused``,
    ``paused-scale-in``, ``paused-scale-out`` and ``force-activation``; ``paused_replicas`` is ``paused-replicas``.
    ``closes_cache`` is a fault of KEDA 2.20 and 2.21, see ``simulations.keda.loop``; it is not a setting.
    """

    triggers: tuple[TriggerSpec, ...]
    min_replicas: int = 0
    max_replicas: int = 100
    idle_replicas: int | None = None
    polling_interval: float = 30.0
    cooldown: float = 300.0
    initial_cooldown: float = 0.0
    fallback: Fallback | None = None
    behavior: Behavior | None = None
    paused: bool = False
    paused_replicas: int | None = None
    scale_in_paused: bool = False
    scale_out_paused: bool = False
    forced: bool = False
    closes_cache: bool = True

    @property
    def stopped(self) -> bool:
        """Whether an annotation stops everything: no checks, no streams, no HPA."""
        return self.paused or self.paused_replicas is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the cooldown is counted from, in whole seconds: ``last_active`` is ``None`` until a trigger was active."""

    created: float
    last_active: float | None = None


# --- what the executor is asked, and what it does ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What RequestScale is called with: any trigger active, any trigger failed, and ``spec.replicas`` right now."""

    active: bool
    failed: bool = False
    replicas: int


class Why(StrEnum):
    """Why KEDA did what it did, in the operator's words."""

    WOKEN = "a trigger is active: out of zero or idle"
    ACTIVE = "a trigger is active: the HPA decides"
    PARTLY_FAILED = "a trigger is active, another failed"
    FALLBACK_HOLDS = "a trigger failed: the fallback is the HPA's matter"
    FAILED = "a trigger failed: left as it is"
    COOLING = "inactive, the cooldown runs"
    ASLEEP = "inactive for longer than the cooldown: to zero or idle"
    BELOW_MIN = "inactive, and fewer than minReplicaCount"
    QUIET = "inactive, nothing to do"
    PAUSED = "paused by annotation"
    SCALE_IN_PAUSED = "scale-in is paused by annotation"
    SCALE_OUT_PAUSED = "scale-out is paused by annotation"


class Ready(StrEnum):
    """The ScaledObject's condition Ready after a request."""

    TRUE = "ScaledObjectReady"
    UNKNOWN = "PartialTriggerError"
    FALSE = "TriggerError"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Write ``replicas`` to the scale target."""

    replicas: int
    why: Why
    ready: Ready = Ready.TRUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Write nothing."""

    why: Why
    ready: Ready = Ready.TRUE


Verdict = Scale | Keep


# --- what happens to the loop, and what it asks its shell for ---------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A trigger answered all of GetMetricSpec, GetMetrics and IsActive; ``value`` is in milli units."""

    value: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A trigger did not answer, also not when asked again at once; ``unspecified`` if already GetMetricSpec failed."""

    unspecified: bool = False


Answer = Told | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has come to ``due``, or has simply passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A ``Check`` is done: the answer of every trigger, and ``spec.replicas`` and ready pods at its end."""

    answers: tuple[Answer, ...]
    replicas: int
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Queried:
    """The HPA's query for the metric of ``trigger`` is done.

    Every trigger is asked for its specs, so every one has an answer; of the others only ``unspecified`` matters.
    """

    trigger: int
    answers: tuple[Answer, ...]
    replicas: int
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A message came on the StreamIsActive of ``trigger``."""

    trigger: int
    active: bool
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEnded:
    """The stream of ``trigger`` ended, or could not be opened; ``clean`` means with status OK."""

    trigger: int
    clean: bool


Event = Tick | Checked | Queried | Pushed | StreamEnded


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Ask every trigger, then step with ``Checked``. There is one at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStream:
    """Open StreamIsActive for ``trigger``; step with ``Pushed`` for each message and ``StreamEnded`` at its end."""

    trigger: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """Hand ``series`` to the HPA for the metric of ``trigger``; ``None`` is an error."""

    trigger: int
    series: Series | None


Action = Scale | Keep | Check | OpenStream | Serve
