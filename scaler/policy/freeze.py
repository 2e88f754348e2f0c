"""What to tell KEDA of a trigger of which nothing is known, so that KEDA and the HPA keep exactly what is there."""

from dataclasses import dataclass
from typing import Final

MILLI: Final = 3  # decimals that KEDA keeps of targets and values (keda 2.21, scaler.go)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What a trigger scales, as it is now.

    ``replicas`` are those that its target is told to have, ``idle`` those it has while nothing is active. The HPA
    divides by the number of replicas where ``averaged`` (metric type AverageValue), and not for a Value.
    """

    replicas: int
    idle: int = 0
    averaged: bool = True

    @property
    def awake(self) -> bool:
        """Whether there is more than while nothing is active."""
        return self.replicas > self.idle


def as_it_is(scale: Scale, target: float) -> tuple[bool, float]:
    """Return activity and metric value that change nothing at ``target`` for one replica.

    At the idle count the HPA is disabled or below its minimum, and activity alone decides: inactive. Above it the HPA
    computes ``ceil(value / target)``, for a Value ``ceil(replicas * value / target)``
    (kubernetes 1.36, replica_calculator.go: GetExternalPerPodMetricReplicas, GetExternalMetricReplicas).
    """
    if not scale.awake:
        return False, 0.0
    target = max(round(target, MILLI), 10**-MILLI)
    return True, target * scale.replicas if scale.averaged else target
