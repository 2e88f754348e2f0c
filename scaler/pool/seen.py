"""What is kept of the API's objects: the little that the pool looks at, out of much that it does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from scaler.config.memory import in_bytes
from scaler.keda import Reference
from scaler.net.kube import Document
from scaler.pool.manifests import COST, EVICT, HASH_LABEL, Marks, template_hash

REVISION: Final = "deployment.kubernetes.io/revision"
PAUSED: Final = "autoscaling.keda.sh/paused"
PAUSED_REPLICAS: Final = "autoscaling.keda.sh/paused-replicas"
PAUSED_OUT: Final = "autoscaling.keda.sh/paused-scale-out"
MOST_REPLICAS: Final = 100  # KEDA's default of maxReplicaCount
UNSCHEDULABLE: Final = "Unschedulable"
BACKOFF: Final = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The controller of an object."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeen:
    """A pod. ``trouble`` is why it cannot start, such as ImagePullBackOff or Unschedulable; ``born`` in Unix time.

    ``owner`` is its controller, ``owners`` are the uids of all that it ends with.
    """

    name: str
    marks: Marks
    owner: Owner | None
    owners: frozenset[str]
    phase: str
    ready: bool
    leaving: bool
    address: str
    born: float
    trouble: str

    @property
    def uid(self) -> str:
        """Its identity: a name may come again."""
        return self.marks.uid

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.marks.labels


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSeen:
    """A Deployment or a StatefulSet, and what of its ``document`` a pod is made from.

    ``observed``: its controller knows this generation. ``recreate`` and ``paused`` are those of a Deployment;
    ``own_volumes``: each replica of a StatefulSet has volumes of its own.
    """

    kind: str
    name: str
    uid: str
    labels: Mapping[str, str]
    document: Document
    template: str
    pod_labels: Mapping[str, str]
    selector: Document
    asked: int
    observed: bool
    paused: bool
    recreate: bool
    own_volumes: bool
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSetSeen:
    """A ReplicaSet; ``hash_label`` is Kubernetes' hash of its template, ``template`` ours."""

    name: str
    uid: str
    owner: str
    revision: str
    hash_label: str
    template: str
    wants: int
    has: int
    observed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSeen:
    """A Service with a selector."""

    name: str
    selector: Mapping[str, str]
    headless: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledObjectSeen:
    """A ScaledObject: what it scales, within which bounds, whether by a formula, and its external triggers.

    With each trigger stands whether its metric is a total (metricType Value), which the HPA multiplies by the replicas.
    """

    name: str
    kind: str
    target: str
    least: int
    most: int
    paused: bool
    formula: bool
    triggers: tuple[tuple[Reference, bool], ...]


def pod_seen(document: Document) -> PodSeen:
    """Read a pod."""
    about, status = document["metadata"], document.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    notes = about.get("annotations") or {}
    return PodSeen(
        name=about["name"],
        marks=Marks(
            uid=about["uid"],
            version=about["resourceVersion"],
            labels=about.get("labels") or {},
            notes=frozenset({COST, EVICT} & notes.keys()) or frozenset([*notes][:1]),
        ),
        owner=_owner(about),
        owners=frozenset(each["uid"] for each in about.get("ownerReferences") or ()),
        phase=status.get("phase") or "Pending",
        ready=(conditions.get("Ready") or {}).get("status") == "True",
        leaving="deletionTimestamp" in about,
        address=status.get("podIP") or "",
        born=_instant(about["creationTimestamp"]),
        trouble=_trouble(status, conditions),
    )


