"""The requests of one function: they arrive, wait in the order of their arrival, are served and leave."""

from bisect import bisect_left
from heapq import heappop, heappush

import numpy as np

from simulations.model import Ints, Work

NEVER = 2**62
"""An instant that does not come, in microseconds."""


class Requests:
    """All requests of a run, by number; those that were begun are the first ``begun``."""

    def __init__(self, work: Work) -> None:
        self.arrived = 0
        self.begun = 0
        self._arrivals: list[int] = work.arrivals.tolist()
        self._service: list[int] = work.service.tolist()
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._done: list[int] = []

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return self.arrived - self.begun

    @property
    def serving(self) -> int:
        """How many are in service."""
        return len(self._ends)

    @property
    def unfinished(self) -> int:
        """How many wait or are in service."""
        return self.arrived - len(self._done)

    @property
    def next_arrival(self) -> int:
        """When the next one arrives."""
        return self._arrivals[self.arrived] if self.arrived < len(self._arrivals) else NEVER

    @property
    def next_end(self) -> int:
        """When the next one in service is done."""
        return self._ends[0] if self._ends else NEVER

    def arrive(self) -> None:
        """Let the next one arrive."""
        self.arrived += 1

    def end(self) -> None:
        """Let the next one in service leave."""
        self._done.append(heappop(self._ends))

    def begin(self, now: int, slots: int) -> None:
        """Give free ones of so many slots to those that have waited longest.

        There may be more in service than slots: a pod that is removed finishes what it holds.
        """
        while self.begun < self.arrived and len(self._ends) < slots:
            heappush(self._ends, now + self._service[self.begun])
            self._begins.append(now)
            self.begun += 1

    def first_since(self, instant: int) -> int:
        """Return the number of the first request that arrives at ``instant`` or later."""
        return bisect_left(self._arrivals, instant)

    def counted(self, first: int, now: int) -> tuple[int, int]:
        """Return how many were begun, and how many of them served by ``now``, from number ``first`` on."""
        spans = zip(self._begins[first:], self._service[first:], strict=False)
        return max(0, self.begun - first), sum(begin + service <= now for begin, service in spans)

    def waits(self, first: int) -> Ints:
        """Return how long each waited that was begun, from number ``first`` on."""
        numbers = slice(first, max(first, self.begun))
        return np.asarray(self._begins[numbers], dtype=np.int64) - np.asarray(self._arrivals[numbers], dtype=np.int64)

    def unbegun(self, first: int, now: int) -> Ints:
        """Return how long each had waited by ``now`` that was not begun, from number ``first`` on."""
        return now - np.asarray(self._arrivals[max(first, self.begun) : self.arrived], dtype=np.int64)

    def service_of(self, first: int) -> int:
        """Return the service time of all that were begun, from number ``first`` on."""
        return sum(self._service[first : self.begun])

    @property
    def done(self) -> Ints:
        """When each left, ascending."""
        return np.asarray(self._done, dtype=np.int64)
