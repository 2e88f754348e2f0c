"""What the same hour of the days before needed, or of the weeks: it is warm again before that hour begins.

It only ever raises the size that the pool's own rules ask for.
"""

from collections import deque
from dataclasses import dataclass
from math import inf

from scaler.policy.warmth import Measured
from simulations.policies.raising import Bounds, edge, raised


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonalRules:
    """Slots of a period in seconds, an hour of a day (a week is 604800), and how many periods are remembered."""

    slot: float = 3600.0
    period: float = 86_400.0
    periods: int = 7


class Seasonal:
    """One function's wake-ups, by slot."""

    Rules = SeasonalRules

    def __init__(self, rules: SeasonalRules, bounds: Bounds, begun: float) -> None:
        self._slot = max(1.0, rules.slot)
        self._bounds = bounds
        self._begun = begun
        kept = max(1, rules.periods)
        slots = max(1, round(rules.period / self._slot))
        self._profile = [deque[int](maxlen=kept) for _ in range(slots)]
        self._number = 0
        self._count = 0
        self._any = False
        self._lead = 0.0

    def woke(self, at: float, pods: int, missed: int) -> None:  # noqa: ARG002 - the step is measured elsewhere
        """Count one more in its slot."""
        self._close(at)
        self._count += 1
        self._any = True

    def decide(self, now: float, base: tuple[int, str], measured: Measured) -> tuple[int, str]:
        """Return ``base``, or the base stock of the busiest such slot, of now and of when a pod made now is there."""
        self._close(now)
        self._lead = measured.lead_time_p95 or 0.0
        then = self._slot_of(now + self._lead)
        before = [*self._before(self._number), *self._before(then)]
        rate = max(before, default=0) / self._slot
        return raised(base, rate, measured, self._bounds, "at this time of the days before")

    def next_at(self, now: float) -> float:
        """Return the end of the slot, or a lead time before it: a pod made then is there after it."""
        end = self._begun + (self._slot_of(now) + 1) * self._slot
        return edge(now, end, self._lead) if self._any else inf

    def _slot_of(self, at: float) -> int:
        return int((at - self._begun) // self._slot)

    def _before(self, number: int) -> deque[int]:
        return self._profile[number % len(self._profile)]

    def _close(self, now: float) -> None:
        while self._number < self._slot_of(now):
            self._before(self._number).append(self._count)
            self._count = 0
            self._number += 1
