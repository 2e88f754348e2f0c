"""Poisson arrivals at a rate that changes: the one way in which all sections of that kind are drawn.

By inversion: unit-rate arrivals, placed by the inverse of the expected count. For a rate that is constant between
edges this is exact, needs no rejected candidates, and is two passes over an array.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from scaler.errors import ConfigError
from simulations.model import SECOND, Ints
from simulations.workload.words import MOST

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """``values[i]`` a second from ``edges[i]`` to ``edges[i + 1]``, in seconds from 0; then over again."""

    edges: Floats
    values: Floats


def steps(*cells: tuple[float, float]) -> Rates:
    """Return rates from pairs of a length in seconds and a rate."""
    return stepped(np.array([length for length, _ in cells]), np.array([value for _, value in cells]))


def stepped(lengths: Floats, values: Floats) -> Rates:
    """Return rates from the lengths of their cells."""
    return Rates(edges=np.concatenate(([0.0], np.cumsum(lengths))), values=values)


def grown(end: float, cells: Callable[[int], tuple[Floats, Floats]]) -> Rates:
    """Return rates until ``end`` and beyond, from as many random ``cells(number)`` as that takes."""
    lengths, values, number, reached = [], [], 64, 0.0
    while reached <= end:
        refuse_more_than_can_be(number)
        more, rates = cells(number)
        if not (gained := float(more.sum())):
            raise ConfigError(["arrivals: all times of its states are 0s, so that it never gets on"])
        lengths.append(more)
        values.append(rates)
        reached += gained
        number *= 2
    return stepped(np.concatenate(lengths), np.concatenate(values))


def poisson(rates: Rates, end: int, rng: Generator) -> Ints:
    """Draw arrivals in [0, ``end``): ascending microseconds."""
    expected = _expected(rates)
    cycle, a_cycle = float(rates.edges[-1]), float(expected[-1])
    cycles = end / SECOND // cycle
    total = mean(rates, end)
    refuse_more_than_can_be(total)
    at = _uniform(total, rng)
    # In units of arrivals so far; the same cell structure comes again with every cycle.
    before = np.floor(at / a_cycle) if cycles else np.float64(0.0)
    at -= before * a_cycle
    seconds = np.interp(at, expected, rates.edges)
    seconds += before * cycle
    seconds *= SECOND
    return np.minimum(seconds.astype(np.int64), end - 1)


def mean(rates: Rates, end: int) -> float:
    """Return how many arrivals are expected in [0, ``end``), in microseconds."""
    expected = _expected(rates)
    cycles, rest = divmod(end / SECOND, float(rates.edges[-1]))
    return cycles * float(expected[-1]) + float(np.interp(rest, rates.edges, expected))


def _expected(rates: Rates) -> Floats:
    """Return how many arrivals are expected until each edge."""
    return np.concatenate(([0.0], np.cumsum(rates.values * np.diff(rates.edges))))


def _uniform(total: float, rng: Generator) -> Floats:
    """Draw a Poisson number of points in [0, total), ascending without a sort: gaps, stretched to fit."""
    gaps = rng.standard_exponential(int(rng.poisson(total)) + 1)
    np.cumsum(gaps, out=gaps)
    points = gaps[:-1]
    points *= total / gaps[-1]
    return points


def refuse_more_than_can_be(arrivals: float) -> None:
    """Raise ``ConfigError`` where so many arrivals would not fit."""
    if arrivals > MOST:
        raise ConfigError([f"arrivals: some {arrivals:,.0f} of one function; at most {MOST:,} can be simulated"])
