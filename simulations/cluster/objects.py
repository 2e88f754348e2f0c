"""The kinds of objects, what the API fills in for those who leave it out, and what it refuses."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final, NoReturn

from scaler.errors import ApiRefused
from simulations.cluster.patches import Document
from simulations.cluster.selectors import matches
from simulations.cluster.store import Kind

BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
CONFLICT: Final = 409
INVALID: Final = 422

KINDS: Final = (
    Kind(api="v1", plural="pods", kind="Pod"),
    Kind(api="v1", plural="services", kind="Service", counted=False),
    Kind(api="v1", plural="configmaps", kind="ConfigMap", status=False, counted=False),
    Kind(api="v1", plural="secrets", kind="Secret", status=False, counted=False),
    Kind(api="v1", plural="events", kind="Event", status=False, counted=False),
    Kind(api="policy/v1", plural="poddisruptionbudgets", kind="PodDisruptionBudget"),
    Kind(api="apps/v1", plural="deployments", kind="Deployment", scale=True),
    Kind(api="apps/v1", plural="replicasets", kind="ReplicaSet", scale=True),
    Kind(api="apps/v1", plural="statefulsets", kind="StatefulSet", scale=True),
    Kind(api="discovery.k8s.io/v1", plural="endpointslices", kind="EndpointSlice", status=False),
    Kind(api="coordination.k8s.io/v1", plural="leases", kind="Lease", status=False, counted=False, blind=False),
    Kind(api="keda.sh/v1alpha1", plural="scaledobjects", kind="ScaledObject", blind=False, custom=True),
    Kind(api="keda.sh/v1alpha1", plural="scaledjobs", kind="ScaledJob", blind=False, custom=True),
)

_POD_SPEC: Final[Document] = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "enableServiceLinks": True,
}
_ROLLING: Final[Document] = {"maxSurge": "25%", "maxUnavailable": "25%"}
_DEPLOYMENT_SPEC: Final[Document] = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
_STATEFUL_SPEC: Final[Document] = {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady"}

_LABEL: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_EMPTY_IS_ABSENT: Final = ("labels", "annotations", "ownerReferences", "finalizers")


def refuse(message: str, status: int) -> NoReturn:
    """Say no."""
    raise ApiRefused(message, status)


def defaulted(kind: Kind, document: Document) -> Document:
    """Return a new object with what the API fills in."""
    spec = document.get("spec", {})
    filled = {**document, "apiVersion": kind.api, "kind": kind.kind}
    if kind.kind == "Pod":
        status = {"phase": "Pending", "qosClass": "BestEffort"}
        return {**filled, "spec": {**_POD_SPEC, **spec}, "status": status}
    if kind.kind == "Deployment":
        strategy = spec.get("strategy") or {"type": "RollingUpdate"}
        if strategy.get("type") == "RollingUpdate":
            strategy = {**strategy, "rollingUpdate": {**_ROLLING, **strategy.get("rollingUpdate", {})}}
        spec = {**_DEPLOYMENT_SPEC, **spec, "strategy": strategy, "template": _template(spec)}
        return {**filled, "spec": spec, "status": {}}
    if kind.kind == "ReplicaSet":
        return {**filled, "spec": {"replicas": 1, **spec, "template": _template(spec)}, "status": {"replicas": 0}}
    if kind.kind == "StatefulSet":
        spec = {**_STATEFUL_SPEC, **spec, "template": _template(spec)}
        return {**filled, "spec": spec, "status": {"replicas": 0, "availableReplicas": 0}}
    return filled


def _template(spec: Document) -> Document:
    template = spec.get("template", {})
    return {**template, "spec": {**_POD_SPEC, **template.get("spec", {})}}


def tidied(document: Document) -> Document:
    """Return an object without the empty maps and lists that the API does not keep."""
    about = document["metadata"]
    if all(about.get(key, True) for key in _EMPTY_IS_ABSENT):
        return document
    kept = {key: value for key, value in about.items() if value or key not in _EMPTY_IS_ABSENT}
    return {**document, "metadata": kept}


def validate(kind: Kind, document: Document, before: Document | None) -> None:
    """Refuse what the API refuses, as far as it matters to who writes pods and what owns them; ``before`` was valid."""
    about = document["metadata"]
    old = before["metadata"] if before else {}
    if before is None and _NAME.fullmatch(about["name"]) is None:
        _invalid(kind, about, f"metadata.name: Invalid value: {about['name']!r}")
    if about.get("labels") is not old.get("labels"):
        _validate_labels(kind, about, BAD_REQUEST if before is None else INVALID)
    if about.get("ownerReferences") is not old.get("ownerReferences"):
        _validate_owners(kind, about)
    if document.get("spec") is not (before or {}).get("spec"):
        _validate_spec(kind, document, before)


def _validate_labels(kind: Kind, about: Document, status: int) -> None:
    for key, value in about.get("labels", {}).items():
        if not isinstance(value, str):
            refuse(f"{kind.kind} in version {kind.api!r} cannot be handled: labels.{key} is no string", status)
        if _LABEL.fullmatch(value) is None or _LABEL.fullmatch(key.rpartition("/")[2]) is None:
            _invalid(kind, about, f"metadata.labels: Invalid value: {key!r}: {value!r}")


def _validate_owners(kind: Kind, about: Document) -> None:
    owners = about.get("ownerReferences", [])
    if any(not owner.get(key) for owner in owners for key in ("apiVersion", "kind", "name", "uid")):
        _invalid(kind, about, "metadata.ownerReferences: each needs apiVersion, kind, name and uid")
    if sum(bool(owner.get("controller")) for owner in owners) > 1:
        _invalid(kind, about, "metadata.ownerReferences: Only one reference can have Controller set to true")


def _validate_spec(kind: Kind, document: Document, before: Document | None) -> None:
    spec, old, about = document.get("spec", {}), (before or {}).get("spec"), document["metadata"]
    if kind.kind == "Pod":
        if old is not None and spec != old and _without_images(spec) != _without_images(old):
            _invalid(kind, about, "spec: Forbidden: pod updates may not change fields other than images")
        if not spec.get("containers"):
            _invalid(kind, about, "spec.containers: Required value")
    elif kind.api == "apps/v1":
        if not matches(spec.get("selector"), spec["template"].get("metadata", {}).get("labels", {})):
            _invalid(kind, about, "spec.template.metadata.labels: `selector` does not match template `labels`")
        if old is not None and spec["selector"] != old["selector"]:
            _invalid(kind, about, "spec.selector: field is immutable")
        if not isinstance(spec["replicas"], int) or spec["replicas"] < 0:
            _invalid(kind, about, "spec.replicas: must be greater than or equal to 0")


def _without_images(spec: Mapping[str, Any]) -> Document:
    """Return what of a pod's spec nobody may change."""
    fixed = deepcopy(dict(spec))
    for container in [*fixed.get("containers", ()), *fixed.get("initContainers", ())]:
        container.pop("image", None)
    for key in ("activeDeadlineSeconds", "tolerations"):
        fixed.pop(key, None)
    return fixed


def _invalid(kind: Kind, about: Document, why: str) -> NoReturn:
    refuse(f"{kind.kind} {about['name']!r} is invalid: {why}", INVALID)
