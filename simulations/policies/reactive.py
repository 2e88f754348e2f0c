"""OpenWhisk's prewarm stock: more after cold starts, fewer without, looked at every so often.

After openwhisk 1fae641, ContainerPool.scala and application.conf: at each check the stock is to be
``min(max(minCount, cold starts since the last check / threshold * increment), maxCount)``; a taken one is replaced at
once, one for one, which is the pool's own refill; one that is not needed goes once it is ``ttl`` old.
"""

from dataclasses import dataclass
from math import inf

from scaler.policy.warmth import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactiveRules:
    """``stemCells.reactive`` of a runtime with the values of nodejs:20, and the interval of the checks; seconds."""

    min_count: int = 1
    max_count: int = 4
    ttl: float = 120.0
    threshold: int = 1
    increment: int = 1
    interval: float = 600.0


class Reactive:
    """One function's stock."""

    Rules = ReactiveRules

    def __init__(self, rules: ReactiveRules, begun: float) -> None:
        self._rules = rules
        self._size = rules.min_count
        self._why = f"{self._size}: minCount"
        self._raised_at = begun
        self._check_at = begun + max(1.0, rules.interval)
        self._colds = 0

    def woke(self, at: float, pods: int, missed: int) -> None:  # noqa: ARG002 - cold starts are all that counts
        """Count cold starts, for the check that follows them."""
        self._check(at)
        self._colds += missed

    def decide(self, now: float, base: tuple[int, str], measured: Measured) -> tuple[int, str]:  # noqa: ARG002
        """Return what the last check came to."""
        self._check(now)
        return self._size, self._why

    def next_at(self, now: float) -> float:  # noqa: ARG002
        """Return the next check, if it can change anything."""
        return self._check_at if self._colds or self._size != self._rules.min_count else inf

    def _check(self, now: float) -> None:
        """Make up for all checks until ``now``."""
        interval = max(1.0, self._rules.interval)
        while self._check_at <= now:
            if self.next_at(now) == inf:  # none of those that are left would change anything
                self._check_at += interval * ((now - self._check_at) // interval + 1.0)
                return
            self._settle(self._check_at)
            self._check_at += interval

    def _settle(self, at: float) -> None:
        rules, colds = self._rules, self._colds
        needed = colds // max(1, rules.threshold) * rules.increment
        target = min(max(rules.min_count, needed), rules.max_count)
        self._colds = 0
        if target > self._size:
            self._raised_at = at
        elif at - self._raised_at < rules.ttl:
            return
        self._size, self._why = target, f"{target}: {colds} cold starts between two checks"
