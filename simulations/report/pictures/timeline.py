"""What happened when, and why: requests, backlog, pods, and the reason of every change of the replicas."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from simulations.figures import Cause, Figures, Move, Timeline
from simulations.model import SECOND, Ints
from simulations.report.bins import width_of
from simulations.report.pictures.plot import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, Picture, Plot, axis, label
from simulations.report.study import Study

MOST: Final = 12
"""Functions that can be chosen, those with most requests."""
MOVES: Final = 2_000
"""Changes of one function that are drawn; of more, every so many-th is."""

_STRIP: Final = {
    Cause.KEDA_WAKES: ("KEDA wakes", GREEN),
    Cause.KEDA_SLEEPS: ("KEDA puts to sleep", GREY),
    Cause.KEDA_OTHER: ("KEDA, else", GREY),
    Cause.HPA_UP: ("HPA up", BLUE),
    Cause.HPA_DOWN: ("HPA down", SKY),
    Cause.KNATIVE: ("Knative", BLUE),
    Cause.CLAIM: ("warm pod claimed", ORANGE),
    Cause.ADOPT: ("bridge adopted", PINK),
    Cause.DRAIN: ("bridge drained", GREY),
    Cause.ROLLOUT: ("rollout", RED),
    Cause.JOB: ("Job", BLUE),
}
_PODS: Final = (
    ("ready", "ready", GREEN, "solid", "tozeroy"),
    ("starting", "starting", ORANGE, "solid", "none"),
    ("warm", "warm", PINK, "solid", "none"),
    ("desired", "asked for", BLUE, "dot", "none"),
)


def timeline(study: Study) -> Picture | None:
    """Draw one view a function, where samples were taken."""
    sampled = [each for each in study.outcome.figures if each.timeline is not None] if study.outcome else []
    ranked = sorted(sampled, key=lambda each: -each.arrived)[:MOST]
    if not ranked:
        return None
    left = len(sampled) - len(ranked)
    under = f"under {study.shown}, seed {study.seeds[0]}" if study.shown else f"seed {study.seeds[0]}"
    return Picture(
        key="timeline",
        title="What happened when, and why",
        note=f"One run, {under}. Each mark in the strip is a change of the replicas; point at it for its reason."
        + (f" The {MOST} functions with most requests; {left:,} others are not drawn." if left else "")
        + (f" Of more than {MOVES:,} changes a sample is drawn." if any(len(e.moves) > MOVES for e in ranked) else ""),
        views={each.name: _plot(each, each.timeline, study.wall) for each in ranked if each.timeline is not None},
    )


def _plot(figures: Figures, samples: Timeline, wall: float) -> Plot:
    clock = _Clock(samples.at, wall)
    strip = figures.moves[:: 1 + len(figures.moves) // MOVES]
    causes = [cause for cause in _STRIP if any(move.cause is cause for move in strip)]
    pods = [
        _line(clock, getattr(samples, name), title, (colour, dash, fill), "y3")
        for name, title, colour, dash, fill in _PODS
    ]
    return {
        "data": [
            _line(clock, samples.arrivals, "requests", (GREY, "solid", "tozeroy"), "y"),
            _line(clock, samples.backlog, "backlog", (RED, "solid", "tozeroy"), "y2"),
            *pods,
            *_missed(clock, samples),
            *(_marks(clock, [move for move in strip if move.cause is cause], cause) for cause in causes),
        ],
        "layout": {
            "xaxis": {"anchor": "y4", **clock.axis},
            "yaxis": axis(f"requests<br>per {clock.bin}", domain=[0.84, 1.0], rangemode="tozero"),
            "yaxis2": axis("backlog", domain=[0.64, 0.8], rangemode="tozero"),
            "yaxis3": axis("pods", domain=[0.27, 0.6], rangemode="tozero"),
            "yaxis4": axis(
                "",
                domain=[0.0, 0.23],
                type="category",
                categoryorder="array",
                categoryarray=[_STRIP[cause][0] for cause in reversed(causes)],
            ),
            "legend": {"orientation": "h", "y": 1.06, "x": 0},
            "height": 720,
            "hovermode": "x unified",
            "hoversubplots": "axis",
        },
    }


class _Clock:
    """The axis of time: the calendar's where it matters, else seconds, minutes or hours since the beginning."""

    def __init__(self, at: Ints, wall: float) -> None:
        self._wall, self._first = wall, int(at[0])
        self._width = int(at[1] - at[0]) if len(at) > 1 else int(at[0])
        end = int(at[-1]) / SECOND
        self._unit, name = (1.0, "s") if end < 600 else (60.0, "min") if end < 36_000 else (3600.0, "h")  # noqa: PLR2004
        self.axis = axis("" if wall else f"{name} since the beginning", type="date" if wall else "linear")
        self.bin = width_of(self._width)

    @property
    def steps(self) -> Mapping[str, object]:
        """Where samples begin, and how far apart they are."""
        width = self._width / SECOND
        return {"x0": self.at(self._first), "dx": 1000 * width if self._wall else width / self._unit}

    def at(self, micros: int) -> float | str:
        """Return an instant as it stands on the axis."""
        if not self._wall:
            return micros / SECOND / self._unit
        return datetime.fromtimestamp(self._wall + micros / SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _line(clock: _Clock, values: Ints, title: str, look: tuple[str, str, str], y: str) -> Mapping[str, object]:
    colour, dash, fill = look
    return {
        "type": "scatter",
        "mode": "lines",
        "name": title,
        **clock.steps,
        "y": values.tolist(),
        "xaxis": "x",
        "yaxis": y,
        "line": {"color": colour, "width": 1.5, "shape": "vh", "dash": dash},
        "fill": fill,
        "fillcolor": f"{colour}33",
    }


def _missed(clock: _Clock, samples: Timeline) -> list[Mapping[str, object]]:
    bins = [place for place, count in enumerate(samples.missed.tolist()) if count]
    if not bins:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "found no warm pod",
            "x": [clock.at(int(samples.at[place])) for place in bins],
            "y": [int(samples.desired[place]) for place in bins],
            "customdata": [int(samples.missed[place]) for place in bins],
            "hovertemplate": "%{customdata}",
            "xaxis": "x",
            "yaxis": "y3",
            "marker": {"color": RED, "symbol": "x", "size": 8},
        }
    ]


def _marks(clock: _Clock, moves: Sequence[Move], cause: Cause) -> Mapping[str, object]:
    name, colour = _STRIP[cause]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [clock.at(move.at) for move in moves],
        "y": [name] * len(moves),
        "customdata": [f"{move.before} → {move.after}: {label(move.why, 90)}" for move in moves],
        "hovertemplate": "%{customdata}",
        "xaxis": "x",
        "yaxis": "y4",
        "showlegend": False,
        "marker": {
            "color": colour,
            "size": 8,
            "symbol": ["triangle-up" if move.after > move.before else "triangle-down" for move in moves],
        },
    }
