"""What a pool has lived through, as its size needs it: how often it was asked, for how much, how long a refill took.

It is in memory alone. A new leader begins with an empty book, and with the size that it finds.
"""

from collections import deque
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from scaler.model import Instant
from scaler.policy.warmth import Measured

BIN: Final = 300.0  # s over which a rate is taken
BINS: Final = 12  # of which the busiest but one in ten counts: an hour
KEPT: Final = 50  # lead times and steps


@dataclass(slots=True)
class Book:
    """The record of one function's pool."""

    begun: Instant
    _bins: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=BINS))
    _sizes: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT))
    _lead_times: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    _missed: int = 0
    _wanted: int = 0
    _missing: int = 0
    _late: int = 0
    _gaps: deque[Instant] = field(default_factory=deque)

    def asked(self, now: Instant, *, wanted: int, ready: int, claims: int, missing: int) -> int:
        """Enter what is wanted while ``ready`` replicas are: so many claims begin, so many have no warm pod.

        Return how many of the latter are new. A claim for a replica that was missing before comes late: that one is
        counted already, as a miss.
        """
        rise = wanted - max(self._wanted, ready)
        missed = max(0, missing - self._missing)
        self._late = min(claims, max(0, self._missing - missing)) if claims else self._late
        self._wanted, self._missing = wanted, missing
        if rise > 0 or missed:
            self.stepped(now, pods=max(rise, missed), missed=missed)
        return missed

    def taken(self, now: Instant) -> bool:
        """Enter that a pod was claimed, and its place is empty; return whether it came in time."""
        self._gaps.append(now)
        late = self._late > 0
        self._late -= late
        return not late

    def stepped(self, now: Instant, *, pods: int, missed: int) -> None:
        """Enter that so many replicas more were wanted at once, and that so many of them found no warm pod."""
        number = int((now - self.begun) // BIN)
        if self._bins and self._bins[-1][0] == number:
            self._bins[-1] = (number, self._bins[-1][1] + 1)
        else:
            self._bins.append((number, 1))
        self._sizes.append(pods)
        self._missed += missed

    def refilled(self, now: Instant) -> float | None:
        """Enter that a pod became available; return how long its place was empty, ``None`` if nobody had taken it."""
        if not self._gaps:
            return None
        lead_time = now - self._gaps.popleft()
        self._lead_times.append(lead_time)
        return lead_time

    def warmed(self, seconds: float) -> None:
        """Enter how long a pod took to become available whose place nobody had emptied."""
        self._lead_times.append(seconds)

    def vacant(self, places: int) -> None:
        """Enter how many places are empty: those of pods that came back, or that are wanted no more, are not."""
        while len(self._gaps) > max(0, places):
            self._gaps.popleft()

    def measured(self, now: Instant) -> Measured:
        """Say what was measured so far; misses are told once."""
        times, sizes = sorted(self._lead_times), sorted(float(each) for each in self._sizes)
        missed, self._missed = self._missed, 0
        return Measured(
            rate=self._rate(now),
            lead_time=sum(times) / len(times) if times else None,
            lead_time_p95=_quantile(times, 0.95) if times else None,
            step_p95=int(_quantile(sizes, 0.95)) if sizes else 1,
            misses=missed,
        )

    def _rate(self, now: Instant) -> float:
        """Return steps a second: those of the busiest but one in ten of the last hour's bins."""
        number = int((now - self.begun) // BIN)
        first = max(0, number - BINS + 1)
        counts = {index: count for index, count in self._bins if index >= first}
        bins = sorted(float(counts.get(index, 0)) for index in range(first, number + 1))
        seconds = BIN if number else max(30.0, now - self.begun)
        return _quantile(bins, 0.9) / seconds


def _quantile(ascending: list[float], share: float) -> float:
    """Return the nearest-rank quantile."""
    return ascending[max(0, ceil(share * len(ascending)) - 1)]
