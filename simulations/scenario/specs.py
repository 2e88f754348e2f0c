"""What a ScaledObject and a ScaledJob may say, as far as it decides about replicas: KEDA's own words and defaults.

Sections for people: a scenario holds the fields of ``spec`` alone, or those of them that are not KEDA's default; a
manifest of a cluster is read as the same.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from scaler.config.section import Section
from simulations.cases.schema import BehaviorShape
from simulations.keda import FallbackBehavior

Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Seconds = Annotated[int, Field(ge=0, le=2**31 - 1)]
Annotations = Annotated[dict[str, str], Field(description="The manifest's annotations, such as KEDA's for a pause.")]

MODELLED = frozenset({"AverageValue", "Value"})
RESOURCES = frozenset({"cpu", "memory"})
"""Triggers on what pods use, which is not simulated."""


class TriggerSection(Section):
    """One entry of ``triggers``."""

    type: Annotated[
        str, Field(description="`external-push`, `external`, or one of KEDA's own, which is asked by polling.")
    ] = "external-push"
    name: Annotated[str | None, Field(description="A name of the user's; it changes nothing.")] = None
    metadata: Annotated[
        dict[str, str | int | float | bool],
        Field(description="What the trigger measures, and its target; how the source is reached may be left out."),
    ]
    authentication_ref: Annotated[dict[str, Any] | None, Field(description="Changes nothing here.")] = None
    use_cached_metrics: Annotated[
        bool, Field(description="The HPA is told the value of the last poll instead of asking.")
    ] = False
    metric_type: Annotated[
        Literal["AverageValue", "Value", "Utilization"], Field(description="How the HPA compares with the target.")
    ] = "AverageValue"

    @model_validator(mode="after")
    def _external(self) -> "TriggerSection":
        if self.metric_type not in MODELLED and self.type not in RESOURCES:
            raise ValueError("'metricType' Utilization is of cpu and memory, which are not simulated")
        return self


class FallbackSection(Section):
    """What KEDA tells the HPA while a trigger fails."""

    failure_threshold: Annotated[Count, Field(description="More failures than this in a row.")]
    replicas: Annotated[Count, Field(description="The replicas to have then.")]
    behavior: Annotated[FallbackBehavior, Field(strict=False, description="Whether those, or the present ones.")] = (
        FallbackBehavior.STATIC
    )


class HpaSection(Section):
    """What is said of the HPA."""

    name: str | None = None
    behavior: Annotated[
        BehaviorShape | None, Field(description="The HPA's `behavior`; without it the rules are older ones.")
    ] = None


class AdvancedSection(Section):
    """The rest of a ScaledObject."""

    restore_to_original_replica_count: Annotated[bool, Field(description="Changes nothing here.")] = False
    horizontal_pod_autoscaler_config: Annotated[HpaSection, Field(description="What is said of the HPA.")] = (
        HpaSection()
    )
    scaling_modifiers: Annotated[dict[str, Any] | None, Field(description="Not simulated: only without a formula.")] = (
        None
    )

    @model_validator(mode="after")
    def _plain(self) -> "AdvancedSection":
        if self.scaling_modifiers:
            raise ValueError("'scalingModifiers' is not simulated: leave it out to simulate each trigger by itself")
        return self


class TriggersSection(Section):
    """What a ScaledObject and a ScaledJob have in common."""

    polling_interval: Annotated[int, Field(ge=1, le=86_400, description="Seconds between two checks of KEDA's.")] = 30
    min_replica_count: Annotated[Count, Field(description="Replicas, or Jobs, at least.")] = 0
    triggers: Annotated[
        list[TriggerSection], Field(min_length=1, description="What is measured; any of them may wake.")
    ] = Field(default_factory=lambda: [TriggerSection(metadata={"kind": "kafka"})])
    annotations: Annotations = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, said: object) -> object:
        return {key: value for key, value in said.items() if value is not None} if isinstance(said, dict) else said

    @property
    def measured(self) -> dict[int, TriggerSection]:
        """Return the triggers that are simulated, by their numbers: resource metrics only where there is no other."""
        numbered = dict(enumerate(self.triggers))
        return {number: each for number, each in numbered.items() if each.type not in RESOURCES} or numbered


class ScaledObjectSection(TriggersSection):
    """The ``spec`` of a ScaledObject."""

    max_replica_count: Annotated[int, Field(ge=1, le=100_000, description="Replicas at most.")] = 100
    scale_target_ref: Annotated[dict[str, Any] | None, Field(description="The workload; changes nothing here.")] = None
    cooldown_period: Annotated[Seconds, Field(description="Seconds without activity before it goes to sleep.")] = 300
    initial_cooldown_period: Annotated[Seconds, Field(description="The same, from its creation on.")] = 0
    idle_replica_count: Annotated[Count | None, Field(description="Replicas while it is inactive, 0 or none.")] = None
    fallback: Annotated[FallbackSection | None, Field(description="What holds while a trigger fails.")] = None
    advanced: Annotated[AdvancedSection, Field(description="The HPA's behavior.")] = AdvancedSection()

    @model_validator(mode="after")
    def _ordered(self) -> "ScaledObjectSection":
        if self.min_replica_count > self.max_replica_count:
            raise ValueError("'minReplicaCount' is above 'maxReplicaCount'")
        if self.idle_replica_count is not None and self.idle_replica_count >= self.min_replica_count:
            raise ValueError("'idleReplicaCount' must be below 'minReplicaCount'")
        return self


class StrategySection(Section):
    """How many Jobs are started for what waits."""

    strategy: Annotated[Literal["default", "custom", "accurate", "eager"], Field(description="KEDA's strategies.")] = (
        "default"
    )
    custom_scaling_queue_length_deduction: Annotated[Count, Field(description="Of `custom`.")] = 0
    custom_scaling_running_job_percentage: Annotated[
        str | None,
        Field(pattern=r"^[0-9]+(\.[0-9]+)?$", description="Of `custom`, a number in quotes; without it, `default`."),
    ] = None
    multiple_scalers_calculation: Annotated[
        Literal["max", "min", "avg", "sum"], Field(description="What several triggers come to.")
    ] = "max"


class ScaledJobSection(TriggersSection):
    """The ``spec`` of a ScaledJob."""

    max_replica_count: Annotated[
        int | None, Field(ge=1, le=100_000, description="Jobs at most; without it 100 beside the least.")
    ] = None
    job_target_ref: Annotated[dict[str, Any] | None, Field(description="The Job; changes nothing here.")] = None
    successful_jobs_history_limit: Annotated[Count, Field(description="Changes nothing here.")] = 100
    failed_jobs_history_limit: Annotated[Count, Field(description="Changes nothing here.")] = 100
    env_source_container_name: Annotated[str | None, Field(description="Changes nothing here.")] = None
    scaling_strategy: Annotated[StrategySection, Field(description="How many Jobs are started.")] = StrategySection()
    rollout: Annotated[dict[str, Any] | None, Field(description="Changes nothing here.")] = None
