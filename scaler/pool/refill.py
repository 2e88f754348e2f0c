"""How fast pods may be created, and when none may: a token bucket, a breaker, and what the cluster has refused.

What does not start costs as much as what does, so a pool whose pods fail again and again is filled ever more slowly.
"""

from dataclasses import dataclass
from typing import Final

from scaler.model import Instant

TOLERATED: Final = 3  # warm-ups that fail in a row before the breaker opens
FIRST: Final = 10.0  # s for which it is open first
LONGEST: Final = 600.0  # s, at most, doubled each time
REFUSED: Final = 10.0  # s after which the cluster is asked again when it refused a pod


@dataclass(slots=True)
class Hold:
    """Why nothing is created until an instant."""

    why: str
    until: Instant


class Refill:
    """The permission of one function to create pods: ``rate`` a second in the long run, ``burst`` at once."""

    def __init__(self, now: Instant, *, rate: float, burst: int) -> None:
        self.failures = 0
        self._rate = rate
        self._burst = burst
        self._level = float(burst)
        self._at = now
        self._hold: Hold | None = None

    def adjust(self, now: Instant, *, rate: float, burst: int) -> None:
        """Go on with another rate."""
        self._fill(now)
        self._rate, self._burst = rate, burst
        self._level = min(self._level, burst)

    def tokens(self, now: Instant, coming: int) -> int:
        """Return how many pods may be created now, while ``coming`` others are not available yet.

        After the breaker was open, one has to prove itself.
        """
        self._fill(now)
        most = max(0, 1 - coming) if self.open else self._burst
        return max(0, min(int(self._level + 1e-9), most))

    def take(self, now: Instant) -> None:
        """Use one token."""
        self._fill(now)
        self._level -= 1.0

    def token_at(self, now: Instant) -> Instant:
        """Return when the next token is there."""
        self._fill(now)
        return Instant(now + max(0.0, 1.0 - self._level) / self._rate)

    def begin_anew(self) -> None:
        """Forget what failed: the pods to come are others, of another template."""
        self.succeeded()

    def succeeded(self) -> None:
        """Note that a pod became available: the breaker is closed."""
        self.failures, self._hold = 0, None

    def failed(self, now: Instant, why: str) -> None:
        """Note that a pod did not become available."""
        self.failures += 1
        over = self.failures - TOLERATED
        if over < 0:
            return
        seconds = min(LONGEST, FIRST * 2.0 ** min(over, 20))
        self._hold = Hold(
            f"{self.failures} warm pods in a row did not start, the last one: {why}", Instant(now + seconds)
        )

    def refused(self, now: Instant, why: str) -> None:
        """Note that the cluster would not have a pod, such as for a quota."""
        if self._hold is None or self._hold.until < now + REFUSED:
            self._hold = Hold(why, Instant(now + REFUSED))

    def hold(self, now: Instant) -> str:
        """Return why nothing may be created now, empty if it may."""
        return self._hold.why if self._hold is not None and now < self._hold.until else ""

    @property
    def open(self) -> bool:
        """Whether the breaker is open, or waits for the one that proves it wrong."""
        return self.failures >= TOLERATED

    def again_at(self, now: Instant) -> Instant | None:
        """Return when the hold is over."""
        return self._hold.until if self._hold is not None and now < self._hold.until else None

    def _fill(self, now: Instant) -> None:
        self._level = min(float(self._burst), self._level + (now - self._at) * self._rate)
        self._at = now
