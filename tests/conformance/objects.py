"""The objects that the cases make."""

from collections.abc import Mapping

from scaler.net.kube import Document

GRACE = 2  # s that a pod is given to end; kwok lets it end at some moment until then
NOBODY = "nobody"  # a scheduler that does not exist: such a pod never gets a node


def pod(
    name: str, labels: Mapping[str, str] | None = None, *, scheduled: bool = False, ready_after: float = 0.0
) -> Document:
    """Return a pod that nobody touches or, if ``scheduled``, one that is ready so many seconds after it has a node."""
    notes = {
        f"pod-{stage}.stage.kwok.x-k8s.io/{what}": f"{seconds:g}s"
        for stage, seconds in (("create", 0.0), ("ready", ready_after), ("delete", 0.0))
        for what in ("delay", "jitter-delay")
    }
    containers = [{"name": "function", "image": "example.org/function:1"}]
    spec: Document = {"containers": containers, "terminationGracePeriodSeconds": GRACE}
    if not scheduled:
        spec["schedulerName"] = NOBODY
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels or {}), "annotations": notes},
        "spec": spec,
    }


def config_map(name: str, **data: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def template(labels: Mapping[str, str], *, scheduled: bool = False, ready_after: float = 0.0) -> Document:
    """Return a pod template."""
    made = pod("unused", labels, scheduled=scheduled, ready_after=ready_after)
    about = {"labels": dict(labels), "annotations": made["metadata"]["annotations"]}
    return {"metadata": about, "spec": made["spec"]}


def replica_set(name: str, replicas: int, template: Document) -> Document:
    return _workload("ReplicaSet", name, replicas, template)


def stateful_set(name: str, replicas: int, template: Document) -> Document:
    made = _workload("StatefulSet", name, replicas, template)
    made["spec"]["serviceName"] = name
    return made


def deployment(name: str, replicas: int, template: Document, **spec: object) -> Document:
    made = _workload("Deployment", name, replicas, template)
    made["spec"] |= spec
    return made


def service(name: str, **selector: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"clusterIP": "None", "selector": selector, "ports": [{"name": "http", "port": 8080}]},
    }


def lease(name: str, holder: str) -> Document:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 8},
    }


def owned(document: Document, owner: Document, *, controller: bool = True) -> Document:
    """Return an object that has another as its owner."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": controller,
    }
    about = document["metadata"]
    return {**document, "metadata": {**about, "ownerReferences": [*about.get("ownerReferences", []), reference]}}


def _workload(kind: str, name: str, replicas: int, template: Document) -> Document:
    labels = template["metadata"]["labels"]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": dict(labels)}, "template": template},
    }
