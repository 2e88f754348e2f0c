"""What a user of KEDA would write, as small as it can be: Deployments, ScaledObjects, triggers."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.cluster.api import Document


def namespace(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def deployment(namespace: str, name: str, *, replicas: int = 0, cold_start: float = 0.0) -> Document:
    """Return a Deployment whose pods are ready ``cold_start`` seconds after they are scheduled."""
    labels = {"app": name}
    notes = _delays({"pod-create": 0.0, "pod-ready": cold_start})
    pod = {"metadata": {"labels": labels, "annotations": notes}, "spec": {"containers": [_CONTAINER]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod},
    }


def scaled_object(
    namespace: str,
    name: str,
    triggers: Sequence[Document],
    *,
    annotations: Mapping[str, str] | None = None,
    **spec: Any,
) -> Document:
    """Return a ScaledObject for the Deployment of the same name: quick, unless ``spec`` says otherwise."""
    quick = {"pollingInterval": 1, "cooldownPeriod": 3, "minReplicaCount": 0, "maxReplicaCount": 20}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"namespace": namespace, "name": name, "annotations": dict(annotations or {})},
        "spec": {"scaleTargetRef": {"name": name}, **quick, **spec, "triggers": list(triggers)},
    }


def scaled_job(namespace: str, name: str, triggers: Sequence[Document], *, lasts: float = 0.0, **spec: Any) -> Document:
    """Return a ScaledJob whose jobs are done ``lasts`` seconds after they run."""
    about = {
        "labels": {"app": name},
        "annotations": _delays({"pod-create": 0.0, "pod-ready": 0.0, "pod-complete": lasts}),
    }
    pod = {"metadata": about, "spec": {"restartPolicy": "Never", "containers": [_CONTAINER]}}
    target = {"backoffLimit": 0, "template": pod}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"jobTargetRef": target, "pollingInterval": 1, **spec, "triggers": list(triggers)},
    }


def trigger(scaler: str, kind: str, words: Mapping[str, str], *, push: bool = True) -> Document:
    """Return a trigger that Warmscaler at ``scaler`` (host:port) answers."""
    metadata = {"scalerAddress": scaler, "kind": kind, **words}
    return {"type": "external-push" if push else "external", "metadata": metadata}


def _delays(stages: Mapping[str, float]) -> Document:
    """Return the annotations by which kwok waits so many seconds before each stage of a pod's life."""
    return {
        f"{stage}.stage.kwok.x-k8s.io/{what}": f"{delay:g}s"
        for stage, delay in stages.items()
        for what in ("delay", "jitter-delay")
    }


_CONTAINER = {"name": "function", "image": "example.org/function:1"}
