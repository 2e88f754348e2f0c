"""What the HPA is told, what it remembers and what it answers: values only.

Replica counts are whole numbers, metric values and targets are whole *milli* units (the HPA never sees a fraction).
Instants inside the state are whole nanoseconds, as in the controller: rules that turn on "exactly 300 s old" are not to
be decided by the rounding of a float. Everywhere else time is seconds.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

Nanoseconds = NewType("Nanoseconds", int)


def nanoseconds(seconds: float) -> Nanoseconds:
    """Return the nearest whole nanosecond."""
    return Nanoseconds(round(seconds * 1e9))


class TargetKind(StrEnum):
    """How an External metric is compared with its target (KEDA's ``metricType``)."""

    AVERAGE_VALUE = "AverageValue"
    VALUE = "Value"


class Edge(StrEnum):
    """How the tolerance is compared; the two differ at exactly +10 %."""

    RANGE = "range"
    """Kubernetes 1.33 and later: ``1 - down <= ratio <= 1 + up``."""
    ABS = "abs"
    """Earlier: ``|1 - ratio| <= tolerance``."""


class PolicyKind(StrEnum):
    """What a rate policy counts in."""

    PODS = "Pods"
    PERCENT = "Percent"


class Select(StrEnum):
    """Which of several policies holds: the one that allows the most change, or the least, or no change at all."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """At most ``value`` pods, or ``value`` percent, in any ``period`` seconds."""

    kind: PolicyKind
    value: int
    period: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingRules:
    """One direction of ``behavior``.

    ``window`` is the stabilisation in seconds; ``None`` (downwards only) means the controller's own flag.
    ``tolerance`` overrides the cluster's for this direction, on Kubernetes 1.33 and later.
    """

    policies: tuple[Policy, ...]
    window: float | None = 0.0
    select: Select = Select.MAX
    tolerance: float | None = None


SCALE_UP = ScalingRules(
    policies=(
        Policy(kind=PolicyKind.PODS, value=4, period=15.0),
        Policy(kind=PolicyKind.PERCENT, value=100, period=15.0),
    )
)
"""What the API server fills in for every field of ``behavior.scaleUp`` that is left out."""

SCALE_DOWN = ScalingRules(policies=(Policy(kind=PolicyKind.PERCENT, value=100, period=15.0),), window=None)
"""What the API server fills in for every field of ``behavior.scaleDown`` that is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """The HPA's ``behavior`` after defaulting; ``Behavior()`` is what ``behavior: {}`` means."""

    up: ScalingRules = SCALE_UP
    down: ScalingRules = SCALE_DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """One External metric of the HPA; ``target`` is in milli units and above zero."""

    target: int
    kind: TargetKind = TargetKind.AVERAGE_VALUE


@dataclass(frozen=True, slots=True, kw_only=True)
class HpaSpec:
    """The HPA's spec and the flags of the controller that runs it.

    ``behavior`` is ``None`` unless somebody set it: that is what KEDA creates, and it follows older rules than
    ``Behavior()`` does. ``min_replicas`` 0 needs the gate HPAScaleToZero. ``downscale_window`` is
    ``--horizontal-pod-autoscaler-downscale-stabilization`` in seconds.
    """

    metrics: tuple[MetricSpec, ...]
    max_replicas: int
    min_replicas: int = 1
    behavior: Behavior | None = None
    tolerance_up: float = 0.1
    tolerance_down: float = 0.1
    edge: Edge = Edge.RANGE
    downscale_window: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A proposal that was made, before anything held it back."""

    at: Nanoseconds
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleEvent:
    """A change of ``change`` replicas (above zero in either direction); ``outdated`` marks a slot for reuse."""

    at: Nanoseconds
    change: int
    outdated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HpaState:
    """What the controller remembers of one HPA, in memory only.

    ``recommendations`` is ``None`` until the first sync after the controller started.
    """

    recommendations: tuple[Recommendation, ...] | None = None
    ups: tuple[ScaleEvent, ...] = ()
    downs: tuple[ScaleEvent, ...] = ()


Series = tuple[int, ...]
"""The values that one metric query returned, in milli units: the HPA sums them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The cluster at the instant of a sync.

    ``replicas`` is ``spec.replicas`` of the scale target, ``pods`` those that exist (``status.replicas``), ``ready``
    those that are Running and Ready. ``series`` has one entry for each metric of the spec: ``None`` where the query
    failed, and an empty one counts as failed too.
    """

    replicas: int
    pods: int
    ready: int
    series: tuple[Series | None, ...]


class AbleToScale(StrEnum):
    """The reason of the condition AbleToScale, whose status is True for each of these."""

    READY = "ReadyForNewScale"
    UP_STABILIZED = "ScaleUpStabilized"
    DOWN_STABILIZED = "ScaleDownStabilized"


class Limit(StrEnum):
    """The reason of the condition ScalingLimited, whose status is True for all but the first."""

    NONE = "DesiredWithinRange"
    TOO_MANY = "TooManyReplicas"
    TOO_FEW = "TooFewReplicas"
    SCALE_UP = "ScaleUpLimit"
    SCALE_DOWN = "ScaleDownLimit"


class Why(StrEnum):
    """Why there are as many replicas as there are: the last rule that had a say, in the operator's words."""

    MORE = "the metric asks for more"
    FEWER = "the metric asks for fewer"
    SETTLED = "the metric asks for what is there"
    UP_STABILIZED = "a recent recommendation was lower"
    DOWN_STABILIZED = "a recent recommendation was higher"
    SCALE_UP_LIMIT = "no faster scale-up is allowed"
    SCALE_DOWN_LIMIT = "no faster scale-down is allowed"
    TOO_MANY = "maxReplicas is reached"
    TOO_FEW = "minReplicas is reached"
    ABOVE_MAX = "there were more than maxReplicas"
    BELOW_MIN = "there were fewer than minReplicas"
    DISABLED = "the HPA is off at zero replicas"
    NO_METRIC = "a metric is missing and the others do not ask for more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one sync did: ``spec.replicas`` was ``before`` and is ``replicas`` now, because of ``why``.

    ``proposal`` is the largest that the metrics made, ``None`` where none was asked for or heard. The two conditions
    are ``None`` where the sync did not come as far as setting them.
    """

    before: int
    replicas: int
    why: Why
    proposal: int | None = None
    able: AbleToScale | None = None
    limit: Limit | None = None

    @property
    def rescaled(self) -> bool:
        """Whether the sync wrote ``spec.replicas``."""
        return self.replicas != self.before
