"""What KEDA tells the HPA for a metric that keeps failing."""

from typing import assert_never

from simulations.hpa import MetricSpec, TargetKind
from simulations.keda.model import Fallback, FallbackBehavior


def fallback_value(fallback: Fallback, metric: MetricSpec, replicas: int, ready: int) -> int | None:
    """Return the value, in milli units, that makes the HPA want the fallback's replicas.

    For an AverageValue that is target x replicas; for a Value it is divided by the ready pods, and with none of them
    there is no such value: ``None``. The rest after three decimals is cut off here.
    """
    wanted = float(_wanted(fallback, replicas))
    if metric.kind is TargetKind.VALUE:
        if ready == 0:
            return None
        wanted /= ready
    return int(_approximate(metric.target) * 1000.0 * wanted)


def _wanted(fallback: Fallback, replicas: int) -> int:
    match fallback.behavior:
        case FallbackBehavior.STATIC:
            return fallback.replicas
        case FallbackBehavior.CURRENT:
            return replicas
        case FallbackBehavior.CURRENT_IF_HIGHER:
            return max(replicas, fallback.replicas)
        case FallbackBehavior.CURRENT_IF_LOWER:
            return min(replicas, fallback.replicas)
        case _:
            assert_never(fallback.behavior)


def _approximate(target: int) -> float:
    """Return a quantity of milli units as the float that Kubernetes makes of it."""
    whole, rest = divmod(target, 1000)
    return target * 0.001 if rest else float(whole)
