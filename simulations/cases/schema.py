"""What a recorded row may hold, under the names it has in the file.

Units: ``…Milli`` are whole milli units, ``t`` and ``…Seconds`` are seconds, ``age_s`` is seconds before the row's first
instant. Keys that would change the answer are checked to the letter; ``reading`` lets rows carry remarks of their own.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from simulations.hpa.model import (
    SCALE_DOWN,
    SCALE_UP,
    Behavior,
    Edge,
    HpaSpec,
    HpaState,
    MetricSpec,
    Nanoseconds,
    Policy,
    PolicyKind,
    Recommendation,
    ScaleEvent,
    ScalingRules,
    Seen,
    Select,
    TargetKind,
    nanoseconds,
)


class Section(StrEnum):
    """The kind of a row, and the key of its list in a document."""

    UNIT = "unit"
    RECONCILE = "reconcile"
    TIMELINES = "timelines"


Seconds = Annotated[float, Field(ge=0, le=1e9)]
Instant = Annotated[float, Field(ge=-1e12, le=1e12)]
Replicas = Annotated[int, Field(ge=0, le=2**31 - 1)]
Milli = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
AnyOrder = Annotated[list[int], AfterValidator(sorted)]


class _Shape(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, strict=True, populate_by_name=False, allow_inf_nan=False
    )


class PolicyShape(_Shape):
    """A rate policy."""

    type: PolicyKind = Field(strict=False)
    value: Replicas
    period_seconds: Seconds = Field(gt=0)

    def record(self) -> Policy:
        """Return the model's record of it."""
        return Policy(kind=self.type, value=self.value, period=self.period_seconds)


class RulesShape(_Shape):
    """One direction of ``behavior``; what is left out has the API server's default."""

    select_policy: Select | None = Field(default=None, strict=False)
    stabilization_window_seconds: Seconds | None = None
    policies: list[PolicyShape] | None = Field(default=None, min_length=1)
    tolerance: float | None = Field(default=None, ge=0)

    def record(self, defaults: ScalingRules) -> ScalingRules:
        """Return the model's record of it, filled up from ``defaults``."""
        window = self.stabilization_window_seconds
        policies = tuple(policy.record() for policy in self.policies or ())
        return ScalingRules(
            policies=policies or defaults.policies,
            window=defaults.window if window is None else window,
            select=self.select_policy or defaults.select,
            tolerance=self.tolerance,
        )


def behavior(up: RulesShape | None, down: RulesShape | None) -> Behavior:
    """Return the model's record of both directions, defaults filled in."""
    return Behavior(up=(up or RulesShape()).record(SCALE_UP), down=(down or RulesShape()).record(SCALE_DOWN))


class BehaviorShape(_Shape):
    """The HPA's ``behavior``; ``{}`` is not the same as none."""

    scale_up: RulesShape | None = None
    scale_down: RulesShape | None = None


class ConfigShape(_Shape):
    """An HPA with one External metric, and its controller's flags."""

    min_replicas: Replicas = 1
    max_replicas: Replicas
    target_type: TargetKind = Field(default=TargetKind.AVERAGE_VALUE, strict=False)
    target_milli: Milli = Field(gt=0)
    tolerance_up: float = Field(default=0.1, ge=0)
    tolerance_down: float = Field(default=0.1, ge=0)
    tolerance_mode: Edge = Field(default=Edge.RANGE, strict=False)
    behavior: BehaviorShape | None = None
    downscale_stabilization_seconds: Seconds = 300.0

    def record(self) -> HpaSpec:
        """Return the model's record of it."""
        own = self.behavior
        return HpaSpec(
            metrics=(MetricSpec(target=self.target_milli, kind=self.target_type),),
            min_replicas=self.min_replicas,
            max_replicas=self.max_replicas,
            behavior=None if own is None else behavior(own.scale_up, own.scale_down),
            tolerance_up=self.tolerance_up,
            tolerance_down=self.tolerance_down,
            edge=self.tolerance_mode,
            downscale_window=self.downscale_stabilization_seconds,
        )


class PastShape(_Shape):
    """Something that was so many seconds ago."""

    age_s: Seconds = Field(alias="age_s")
    value: Replicas


Past = list[PastShape]


def recommended(past: Past, now: Nanoseconds) -> tuple[Recommendation, ...]:
    """Return the recommendations that lie so long before ``now``."""
    return tuple(Recommendation(at=_before(now, one), replicas=one.value) for one in past)


def changed(past: Past, now: Nanoseconds) -> tuple[ScaleEvent, ...]:
    """Return the changes of replicas that lie so long before ``now``."""
    return tuple(ScaleEvent(at=_before(now, one), change=one.value) for one in past)


def _before(now: Nanoseconds, one: PastShape) -> Nanoseconds:
    return Nanoseconds(now - nanoseconds(one.age_s))


class HistoryShape(_Shape):
    """What the controller remembers at the row's first instant; no recommendations at all: it has just started."""

    recommendations: Past | None = None
    scale_up_events: Past = []
    scale_down_events: Past = []

    def record(self, at: float) -> HpaState:
        """Return the model's record of it, for a series that starts ``at``."""
        now = nanoseconds(at)
        return HpaState(
            recommendations=None if self.recommendations is None else recommended(self.recommendations, now),
            ups=changed(self.scale_up_events, now),
            downs=changed(self.scale_down_events, now),
        )


