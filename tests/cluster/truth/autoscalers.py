"""HorizontalPodAutoscalers as the simulator describes them, written down for the API server."""

from simulations.hpa import Behavior, HpaSpec, MetricSpec, Policy, ScalingRules, TargetKind
from tests.cluster.api import Document


def autoscaler(namespace: str, name: str, spec: HpaSpec) -> Document:
    """Return the HPA of the Deployment ``name``, for the metrics :func:`metric`.

    ``Behavior()`` is left to the API server's defaults; the controller's flags in ``spec`` are not the HPA's to say.
    """
    metrics = [_metric(metric(name, number), each) for number, each in enumerate(spec.metrics)]
    document = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": spec.min_replicas,
        "maxReplicas": spec.max_replicas,
        "metrics": metrics,
        **({} if spec.behavior is None else {"behavior": manifest(spec.behavior)}),
    }
    about = {"namespace": namespace, "name": name}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": about, "spec": document}


def metric(name: str, number: int) -> str:
    """Return the name of an HPA's metric."""
    return f"{name}-{number}"


def manifest(behavior: Behavior) -> Document:
    """Return a behavior as a manifest says it."""
    default = Behavior()
    directions = {"scaleUp": (behavior.up, default.up), "scaleDown": (behavior.down, default.down)}
    return {name: _rules(rules) for name, (rules, filled_in) in directions.items() if rules != filled_in}


def _metric(name: str, each: MetricSpec) -> Document:
    field = "value" if each.kind is TargetKind.VALUE else "averageValue"
    target = {"type": each.kind.value, field: f"{each.target}m"}
    return {"type": "External", "external": {"metric": {"name": name}, "target": target}}


def _rules(rules: ScalingRules) -> Document:
    window = {} if rules.window is None else {"stabilizationWindowSeconds": round(rules.window)}
    tolerance = {} if rules.tolerance is None else {"tolerance": f"{rules.tolerance:g}"}
    policies = [_policy(each) for each in rules.policies]
    return {"selectPolicy": rules.select.value, "policies": policies, **window, **tolerance}


def _policy(policy: Policy) -> Document:
    return {"type": policy.kind.value, "value": policy.value, "periodSeconds": round(policy.period)}
