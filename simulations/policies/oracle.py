"""What somebody would pay who knows the future: no policy can do better, and regret is the distance from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from simulations.figures import Outcome
from simulations.model import SECOND, Ints, World

GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The best of each exchange of cold starts for idling: with at most ``colds[i]`` at least ``idle[i]``.

    ``idle`` is microseconds of one pod for each gap between requests, or pod-microseconds; ``colds`` falls by one from
    entry to entry, and ``idle`` never falls.
    """

    colds: Ints
    idle: Ints

    def idle_at(self, colds: int) -> int:
        """Return the least idling with at most so many cold starts.

        Raises ``ValueError`` where fewer are unavoidable than that.
        """
        if colds < self.colds[-1]:
            raise ValueError(f"{self.colds[-1]} cold starts are unavoidable, not {colds}")
        return int(self.idle[max(0, int(self.colds[0]) - colds)])

    def colds_at(self, idle: int) -> int:
        """Return the fewest cold starts with at most so much idling."""
        return int(self.colds[int(np.searchsorted(self.idle, idle, side="right")) - 1])


def keep_alive(gaps: Ints) -> Frontier:
    """Return the frontier of one pod whose requests are ``gaps`` apart: a gap is kept warm throughout, or starts cold.

    Keeping a part of a gap costs and saves nothing, so the choice is which gaps; the k shortest cost the least of any
    k. The first request is cold for everybody, and not counted.
    """
    shortest = np.sort(gaps)
    return Frontier(colds=np.arange(len(gaps), -1, -1, dtype=np.int64), idle=np.concatenate(([0], np.cumsum(shortest))))


def after_fixed(gaps: Ints, keep: int) -> tuple[int, int]:
    """Return the cold starts and the idling of a pod that is kept for ``keep`` after each request."""
    return int((gaps > keep).sum()), int(np.minimum(gaps, keep).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """``pods`` were wanted at once, ``at`` so many microseconds after the pool was empty."""

    at: int
    pods: int


def warm_pool(wakes: Sequence[Wake], lead: int) -> Frontier:
    """Return the frontier of a pool: least pod-microseconds of warm pods, from creation to claim, by misses.

    ``lead`` is the shortest time from a pod's creation until it can be claimed. A pod that is claimed at t was created
    at t - lead or earlier, so each hit costs a lead at least; one wanted before the first lead is over cannot be met.
    Nobody can do with less, for a pod is claimed once. And it can be done: whoever knows the wake-ups creates each of
    these pods a lead ahead and no other. So the bound is exact where nothing limits how many are created at once, and
    only a bound where the rate, the ceiling or a budget does.
    """
    wanted = sum(each.pods for each in wakes)
    possible = sum(each.pods for each in wakes if each.at >= lead)
    return Frontier(
        colds=np.arange(wanted, wanted - possible - 1, -1, dtype=np.int64),
        idle=np.fromiter(accumulate([lead] * possible, initial=0), dtype=np.int64, count=possible + 1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Nobody misses ``missed`` of the ``wanted`` replicas that were wanted at once, or fewer, with less than ``gib_s``.

    These are GiB·s of the memory of warm pods.
    """

    missed: int
    wanted: int
    gib_s: float

    @property
    def missed_ratio(self) -> float:
        """The share of misses, 0 where nothing was wanted."""
        return self.missed / self.wanted if self.wanted else 0.0


def of_run(world: World, outcome: Outcome, most: int = 200) -> tuple[Bound, ...]:
    """Return the bound of all wake-ups of a run under pools, from no avoidable miss to all missed.

    As :func:`warm_pool`, of several functions together: a hit of a function costs a lead time of one pod's memory, and
    whoever misses some of them misses the dearest ones. At most about so many points, evenly spaced.
    """
    costs, early = [], 0
    for function, figures in zip(world.functions, outcome.figures, strict=True):
        lead = int(function.starts.total.min())
        wanted = sum(step.pods for step in figures.steps)
        possible = sum(step.pods for step in figures.steps if step.at >= lead)
        costs += [lead / SECOND * function.memory / GIB] * possible
        early += wanted - possible
    ascending = np.concatenate(([0.0], np.cumsum(np.sort(np.array(costs, dtype=float)))))
    hits = sorted({len(costs), *range(0, len(costs) + 1, len(costs) // most + 1)}, reverse=True)
    wanted = early + len(costs)
    return tuple(Bound(missed=wanted - each, wanted=wanted, gib_s=float(ascending[each])) for each in hits)
