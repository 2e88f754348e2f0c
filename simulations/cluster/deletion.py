"""The end of objects: at once, or first asked for and then carried out; and the binding of a pod, its beginning."""

from collections.abc import Mapping
from typing import Final

from simulations.cluster.listing import accepting
from simulations.cluster.objects import CONFLICT, refuse
from simulations.cluster.patches import Document
from simulations.cluster.state import Request, State, Target
from simulations.cluster.store import Stored
from simulations.cluster.times import stamp

_OVER: Final = ("Succeeded", "Failed")


def delete(state: State, target: Target, request: Request) -> Document:
    """Delete one object, or all that a query selects."""
    options = {**request.query, **(request.body if isinstance(request.body, dict) else {})}
    if target.name:
        return _delete_one(state, target, options)
    accepts = accepting(request.query)
    for key, stored in list(target.collection.objects.items()):
        if target.namespace in {None, key[0]} and accepts(stored):
            _delete_one(state, target._replace(namespace=key[0], name=key[1]), {**options, "preconditions": {}})
    return {"apiVersion": "v1", "kind": "Status", "status": "Success"}


def complete(document: Document) -> bool:
    """Tell whether an object's deletion was asked for and nothing stands in its way any more."""
    about = document["metadata"]
    if "deletionTimestamp" not in about or about.get("finalizers"):
        return False
    return not about.get("deletionGracePeriodSeconds")


def _delete_one(state: State, target: Target, options: Mapping[str, object]) -> Document:
    stored = state.found(target)
    about = stored.document["metadata"]
    _check(about, options.get("preconditions"))
    grace = _grace(stored.document, options.get("gracePeriodSeconds"))
    if not grace and not about.get("finalizers"):
        return _end(state, target, stored)
    before = about.get("deletionGracePeriodSeconds")
    if "deletionTimestamp" in about and (before is None or grace >= before):
        return stored.copy()
    return state.commit(target.collection, target.key, stored, _ending(state, stored.document, grace)).copy()


def _end(state: State, target: Target, stored: Stored) -> Document:
    """Delete at once; a pod is marked first, so a watch hears of it twice."""
    if target.collection.kind.kind != "Pod":
        state.remove(target.collection, target.key, stored.document)
        return _gone(target, stored.document["metadata"])
    if stored.document["metadata"].get("deletionGracePeriodSeconds") != 0:
        stored = state.commit(target.collection, target.key, stored, _ending(state, stored.document, 0))
    return state.remove(target.collection, target.key, stored.document).copy()


def _check(about: Document, preconditions: object) -> None:
    for key, value in (preconditions if isinstance(preconditions, dict) else {}).items():
        if value not in {None, about.get(key)}:
            refuse(f"Precondition failed: {key} in precondition: {value}, in object meta: {about.get(key)}", CONFLICT)


def _grace(document: Document, asked: object) -> int:
    """Return how many seconds an object is given to end; only pods that may run are given any."""
    spec = document.get("spec", {})
    if document["kind"] != "Pod" or not spec.get("nodeName") or document["status"].get("phase") in _OVER:
        return 0
    return int(str(asked)) if asked is not None else int(spec["terminationGracePeriodSeconds"])


def _ending(state: State, document: Document, grace: int) -> Document:
    about = dict(document["metadata"])
    if "deletionTimestamp" not in about and "generation" in about:
        about["generation"] += 1
    about |= {"deletionTimestamp": stamp(state.time.now() + grace), "deletionGracePeriodSeconds": grace}
    return {**document, "metadata": about}


def _gone(target: "Target", about: Document) -> Document:
    details = {"name": target.name, "kind": target.collection.kind.plural, "uid": about["uid"]}
    return {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success", "details": details}


def bind(state: State, target: Target, binding: Document) -> Document:
    """Give a pod its node, which is said once."""
    stored = state.found(target)
    document = stored.document
    if document["spec"].get("nodeName") or "deletionTimestamp" in document["metadata"]:
        refuse(f"pod {target.name} is already assigned to a node or is being deleted", CONFLICT)
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(state.time.now())}
    others = [each for each in document["status"].get("conditions", ()) if each["type"] != "PodScheduled"]
    spec = {**document["spec"], "nodeName": binding["target"]["name"]}
    status = {**document["status"], "conditions": [*others, scheduled]}
    state.commit(target.collection, target.key, stored, {**document, "spec": spec, "status": status})
    return {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success"}