class StepShape(_Shape):
    """One sync. ``metricMilli`` are the series of the metric, ``null`` when it could not be fetched.

    ``setSpecReplicas`` was written by somebody else just before.
    """

    t: Instant
    metric_milli: list[Milli] | None
    status_replicas: Replicas | None = None
    ready_pods: Replicas | None = None
    set_spec_replicas: Replicas | None = None

    def record(self, replicas: int) -> Seen:
        """Return what the sync sees when ``spec.replicas`` is ``replicas``: by default all pods exist and are ready."""
        pods = replicas if self.status_replicas is None else self.status_replicas
        ready = pods if self.ready_pods is None else self.ready_pods
        series = None if self.metric_milli is None else tuple(self.metric_milli)
        return Seen(replicas=replicas, pods=pods, ready=ready, series=(series,))


class SyncExpected(_Shape):
    """What one sync answered; a key that is left out is not compared."""

    current_replicas: int | None = None
    proposal: int | None = None
    desired_replicas: int
    rescaled: bool | None = None
    able_to_scale: str | None = None
    scaling_limited: str | None = None
    note: str | None = None
    recommendations_after: AnyOrder | None = None


class SeriesExpected(_Shape):
    """What the syncs of a series answered, one entry for each."""

    desired: list[int]
    proposal: list[int | None] | None = None
    rescaled: list[bool] | None = None
    able_to_scale: list[str | None] | None = None
    scaling_limited: list[str | None] | None = None
    recommendations_after: AnyOrder | None = None


class _Row(_Shape):
    id: str | int | None = None
    name: str = ""
    source: str = ""
    note: str = ""


class _Replayed(_Row):
    config: ConfigShape
    history: HistoryShape = HistoryShape()
    spec_replicas: Replicas
    steps: list[StepShape] = Field(min_length=1)

    @model_validator(mode="after")
    def _time_goes_on(self) -> "_Replayed":
        instants = [step.t for step in self.steps]
        if instants != sorted(instants):
            raise ValueError("steps: t goes backwards")
        return self


class ReconcileRow(_Replayed):
    """One sync and its answer."""

    steps: list[StepShape] = Field(min_length=1, max_length=1)
    expected: SyncExpected


class TimelineRow(_Replayed):
    """A series of syncs and their answers."""

    expected: SeriesExpected

    @model_validator(mode="after")
    def _one_answer_a_step(self) -> "TimelineRow":
        for name in ("desired", "proposal", "rescaled", "able_to_scale", "scaling_limited"):
            answers = getattr(self.expected, name)
            if answers is not None and len(answers) != len(self.steps):
                raise ValueError(f"expected.{to_camel(name)}: {len(answers)} answers for {len(self.steps)} steps")
        return self


class UnitExpected(_Shape):
    """What one rule answered; a key that is left out is not compared."""

    result: int | None = None
    reason: str | None = None
    log: list[int] | None = None
    log_length: int | None = None
    outdated: list[bool] | None = None
    change_in_period: int | None = None

    @model_validator(mode="after")
    def _something(self) -> "UnitExpected":
        if not self.model_fields_set:
            raise ValueError("nothing to compare")
        return self


Unit = Literal[
    "convert_behavior_rate",
    "convert_rules",
    "scale_up_limit",
    "scale_down_limit",
    "stabilize_legacy",
    "stabilize_behaviors",
    "store_scale_event_up",
    "store_scale_event_down",
]

_NEEDED: dict[Unit, tuple[str, ...]] = {
    "convert_behavior_rate": ("current_replicas", "desired_in", "min_replicas", "max_replicas"),
    "convert_rules": ("current_replicas", "desired_in", "min_replicas", "max_replicas"),
    "scale_up_limit": ("current_replicas", "scale_up"),
    "scale_down_limit": ("current_replicas", "scale_down"),
    "stabilize_legacy": ("desired_in", "recommendations"),
    "stabilize_behaviors": ("current_replicas", "desired_in", "recommendations"),
    "store_scale_event_up": ("current_replicas", "desired_in"),
    "store_scale_event_down": ("current_replicas", "desired_in"),
}


class UnitRow(_Row):
    """One rule and its answer; each rule reads its own of these."""

    unit: Unit
    current_replicas: Replicas = 0
    desired_in: Replicas = 0
    min_replicas: Replicas = 1
    max_replicas: Replicas = 2**31 - 1
    period_seconds: Seconds = 0.0
    downscale_stabilization_seconds: Seconds = 300.0
    scale_up_window: Seconds = 0.0
    scale_down_window: Seconds = 0.0
    scale_up: RulesShape | None = None
    scale_down: RulesShape | None = None
    scale_up_events: Past = []
    scale_down_events: Past = []
    recommendations: Past = []
    expected: UnitExpected

    @model_validator(mode="after")
    def _complete(self) -> "UnitRow":
        missing = [to_camel(name) for name in _NEEDED[self.unit] if name not in self.model_fields_set]
        if missing:
            raise ValueError(f"{self.unit} needs {', '.join(missing)}")
        return self


Row = UnitRow | ReconcileRow | TimelineRow

SHAPES: dict[Section, tuple[type[Row], type[BaseModel]]] = {
    Section.UNIT: (UnitRow, UnitExpected),
    Section.RECONCILE: (ReconcileRow, SyncExpected),
    Section.TIMELINES: (TimelineRow, SeriesExpected),
}
"""The shape of each section's rows, and of what they expect."""


def names_of(shape: type[BaseModel]) -> frozenset[str]:
    """Return the keys of a shape, as the file spells them."""
    return frozenset(field.alias or name for name, field in shape.model_fields.items())


def _all_names(shape: type[BaseModel]) -> frozenset[str]:
    return names_of(shape).union(*(_all_names(narrower) for narrower in shape.__subclasses__()))


EVERY_NAME = _all_names(_Shape)
