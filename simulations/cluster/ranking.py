"""Which pods a ReplicaSet deletes first if it has too many (kubernetes 1.36, controller_utils.go)."""

from collections import Counter
from collections.abc import Sequence
from functools import cmp_to_key
from math import log2
from typing import Final

from simulations.cluster.owners import condition, is_ready
from simulations.cluster.patches import Document
from simulations.cluster.times import instant

DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"

_PHASES: Final = {"Pending": 0, "Unknown": 1, "Running": 2}


def victims_first(pods: Sequence[Document], now: float) -> list[Document]:
    """Return pods in the order in which they are deleted; ``now`` in seconds of the cluster's time.

    First those without a node, then Pending before Unknown before Running, not ready, of a lower deletion cost, with
    more others on their node, ready for a shorter time, restarted more often, younger. Times are compared by the power
    of two of their nanoseconds; within one it is the uid that decides.
    """
    crowd = Counter(pod["spec"].get("nodeName", "") for pod in pods)

    def compare(one: Document, other: Document) -> int:
        ranks = _rank(one, crowd), _rank(other, crowd)
        if ranks[0] != ranks[1]:
            return -1 if ranks[0] < ranks[1] else 1
        both_ready = is_ready(one) and is_ready(other)
        by_ready = _younger(one, other, _ready_since(one), _ready_since(other), now) if both_ready else 0
        by_restarts = _restarts(other) - _restarts(one)
        return by_ready or by_restarts or _younger(one, other, _created(one), _created(other), now)

    return sorted(pods, key=cmp_to_key(compare))


def _rank(pod: Document, crowd: Counter[str]) -> tuple[bool, int, bool, int, int]:
    node = pod["spec"].get("nodeName", "")
    phase = _PHASES.get(pod["status"].get("phase", ""), 0)
    return bool(node), phase, is_ready(pod), _cost(pod), -crowd[node]


def _cost(pod: Document) -> int:
    try:
        return int(pod["metadata"].get("annotations", {}).get(DELETION_COST, "0"))
    except ValueError:
        return 0


def _younger(one: Document, other: Document, since: str, others_since: str, now: float) -> int:
    """Compare by ages, of which only the magnitude counts: less than zero if ``one`` is to go first."""
    if since == others_since:
        return 0
    magnitudes = _magnitude(now - instant(since)) - _magnitude(now - instant(others_since))
    return magnitudes or (-1 if one["metadata"]["uid"] < other["metadata"]["uid"] else 1)


def _magnitude(age: float) -> int:
    return int(log2(age * 1e9)) if age > 0 else -1


def _ready_since(pod: Document) -> str:
    return str(condition(pod, "Ready").get("lastTransitionTime", ""))


def _created(pod: Document) -> str:
    return str(pod["metadata"]["creationTimestamp"])


def _restarts(pod: Document) -> int:
    return max((each.get("restartCount", 0) for each in pod["status"].get("containerStatuses", ())), default=0)
