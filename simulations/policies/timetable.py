"""Day and night in the requests of a function, as windows of a pool's schedule."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import numpy as np

from scaler.config.pools import WindowSection
from simulations.model import SECOND, Ints

HOURS: Final = 24
_HOUR: Final = 3600


def by_hour(arrivals: Ints, wall: float) -> Ints:
    """Return the requests of each hour of the day, in UTC; ``wall`` is when the arrivals begin, seconds since 1970."""
    hours = (arrivals // SECOND + round(wall)) // _HOUR % HOURS
    return np.bincount(hours, minlength=HOURS)


def busy_hours(arrivals: Ints, wall: float, share: float) -> Sequence[bool]:
    """Say of each hour of the day whether it has at least ``share`` of what it would have if all had the same."""
    counts = by_hour(arrivals, wall)
    return [bool(count) and bool(count >= share * counts.mean()) for count in counts]


def windows(arrivals: Ints, wall: float, size: int, share: float) -> list[WindowSection]:
    """Return windows of ``size`` over the busy hours, none where all hours are busy or there are no requests."""
    busy = busy_hours(arrivals, wall, share)
    if all(busy) or not any(busy):
        return []
    return [window(begin, length, size) for begin, length in spans(busy)]


def window(begin: int, length: int, size: int) -> WindowSection:
    """Return a window of every day, from an hour on for so many hours."""
    said = {"cron": f"0 {begin} * * *", "duration": f"{length}h", "timeZone": "UTC", "size": size}
    return WindowSection.model_validate(said)


def spans(busy: Sequence[bool]) -> list[tuple[int, int]]:
    """Return begin and length of every run of busy hours; one across midnight is one. Not all hours are busy."""
    first = busy.index(False)
    turned = [(hour + first) % HOURS for hour in range(HOURS)]
    runs = [list(run) for is_busy, run in groupby(turned, key=lambda hour: busy[hour]) if is_busy]
    return sorted((run[0], len(run)) for run in runs)
