"""From metrics to a number of replicas, before any rule holds it back.

Floats are computed in the controller's own order, since its roundings are part of its behaviour.
"""

from math import ceil, copysign, inf, nan

from simulations.hpa.model import Edge, HpaSpec, MetricSpec, Seen, Series, TargetKind

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1


def propose(spec: HpaSpec, seen: Seen) -> int | None:
    """Return the largest proposal of the metrics, ``None`` if nothing may follow from them.

    Nothing may follow if every metric failed, or if some did and the others would scale down: the missing one could
    be the one that needs the pods.
    """
    asked = zip(spec.metrics, seen.series, strict=True)
    proposals = [_proposal(spec, metric, series, seen) for metric, series in asked]
    heard = [proposal for proposal in proposals if proposal is not None]
    if not heard:
        return None
    most = _most(heard)
    if len(heard) < len(proposals) and most < seen.replicas:
        return None
    return most


def _most(proposals: list[int]) -> int:
    """Return the largest, as the controller finds it: zero gives way to whatever comes next."""
    most = 0
    for proposal in proposals:
        if most == 0 or proposal > most:
            most = proposal
    return most


def _proposal(spec: HpaSpec, metric: MetricSpec, series: Series | None, seen: Seen) -> int | None:
    if not series:
        return None
    total = float(min(sum(series), INT64_MAX))
    if metric.kind is TargetKind.AVERAGE_VALUE:
        return _average_value(spec, total, float(metric.target), seen.pods)
    return _value(spec, total / float(metric.target), seen)


def _average_value(spec: HpaSpec, total: float, target: float, pods: int) -> int:
    """Compare the total with what the pods that exist are there for; whether they are ready does not matter.

    Inside the tolerance the answer is the pods that exist, which need not be what ``spec.replicas`` asks for.
    """
    if _tolerated(spec, _quotient(total, target * pods)):
        return pods
    return _rounded_up(total / target)


def _value(spec: HpaSpec, ratio: float, seen: Seen) -> int | None:
    """Multiply the ready pods by the ratio; with no pods at all there is nothing to multiply, which is an error."""
    if seen.replicas == 0:
        return _rounded_up(ratio)
    if _tolerated(spec, ratio):
        return seen.replicas
    if seen.pods == 0:
        return None
    return _rounded_up(ratio * seen.ready)


def _tolerated(spec: HpaSpec, ratio: float) -> bool:
    if spec.edge is Edge.ABS:
        return abs(1.0 - ratio) <= (spec.tolerance_up if ratio > 1.0 else spec.tolerance_down)
    up, down = spec.tolerance_up, spec.tolerance_down
    if spec.behavior is not None:
        up = up if spec.behavior.up.tolerance is None else spec.behavior.up.tolerance
        down = down if spec.behavior.down.tolerance is None else spec.behavior.down.tolerance
    return 1.0 - down <= ratio <= 1.0 + up


def _quotient(dividend: float, divisor: float) -> float:
    """Divide as IEEE 754 says, also by zero."""
    if divisor != 0.0:
        return dividend / divisor
    return copysign(inf, dividend) if dividend != 0.0 else nan


def _rounded_up(replicas: float) -> int:
    return min(ceil(replicas), INT32_MAX)
