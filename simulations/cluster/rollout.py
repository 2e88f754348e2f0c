"""How many replicas each ReplicaSet of a Deployment should have next: arithmetic, as in Kubernetes 1.36."""

import hashlib
import json
from collections.abc import Sequence
from math import ceil, floor
from typing import Final

from simulations.cluster.patches import Document

HASH: Final = "pod-template-hash"
REVISION: Final = "deployment.kubernetes.io/revision"
DESIRED: Final = "deployment.kubernetes.io/desired-replicas"

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_DIGITS: Final = 10


def template_hash(template: Document) -> str:
    """Return a name for a template: not Kubernetes' own, which nobody should compute, but of its letters."""
    text = json.dumps(template, sort_keys=True).encode()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in hashlib.sha256(text).digest()[:_DIGITS])


def same_template(one: Document, other: Document) -> bool:
    """Compare templates without the hash that the controller puts into their labels."""
    return _without_hash(one) == _without_hash(other)


def _without_hash(template: Document) -> Document:
    about = template.get("metadata", {})
    labels = {key: value for key, value in about.get("labels", {}).items() if key != HASH}
    return {**template, "metadata": {**about, "labels": labels}}


def revision(document: Document) -> int:
    """Return the revision that a ReplicaSet or Deployment says it has, 0 if none."""
    return int(document["metadata"].get("annotations", {}).get(REVISION, "0"))


def next_sizes(deployment: Document, new: Document, old: Sequence[Document]) -> dict[str, int]:
    """Return the replicas that ReplicaSets should have next, by name, where they are other than they have."""
    recreate = deployment["spec"]["strategy"].get("type") == "Recreate"
    return _recreated(deployment, new, old) if recreate else _rolled(deployment, new, old)


def _recreated(deployment: Document, new: Document, old: Sequence[Document]) -> dict[str, int]:
    running = [each for each in old if each["spec"]["replicas"] or each["status"].get("replicas", 0)]
    if running:
        return {each["metadata"]["name"]: 0 for each in running if each["spec"]["replicas"]}
    return _changed(new, deployment["spec"]["replicas"])


def _rolled(deployment: Document, new: Document, old: Sequence[Document]) -> dict[str, int]:
    wanted, size = deployment["spec"]["replicas"], new["spec"]["replicas"]
    surge, unavailable = bounds(deployment)
    total = size + sum(each["spec"]["replicas"] for each in old)
    grown = wanted if size >= wanted else size + max(0, min(wanted + surge - total, wanted - size))
    if grown != size:
        return _changed(new, grown)
    return _shrunk(old, new, total, wanted - unavailable)


def _shrunk(old: Sequence[Document], new: Document, total: int, least: int) -> dict[str, int]:
    """Take replicas from old ReplicaSets so that ``least`` stay available: first those that are not."""
    missing = new["spec"]["replicas"] - _available(new)
    budget = total - least - missing
    sizes = {each["metadata"]["name"]: each["spec"]["replicas"] for each in old}
    for each in sorted(old, key=lambda each: str(each["metadata"]["creationTimestamp"])):
        name = each["metadata"]["name"]
        unhealthy = max(0, min(budget, sizes[name] - _available(each)))
        sizes[name] -= unhealthy
        budget -= unhealthy
    spare = sum(map(_available, [*old, new])) - least
    for each in sorted(old, key=lambda each: str(each["metadata"]["creationTimestamp"])):
        name = each["metadata"]["name"]
        less = max(0, min(budget, spare, sizes[name]))
        sizes[name] -= less
        budget, spare = budget - less, spare - less
    return {
        name: size
        for each in old
        for name, size in [(each["metadata"]["name"], sizes[each["metadata"]["name"]])]
        if size != each["spec"]["replicas"]
    }


def bounds(deployment: Document) -> tuple[int, int]:
    """Return how many pods more and how many fewer a rolling update may have; never both zero."""
    wanted = deployment["spec"]["replicas"]
    rolling = deployment["spec"]["strategy"].get("rollingUpdate", {})
    surge = _share(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def _share(value: int | str, of: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    share = int(value.removesuffix("%")) * of / 100
    return ceil(share) if up else floor(share)


def _available(replica_set: Document) -> int:
    return int(replica_set["status"].get("availableReplicas", 0))


def _changed(replica_set: Document, size: int) -> dict[str, int]:
    return {} if replica_set["spec"]["replicas"] == size else {replica_set["metadata"]["name"]: size}
