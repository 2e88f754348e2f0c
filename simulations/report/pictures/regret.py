"""How far each policy is from one that knows what will come."""

from typing import Final

from simulations.report.numbers import Unit, change, text
from simulations.report.pictures.plot import BLUE, GREEN, ORANGE, Picture, Plot, axis, bars_height, finite, label
from simulations.report.study import Study
from simulations.report.verdict import Regret, regrets

MOST: Final = 30


def regret(study: Study) -> Picture | None:
    """Draw it where a bound is known, the smallest regret first."""
    found = sorted(regrets(study), key=lambda each: each.beyond)
    if not found:
        return None
    left = len(study.cases) - len(found[:MOST])
    return Picture(
        key="regret",
        title="Regret against the oracle",
        note="Idle memory beyond what a policy that knows every request in advance needs to miss no more replicas than "
        "this one. 0 cannot be beaten." + (f" {left} policies are not drawn." if left else ""),
        views={"idle memory": _plot(study, found[:MOST])},
    )


def _plot(study: Study, found: list[Regret]) -> Plot:
    places = list(range(len(found)))
    colours = {study.present: ORANGE, study.recommended: GREEN}
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": places,
                "x": finite(each.beyond / 3600 for each in found),
                "customdata": [_told(each) for each in found],
                "hovertemplate": "%{customdata}<extra></extra>",
                "marker": {"color": [colours.get(each.case.policy, BLUE) for each in found]},
            }
        ],
        "layout": {
            "xaxis": axis("idle memory beyond the bound, GiB·h", rangemode="tozero"),
            "yaxis": axis(
                "",
                tickvals=places,
                ticktext=[label(each.case.policy, 34) for each in found],
                autorange="reversed",
                showgrid=False,
            ),
            "height": bars_height(len(found)),
            "showlegend": False,
        },
    }


def _told(each: Regret) -> str:
    idle, least = each.case.mean("idle_gib_s"), each.bound.idle_gib_s
    return (
        f"<b>{label(each.case.policy)}</b><br>idle {text(idle, Unit.MEMORY)}, the bound {text(least, Unit.MEMORY)} "
        f"({change(idle, least)})<br>misses {text(each.case.mean('missed'), Unit.COUNT)}"
    )