def workload_seen(document: Document, kind: str) -> WorkloadSeen:
    """Read a Deployment or a StatefulSet."""
    about, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    kept = {key: about[key] for key in ("namespace", "name", "uid")}
    strategy = spec.get("strategy") or spec.get("updateStrategy") or {}
    return WorkloadSeen(
        kind=kind,
        name=about["name"],
        uid=about["uid"],
        labels=about.get("labels") or {},
        document={"apiVersion": "apps/v1", "kind": kind, "metadata": kept, "spec": {"template": spec["template"]}},
        template=template_hash(spec["template"]),
        pod_labels=(spec["template"].get("metadata") or {}).get("labels") or {},
        selector=spec["selector"],
        asked=int(spec.get("replicas", 1)),
        observed=int(status.get("observedGeneration", 0)) >= int(about.get("generation", 0)),
        paused=bool(spec.get("paused")),
        recreate=strategy.get("type") == "Recreate",
        own_volumes=bool(spec.get("volumeClaimTemplates")),
        revision=(about.get("annotations") or {}).get(REVISION, ""),
    )


def replica_set_seen(document: Document) -> ReplicaSetSeen:
    """Read a ReplicaSet."""
    about, spec, status = document["metadata"], document["spec"], document.get("status") or {}
    owner = _owner(about)
    return ReplicaSetSeen(
        name=about["name"],
        uid=about["uid"],
        owner=owner.uid if owner else "",
        revision=(about.get("annotations") or {}).get(REVISION, ""),
        hash_label=(about.get("labels") or {}).get(HASH_LABEL, ""),
        template=template_hash(spec["template"]),
        wants=int(spec.get("replicas", 1)),
        has=int(status.get("replicas", 0)),
        observed=int(status.get("observedGeneration", 0)) >= int(about.get("generation", 0)),
    )


def service_seen(document: Document) -> ServiceSeen:
    """Read a Service."""
    spec = document["spec"]
    return ServiceSeen(
        name=document["metadata"]["name"],
        selector=spec.get("selector") or {},
        headless=spec.get("clusterIP") == "None",
    )


def scaled_object_seen(document: Document) -> ScaledObjectSeen:
    """Read a ScaledObject."""
    about, spec = document["metadata"], document["spec"]
    notes = about.get("annotations") or {}
    modifiers = (spec.get("advanced") or {}).get("scalingModifiers") or {}
    return ScaledObjectSeen(
        name=about["name"],
        kind=spec["scaleTargetRef"].get("kind") or "Deployment",
        target=spec["scaleTargetRef"]["name"],
        least=int(spec.get("minReplicaCount") or 0),
        most=int(spec.get("maxReplicaCount") or MOST_REPLICAS),
        paused=any(notes.get(key) not in (None, "false") for key in (PAUSED, PAUSED_OUT)) or PAUSED_REPLICAS in notes,
        formula=bool(modifiers.get("formula")),
        triggers=tuple(
            ((about["namespace"], about["name"], dict(each.get("metadata") or {})), each.get("metricType") == "Value")
            for each in spec.get("triggers") or ()
            if each["type"] in ("external", "external-push")
        ),
    )


def requested(spec: Document) -> int:
    """Return the bytes of memory that a pod of a template requests: its containers and its sidecars together.

    Where only a limit is said, that is the request, as the API server makes it in pods, and in no template.
    """
    sidecars = [each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always"]
    return sum(_memory(each.get("resources") or {}) for each in (*spec["containers"], *sidecars))


def _memory(resources: Document) -> int:
    said = [(resources.get(key) or {}).get("memory") for key in ("requests", "limits")]
    return next((in_bytes(str(each)) for each in said if each), 0)


def disruption_budget_seen(document: Document) -> Document:
    """Read a PodDisruptionBudget: its selector."""
    return document["spec"].get("selector") or {}


def _owner(about: Document) -> Owner | None:
    for each in about.get("ownerReferences") or ():
        if each.get("controller"):
            return Owner(kind=each["kind"], name=each["name"], uid=each["uid"])
    return None


def _trouble(status: Document, conditions: Mapping[str, Document]) -> str:
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("reason") == UNSCHEDULABLE:
        return UNSCHEDULABLE
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        reason = ((each.get("state") or {}).get("waiting") or {}).get("reason", "")
        if reason in BACKOFF:
            return str(reason)
    return ""


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
