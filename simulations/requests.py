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
        self._draining: list[int] = []
        self._done: list[int] = []

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return self.arrived - self.begun

    @property
    def serving(self) -> int:
        """How many are in service."""
        return len(self._ends) + len(self._draining)

    @property
    def draining(self) -> int:
        """How many of them are on pods that serve no more."""
        return len(self._draining)

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
        return min(self._ends[0] if self._ends else NEVER, self._draining[0] if self._draining else NEVER)

    def arrive(self) -> None:
        """Let the next one arrive."""
        self.arrived += 1

    def end(self) -> None:
        """Let the next one in service leave."""
        at = self.next_end
        self._done.append(heappop(self._ends if self._ends and self._ends[0] == at else self._draining))

    def drain(self, pods: int, serving: int, slots: int) -> None:
        """Let so many of the ``serving`` pods finish what they hold apart; ``slots`` are those of the others.

        Nobody says which pod holds which request: those that go hold as many as they are pods, and no others than find
        a slot stay; in the order of their ends they are evenly spread.
        """
        ends = sorted(self._ends)
        held = len(ends)
        share = max(held * pods // serving, held - slots)
        going = {(2 * number + 1) * held // (2 * share) for number in range(share)}
        self._ends = [end for place, end in enumerate(ends) if place not in going]
        for place in going:
            heappush(self._draining, ends[place])

    def begin(self, now: int, slots: int) -> None:
        """Give free ones of so many slots to those that have waited longest."""
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
