"""What a picture is, and what all of them are drawn with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from math import isfinite
from typing import Final

from simulations.report.numbers import STATISTICS, Unit, spread
from simulations.report.study import Case
from simulations.report.table import shortened

Plot = dict[str, object]
"""``data`` and ``layout``, as plotly takes them."""

# Okabe and Ito's colours, to be told apart by everybody, on white and on black.
BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
RED: Final = "#D55E00"
PINK: Final = "#CC79A7"
GREY: Final = "#8a8f98"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture: ``views`` are to be chosen among, by their names; ``note`` says how to read it."""

    key: str
    title: str
    note: str
    views: Mapping[str, Plot]


def label(words: str, most: int = 48) -> str:
    """Return a name as plotly may show it: it takes ``<b>`` and the like for markup."""
    return escape(shortened(words, most), quote=False)


def finite(values: Iterable[float]) -> list[float | None]:
    """Return the values with gaps for what cannot be drawn."""
    return [value if isfinite(value) else None for value in values]


def axis(title: str, **others: object) -> dict[str, object]:
    """Return an axis with its title."""
    return {"title": {"text": title, "standoff": 10}, "automargin": True, "zeroline": False, **others}


def told(case: Case, *names: str) -> str:
    """Return a case in words for a hover text: its policy, and these numbers with their intervals."""
    numbers = case.numbers()
    lines = [f"{STATISTICS[name].title}: {spread(numbers[name], STATISTICS[name].unit)}" for name in names]
    return "<br>".join([f"<b>{label(case.policy)}</b>", *lines])


def scale(name: str) -> float:
    """Return what a statistic is multiplied by to be drawn: shares become percent, GiB·s become GiB·h."""
    return {Unit.SHARE: 100.0, Unit.MEMORY: 1 / 3600}.get(STATISTICS[name].unit, 1.0)


def title(name: str) -> str:
    """Return the title of a statistic's axis, with the unit in which it is drawn."""
    unit = {Unit.MEMORY: "GiB·h", Unit.RATE: "an hour"}.get(STATISTICS[name].unit, STATISTICS[name].unit.value)
    return f"{STATISTICS[name].title}, {unit}" if unit else STATISTICS[name].title


def scaled(case: Case, name: str) -> float:
    """Return the mean of a statistic as it is drawn."""
    return case.mean(name) * scale(name)


def bars_height(count: int) -> int:
    """Return the pixels that so many horizontal bars need."""
    return 130 + 26 * count
