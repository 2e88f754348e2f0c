"""What a shorter wait costs: each policy a dot, and the line of those that no other one beats."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Final

from simulations.report.pictures.plot import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    Picture,
    Plot,
    axis,
    finite,
    label,
    scale,
    scaled,
    title,
    told,
)
from simulations.report.study import Case, Study
from simulations.report.verdict import frontier

_VIEWS: Final = (
    ("p99 wait", "wait_p99", "pod_hours"),
    ("mean wait", "wait_mean", "pod_hours"),
    ("requests that find no pod", "cold_ratio", "pod_hours"),
    ("miss ratio of the pool", "missed_ratio", "pod_hours"),
    ("miss ratio against memory of warm pods", "missed_ratio", "warm_gib_s"),
)
_CROWD: Final = 8
"""Of more dots that are beaten the intervals are not drawn."""
ALL_NAMED: Final = 12
"""So many dots all say their names."""
_SIZES: Final = {"circle": 8, "diamond": 11, "star": 15}
_APART: Final = (0.25, 0.06)
"""Of the width and the height: dots that are closer to one with a name say theirs only when they are pointed at."""


def pareto(study: Study) -> Picture | None:
    """Draw it where there is something to compare."""
    if len(study.cases) == 1:
        return None
    pooled = any(each.hits + each.missed for case in study.cases for each in case.seeds)
    shown = [view for view in _VIEWS if pooled or not view[1].startswith("missed")]
    return Picture(
        key="pareto",
        title="What a shorter wait costs",
        note="Lower and further left is better. The line joins the policies that no other one beats in both; bars are "
        "95 % intervals over the seeds. Point at a dot for its numbers.",
        views={name: _plot(study, quality, cost) for name, quality, cost in shown},
    )


def _plot(study: Study, quality: str, cost: str) -> Plot:
    best = frontier(study.cases, quality, cost)
    names: set[str | None] = {case.policy for case in best}
    special = {study.present, study.recommended}
    groups = (
        ("beaten by another one", GREY, "circle", [c for c in study.cases if c.policy not in names | special]),
        ("beaten by none", BLUE, "circle", [c for c in best if c.policy not in special]),
        ("at present", ORANGE, "diamond", _only(study.case(study.present))),
        ("recommended", GREEN, "star", _only(study.case(study.recommended))),
    )
    line = {
        "type": "scatter",
        "mode": "lines",
        "line": {"color": BLUE, "width": 1.5, "dash": "dot", "shape": "hv"},
        "x": finite(scaled(case, cost) for case in best),
        "y": finite(scaled(case, quality) for case in best),
        "hoverinfo": "skip",
        "showlegend": False,
    }
    named = _apart(study, best, quality, cost)
    dots = [_dots(name, look, cases, (quality, cost), named) for name, *look, cases in groups if cases]
    return {
        "data": [line, *_bound(study, cost), *dots],
        "layout": {
            "xaxis": axis(title(cost), rangemode="tozero"),
            "yaxis": axis(title(quality), **_range(study.cases, quality)),
            "legend": {"orientation": "h", "y": 1.08, "x": 0},
            "height": 480,
            "hovermode": "closest",
        },
    }


def _only(case: Case | None) -> list[Case]:
    return [] if case is None else [case]


def _apart(study: Study, best: Sequence[Case], quality: str, cost: str) -> set[str]:
    """Return all of few, else those whose names do not cover each other, the most important first."""
    kept: list[Case] = []
    width, height = (part * _extent(study.cases, name) for part, name in zip(_APART, (cost, quality), strict=True))
    if len(study.cases) <= ALL_NAMED:
        return {case.policy for case in study.cases}
    for case in (*_only(study.case(study.recommended)), *_only(study.case(study.present)), *best):
        across = (abs(case.mean(cost) - other.mean(cost)) <= width for other in kept)
        up = (abs(case.mean(quality) - other.mean(quality)) <= height for other in kept)
        if not any(map(all, zip(across, up, strict=True))):
            kept.append(case)
    return {case.policy for case in kept}


def _extent(cases: Sequence[Case], name: str) -> float:
    values = [case.mean(name) for case in cases]
    return max(values) - min(values)


def _dots(
    group: str, look: Sequence[str], cases: Sequence[Case], names: tuple[str, str], named: set[str]
) -> Mapping[str, object]:
    colour, symbol = look
    quality, cost = names
    crowded = colour == GREY and len(cases) > _CROWD
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": group,
        "x": finite(scaled(case, cost) for case in cases),
        "y": finite(scaled(case, quality) for case in cases),
        "error_x": _errors(cases, cost, colour, crowded=crowded),
        "error_y": _errors(cases, quality, colour, crowded=crowded),
        "text": [label(case.policy, 28) if case.policy in named else "" for case in cases],
        "textposition": "top right",
        "hovertext": [told(case, *dict.fromkeys((*names, "wait_p99", "cold_ratio", "pod_hours"))) for case in cases],
        "hoverinfo": "text",
        "marker": {"color": colour, "symbol": symbol, "size": _SIZES[symbol]},
        "cliponaxis": False,
    }


def _errors(cases: Sequence[Case], name: str, colour: str, *, crowded: bool) -> Mapping[str, object]:
    halves = [case.numbers()[name].half * scale(name) for case in cases]
    known = [half if isfinite(half) else 0.0 for half in halves]
    below = [min(half, scaled(case, name)) for half, case in zip(known, cases, strict=True)]
    look = {"visible": any(known) and not crowded, "color": colour, "thickness": 1, "width": 3}
    return {"type": "data", "symmetric": False, "array": known, "arrayminus": below, **look}


def _range(cases: Sequence[Case], name: str) -> Mapping[str, object]:
    """Take a logarithmic axis where waits differ by more than a hundred times."""
    values = [case.mean(name) for case in cases]
    wide = min(values) > 0 and max(values) > 100 * min(values)
    return {"type": "log", "dtick": 1} if wide else {"rangemode": "tozero"}


def _bound(study: Study, cost: str) -> list[Mapping[str, object]]:
    if cost != "warm_gib_s":
        return []
    ordered = sorted(study.oracle, key=lambda bound: bound.missed_ratio)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "clairvoyant bound (first seed)",
            "line": {"color": PINK, "width": 2},
            "x": finite(bound.warm_gib_s * scale("warm_gib_s") for bound in ordered),
            "y": finite(bound.missed_ratio * scale("missed_ratio") for bound in ordered),
            "hoverinfo": "skip",
        }
    ]
