"""A report for a terminal: plain text that fits into a hundred columns."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import isfinite
from textwrap import wrap
from typing import Final

from simulations.report.numbers import STATISTICS, UNKNOWN, Unit, digits, spread, text
from simulations.report.study import Case, Study
from simulations.report.verdict import answer, chosen, frontier
from simulations.statistics import Interval, Summary

WIDTH: Final = 100
MOST: Final = 40
"""Rows of a table; of more cases those that nobody beats are shown first."""
_NAME: Final = 26

_Column = tuple[str, str, float]
"""The statistic, its title, and what it is multiplied by."""
UNFINISHED: Final = "unfinished"
"""The column that is there where something is unfinished."""
_COLUMNS: Final[tuple[_Column, ...]] = (
    ("wait_p50", "p50 s", 1.0),
    ("wait_p99", "p99 s", 1.0),
    ("wait_max", "max s", 1.0),
    (UNFINISHED, "unfinished", 1.0),
    ("cold_ratio", "cold %", 100.0),
    ("missed_ratio", "miss %", 100.0),
    ("pod_hours", "pod-h", 1.0),
    ("idle_gib_s", "idle GiB·h", 1 / 3600),
    ("events_per_hour", "scalings/h", 1.0),
)
_SPREAD: Final = frozenset({"wait_p99", "pod_hours"})
_LEGEND: Final = (
    "p50, p99, max: seconds from arrival to service, or to the end.  cold: requests that found no pod, not even a "
    "warm one.  miss: replicas wanted at once that found no warm pod.  pod-h: all pods, warm ones included.  idle: "
    "memory of warm pods and of replicas without work."
)


def table(study: Study, *, colour: bool = False) -> str:
    """Write a study as text; ``colour`` for a terminal that shows it."""
    paint = _Paint(colour=colour)
    parts = [
        paint.bold(printable(study.question)),
        "\n".join(wrap(printable(answer(study)), WIDTH)),
        _cases(study, paint),
        details(study.main) if len(study.cases) == 1 else "",
        functions(study.main.functions) if len(study.main.functions) > 1 else "",
        _hazards(study, paint),
        _dropped(study, paint),
        _footer(study),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def details(case: Case) -> str:
    """Write every number of a case, one a line."""
    numbers, lines = case.numbers(), []
    for group, members in groupby(STATISTICS.values(), key=lambda each: each.group):
        lines += ["", group]
        lines += [f"  {each.title:<50}  {spread(numbers[each.name], each.unit)}" for each in members]
    return "\n".join(lines[1:])


def functions(summaries: Sequence[Summary]) -> str:
    """Write one row a function, those first that let most requests wait."""
    ranked = sorted(summaries, key=lambda each: (-each.wait_mean * each.arrived, each.name))
    columns = [column for column in _columns(summaries) if column[0] != "events_per_hour"]
    rows = [[each.name, f"{each.arrived:,}", *_row(each, columns)] for each in ranked[:MOST]]
    header = ["function (first seed)", "requests", *[title for _, title, _ in columns]]
    more = len(ranked) - MOST
    lines = _aligned([header, *rows])
    return "\n".join([*lines, f"{more:,} more functions wait less; -o json has all"] if more > 0 else lines)


def printable(words: str) -> str:
    """Replace what would move the cursor or paint the terminal."""
    return "".join(each if each.isprintable() else "?" for each in words)


def shortened(words: str, most: int = _NAME) -> str:
    """Cut a name that is too long in its middle: names of one study differ at their ends."""
    shown = printable(words)
    return shown if len(shown) <= most else f"{shown[: most // 2 - 1]}…{shown[len(shown) - most // 2 :]}"


class _Paint:
    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def bold(self, words: str) -> str:
        return self._painted(words, 1)

    def good(self, words: str) -> str:
        return self._painted(words, 32)

    def bad(self, words: str) -> str:
        return self._painted(words, 33)

    def _painted(self, words: str, code: int) -> str:
        return f"\x1b[{code}m{words}\x1b[0m" if self._colour else words


def _cases(study: Study, paint: _Paint) -> str:
    shown, keys = chosen(study, MOST), study.keys
    unbeaten = {case.policy for case in frontier(study.cases)}
    names = [[str(case.settings[key]) for key in keys] or [case.policy] for case in shown]
    marks = [_mark(study, case, unbeaten) for case in shown]
    columns = _columns([each for case in shown for each in case.seeds])
    rows = [[mark, *name, *_line(case, columns)] for mark, name, case in zip(marks, names, shown, strict=True)]
    header = ["", *(keys or ["policy"]), *[title for _, title, _ in columns]]
    lines = _aligned([header, *rows], names=1 + max(1, len(keys)))
    painted = [paint.bold(lines[0])]
    for case, line in zip(shown, lines[1:], strict=True):
        painted.append(paint.good(line) if case.policy == study.recommended else line)
    more = len(study.cases) - len(shown)
    if more:
        beaten = unbeaten <= {case.policy for case in shown}
        painted.append(f"  {more} more cases{', all of them beaten by one of these' if beaten else ''}; -o csv has all")
    return "\n".join([*painted, "", *wrap(_keys(study) + _LEGEND, WIDTH)])


def _mark(study: Study, case: Case, unbeaten: set[str]) -> str:
    if case.policy == study.recommended:
        return ">"
    if case.policy == study.present:
        return "="
    return "*" if len(study.cases) > 1 and case.policy in unbeaten else ""


def _keys(study: Study) -> str:
    marks = [
        "> recommended" if study.recommended else "",
        "= at present" if study.present and study.present != study.recommended else "",
        "* beaten by none in p99 and pod-h together" if len(study.cases) > 1 else "",
    ]
    return "".join(f"{mark}.  " for mark in marks if mark)


def _columns(summaries: Sequence[Summary]) -> list[_Column]:
    """Return the columns that say something of these."""
    unfinished = any(each.unfinished for each in summaries)
    return [column for column in _COLUMNS if unfinished or column[0] != UNFINISHED]


def _line(case: Case, columns: Sequence[_Column]) -> list[str]:
    numbers = case.numbers()
    unasked = all(each.hits + each.missed == 0 for each in case.seeds)
    return [
        UNKNOWN if unasked and name == "missed_ratio" else _cell(numbers[name], name, scale)
        for name, _, scale in columns
    ]


def _row(summary: Summary, columns: Sequence[_Column]) -> list[str]:
    unasked = summary.hits + summary.missed == 0
    return [
        UNKNOWN if unasked and name == "missed_ratio" else _number(getattr(summary, name) * scale, name)
        for name, _, scale in columns
    ]


def _cell(found: Interval, name: str, scale: float) -> str:
    mean = _number(found.mean * scale, name)
    return f"{mean} ±{_number(found.half * scale, name)}" if name in _SPREAD and isfinite(found.half) else mean


def _number(value: float, name: str) -> str:
    whole = STATISTICS[name].unit is Unit.COUNT
    return digits(value) if isfinite(value) and value >= 0 and not whole else text(value, Unit.COUNT)


def _aligned(rows: Sequence[Sequence[str]], names: int = 1) -> list[str]:
    """Align the first ``names`` columns to the left, numbers to the right; what does not fit is left out."""
    rows = [[*(shortened(cell) for cell in row[:names]), *row[names:]] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * len(widths) - 2 > WIDTH and len(widths) > names + 1:
        widths.pop()
    return [
        "  ".join(
            cell.ljust(width) if place < names else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in rows
    ]


def _hazards(study: Study, paint: _Paint) -> str:
    lines: list[str] = []
    for hazard in study.hazards:
        lines.append(paint.bad(f"hazard {hazard.key} in {shortened(hazard.of)}"))
        lines += wrap(printable(hazard.what), WIDTH, initial_indent="  ", subsequent_indent="  ")
        lines += wrap(printable(hazard.right), WIDTH, initial_indent="  → ", subsequent_indent="    ")
    return "\n".join(lines)


def _dropped(study: Study, paint: _Paint) -> str:
    lines = []
    for each in study.dropped:
        where = f" (line {', '.join(map(str, each.lines))}{', …' if len(each.lines) < each.rows else ''})"
        lines.append(paint.bad(f"left out: {each.rows:,} rows: {printable(each.why)}{where if each.lines else ''}"))
    return "\n".join(lines)


def _footer(study: Study) -> str:
    return "\n".join(_made(study))


def _made(study: Study) -> Iterator[str]:
    span, slo = (text(each, Unit.SECONDS) for each in (study.main.seeds[0].span, study.main.seeds[0].slo))
    seeds = ", ".join(map(str, study.seeds[:10])) + (", …" if len(study.seeds) > 10 else "")  # noqa: PLR2004
    yield f"{span} simulated, SLO {slo}, seed{'s' if len(study.seeds) > 1 else ''} {seeds}" + (
        f"; ± is the 95 % interval over {len(study.seeds)} seeds" if len(study.seeds) > 1 else ""
    )
    if study.command:
        yield f"again: {printable(study.command)}"
