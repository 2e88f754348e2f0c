"""What we read of KEDA: the ScaledObject or the ScaledJob that a trigger is of, and what it scales by it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scaler.errors import ApiRefused, Missing
from scaler.net.kube import NOT_FOUND, Document, Kube, Resource, understood, well_formed

SCALED_OBJECTS: Final = Resource(api="keda.sh/v1alpha1", plural="scaledobjects")
SCALED_JOBS: Final = Resource(api="keda.sh/v1alpha1", plural="scaledjobs")
KINDS: Final[Mapping[str, Resource]] = {"ScaledObject": SCALED_OBJECTS, "ScaledJob": SCALED_JOBS}

Reference = tuple[str, str, Mapping[str, str]]
"""All that KEDA says of a trigger: namespace, name and metadata; not of which kind the object is."""

_FROM_ENV: Final = "FromEnv"
_OURS: Final = ("external", "external-push")
_KNOWN: Final = {
    "Deployment": Resource(api="apps/v1", plural="deployments"),
    "StatefulSet": Resource(api="apps/v1", plural="statefulsets"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a trigger scales: the object ``name`` of a resource.

    ``idle`` replicas stay while nothing is active. The HPA compares the metric with ``per_replica``, where that is not
    the trigger's own target, for each replica if ``averaged`` and in total if not.
    """

    resource: Resource
    name: str
    idle: int
    averaged: bool
    per_replica: float | None


async def scaled(kube: Kube, reference: Reference) -> Document:
    """Return the ScaledObject or ScaledJob that the trigger is of; of two of one name, the one that has such a trigger.

    Raises :class:`Missing` if there is none, else what :meth:`Kube.call` raises.
    """
    namespace, name, _ = reference
    found: list[Document] = []
    for kind, resource in KINDS.items():
        try:
            document = await kube.get(resource, namespace, name)
        except ValueError as error:
            raise Missing(str(error)) from error
        except ApiRefused as error:
            if error.status != NOT_FOUND and not found:
                raise
            continue
        with understood(f"{kind} {namespace}/{name}"):
            found.append({**well_formed(document), "kind": kind})
        if trigger_of(found[-1], reference) is not None:
            return found[-1]
    if not found:
        raise Missing(f"there is no ScaledObject and no ScaledJob {namespace}/{name}")
    return found[0]


def trigger_of(document: Document, reference: Reference) -> Document | None:
    """Return the trigger that says what the reference says; values from the environment KEDA has filled in.

    Raises ``ApiUnreachable`` for what is no object of KEDA.
    """
    wanted = said(reference[2])
    with understood(f"{document['kind']} {reference[0]}/{reference[1]}"):
        triggers = [each for each in document["spec"].get("triggers") or () if each["type"] in _OURS]
        return next((dict(each) for each in triggers if said(each.get("metadata") or {}) == wanted), None)


def target_of(document: Document, reference: Reference) -> Target | None:
    """Say what the trigger scales, by its object; ``None`` if that is jobs.

    Raises :class:`Missing`, with the reason, where it does not follow from the object how the HPA would compute.
    """
    trigger = trigger_of(document, reference)
    if document["kind"] != "ScaledObject":
        return None
    if trigger is None:
        raise Missing("the ScaledObject has no such trigger any more")
    with understood(f"ScaledObject {reference[0]}/{reference[1]}"):
        spec = document["spec"]
        metric_type, per_replica = _compared(spec, trigger)
        return Target(
            resource=_resource(document),
            name=str(spec["scaleTargetRef"]["name"]),
            idle=int(spec.get("idleReplicaCount") or 0),
            averaged=metric_type != "Value",
            per_replica=per_replica,
        )


def _compared(spec: Document, trigger: Document) -> tuple[str, float | None]:
    """Say how the HPA compares, and with what, if it is not the trigger's own target.

    With a formula it sees the formula's value alone, and KEDA too takes that for activity (keda 2.21,
    scale_handler.go), so our value must be the formula's.
    """
    modifiers: dict[str, Any] = (spec.get("advanced") or {}).get("scalingModifiers") or {}
    formula = str(modifiers.get("formula") or "").strip()
    if not formula:
        return trigger.get("metricType") or "AverageValue", None
    per_replica = float(modifiers["target"])
    if formula != trigger.get("name") or float(modifiers.get("activationTarget") or 0) >= per_replica:
        raise Missing("what changes nothing cannot be told through the formula of its scalingModifiers")
    return modifiers.get("metricType") or "AverageValue", per_replica


def _resource(document: Document) -> Resource:
    """Name the resource of the target as KEDA has found it, or as everybody knows it.

    Raises :class:`Missing` for a kind that KEDA has not looked up yet.
    """
    found = (document.get("status") or {}).get("scaleTargetGVKR")
    if found:
        api = f"{found['group']}/{found['version']}" if found.get("group") else found["version"]
        return Resource(api=api, plural=found["resource"])
    kind = document["spec"]["scaleTargetRef"].get("kind") or "Deployment"
    if kind not in _KNOWN:
        raise Missing(f"KEDA has not looked up yet what a {kind} is")
    return _KNOWN[kind]


def said(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what an object and a call say alike: all but values from the environment, which KEDA reads."""
    return {key: value for key, value in metadata.items() if not key.endswith(_FROM_ENV)}
