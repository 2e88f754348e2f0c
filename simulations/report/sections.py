"""The parts of the page, as HTML: every word of a user goes through ``escape``."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from math import isfinite
from typing import Final

from simulations.report.numbers import STATISTICS, Statistic, Unit, change, spread, text
from simulations.report.pictures import Picture
from simulations.report.study import Case, Study
from simulations.statistics import Summary

_TILES: Final = {
    "wait_p99": "p99 wait",
    "unbegun": "not begun by the end",
    "cold_ratio": "found no pod, not even a warm one",
    "missed_ratio": "missed the warm pool",
    "pod_hours": "all pods",
    "idle_gib_s": "idle memory",
}
_OF_A_FUNCTION: Final = (
    *("arrived", "unfinished", "wait_p50", "wait_p99", "wait_max", "cold_ratio", "missed_ratio"),
    *("pod_hours", "idle_gib_s", "activations", "events_per_hour", "most"),
)
_BESIDE: Final = 8
"""Up to so many cases stand beside each other, with the statistics as rows; more are rows themselves."""
_FILTERED: Final = 12
"""From so many rows on a table has a filter."""


def tiles(study: Study) -> str:
    """Return the numbers that matter most, each beside that of the present settings."""
    case, present = study.main, study.case(study.present)
    then = present if present is not None and present.policy != case.policy else None
    whose = f'<p class="note">With {escape(case.policy)}</p>' if len(study.cases) > 1 else ""
    silent = {name for name, said in (("missed_ratio", _pooled(case)), ("unbegun", case.mean("unbegun"))) if not said}
    shown = (name for name in _TILES if name not in silent)
    return f'{whose}<dl class="tiles">{"".join(_tile(STATISTICS[name], case, then) for name in shown)}</dl>'


def _pooled(case: Case) -> bool:
    return any(each.hits + each.missed for each in case.seeds)


def _tile(statistic: Statistic, case: Case, then: Case | None) -> str:
    value = case.mean(statistic.name)
    beside = "" if then is None else _beside(statistic, value, then)
    return f"<div><dt>{_TILES[statistic.name]}</dt><dd>{escape(statistic.text(value))}{beside}</dd></div>"


def _beside(statistic: Statistic, value: float, then: Case) -> str:
    if statistic.name == "missed_ratio" and not _pooled(then):
        return "<small>no pool at present</small>"
    before = then.mean(statistic.name)
    moved = "" if statistic.unit is Unit.SHARE else f" ({change(value, before)})"
    return f"<small>at present {escape(statistic.text(before))}{escape(moved)}</small>"


def sections(study: Study, drawn: Sequence[Picture]) -> Iterator[str]:
    """Yield the sections below the answer."""
    yield from map(_picture, drawn)
    yield _section("All numbers", _note(study), _table(study), search=len(study.cases) > _FILTERED)
    if len(study.main.functions) > 1:
        note = f"Of the first seed, under {study.main.policy}."
        rows = _functions(study.main.functions)
        yield _section("Functions", note, rows, search=len(study.main.functions) > _FILTERED)
    if study.hazards:
        yield _section(
            "Hazards in these settings", "Found in the settings, measured on these requests.", _hazards(study)
        )
    yield _section("How this was made", "", _made(study))


def _section(title: str, note: str, body: str, *, search: bool = False) -> str:
    tool = '<input type="search" placeholder="filter" aria-label="filter the rows">' if search else ""
    explained = f'<p class="note">{escape(note)}</p>' if note else ""
    return f'<section><div class="head"><h2>{escape(title)}</h2>{tool}</div>{explained}{body}</section>'


def _picture(picture: Picture) -> str:
    options = "".join(f"<option>{escape(name)}</option>" for name in picture.views)
    chooser = f'<select aria-label="what is shown">{options}</select>' if len(picture.views) > 1 else ""
    return (
        f'<section><div class="head"><h2>{escape(picture.title)}</h2>{chooser}</div>'
        f'<p class="note">{escape(picture.note)}</p><div class="picture" id="{picture.key}"></div></section>'
    )


# -- tables ------------------------------------------------------------------------------------------------------------


def _note(study: Study) -> str:
    return f"Mean ± 95 % interval over {len(study.seeds)} seeds." if len(study.seeds) > 1 else "Of one seed."


def _table(study: Study) -> str:
    return _side_by_side(study) if len(study.cases) <= _BESIDE else _row_by_row(study)


def _side_by_side(study: Study) -> str:
    head = "".join(f"<th>{_named(study, case)}</th>" for case in study.cases)
    numbers = [case.numbers() for case in study.cases]
    rows: list[str] = []
    for group, members in groupby(STATISTICS.values(), key=lambda each: each.group):
        rows.append(f'<tr class="group"><th colspan="{1 + len(study.cases)}">{escape(group)}</th></tr>')
        for each in members:
            cells = "".join(f"<td>{escape(spread(case[each.name], each.unit))}</td>" for case in numbers)
            rows.append(f"<tr><td>{escape(each.title)}</td>{cells}</tr>")
    return _scrolled("", f"<th></th>{head}", rows)


def _row_by_row(study: Study) -> str:
    head = "".join(f"<th>{escape(each.title)}</th>" for each in STATISTICS.values())
    rows = []
    for case in study.cases:
        numbers = case.numbers()
        cells = (_cell(numbers[name].mean, spread(numbers[name], each.unit)) for name, each in STATISTICS.items())
        rows.append(f"<tr>{_name(case.policy, _named(study, case))}{''.join(cells)}</tr>")
    return _scrolled("sortable", f"<th>policy</th>{head}", rows)


def _functions(functions: Sequence[Summary]) -> str:
    shown = [STATISTICS[name] for name in _OF_A_FUNCTION]
    head = "".join(f"<th>{escape(each.title)}</th>" for each in shown)
    rows = []
    for function in sorted(functions, key=lambda each: (-each.wait_mean * each.arrived, each.name)):
        values = [(float(getattr(function, each.name)), each) for each in shown]
        cells = "".join(_cell(value, each.text(value)) for value, each in values)
        rows.append(f"<tr>{_name(function.name, escape(function.name))}{cells}</tr>")
    return _scrolled("sortable", f"<th>function</th>{head}", rows)


def _scrolled(kind: str, head: str, rows: Iterable[str]) -> str:
    body = "".join(rows)
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _name(key: str, shown: str) -> str:
    return f'<td data-v="{escape(key)}">{shown}</td>'


def _cell(value: float, shown: str) -> str:
    return f'<td data-v="{value if isfinite(value) else 1e300:g}">{escape(shown)}</td>'


def _named(study: Study, case: Case) -> str:
    roles = (("recommended", study.recommended), ("present", study.present))
    tags = "".join(f'<span class="tag {role}">{role}</span>' for role, policy in roles if role != case.policy == policy)
    return escape(case.policy) + tags


# -- words -------------------------------------------------------------------------------------------------------------


def _hazards(study: Study) -> str:
    return "".join(
        f'<div class="hazard"><p><b>{escape(each.of)}</b> <code>{escape(each.key)}</code></p><p>{escape(each.what)}</p>'
        f'<p class="right">{escape(each.right)}</p></div>'
        for each in study.hazards
    )


def _made(study: Study) -> str:
    facts = [
        ("simulated", text(study.main.seeds[0].span, Unit.SECONDS)),
        ("seeds", ", ".join(map(str, study.seeds))),
        ("SLO", f"{text(study.main.seeds[0].slo, Unit.SECONDS)} of waiting"),
        *study.inputs.items(),
        *((f"left out: {each.rows:,} rows", _where(each.why, each.lines, each.rows)) for each in study.dropped),
    ]
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in facts)
    again = f"<pre>{escape(study.command)}</pre>" if study.command else ""
    return f'<dl class="made">{listed}</dl>{again}'


def _where(why: str, lines: Sequence[int], rows: int) -> str:
    more = ", …" if len(lines) < rows else ""
    return f"{why} (line {', '.join(map(str, lines))}{more})" if lines else why
