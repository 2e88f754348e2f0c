"""A namespace that is seen as a test says: documents as the API gives them, entered into the copies by hand."""

from itertools import count
from typing import Any, Final

from scaler.config.pools import PoolSection
from scaler.net.kube import Document, Kube
from scaler.pool.functions import Function, function_of
from scaler.pool.sight import Sight

NAMESPACE: Final = "shop"
BORN: Final = "2026-01-02T03:04:05Z"

_VERSIONS: Final = count(1)


def sight_of(*documents: Document) -> Sight:
    """Return a namespace in which there are these objects."""
    sight = Sight(
        Kube(client=None, namespace=NAMESPACE),
        NAMESPACE,
        on_pods=lambda _: None,
        on_workload=lambda _: None,
        on_all=lambda: None,
    )
    see(sight, *documents)
    return sight


def see(sight: Sight, *documents: Document) -> None:
    """Enter objects as the API gives them now."""
    mirrors = {
        "Pod": sight.pods,
        "ReplicaSet": sight.replica_sets,
        "Deployment": sight.deployments,
        "StatefulSet": sight.stateful_sets,
        "Service": sight.services,
        "ScaledObject": sight.scaled_objects,
    }
    for document in documents:
        document["metadata"]["resourceVersion"] = str(next(_VERSIONS))
        mirrors[document["kind"]].heard(document)  # type: ignore[attr-defined]  # mirrors of several types


def made(kind: str, name: str, spec: Document | None = None, **about: Any) -> Document:
    """Return an object; its uid is ``uid of NAME``."""
    metadata = {"namespace": NAMESPACE, "name": name, "uid": f"uid of {name}", "creationTimestamp": BORN}
    return {"kind": kind, "metadata": {**metadata, "generation": 1, **about}, "spec": spec or {}}


def template(labels: dict[str, str], notes: dict[str, str] | None = None, **spec: Any) -> Document:
    """Return a pod template."""
    about: Document = {"labels": labels, **({"annotations": notes} if notes else {})}
    return {"metadata": about, "spec": {"containers": [{"name": "function", "image": "example.org/f:1"}], **spec}}


def workload(
    pods: Document, *, kind: str = "Deployment", name: str = "orders", selector: Document | None = None, **spec: Any
) -> Document:
    """Return a workload whose controller has seen it."""
    labels = pods["metadata"]["labels"]
    chosen = {"selector": selector or {"matchLabels": dict(labels)}, "template": pods, **spec}
    document = made(kind, name, chosen, annotations={"deployment.kubernetes.io/revision": "1"})
    return {**document, "status": {"observedGeneration": 1}}


def replica_set(
    pods: Document, *, name: str = "orders-1", of: str = "orders", revision: str = "1", **said: Any
) -> Document:
    """Return a ReplicaSet of a Deployment."""
    labels = {**pods["metadata"]["labels"], "pod-template-hash": name}
    document = made(
        "ReplicaSet",
        name,
        {"replicas": said.get("wants", 0), "template": {**pods, "metadata": {**pods["metadata"], "labels": labels}}},
        labels=labels,
        annotations={"deployment.kubernetes.io/revision": revision},
        ownerReferences=[{"kind": "Deployment", "name": of, "uid": f"uid of {of}", "controller": True}],
    )
    return {**document, "status": {"replicas": said.get("has", 0), "observedGeneration": said.get("observed", 1)}}


def service(name: str, selector: dict[str, str], *, headless: bool = False) -> Document:
    """Return a Service."""
    return made("Service", name, {"selector": selector, **({"clusterIP": "None"} if headless else {})})


def pod(
    name: str, labels: dict[str, str], *, ready: bool = True, owner: Document | None = None, **status: Any
) -> Document:
    """Return a pod that runs; ``owner`` is its controller."""
    document = made("Pod", name, template(labels)["spec"], labels=labels)
    if owner is not None:
        about = owner["metadata"]
        reference = {"kind": owner["kind"], "name": about["name"], "uid": about["uid"], "controller": True}
        document["metadata"]["ownerReferences"] = [reference]
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {**document, "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions, **status}}


def scaled_object(
    *triggers: Document, target: str = "orders", notes: dict[str, str] | None = None, **spec: Any
) -> Document:
    """Return a ScaledObject."""
    return made(
        "ScaledObject",
        f"{target}-scaler",
        {"scaleTargetRef": {"name": target}, "triggers": list(triggers), **spec},
        **({"annotations": notes} if notes else {}),
    )


def trigger(queue: str = "q", **said: Any) -> Document:
    """Return a trigger of ours."""
    return {"type": "external-push", "metadata": {"kind": "fake", "queue": queue}, **said}


def section(**said: Any) -> PoolSection:
    """Return a pool of one Deployment."""
    functions = {"namespace": NAMESPACE, "deployment": "orders"}
    return PoolSection.model_validate({"functions": functions, **said})


def function(sight: Sight, name: str = "orders", **said: Any) -> Function:
    """Return what is found of a workload."""
    (found,) = [each for each in sight.workloads() if each.name == name]
    return function_of("p", section(**said), found, sight)
