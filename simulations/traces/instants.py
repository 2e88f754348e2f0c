"""Timestamps and durations as whole microseconds, whatever they are spelled in: the unit is recognised, and said.

Since 1970 the seconds have ten digits, milliseconds thirteen, microseconds sixteen and nanoseconds nineteen. A smaller
number counts from a beginning of the file's own, in the unit that the column's name ends with, or in seconds.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from typing import Final

import numpy as np

from scaler.errors import ConfigError
from scaler.triggers.values import duration
from simulations.model import SECOND, Ints, micros
from simulations.traces.ledger import Check, Ledger, Mask
from simulations.traces.model import Unit
from simulations.traces.tables import numbers

CALENDAR: Final = 100_000_000
"""Seconds since 1970 from which on a number is taken for a date: March 1973."""

LATEST: Final = 100_000_000_000
"""Seconds since 1970 that are no date of ours: the year 5138."""

_FIRST: Final = 1000  # rows that are looked at
_MICROS: Final = {
    Unit.SECONDS: 1e6,
    Unit.MILLISECONDS: 1e3,
    Unit.MICROSECONDS: 1.0,
    Unit.NANOSECONDS: 1e-3,
    Unit.MINUTES: 60e6,
}
_SUFFIXES: Final = {
    "ms": Unit.MILLISECONDS,
    "millis": Unit.MILLISECONDS,
    "milliseconds": Unit.MILLISECONDS,
    "us": Unit.MICROSECONDS,
    "micros": Unit.MICROSECONDS,
    "microseconds": Unit.MICROSECONDS,
    "ns": Unit.NANOSECONDS,
    "nanos": Unit.NANOSECONDS,
    "nanoseconds": Unit.NANOSECONDS,
    "s": Unit.SECONDS,
    "sec": Unit.SECONDS,
    "secs": Unit.SECONDS,
    "seconds": Unit.SECONDS,
    "minutes": Unit.MINUTES,
}
_CAMEL: Final = re.compile(r"([a-z])([A-Z])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FURTHEST: Final = 2**62
"""Microseconds: differences of what is nearer than this fit an int64."""


def suffix(name: str) -> Unit | None:
    """Return the unit with which a column's name ends, as in ``duration_ms`` or ``Time (s)``."""
    return _SUFFIXES.get(_words(name)[-1])


def stem(name: str) -> str:
    """Return a column's name in small letters, without its unit and with nothing between its words."""
    words = _words(name)
    return "".join(words[:-1] if len(words) > 1 and words[-1] in _SUFFIXES else words)


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", _CAMEL.sub(r"\1 \2", name).casefold()) or [""]


class Times:
    """Reads one column of timestamps; what most of the first rows hold is taken for all of them."""

    def __init__(self, name: str, unit: Unit | None, ledger: Ledger) -> None:
        self._name, self._unit, self._ledger = name, unit, ledger
        self._read: Callable[[Sequence[str]], tuple[Ints, Mask]] | None = None
        self._fit = "a time"
        self.calendar = False
        """Whether the timestamps count from 1970."""

    def read(self, texts: Sequence[str]) -> tuple[Ints, Check]:
        """Return microseconds, and which of them are good."""
        if self._read is None:
            self._recognise(texts[:_FIRST])
        at, good = (self._read or dates)(texts)
        return at, Check(name=self._name, texts=texts, good=good, fit=self._fit)

    def _recognise(self, texts: Sequence[str]) -> None:
        bare = [value for value in map(_finite, texts) if value is not None]
        if dates(texts)[1].sum() >= max(len(bare), 1):
            self._read, self._fit, self.calendar = dates, "a date, as in the first rows", True
            self._ledger.note(f"{self._name}: dates as in ISO 8601, in UTC where they name no zone")
        elif bare:
            middle = sorted(map(abs, bare))[len(bare) // 2]
            unit = self._counting(middle)
            self._read, self._fit = partial(counted, unit=unit), "a number, as in the first rows"
            self.calendar = middle * _MICROS[unit] >= CALENDAR * SECOND
            of = "since 1970" if self.calendar else "from a beginning of its own"
            self._ledger.note(f"{self._name}: taken as {unit} {of}")

    def _counting(self, value: float) -> Unit:
        """Return the unit of ``value``: as stated, by the column's name, or by its size."""
        said = self._unit or suffix(self._name)
        if said is None or value * _MICROS[said] < LATEST * SECOND:
            return said or _by_size(value)
        if self._unit is not None:
            raise ConfigError([f"unit: {value:g} {said} since 1970 is thousands of years from now"])
        return _by_size(value)


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _by_size(value: float) -> Unit:
    sizes = ((Unit.SECONDS, 1.0), (Unit.MILLISECONDS, 1e3), (Unit.MICROSECONDS, 1e6), (Unit.NANOSECONDS, 1e9))
    # A date in the next finer unit is a thousand times as large; between the two is the year 5138.
    fitting = [unit for unit, factor in sizes if value >= CALENDAR * factor]
    return fitting[-1] if fitting else Unit.SECONDS


def counted(texts: Sequence[str], unit: Unit) -> tuple[Ints, Mask]:
    """Return bare numbers of ``unit`` as microseconds; whole ones to the digit."""
    try:
        whole = np.array(list(map(int, texts)), dtype=np.int64)
    except (ValueError, OverflowError):
        return _rounded(texts, unit)
    if unit is Unit.NANOSECONDS:
        return whole // 1000, np.ones(len(whole), dtype=bool)
    factor = int(_MICROS[unit])
    good = np.abs(whole) < _FURTHEST // factor
    return np.where(good, whole, 0) * factor, good


def _rounded(texts: Sequence[str], unit: Unit) -> tuple[Ints, Mask]:
    exact = numbers(texts) * _MICROS[unit]
    good = np.abs(exact) < _FURTHEST  # false for NaN, too
    return np.rint(np.where(good, exact, 0.0)).astype(np.int64), good


def dates(texts: Sequence[str]) -> tuple[Ints, Mask]:
    """Return dates as microseconds since 1970."""
    found = [_date(text) for text in texts]
    good = np.array([at is not None for at in found], dtype=bool)
    return np.array([at or 0 for at in found], dtype=np.int64), good


def _date(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


class Durations:
    """Reads one column of durations: bare numbers, or with a unit each, such as ``250ms``."""

    def __init__(self, name: str, unit: Unit | None, ledger: Ledger) -> None:
        self._name, self._unit = name, unit or suffix(name) or Unit.SECONDS
        ledger.note(f"{name}: taken as {self._unit}, where it says no other unit")

    def read(self, texts: Sequence[str]) -> tuple[Ints, Check]:
        """Return microseconds, and which of them are good."""
        long, good = _rounded(texts, self._unit)
        for place in np.flatnonzero(~good).tolist():
            if (spelled := _spelled(texts[place])) is not None:
                long[place], good[place] = spelled, True
        return long, Check(name=self._name, texts=texts, good=good & (long >= 0), fit="a duration")


def _spelled(text: str) -> int | None:
    try:
        return micros(duration(text)) if text and not text[-1].isdigit() else None
    except ValueError:
        return None
