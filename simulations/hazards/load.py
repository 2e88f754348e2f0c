"""How much the requests of a function ask for, whoever scales it."""

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from simulations.model import SECOND, Function, Ints

MINUTE: Final = 60
HOUR: Final = 3600
BIN: Final = 15
"""Seconds, the HPA's sync period: within it no second step is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """``busiest`` pods are what the busiest minute keeps busy, whose requests are ``arrivals``.

    ``service`` is the mean of all requests in seconds. ``step`` is how many more pods are wanted from one sync of the
    HPA to the next, at the 95th percentile of those with more, where replicas go as soon as the cooldown is over.
    ``rate`` is how many more pods a second that makes in the busiest hour.
    """

    busiest: float = 0.0
    arrivals: int = 0
    service: float = 0.0
    step: int = 0
    rate: float = 0.0


def load(function: Function) -> Load:
    """Measure the requests of a function."""
    arrivals, service = function.work.arrivals, function.work.service
    if not len(arrivals):
        return Load()
    edges = np.arange(0, int(arrivals[-1]) + MINUTE * SECOND + 1, BIN * SECOND)
    before = np.searchsorted(arrivals, edges)
    asked = np.diff(np.concatenate([np.zeros(1, np.int64), service.cumsum()])[before])
    minutes = _together(asked, MINUTE // BIN)
    busiest = int(minutes.argmax())
    more = _more(function, asked)
    positive = np.sort(more[more > 0])
    return Load(
        busiest=int(minutes[busiest]) / (MINUTE * SECOND * function.concurrency),
        arrivals=int(_together(np.diff(before), MINUTE // BIN)[busiest]),
        service=float(service.mean()) / SECOND,
        step=int(positive[ceil(0.95 * len(positive)) - 1]) if len(positive) else 0,
        rate=int(_together(more, HOUR // BIN).max()) / HOUR,
    )


def _together(bins: Ints, count: int) -> Ints:
    """Add up each ``count`` bins."""
    return np.add.reduceat(bins, np.arange(0, len(bins), count))


def _more(function: Function, asked: Ints) -> Ints:
    """Return how many more pods than there are each bin wants, for the microseconds of service that arrive in it."""
    wanted = np.minimum(-(-asked // (BIN * SECOND * function.concurrency)), function.scaled.max_replicas)
    kept = _highest(wanted, max(1, round(function.scaled.cooldown / BIN)))
    there = np.concatenate([np.zeros(1, np.int64), kept[:-1]])
    return np.asarray(np.maximum(0, kept - there), np.int64)


def _highest(values: Ints, width: int) -> Ints:
    """Return the highest of each value and the ``width - 1`` before it."""
    highest, seen = values.copy(), 1
    while seen < min(width, len(values)):
        shift = min(seen, width - seen)
        highest[shift:] = np.maximum(highest[shift:], highest[:-shift].copy())
        seen += shift
    return highest
