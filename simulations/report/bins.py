"""How many samples a timeline has: as many as make each of them a round number of seconds, minutes or hours."""

from typing import Final

from simulations.model import SECOND
from simulations.report.numbers import seconds

MOST: Final = 1_000
"""Samples of a timeline at most."""
_ROUND: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_NEAR: Final = 0.01  # of a width: so much is lost where the run is no whole number of them


def bins_of(end: int) -> int:
    """Return how many samples a run of ``end`` microseconds has."""
    width = next((each for each in _ROUND if end / SECOND / each <= MOST), _ROUND[-1])
    return min(MOST, max(1, round(end / SECOND / width)))


def width_of(micros: int) -> str:
    """Write how long a sample is: ``1 min``, or ``about 1 min`` where the run is no whole number of minutes."""
    width = micros / SECOND
    nearest = min(_ROUND, key=lambda each: abs(each - width))
    if width == nearest:
        return _words(nearest)
    return f"about {_words(nearest)}" if abs(width - nearest) <= _NEAR * nearest else seconds(width)


def _words(width: float) -> str:
    if width < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{width:g} s"
    return f"{width / 60:g} min" if width < 3600 else f"{width / 3600:g} h"  # noqa: PLR2004 - seconds of an hour
