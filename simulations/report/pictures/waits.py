"""What the waiting was for, policy by policy and function by function."""

from collections.abc import Sequence
from typing import Final

from simulations.report.numbers import STATISTICS, Unit, text
from simulations.report.pictures.plot import (
    BLUE,
    GREY,
    ORANGE,
    PINK,
    RED,
    SKY,
    Picture,
    Plot,
    axis,
    bars_height,
    finite,
    label,
)
from simulations.report.study import Study
from simulations.report.verdict import chosen

MOST: Final = 30
_PARTS: Final = {
    "wait_poll": ORANGE,
    "wait_hpa": BLUE,
    "wait_rate": SKY,
    "wait_start": PINK,
    "wait_queue": GREY,
    "wait_source": RED,
}


def waits(study: Study) -> Picture | None:
    """Draw it where anything waited."""
    cases = chosen(study, MOST)
    if not any(case.mean(name) for case in cases for name in _PARTS):
        return None
    functions = sorted(study.main.functions, key=lambda each: -each.wait_mean * each.arrived)[:MOST]
    views = {
        "by policy": _plot([case.policy for case in cases], [[case.mean(name) for case in cases] for name in _PARTS])
    }
    if len(functions) > 1:
        values = [[float(getattr(each, name)) for each in functions] for name in _PARTS]
        views[f"by function, under {study.main.policy}"] = _plot([each.name for each in functions], values)
    return Picture(
        key="waits",
        title="What requests waited for",
        note="The mean wait of a request, by what it waited for at each moment."
        + (
            f" {len(cases)} of {len(study.cases)} policies; the table has all." if len(cases) < len(study.cases) else ""
        ),
        views=views,
    )


def _plot(names: Sequence[str], values: Sequence[Sequence[float]]) -> Plot:
    places = list(range(len(names)))
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "name": STATISTICS[part].title,
                "y": places,
                "x": finite(row),
                "customdata": [text(value, Unit.SECONDS) for value in row],
                "hovertemplate": "%{customdata}",
                "marker": {"color": colour},
            }
            for (part, colour), row in zip(_PARTS.items(), values, strict=True)
            if any(row)
        ],
        "layout": {
            "barmode": "stack",
            "xaxis": axis("mean wait of a request, s", rangemode="tozero"),
            "yaxis": axis(
                "", tickvals=places, ticktext=[label(name, 34) for name in names], autorange="reversed", showgrid=False
            ),
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
            "height": bars_height(len(names)),
            "hovermode": "y unified",
        },
    }
