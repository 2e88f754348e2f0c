"""When events arrive: Poisson bursts with quiet gaps, and now and then a lone event. Pure; a seed says it all.

The gaps are long enough for a Deployment that is woken at once to work the burst off and go back to sleep, so that the
way from zero is seen again and again. One that sleeps through half of it by polling meets the next burst awake.
"""

from collections.abc import Iterator
from random import Random
from typing import Final

FIRST: Final = (1.0, 2.5)  # s: when the first burst begins, always a real one
BURST: Final = (3.0, 7.0)  # s: how long one lasts, uniform
RATES: Final = (3.0, 6.0, 9.0)  # events a second in one, each as likely
LONELY: Final = 0.25  # of the bursts are one event only
SHORTEST_GAP: Final = 18.0  # s
FURTHER_GAP: Final = 5.0  # s: mean of the exponential rest of a gap

EXTRA_EVENTS: Final = 40  # in a burst that was asked for
EXTRA_LENGTH: Final = 4.0  # s that it lasts


def arrivals(seed: int) -> Iterator[float]:
    """Yield instants in seconds, growing without end: the same for the same seed."""
    chance = Random(seed)  # noqa: S311 - seeded chance, wanted
    start = chance.uniform(*FIRST)
    rates: tuple[float, ...] = RATES[1:]
    while True:
        end = start
        for at in _burst(chance, start, rates):
            yield at
            end = at
        start = end + SHORTEST_GAP + chance.expovariate(1.0 / FURTHER_GAP)
        rates = (0.0,) if chance.random() < LONELY else RATES


def _burst(chance: Random, start: float, rates: tuple[float, ...]) -> Iterator[float]:
    """Yield ``start`` and the Poisson arrivals after it; at a rate of zero there are none."""
    yield start
    rate, end = chance.choice(rates), start + chance.uniform(*BURST)
    at = start
    while rate and (at := at + chance.expovariate(rate)) < end:
        yield at


def extra_burst(start: float) -> list[float]:
    """Return the instants of a burst that somebody asked for: evenly spread."""
    return [start + EXTRA_LENGTH * number / EXTRA_EVENTS for number in range(EXTRA_EVENTS)]


def service_time(seed: int, number: int) -> float:
    """Return how many seconds event ``number`` takes to be served: the same wherever it is served."""
    return Random(f"{seed}/{number}").uniform(0.2, 0.8)  # noqa: S311 - seeded chance, wanted
