"""How long events waited for a first replica: what one activation is, and what is said of many. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil


class Cause(StrEnum):
    """What made KEDA set the replicas, or brought a Ready pod."""

    PUSH = "push"
    CHECK = "poll"
    HPA = "HPA"
    CLAIM = "claim"
    START = "cold start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """From the first event after zero to one replica or one Ready pod.

    ``waited`` is in seconds, from the publication. ``kept`` says that the event had been kept back by its producer
    while the broker was down: such a one measures the recovery, and is left out of the latencies.
    """

    waited: float
    cause: Cause
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """What is said of several latencies, in seconds; ``None`` where there are none."""

    count: int
    p50: float | None
    p95: float | None
    max: float | None


def latencies(waits: Iterable[float]) -> Latencies:
    """Sum up; a percentile is a latency that was really measured (nearest rank)."""
    ordered = sorted(waits)
    return Latencies(
        count=len(ordered),
        p50=percentile(ordered, 50),
        p95=percentile(ordered, 95),
        max=ordered[-1] if ordered else None,
    )


def percentile(ordered: Sequence[float], rank: float) -> float | None:
    """Return the smallest of ``ordered`` that at least ``rank`` percent of them do not exceed."""
    return ordered[max(0, ceil(len(ordered) * rank / 100.0) - 1)] if ordered else None
