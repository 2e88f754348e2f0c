"""Holt-Winters, additive with a damped trend: the wake-ups of the next bins, from those of all bins before.

It only ever raises the size that the pool's own rules ask for, so that a wrong forecast costs memory and never a cold
start. How wrong it has been is kept: ``error`` is its mean absolute error one bin ahead.
"""

from dataclasses import dataclass
from math import inf

from scaler.policy.warmth import Measured
from simulations.policies.raising import Bounds, edge, raised


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRules:
    """Bins and a season in seconds, and the usual weights: of the level, the trend, the season; ``phi`` damps.

    The weights are middling guesses: a sweep finds better ones for a trace.
    """

    bin: float = 300.0
    season: float = 86_400.0
    alpha: float = 0.2
    beta: float = 0.02
    gamma: float = 0.3
    phi: float = 0.9


class HoltWinters:
    """A series of counts: it learns for one season, and foresees from then on."""

    def __init__(self, rules: ForecastRules) -> None:
        self._rules = rules
        self._length = max(1, round(rules.season / rules.bin))
        self._first: list[float] = []
        self._season: list[float] = []
        self._level = 0.0
        self._trend = 0.0
        self._seen = 0
        self._wrong = 0.0
        self._judged = 0

    @property
    def ready(self) -> bool:
        """Whether a season has been seen."""
        return bool(self._season)

    @property
    def error(self) -> float | None:
        """The mean absolute error of what was foreseen one bin ahead; ``None`` before the first."""
        return self._wrong / self._judged if self._judged else None

    def saw(self, count: float) -> None:
        """Learn the next bin's count."""
        if self.ready:
            self._wrong += abs(count - self.ahead(1))
            self._judged += 1
            self._learn(count)
        else:
            self._first.append(count)
            if len(self._first) == self._length:
                self._level = sum(self._first) / self._length
                self._season = [each - self._level for each in self._first]
        self._seen += 1

    def ahead(self, bins: int) -> float:
        """Return the count foreseen for the bin that is ``bins`` (at least 1) ahead, at least 0."""
        phi = self._rules.phi
        damped = sum(phi**power for power in range(1, bins + 1))
        return max(0.0, self._level + damped * self._trend + self._season[(self._seen + bins - 1) % self._length])

    def _learn(self, count: float) -> None:
        rules, place = self._rules, self._seen % self._length
        level, trend = self._level, rules.phi * self._trend
        self._level = rules.alpha * (count - self._season[place]) + (1.0 - rules.alpha) * (level + trend)
        self._trend = rules.beta * (self._level - level) + (1.0 - rules.beta) * trend
        self._season[place] = rules.gamma * (count - level - trend) + (1.0 - rules.gamma) * self._season[place]


class Forecast:
    """One function's wake-ups, bin by bin."""

    Rules = ForecastRules

    def __init__(self, rules: ForecastRules, bounds: Bounds, begun: float) -> None:
        self._bin = max(1.0, rules.bin)
        self._bounds = bounds
        self._end = begun + self._bin
        self._count = 0
        self._any = False
        self._lead = 0.0
        self._model = HoltWinters(rules)

    @property
    def error(self) -> float | None:
        """The back-test: wake-ups that a bin's forecast was off, in the mean."""
        return self._model.error

    def woke(self, at: float, pods: int, missed: int) -> None:  # noqa: ARG002 - the step is measured elsewhere
        """Count one more in its bin."""
        self._close(at)
        self._count += 1
        self._any = True

    def decide(self, now: float, base: tuple[int, str], measured: Measured) -> tuple[int, str]:
        """Return ``base``, or the base stock of the busiest bin until a pod made now is there."""
        self._close(now)
        self._lead = measured.lead_time_p95 or 0.0
        if not self._model.ready:
            return base
        begin = self._end - self._bin
        last = 1 + int((now + self._lead - begin) // self._bin)
        rate = max(self._model.ahead(bins) for bins in range(1, last + 1)) / self._bin
        return raised(base, rate, measured, self._bounds, f"foreseen (error {self.error or 0.0:.2g} a bin)")

    def next_at(self, now: float) -> float:
        """Return the end of the bin, or a lead time before it: a pod made then is there after it."""
        return edge(now, self._end, self._lead) if self._any else inf

    def _close(self, now: float) -> None:
        while self._end <= now:
            self._model.saw(self._count)
            self._count = 0
            self._end += self._bin
