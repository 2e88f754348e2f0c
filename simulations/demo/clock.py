"""The demo's one clock, and what "faster" means.

Scaled by the speed is all that is simulated: arrivals, service times, cold starts, KEDA's polls, cooldown and waits
before a reconnect, the HPA's syncs, a planned outage, the duration of the run, and the interval at which the service is
asked to read its source. Not scaled, since it is real: the service's reaction, the pool's, the broker, every RPC, and
what a call of the simulated Kubernetes API takes. So a latency is a sum of two parts that are measured on their own
clocks, see :func:`waited`.
"""

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One instant on both clocks: ``at`` in seconds of the demo, ``wall`` in seconds of the monotonic clock."""

    at: float
    wall: float


class Clock:
    """Tells the time since :meth:`start`, in seconds of the demo; ``speed`` of them pass in one of the wall's."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._zero: float | None = None

    def start(self) -> None:
        """Begin to count; before, it is zero."""
        self._zero = time.monotonic()

    @property
    def started(self) -> bool:
        """Whether it counts."""
        return self._zero is not None

    def now(self) -> float:
        """Tell the time."""
        return self.moment().at

    def moment(self) -> Moment:
        """Tell the time on both clocks."""
        wall = time.monotonic()
        return Moment(at=0.0 if self._zero is None else (wall - self._zero) * self.speed, wall=wall)

    def on_the_wall(self, seconds: float) -> float:
        """Return how long ``seconds`` of the demo take."""
        return seconds / self.speed

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of the demo."""
        await asyncio.sleep(self.on_the_wall(seconds))

    async def until(self, at: float) -> None:
        """Wait until it is ``at``; return at once if it is past."""
        await self.sleep(max(0.0, at - self.now()))


def waited(since: Moment, asked: Moment, answered: Moment) -> float:
    """Return the seconds from ``since`` to ``answered``: simulated waiting in the demo's time, real work in the wall's.

    ``asked`` is when KEDA's own waiting ended: its check began, or its stream was opened. All before it is simulated
    waiting; all after it is real. An event that comes later than that has waited for nothing simulated.
    """
    simulated = max(0.0, asked.at - since.at)
    return simulated + answered.wall - max(asked.wall, since.wall)
