"""What is compared: one figure, what it must be, and what the simulations made of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from simulations.statistics import Interval, interval

WIDEST: Final = 0.1
"""Half-widths of the simulation that are a larger part of what is expected decide nothing."""


class Verdict(StrEnum):
    """What came of a row: only the first is good."""

    AGREES = "agrees"
    UNDECIDED = "undecided"
    """Not outside, but the simulation knows it so badly that an error would not be seen."""
    OUTSIDE = "OUTSIDE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``expected`` is known to within ``margin``; ``simulated`` is a mean over the seeds with its 95 % interval.

    ``margin`` is ``None`` for a closed form, which is exact. With one interval only, one row in twenty would be outside
    by chance; so the simulation's half-width counts twice there, which of ten seeds one row in seven hundred exceeds.
    ``section`` says what it is measured by, and ``name`` which figure of which case.
    """

    section: str
    name: str
    expected: float
    margin: float | None
    simulated: Interval

    @property
    def verdict(self) -> Verdict:
        """Whether the two are no further apart than both uncertainties together, and near enough to tell."""
        half = self.simulated.half
        if abs(self.simulated.mean - self.expected) > half + (half if self.margin is None else self.margin):
            return Verdict.OUTSIDE
        return Verdict.UNDECIDED if half > WIDEST * abs(self.expected) else Verdict.AGREES

    @property
    def agrees(self) -> bool:
        """Whether it is decided that the two are the same."""
        return self.verdict is Verdict.AGREES


def exact(section: str, name: str, expected: float, drawn: Iterable[float]) -> Row:
    """Return a row of a closed form."""
    return Row(section=section, name=name, expected=expected, margin=None, simulated=interval(drawn))


Task = Callable[[Sequence[int]], Iterator[Row]]
"""Runs one case once for each seed, and yields its rows."""
