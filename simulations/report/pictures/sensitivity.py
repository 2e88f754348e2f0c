"""What each setting does: a heat map for two, a curve for one, a tornado for more."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import Final

from simulations.report.numbers import STATISTICS
from simulations.report.pictures.plot import (
    BLUE,
    ORANGE,
    Picture,
    Plot,
    axis,
    bars_height,
    finite,
    label,
    scale,
    scaled,
    title,
)
from simulations.report.study import Case, Setting, Study

_SHOWN: Final = ("wait_p99", "wait_mean", "cold_ratio", "missed_ratio", "pod_hours", "idle_gib_s")


_NOTES: Final = {
    1: "The mean over the seeds; bars are 95 % intervals.",
    2: "Each cell is the mean over the seeds.",
}
_NOTE: Final = "From the best value of each setting to its worst: the mean over all values of the others. "


def sensitivity(study: Study) -> Picture | None:
    """Draw it where a sweep varied something."""
    keys = study.keys
    if not keys:
        return None
    draw = {1: _curve, 2: _heat}.get(len(keys), _tornado)
    return Picture(
        key="sensitivity",
        title=f"What {' and '.join(keys)} change",
        note=_NOTES.get(len(keys), f"{_NOTE}The line is {study.main.policy}."),
        views={STATISTICS[name].title: draw(study, name) for name in _SHOWN},
    )


def _curve(study: Study, name: str) -> Plot:
    (key,) = study.keys
    cases = sorted(study.cases, key=lambda case: _order(case.settings[key]))
    numbers = [case.numbers()[name] for case in cases]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": [_tick(case.settings[key]) for case in cases],
                "y": finite(each.mean * scale(name) for each in numbers),
                "error_y": {
                    "type": "data",
                    "array": finite(each.half * scale(name) for each in numbers),
                    "thickness": 1,
                    "width": 3,
                },
                "hovertext": [STATISTICS[name].text(each.mean) for each in numbers],
                "hoverinfo": "x+text",
                "line": {"color": BLUE},
            }
        ],
        "layout": {
            "xaxis": axis(label(key), type="category"),
            "yaxis": axis(title(name), rangemode="tozero"),
            "height": 380,
        },
    }


def _heat(study: Study, name: str) -> Plot:
    across, down = study.keys
    columns, rows = _values(study.cases, across), _values(study.cases, down)
    cells = {(case.settings[down], case.settings[across]): case.mean(name) for case in study.cases}
    table = [[cells.get((row, column)) for column in columns] for row in rows]
    words = [["" if cell is None else STATISTICS[name].text(cell) for cell in row] for row in table]
    return {
        "data": [
            {
                "type": "heatmap",
                "x": [_tick(each) for each in columns],
                "y": [_tick(each) for each in rows],
                "z": [[None if cell is None else cell * scale(name) for cell in row] for row in table],
                "text": words,
                "texttemplate": "%{text}" if len(columns) <= 16 and len(rows) <= 16 else "",  # noqa: PLR2004 - legible
                "hovertemplate": f"{label(across)} %{{x}}<br>{label(down)} %{{y}}<br>%{{text}}<extra></extra>",
                "colorscale": "Cividis",
                "reversescale": True,
                "colorbar": {"title": {"text": title(name)}, "thickness": 14, "outlinewidth": 0},
            }
        ],
        "layout": {
            "xaxis": axis(label(across), type="category", showgrid=False),
            "yaxis": axis(label(down), type="category", showgrid=False),
            "height": max(320, 140 + 34 * len(rows)),
        },
    }


def _tornado(study: Study, name: str) -> Plot:
    ranges = sorted((_range(study.cases, key, name) for key in study.keys), key=lambda each: each.high - each.low)
    base, places = scaled(study.main, name), list(range(len(ranges)))
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": places,
                "base": [each.low for each in ranges],
                "x": [each.high - each.low for each in ranges],
                "customdata": [each.words for each in ranges],
                "hovertemplate": "%{customdata}<extra></extra>",
                "marker": {"color": BLUE},
                "width": 0.5,
            }
        ],
        "layout": {
            "xaxis": axis(title(name)),
            "yaxis": axis("", tickvals=places, ticktext=[label(each.key) for each in ranges], showgrid=False),
            "shapes": [
                {"type": "line", "x0": base, "x1": base, "yref": "paper", "y0": 0, "y1": 1, "line": {"color": ORANGE}}
            ],
            "height": bars_height(len(ranges)),
            "showlegend": False,
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """How far one setting moves a number, as it is drawn."""

    key: str
    low: float
    high: float
    words: str


def _range(cases: Sequence[Case], key: str, name: str) -> _Range:
    """Take the mean over all other settings at each value of this one."""
    found: dict[Setting, list[float]] = {}
    for case in cases:
        found.setdefault(case.settings[key], []).append(case.mean(name))
    means = {value: fsum(each) / len(each) for value, each in found.items()}
    least, most = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    told = [f"{label(key)} {_tick(value)}: {STATISTICS[name].text(means[value])}" for value in (least, most)]
    return _Range(key=key, low=means[least] * scale(name), high=means[most] * scale(name), words="<br>".join(told))


def _values(cases: Sequence[Case], key: str) -> list[Setting]:
    return sorted({case.settings[key] for case in cases}, key=_order)


def _order(value: Setting) -> tuple[bool, float, str]:
    """Put numbers in their order, before words in theirs."""
    return (True, 0.0, value) if isinstance(value, str) else (False, value, "")


def _tick(value: Setting) -> str:
    return label(value, 24) if isinstance(value, str) else f"{value:g}"
