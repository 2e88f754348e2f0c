"""Cron expressions as KEDA's native scaler understands them (robfig/cron 3.0.1), and when they fire next.

Five fields: minute, hour, day of month, month, day of week. Lists, ranges, steps, ``*`` and ``?``, English names of
months and days; Sunday is 0 and there is no 7. With both days restricted either will do. ``TZ=Zone `` or
``CRON_TZ=Zone `` in front chooses another zone. No seconds, no ``@hourly``, no ``@every``.

A schedule fires whenever a clock on the wall of its zone begins to show a minute that matches: not at all at a time
that is skipped in spring, and twice at one that comes twice in autumn. robfig/cron does the same, except around changes
at midnight or by other than an hour: it loses hours, days or a year there, or never returns. There this rule holds.

Why the library is not simply given the zone: cronsim has Debian's rules, which move what is skipped and fire once where
it should be twice, and it too loses days without a midnight. So it walks a calendar without a zone, and the zone's
changes are handled here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

_PREFIXES: Final = ("TZ=", "CRON_TZ=")
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """What one field may hold; ``names`` stand for the numbers from ``low`` on."""

    title: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = (
    _Field(title="minute", low=0, high=59),
    _Field(title="hour", low=0, high=23),
    _Field(title="day of the month", low=1, high=31),
    _Field(title="month", low=1, high=12, names=_MONTHS),
    _Field(title="day of the week", low=0, high=6, names=_DAYS),
)
_DAY_FIELDS: Final = (_FIELDS[2], _FIELDS[4])


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One understood expression: ``calendar`` is a plain one, with every value listed; ``zone`` is a known name.

    ``calendar`` is empty if some field matches nothing, so that it never fires.
    """

    calendar: str
    zone: str

    def __str__(self) -> str:
        """Name the schedule, for an operator."""
        return f"'{self.calendar or 'never'}' {self.zone}"

    def after(self, now: datetime) -> datetime | None:
        """Return the first instant later than ``now`` at which it fires, in UTC; ``None`` if that never happens.

        ``now`` must know its zone. Costs some 50 µs for an instant within the day, some ms for one years ahead.
        """
        zone = time_zone(self.zone)
        since = now.astimezone(UTC).replace(microsecond=0)
        # Between two changes of the zone's offset, its clock is a plain one. So the next match is looked for with the
        # present offset; if the offset changes before that, the search goes on from the change.
        start, offset = since, _offset(zone, since)
        while (wall := _following(self.calendar, (start + offset).replace(tzinfo=None))) is not None:
            found = wall.replace(tzinfo=UTC) - offset
            change = _change(zone, since, found)
            if change is None:
                return found
            since, start, offset = change, change - _SECOND, _offset(zone, change)
        return None


def schedule(text: str, zone: str) -> Schedule:
    """Understand ``text``; raise ``ValueError`` with what is wrong with it."""
    if text.startswith(_PREFIXES):
        head, _, text = text.partition(" ")
        zone = head.partition("=")[2] or "UTC"
    time_zone(zone)
    if text.strip().startswith("@"):
        raise ValueError("has a word such as @hourly; only five fields are understood")
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"has {len(fields)} fields instead of 5: minute, hour, day of the month, month, day of the week"
        )
    listed = [_listed(field, part) for field, part in zip(_FIELDS, fields, strict=True)]
    return Schedule(calendar=" ".join(listed) if all(listed) else "", zone=zone)


@lru_cache(maxsize=1024)
def time_zone(name: str) -> ZoneInfo:
    """Return the zone; raise ``ValueError`` that names the nearest one known."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = {each.casefold(): each for each in available_timezones()}
        near = get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
        hint = f", did you mean '{known[near[0]]}'?" if near else ""
        raise ValueError(f"{name[:60]!r} is no known time zone{hint}") from None


def _listed(field: _Field, text: str) -> str:
    """Return the values of a field in cronsim's words: listed, or a star."""
    parts = [_part(field, part) for part in text.split(",") if part]
    values = {value for part, _ in parts for value in part}
    # For days a star is more than all values: it yields to the other field, where a list is an alternative to it.
    star = any(starred for _, starred in parts) if field in _DAY_FIELDS else len(values) == field.high - field.low + 1
    return "*" if star else ",".join(map(str, sorted(values)))


def _part(field: _Field, text: str) -> tuple[range, bool]:
    """Read ``from-to/step``; tell its values, and whether it is a star."""
    span, slash, by = text.partition("/")
    first, dash, last = span.partition("-")
    step = _number(field, by, text) if slash else 1
    star = first in {"*", "?"}
    low = field.low if star else _value(field, first, text)
    # `5/10` means from 5 to the end; what follows a star and a dash is not even looked at.
    high = field.high if star or (slash and not dash) else _value(field, last, text) if dash else low
    if step == 0 or not field.low <= low <= high <= field.high:
        raise ValueError(_wrong(field, text))
    return range(low, high + 1, step), star and step == 1


def _value(field: _Field, text: str, part: str) -> int:
    name = text.casefold()
    return field.low + field.names.index(name) if name in field.names else _number(field, text, part)


def _number(field: _Field, text: str, part: str) -> int:
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(_wrong(field, part))
    return int(digits.lstrip("0")[:9] or "0")


def _wrong(field: _Field, part: str) -> str:
    return f"has {part[:30]!r} as {field.title}, which goes from {field.low} to {field.high}"


def _following(calendar: str, wall: datetime) -> datetime | None:
    """Return the first match later than ``wall`` of a clock that never changes."""
    try:
        return next(CronSim(calendar, wall)) if calendar else None
    except (CronSimError, StopIteration):  # no such date, such as the 30th of February
        return None


def _offset(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _change(zone: tzinfo, since: datetime, until: datetime) -> datetime | None:
    """Return when, after ``since`` and not after ``until``, the zone's offset changes first, to the second."""
    offset = _offset(zone, since)
    while since < until:  # day by day: no zone changes there and back within one
        later = min(since + _DAY, until)
        if _offset(zone, later) != offset:
            return _bisected(zone, since, later)
        since = later
    return None


def _bisected(zone: tzinfo, before: datetime, after: datetime) -> datetime:
    """Return the second at which the offset stops being that of ``before``."""
    offset = _offset(zone, before)
    while after - before > _SECOND:
        middle = before + ((after - before) / 2 // _SECOND) * _SECOND
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after
