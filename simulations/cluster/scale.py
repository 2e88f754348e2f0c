"""The scale of a workload: what the HPA and KEDA see of it, and all that they may change."""

from typing import Final

from simulations.cluster.objects import INVALID, refuse
from simulations.cluster.patches import Document

FORBIDDEN: Final = 403


def of(document: Document) -> Document:
    """Return the scale of a Deployment, ReplicaSet or StatefulSet."""
    about = document["metadata"]
    chosen = document["spec"]["selector"].get("matchLabels") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {key: about[key] for key in kept},
        "spec": {"replicas": document["spec"]["replicas"]},
        "status": {
            "replicas": document.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(chosen.items())),
        },
    }


def applied(document: Document, scale: Document) -> Document:
    """Return the workload with the replicas that a scale asks for, under the version that the scale names."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        refuse("spec.replicas: must be greater than or equal to 0", INVALID)
    version = scale["metadata"].get("resourceVersion", "")
    about = {**document["metadata"], "resourceVersion": version}
    return {**document, "metadata": about, "spec": {**document["spec"], "replicas": replicas}}
