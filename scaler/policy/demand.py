"""How many replicas KEDA and the HPA will come to ask for, told from the signals that they will be told, too.

The arithmetic is the HPA's for a metric of type AverageValue (kubernetes 1.36, replica_calculator.go:
GetExternalPerPodMetricReplicas), in its own order: whole milli units, then doubles. What holds the HPA back for a while
(rate limits, stabilisation) is left out: it changes when, not how many.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isfinite
from typing import Final

TOLERANCE: Final = 0.1
"""How far from 1 the HPA lets a ratio be (--horizontal-pod-autoscaler-tolerance, kubernetes 1.36)."""
_INT64_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a scaler says of one trigger: ``value`` is the metric's total, ``target`` what one replica is there for.

    Both are in units of the source. For a metric of type Value, which the HPA multiplies by the replicas, ``value`` is
    to be multiplied by them before.
    """

    active: bool
    value: float
    target: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a ScaledObject allows, in replicas: ``minReplicaCount``, ``maxReplicaCount``, ``idleReplicaCount``.

    The defaults are KEDA's.
    """

    least: int = 0
    most: int = 100
    idle: int | None = None

    @property
    def rest(self) -> int:
        """The replicas that KEDA leaves when nothing is active (keda 2.21, scale_scaledobjects.go)."""
        return self.least if self.idle is None else self.idle


def wanted(signals: Sequence[Signal | None], bounds: Bounds, replicas: int) -> int | None:
    """Return how many replicas will be asked for while the target has ``replicas``; ``None`` if nobody can know.

    A signal that is ``None`` is unknown, which is never quiet: as long as none of the others is active, neither is
    the answer known. Beside an active one it holds what is there, as the HPA does not scale down with a metric missing.
    With all of them known and inactive nothing is asked for: 0, however many KEDA leaves (:attr:`Bounds.rest`).

    Never above ``bounds.most``, and never below what an HPA of any version proposes for the same numbers.
    """
    heard = [signal for signal in signals if signal is not None]
    missing = len(heard) < len(signals)
    if not any(signal.active for signal in heard):
        return None if missing or not heard else 0
    held = replicas if missing else 0
    return min(bounds.most, max(1, bounds.least, held, *(_proposal(signal, replicas) for signal in heard)))


def _proposal(signal: Signal, replicas: int) -> int:
    total, target = float(_milli(signal.value)), float(max(1, _milli(signal.target)))
    # At exactly +10 % the HPA before Kubernetes 1.33 asks for one more, and later ones do not: its comparison was this.
    if replicas > 0 and abs(1.0 - total / (target * replicas)) <= TOLERANCE:
        return replicas
    return ceil(total / target)


def _milli(value: float) -> int:
    """Return thousandths as KEDA writes them: half to even of the exact value, nothing for what is not above zero."""
    return min(round(Fraction(value) * 1000), _INT64_MAX) if isfinite(value) and value > 0 else 0
