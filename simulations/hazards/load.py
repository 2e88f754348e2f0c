"""How much the requests of a function ask for, whoever scales it."""

from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
import numpy.typing as npt

from simulations.model import SECOND, Function, Ints

MINUTE: Final = 60
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
    asked = _per_bin(arrivals, service, MINUTE) / (MINUTE * function.concurrency)
    busiest = int(asked.argmax())
    more = _more(function)
    hours = np.add.reduceat(more, np.arange(0, len(more), 3600 // BIN))
    positive = np.sort(more[more > 0])
    return Load(
        busiest=float(asked[busiest]),
        arrivals=int(np.count_nonzero(arrivals // (MINUTE * SECOND) == busiest)),
        service=float(service.mean()) / SECOND,
        step=int(positive[ceil(0.95 * len(positive)) - 1]),
        rate=float(hours.max()) / 3600,
    )


def _per_bin(arrivals: Ints, service: Ints, width: int) -> npt.NDArray[np.float64]:
    """Return the seconds of service that arrive in each ``width`` seconds."""
    return np.bincount(arrivals // (width * SECOND), weights=service / SECOND).astype(np.float64)


def _more(function: Function) -> Ints:
    """Return how many more pods than there are each bin wants."""
    asked = _per_bin(function.work.arrivals, function.work.service, BIN) / (BIN * function.concurrency)
    wanted = np.minimum(np.ceil(asked).astype(np.int64), function.scaled.max_replicas)
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
