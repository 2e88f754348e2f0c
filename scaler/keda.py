"""What we read of KEDA: the ScaledObject or the ScaledJob that a trigger is of, found by its name."""

from collections.abc import Mapping
from typing import Final

from scaler.errors import ApiRefused, Missing
from scaler.net.kube import NOT_FOUND, Document, Kube, Resource

SCALED_OBJECTS: Final = Resource(api="keda.sh/v1alpha1", plural="scaledobjects")
SCALED_JOBS: Final = Resource(api="keda.sh/v1alpha1", plural="scaledjobs")
KINDS: Final[Mapping[str, Resource]] = {"ScaledObject": SCALED_OBJECTS, "ScaledJob": SCALED_JOBS}

Reference = tuple[str, str, Mapping[str, str]]
"""All that KEDA says of a trigger: namespace, name and metadata; not of which kind the object is."""

_FROM_ENV: Final = "FromEnv"
_OURS: Final = ("external", "external-push")


async def scaled(kube: Kube, reference: Reference) -> Document:
    """Return the ScaledObject or ScaledJob that the trigger is of; of two of one name, the one that has such a trigger.

    Raises :class:`Missing` if there is none, else what :meth:`Kube.call` raises.
    """
    namespace, name, _ = reference
    found = []
    for kind, resource in KINDS.items():
        try:
            found.append({"kind": kind, **await kube.get(resource, namespace, name)})
        except ValueError as error:
            raise Missing(str(error)) from error
        except ApiRefused as error:
            if error.status != NOT_FOUND and not found:
                raise
            continue
        if trigger_of(found[-1], reference) is not None:
            return found[-1]
    if not found:
        raise Missing(f"there is no ScaledObject and no ScaledJob {namespace}/{name}")
    return found[0]


def trigger_of(document: Document, reference: Reference) -> Document | None:
    """Return the trigger that says what the reference says; values from the environment KEDA has filled in."""
    wanted = _said(reference[2])
    for trigger in document["spec"].get("triggers", ()):
        if trigger.get("type") in _OURS and _said(trigger.get("metadata") or {}) == wanted:
            return dict(trigger)
    return None


def _said(metadata: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if not key.endswith(_FROM_ENV)}
