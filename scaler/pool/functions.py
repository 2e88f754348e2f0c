"""Which functions a pool is for, and what the hand-off must know of each: found in a namespace, by its own objects.

A function is a Deployment or a StatefulSet. What makes a pod serve it are the labels that its Services select, so those
are what a claim gives, and nothing needs to be said about it anywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from scaler.config.pools import FunctionsSection, PoolSection
from scaler.net.kube import Document
from scaler.pool.seen import ReplicaSetSeen, ScaledObjectSeen, WorkloadSeen
from scaler.pool.sight import PROXY, Sight
from scaler.pool.view import Handoff

SERVING: Final = "openfunction.io/serving"
DAPR: Final = "dapr.io/enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function of a pool.

    ``serving`` are the labels that its Services select, ``hidden`` the keys that a warm pod must not have. ``headless``
    names its headless Services, whose clients find pods by DNS. ``problem`` is why it can have no warm pods, ``waits``
    why no new ones now, ``why`` why they cannot be adopted. One that is ``retired`` is of no pool any more.
    """

    pool: str
    section: PoolSection
    workload: WorkloadSeen
    serving: Mapping[str, str]
    hidden: frozenset[str]
    headless: tuple[str, ...]
    replica_set: ReplicaSetSeen | None
    scaled: ScaledObjectSeen | None
    handoff: Handoff
    why: str
    problem: str
    waits: str
    retired: bool

    @property
    def namespace(self) -> str:
        """Where it is."""
        return str(self.workload.document["metadata"]["namespace"])


def meant(section: FunctionsSection, workload: WorkloadSeen) -> bool:
    """Tell whether a workload of the section's namespace is one of its functions."""
    if section.deployment is not None:
        return workload.kind == "Deployment" and workload.name == section.deployment
    if section.selector is not None:
        return section.selector.match_labels.items() <= workload.labels.items()
    return SERVING in workload.pod_labels


def function_of(
    pool: str, section: PoolSection, workload: WorkloadSeen, sight: Sight, *, retired: bool = False
) -> Function:
    """Say what must be known of a workload, as it is now."""
    services = [each for each in sight.services.objects.values() if selects(each.selector, workload.pod_labels)]
    serving = {key: value for each in services for key, value in each.selector.items()}
    hidden = frozenset({*serving, *_keys(workload.selector), *_guarded(workload, sight)})
    current = _current_set(workload, sight.sets_of(workload.uid))
    why = _not_adoptable(section, workload, current, sight.sets_of(workload.uid))
    return Function(
        pool=pool,
        section=section,
        workload=workload,
        serving=serving,
        hidden=hidden,
        headless=tuple(each.name for each in services if each.headless),
        replica_set=current,
        scaled=_scaled(workload, sight.scaled_objects.objects.values()),
        handoff=Handoff.BRIDGE if why else Handoff.ADOPT,
        why=why,
        problem=_problem(section, workload, serving),
        waits=waits(workload, sight),
        retired=retired,
    )


def pools_named(workload: WorkloadSeen, sight: Sight) -> list[str]:
    """Return the pools that the workload's triggers name, where several mean it."""
    scaled = _scaled(workload, sight.scaled_objects.objects.values())
    return [name for (_, _, metadata), _ in (scaled.triggers if scaled else ()) if (name := metadata.get("pool"))]


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether a Service's selector selects pods with these labels; one that is empty selects none."""
    return bool(selector) and selector.items() <= labels.items()


def _guarded(workload: WorkloadSeen, sight: Sight) -> Iterable[str]:
    """Return the keys that PodDisruptionBudgets for the replicas look at: a warm pod must not count as one."""
    for selector in sight.budgets.objects.values():
        if (selector.get("matchLabels") or {}).items() <= workload.pod_labels.items():
            yield from _keys(selector)


def _keys(selector: Document) -> Iterable[str]:
    """Return the keys of labels that a selector looks at."""
    yield from selector.get("matchLabels") or ()
    yield from (each["key"] for each in selector.get("matchExpressions") or ())


def _current_set(workload: WorkloadSeen, sets: Iterable[ReplicaSetSeen]) -> ReplicaSetSeen | None:
    """Return the ReplicaSet of the present template: of the Deployment's revision, and really of that template."""
    for each in sets:
        if each.revision == workload.revision and each.template == workload.template and each.hash_label:
            return each
    return None


def _not_adoptable(
    section: PoolSection, workload: WorkloadSeen, current: ReplicaSetSeen | None, sets: Iterable[ReplicaSetSeen]
) -> str:
    """Say why a ReplicaSet must not be given pods now; empty if it may."""
    others = [each for each in sets if current is None or each.uid != current.uid]
    reasons = {
        "handoff is bridge": section.handoff == "bridge",
        "a StatefulSet takes no pods": workload.kind != "Deployment",
        "it is paused": workload.paused,
        "its strategy is Recreate": workload.recreate,
        "its controller has not seen its last change": not workload.observed,
        "it has no ReplicaSet of its template yet": current is None,
        "it is rolling out": any(each.wants or each.has for each in others),
    }
    return next((why for why, holds in reasons.items() if holds), "")


def _problem(section: PoolSection, workload: WorkloadSeen, serving: Mapping[str, str]) -> str:
    """Say why a workload can have no warm pods at all; empty if it can."""
    expressions = workload.selector.get("matchExpressions") or ()
    if workload.own_volumes:
        return "its pods have volumes of their own (volumeClaimTemplates)"
    negative = all(each["operator"] in ("NotIn", "DoesNotExist") for each in expressions)
    if negative and not workload.selector.get("matchLabels"):
        return "its selector selects pods by labels that they do not have"
    if not serving and section.handoff != "adopt":
        return "no Service selects its pods, so there is nothing that a warm pod could step into"
    if section.handoff == "adopt" and workload.kind != "Deployment":
        return "handoff is adopt, and a StatefulSet takes no pods"
    return ""


def _proxied(workload: WorkloadSeen) -> bool:
    notes = (workload.document["spec"]["template"].get("metadata") or {}).get("annotations") or {}
    return SERVING in workload.pod_labels and notes.get(DAPR) == "false"


def waits(workload: WorkloadSeen, sight: Sight) -> str:
    """Say why a function cannot be started yet: in Dapr's proxy mode it dials its proxy, and gives up in the end."""
    serving = workload.pod_labels.get(SERVING)
    if serving is None or not _proxied(workload):
        return ""
    up = [each for each in sight.proxies(serving) if any(pod.ready and not pod.leaving for pod in sight.replicas(each))]
    return "" if up else f"its Dapr proxy (label {PROXY}={serving}) is not up"


def _scaled(workload: WorkloadSeen, objects: Iterable[ScaledObjectSeen]) -> ScaledObjectSeen | None:
    return next((each for each in objects if (each.kind, each.target) == (workload.kind, workload.name)), None)
