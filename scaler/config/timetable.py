"""Windows of the calendar, made into a timetable of instants around now: sizes are decided without a calendar.

A window lasts for its duration in real time from each instant at which its cron expression fires, and ends just before
that time is over. Where clocks change, a window of ten hours is ten hours long and ends an hour earlier or later on the
wall; one that would begin at a time that is skipped does not begin, and at one that comes twice it begins twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from scaler.model import Instant
from scaler.policy.warmth import Period, Scheduled
from scaler.triggers.schedule import Schedule

AHEAD: Final = timedelta(days=1)
"""How far a timetable reaches at most. The wall clock may be set meanwhile, so it is to be made anew every minute."""
FIRINGS: Final = 16
"""Times of one window that are looked for: a few are enough to know the next change, and 16 take 1 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """``size`` warm pods for ``duration`` seconds from each time that ``schedule`` fires."""

    schedule: Schedule
    duration: float
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """The largest size of the windows that it is in, else ``otherwise``."""

    windows: tuple[Window, ...]
    otherwise: int

    @property
    def largest(self) -> int:
        """The most warm pods that it ever says."""
        return max(self.otherwise, *(each.size for each in self.windows))

    def around(self, at: datetime, now: Instant) -> Scheduled:
        """Say it in instants, where the wall clock says ``at``, with its zone, at ``now``."""

        def instant(wall: datetime) -> Instant:
            return Instant(now + (wall - at).total_seconds())

        minute = at.replace(second=0, microsecond=0)  # functions of one pool ask for the same again and again
        periods, until = [], minute + AHEAD
        for window in self.windows:
            begins, known_until = _begins(window, minute)
            until = min(until, known_until)
            length = timedelta(seconds=window.duration)
            periods += [Period(begin=instant(each), end=instant(each + length), size=window.size) for each in begins]
        return Scheduled(periods=tuple(periods), otherwise=self.otherwise, until=instant(until))


@lru_cache(maxsize=4096)
def _begins(window: Window, at: datetime) -> tuple[tuple[datetime, ...], datetime]:
    """Return the begins of the periods that are not over at ``at``, and until when they tell all there is to tell."""
    length = timedelta(seconds=window.duration)
    begins: list[datetime] = []
    begin = window.schedule.after(at - length)
    while begin is not None and begin <= at + AHEAD:
        begins.append(begin)
        if len(begins) == FIRINGS:
            # Whether others begin meanwhile changes nothing before the last of these ends: their size is the same.
            return tuple(begins), begin + length
        begin = window.schedule.after(begin)
    return tuple(begins), at + AHEAD
