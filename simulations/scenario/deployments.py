"""What a Deployment says that decides about time and cost: how soon a pod is seen to be Ready, and its memory."""

from collections.abc import Mapping
from typing import Any, Final

from scaler.config.memory import in_bytes
from scaler.verbs.manifests import mapping
from simulations.workload.durations import DurationSection

USUAL_MEMORY: Final = 256 * 2**20
"""Bytes that a pod requests, where nobody says it."""
_PERIOD: Final = 10  # s between two looks of the kubelet, where a probe does not say it


def memory(deployment: Mapping[str, Any] | None) -> int:
    """Return the bytes that a pod requests: of all its containers, the limit where there is no request."""
    total = sum(_asked(mapping(each)) for each in _containers(deployment))
    return total or USUAL_MEMORY


def readiness(deployment: Mapping[str, Any] | None) -> DurationSection:
    """Return how long it takes until a started pod is seen to be Ready.

    That is the probe's initial delay and, as looks come at a period that knows nothing of the pod, up to a period more;
    a pod without a probe is Ready once its containers run, which the kubelet reports within a second.
    """
    probes = [mapping(mapping(each).get("readinessProbe")) for each in _containers(deployment)]
    told = [each for each in probes if each]
    delay = max((_whole(each.get("initialDelaySeconds"), 0) for each in told), default=0)
    period = max((_whole(each.get("periodSeconds"), _PERIOD) for each in told), default=1)
    return DurationSection.model_validate({"uniform": {"from": f"{delay}s", "to": f"{delay + period}s"}})


def labels(deployment: Mapping[str, Any] | None) -> Mapping[str, object]:
    """Return the labels of the Deployment itself, by which a pool may select it."""
    return mapping(mapping(mapping(deployment).get("metadata")).get("labels"))


def _containers(deployment: Mapping[str, Any] | None) -> list[object]:
    spec = mapping(mapping(mapping(mapping(deployment).get("spec")).get("template")).get("spec"))
    found = spec.get("containers")
    return found if isinstance(found, list) else []


def _asked(container: Mapping[str, object]) -> int:
    resources = mapping(container.get("resources"))
    said = mapping(resources.get("requests")).get("memory") or mapping(resources.get("limits")).get("memory")
    return in_bytes(str(said)) if said else 0


def _whole(value: object, usual: int) -> int:
    return value if isinstance(value, int) and value > 0 else usual
