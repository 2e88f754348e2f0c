"""A stock of warm pods alone, against wake-ups that are known: what a size would miss and cost, in milliseconds.

Coarser than a run: a pod takes the mean time to start, and a miss changes nothing about the wake-ups that follow.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from scaler.config.pools import RefillSection
from scaler.model import Instant
from scaler.pool.refill import Refill


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUp:
    """``pods`` were wanted at once, ``at`` so many seconds after the beginning."""

    at: float
    pods: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """``size`` warm pods from ``begin`` seconds on."""

    begin: float
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What a stock came to: replicas ``wanted`` at once, ``missed`` of them, and pod-seconds of warm pods."""

    wanted: int
    missed: int
    warm: float

    @property
    def miss_ratio(self) -> float:
        """The share that was missed; 0 of none."""
        return self.missed / self.wanted if self.wanted else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Seconds from a pod's creation until it can be claimed, and how fast pods may be created."""

    lead: float
    refill: RefillSection


class _Stock:
    """Pods that wait, and pods that are coming."""

    def __init__(self, supply: Supply) -> None:
        self.size = 0
        self.ready = 0
        self.warm = 0.0
        self._lead = supply.lead
        self._refill = Refill(Instant(0.0), rate=supply.refill.rate, burst=supply.refill.burst)
        self._coming: deque[float] = deque()
        self._at = 0.0

    def advance(self, until: float) -> None:
        """Go on, creating pods as soon as they are missing and may be created."""
        while (at := self._next()) <= until:
            self._pass(at)
            self._fill()
        self._pass(until)

    def resize(self, size: int) -> None:
        """Have ``size`` pods from now on; those that are too many go at once, and those that come first."""
        self.size = size
        while self._coming and self.ready + len(self._coming) > size:
            self._coming.pop()
        self.ready = min(self.ready, size)
        self._fill()

    def take(self, pods: int) -> int:
        """Take so many, or as many as there are; return how many were missing."""
        taken = min(pods, self.ready)
        self.ready -= taken
        self._fill()
        return pods - taken

    def _fill(self) -> None:
        now = Instant(self._at)
        for _ in range(min(self._missing, self._refill.tokens(now, len(self._coming)))):
            self._refill.take(now)
            self._coming.append(self._at + self._lead)

    @property
    def _missing(self) -> int:
        return max(0, self.size - self.ready - len(self._coming))

    def _next(self) -> float:
        """Return when a pod is there, or may be created."""
        token = self._refill.token_at(Instant(self._at)) if self._missing else float("inf")
        # A token that is there was used: the next one is a moment away, whatever rounding says.
        return min(self._coming[0] if self._coming else float("inf"), max(token, self._at + 1e-3))

    def _pass(self, until: float) -> None:
        self.warm += (self.ready + len(self._coming)) * (until - self._at)
        self._at = until
        while self._coming and self._coming[0] <= until:
            self._coming.popleft()
            self.ready += 1


def replayed(wake_ups: Sequence[WakeUp], spans: Sequence[Span], supply: Supply, end: float) -> Lived:
    """Return what a stock of these sizes comes to by ``end``; wake-ups and spans are in order, one span at 0."""
    stock, missed, number = _Stock(supply), 0, 0
    for wake_up in wake_ups:
        number = _resized(stock, spans, number, wake_up.at)
        stock.advance(wake_up.at)
        missed += stock.take(wake_up.pods)
    _resized(stock, spans, number, end)
    stock.advance(end)
    return Lived(wanted=sum(each.pods for each in wake_ups), missed=missed, warm=stock.warm)


def _resized(stock: _Stock, spans: Sequence[Span], number: int, until: float) -> int:
    while number < len(spans) and spans[number].begin <= until:
        stock.advance(spans[number].begin)
        stock.resize(spans[number].size)
        number += 1
    return number
