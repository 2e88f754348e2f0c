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
        note=_note(left),
        views={"memory of warm pods": _plot(study, found[:MOST])},
    )


def _note(left: int) -> str:
    more = f" {left} policies are not drawn: they miss less than that run can, or have no warm pods." if left else ""
    return (
        "Memory of warm pods beyond what somebody who knows every wake-up in advance needs, to miss no larger share of "
        "them than this one; of the first seed, on the wake-ups of the recommended run. 0 cannot be beaten there."
        f"{more}"
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
            "xaxis": axis("memory of warm pods beyond the bound, GiB·h", rangemode="tozero"),
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
    first, least = each.case.seeds[0], each.bound.warm_gib_s
    return (
        f"<b>{label(each.case.policy)}</b><br>warm pods {text(first.warm_gib_s, Unit.MEMORY)}, "
        f"the bound {text(least, Unit.MEMORY)} ({change(first.warm_gib_s, least)})"
        f"<br>misses {text(first.missed_ratio, Unit.SHARE)}"
    )
