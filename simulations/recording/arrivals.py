"""Arrivals out of readings of a backlog."""

import numpy as np

from simulations.model import Ints, micros
from simulations.recording.model import Watched


def reconstructed(watched: Watched) -> Ints:
    """Return when requests must have arrived for the backlog to grow as it did, ascending.

    A lower bound: what arrived and was done between two readings is in none of them, and what was done while more
    arrived hides as many. Those of one rise are spread evenly over the time since the reading before, which was at most
    an ``interval`` ago; the last of them comes with the reading that saw it. Of a backlog that is there at the
    beginning nobody knows when it arrived: it arrives then.
    """
    times, values = watched.backlog.times, watched.backlog.values
    if not times.size:
        return np.zeros(0, dtype=np.int64)
    rises = np.maximum(0, np.diff(values, prepend=0))
    spans = np.minimum(micros(watched.interval), np.diff(times, prepend=times[0]))
    total = int(rises.sum())
    firsts = np.cumsum(rises) - rises
    ranks = np.arange(total) - np.repeat(firsts, rises)  # 0, 1, … within each rise
    left = np.repeat(rises, rises) - 1 - ranks
    arrivals = np.repeat(times, rises) - np.repeat(spans, rises) * left // np.maximum(1, np.repeat(rises, rises))
    return np.sort(arrivals.astype(np.int64), kind="stable")
