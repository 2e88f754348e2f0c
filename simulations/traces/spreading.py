"""From how many arrived in an interval to when: the numbers are the trace's, the instants are drawn."""

import numpy as np
from numpy.random import Generator

from simulations.model import Ints
from simulations.traces.model import Placement
from simulations.workload.rates import Floats


def whole(counts: Floats) -> Ints:
    """Return counts that may be broken (Prometheus extrapolates) as whole ones with the same running total."""
    totals: Ints = np.rint(np.cumsum(counts)).astype(np.int64)
    return np.diff(totals, prepend=0)


def placed(begins: Ints, widths: Ints, counts: Ints, placement: Placement, rng: Generator) -> Ints:
    """Return ``counts[i]`` instants in each interval of ``widths[i]`` microseconds from ``begins[i]``; ascending."""
    first = np.repeat(begins, counts)
    shares = _shares(counts, placement, rng)
    at: Ints = first + (shares * np.repeat(widths, counts)).astype(np.int64)
    at.sort()
    return at


def _shares(counts: Ints, placement: Placement, rng: Generator) -> Floats:
    """Return where in its interval each arrival is, from 0 to below 1."""
    number = int(counts.sum())
    if placement is Placement.UNIFORM:
        return rng.random(number)
    gaps = np.ones(number) if placement is Placement.EQUIDISTANT else rng.standard_exponential(number)
    before = np.concatenate(([0.0], np.cumsum(gaps)))
    ends = np.cumsum(counts)
    begins = np.repeat(before[ends - counts], counts)
    lengths = np.repeat(before[ends] - before[ends - counts], counts)
    shares: Floats = (before[:-1] - begins) / lengths
    return shares
