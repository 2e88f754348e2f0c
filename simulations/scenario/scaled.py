"""What a scenario says of KEDA and of the HPA, as the records that simulate them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from scaler.triggers.values import boolean
from simulations.cases.schema import BehaviorShape, behavior
from simulations.hpa import Behavior, Edge, HpaSpec, MetricSpec, TargetKind
from simulations.jobs import spec_of
from simulations.keda import Fallback, ScaledObject, TriggerSpec, hpa_spec, milli
from simulations.model import Job
from simulations.scenario.document import KubernetesSection
from simulations.scenario.specs import (
    FallbackSection,
    ScaledJobSection,
    ScaledObjectSection,
    TriggerSection,
)
from simulations.scenario.triggers import Meaning

_ANNOTATION: Final = "autoscaling.keda.sh/"
_NEW_EDGE: Final = 33  # Kubernetes 1.33 compares the tolerance as a range


def scaled_object(
    section: ScaledObjectSection | ScaledJobSection, meanings: Sequence[Meaning], own: Behavior | None
) -> ScaledObject:
    """Return the ScaledObject; ``own`` is a behavior that the HPA of the cluster has.

    A ScaledJob has no cooldown, no HPA and no ``paused-replicas``: it is the poll and the triggers that count.
    """
    base = ScaledObject(
        triggers=tuple(map(trigger_spec, section.measured.values(), meanings)),
        polling_interval=float(section.polling_interval),
        **_annotated(section.annotations),
    )
    if isinstance(section, ScaledJobSection):
        bounds = spec_of(job(section))
        return replace(base, min_replicas=bounds.least, max_replicas=bounds.limit, paused_replicas=None)
    return replace(
        base,
        min_replicas=section.min_replica_count,
        max_replicas=section.max_replica_count,
        idle_replicas=section.idle_replica_count,
        cooldown=float(section.cooldown_period),
        initial_cooldown=float(section.initial_cooldown_period),
        fallback=_fallback(section.fallback),
        behavior=_behavior(section.advanced.horizontal_pod_autoscaler_config.behavior) or own,
    )


def trigger_spec(section: TriggerSection, meaning: Meaning) -> TriggerSpec:
    """Return what KEDA has of a trigger."""
    metric = MetricSpec(target=max(1, milli(meaning.target)), kind=TargetKind(section.metric_type))
    return TriggerSpec(metric=metric, push=meaning.push, cached=section.use_cached_metrics)


def job(section: ScaledJobSection) -> Job:
    """Return how Jobs are started."""
    strategy = section.scaling_strategy
    percentage = strategy.custom_scaling_running_job_percentage
    return Job(
        strategy=strategy.strategy,
        max_replicas=section.max_replica_count,
        min_replicas=section.min_replica_count,
        running_deduction=strategy.custom_scaling_queue_length_deduction,
        several=strategy.multiple_scalers_calculation,
        running_percentage=None if percentage is None else float(percentage),
    )


def autoscaler(scaled: ScaledObject, section: KubernetesSection) -> HpaSpec:
    """Return the HPA that KEDA makes, on that control plane."""
    minor = int(section.version.partition(".")[2])
    return replace(
        hpa_spec(scaled),
        tolerance_up=section.tolerance,
        tolerance_down=section.tolerance,
        edge=Edge.RANGE if minor >= _NEW_EDGE else Edge.ABS,
        downscale_window=section.downscale_stabilization,
    )


def behavior_of(hpa: Mapping[str, Any] | None) -> Behavior | None:
    """Return the behavior of an HPA's manifest, or of its ``spec``; raise ``ValidationError`` for a wrong one."""
    spec = hpa.get("spec", hpa) if hpa is not None else {}
    said = spec.get("behavior") if isinstance(spec, dict) else None
    return _behavior(BehaviorShape.model_validate(said)) if said is not None else None


def _behavior(shape: BehaviorShape | None) -> Behavior | None:
    return behavior(shape.scale_up, shape.scale_down) if shape is not None else None


def _fallback(section: FallbackSection | None) -> Fallback | None:
    if section is None:
        return None
    return Fallback(replicas=section.replicas, failure_threshold=section.failure_threshold, behavior=section.behavior)


def _annotated(annotations: Mapping[str, str]) -> dict[str, Any]:
    """Read KEDA's annotations as it does: no truth value is true, and a pause at no number is a pause (keda 2.21)."""
    said = {key.removeprefix(_ANNOTATION): value for key, value in annotations.items() if key.startswith(_ANNOTATION)}
    flags = {
        "paused": "paused",
        "scale_in_paused": "paused-scale-in",
        "scale_out_paused": "paused-scale-out",
        "forced": "force-activation",
    }
    annotated: dict[str, Any] = {field: _flag(said[key]) for field, key in flags.items() if key in said}
    count = said.get("paused-replicas")
    if count is not None:
        annotated |= {"paused_replicas": int(count)} if count.isdecimal() else {"paused": True}
    return annotated


def _flag(text: str) -> bool:
    try:
        return boolean(text)
    except ValueError:
        return True
