"""Who owns whom, and what makes a pod count."""

from typing import Final

from simulations.cluster.patches import Document

OVER: Final = ("Succeeded", "Failed")


def controller_of(document: Document) -> Document | None:
    """Return the owner that manages an object, if there is one."""
    owners = document["metadata"].get("ownerReferences", ())
    return next((owner for owner in owners if owner.get("controller")), None)


def managed_by(document: Document, owner: Document) -> bool:
    """Tell whether ``owner`` manages an object."""
    controller = controller_of(document)
    return controller is not None and controller["uid"] == owner["metadata"]["uid"]


def owned_by(owner: Document, *, api: str, kind: str) -> Document:
    """Return the reference by which an object says that ``owner`` manages it."""
    about = owner["metadata"]
    names = {"apiVersion": api, "kind": kind, "name": about["name"], "uid": about["uid"]}
    return {**names, "controller": True, "blockOwnerDeletion": True}


def is_active(pod: Document) -> bool:
    """Tell whether a pod counts as a replica: neither over nor ending."""
    return pod["status"].get("phase") not in OVER and "deletionTimestamp" not in pod["metadata"]


def condition(document: Document, kind: str) -> Document:
    """Return a condition of an object's status, empty if there is none."""
    return next((each for each in document.get("status", {}).get("conditions", ()) if each["type"] == kind), {})


def is_ready(pod: Document) -> bool:
    """Tell whether a pod is ready."""
    return condition(pod, "Ready").get("status") == "True"
