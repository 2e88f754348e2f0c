"""The hybrid histogram of Serverless in the Wild (ATC '20): a pod just before the next wake-up is due, none before.

How long a function is idle between wake-ups is counted in minutes, for four hours. Where the counts are uneven enough
to say something, pods are warm from the head of the distribution to its tail, with a margin on either side. Where they
are not, they are kept for the four hours. Where most of the times are longer than that, the next is foreseen from the
last ones: the paper chooses an ARIMA model for each, this is ARIMA(0,1,1), which is exponential smoothing.
"""

from dataclasses import dataclass
from itertools import accumulate
from math import ceil, inf, sqrt

from scaler.policy.warmth import Measured
from simulations.policies.raising import Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramRules:
    """The paper's settings: ``bins`` of ``bin`` seconds, shares of 0 to 1, and how far the foreseen time may be off.

    ``least`` idle times are needed before they are believed, ``smoothing`` is the weight of the newest one (guesses).
    """

    bin: float = 60.0
    bins: int = 240
    head: float = 0.05
    tail: float = 0.99
    head_margin: float = 0.10
    tail_margin: float = 0.10
    cv: float = 2.0
    out_of_bounds: float = 0.5
    foreseen_margin: float = 0.15
    least: int = 5
    smoothing: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Pods are warm from ``begin`` to ``end`` seconds after the last wake-up."""

    begin: float
    end: float
    why: str


class Histogram:
    """One function's idle times."""

    Rules = HistogramRules

    def __init__(self, rules: HistogramRules, bounds: Bounds) -> None:
        self._rules = rules
        self._bounds = bounds
        self._counts = [0] * rules.bins
        self._beyond = 0
        self._smoothed = 0.0
        self._last: float | None = None
        self._window = Window(begin=0.0, end=rules.bin * rules.bins, why="no idle times are known")

    def woke(self, at: float, pods: int, missed: int) -> None:  # noqa: ARG002 - how often counts, not how many
        """Count the time since the last wake-up."""
        if self._last is not None:
            self._count(at - self._last)
            self._window = self._next_window()
        self._last = at

    def decide(self, now: float, base: tuple[int, str], measured: Measured) -> tuple[int, str]:  # noqa: ARG002
        """Return the pods of one wake-up while one is due, else none."""
        if self._last is None:
            return 0, "0: no wake-up was seen"
        since, window = now - self._last, self._window
        due = window.begin <= since < window.end
        size = min(max(1, measured.step_p95), self._bounds.ceiling) if due else 0
        said = f"{window.begin:.4g} to {window.end:.4g} s after the last wake-up, {window.why}"
        return size, f"{size}: {'due' if due else 'not due'}: {said}"

    def next_at(self, now: float) -> float:
        """Return the next edge of the window."""
        if self._last is None:
            return inf
        edges = (self._last + self._window.begin, self._last + self._window.end)
        return min((edge for edge in edges if edge > now), default=inf)

    def _count(self, idle: float) -> None:
        number = int(idle // self._rules.bin)
        if number < len(self._counts):
            self._counts[number] += 1
        else:
            self._beyond += 1
        seen = sum(self._counts) + self._beyond
        weight = 1.0 if seen == 1 else self._rules.smoothing
        self._smoothed += weight * (idle - self._smoothed)

    def _next_window(self) -> Window:
        rules, inside = self._rules, sum(self._counts)
        span, seen = rules.bin * rules.bins, inside + self._beyond
        if seen < rules.least:
            return Window(begin=0.0, end=span, why=f"{seen} idle times are too few")
        if self._beyond >= rules.out_of_bounds * seen:
            margin, next_one = rules.foreseen_margin, self._smoothed
            return Window(begin=next_one * (1.0 - margin), end=next_one * (1.0 + margin), why="foreseen from the last")
        if (spread := self._spread(inside)) < rules.cv:
            return Window(begin=0.0, end=span, why=f"the histogram is even (CV {spread:.2g})")
        head, tail = self._quantile(rules.head) - 1, self._quantile(rules.tail)
        begin, end = head * rules.bin * (1.0 - rules.head_margin), tail * rules.bin * (1.0 + rules.tail_margin)
        return Window(begin=begin, end=end, why=f"of {inside} idle times")

    def _spread(self, inside: int) -> float:
        """Return the coefficient of variation of the counts."""
        mean = inside / len(self._counts)
        return sqrt(max(0.0, sum(each * each for each in self._counts) / len(self._counts) - mean * mean)) / mean

    def _quantile(self, share: float) -> int:
        """Return how many bins hold at least ``share`` of the idle times inside."""
        rank = max(1, ceil(share * sum(self._counts)))
        return next(number for number, total in enumerate(accumulate(self._counts), 1) if total >= rank)
