"""What is compared: one figure, what it must be, and what the simulations made of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from simulations.statistics import Interval, interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``expected`` is known to within ``margin``; ``simulated`` is a mean over the seeds with its 95 % interval.

    ``section`` says what it is measured by, and ``name`` which figure of which case.
    """

    section: str
    name: str
    expected: float
    margin: float
    simulated: Interval

    @property
    def agrees(self) -> bool:
        """Whether the two are no further apart than both uncertainties together."""
        return abs(self.simulated.mean - self.expected) <= self.margin + self.simulated.half


def exact(section: str, name: str, expected: float, drawn: Iterable[float]) -> Row:
    """Return a row of a formula.

    A formula has no interval of its own, and with it one row in twenty would be outside by chance; so the simulation's
    half-width counts twice, which of ten seeds one row in seven hundred exceeds.
    """
    simulated = interval(drawn)
    return Row(section=section, name=name, expected=expected, margin=simulated.half, simulated=simulated)


Task = Callable[[Sequence[int]], Iterator[Row]]
"""Runs one case once for each seed, and yields its rows."""
