"""One lane of the picture: its backlog and its replicas over time, its pods, its latencies, what KEDA was told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Final, TypeVar

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from simulations.demo.charts import ASCII, BLOCKS, Ink, bars, columns, filled
from simulations.demo.history import Sample
from simulations.demo.latency import Latencies
from simulations.demo.pods import Phase
from simulations.demo.view import LaneView, PoolView, View, spoken

SPAN: Final = 60  # s that a chart shows at least
LABEL: Final = 9  # columns
SMALLEST: Final = 24  # rows of the terminal that everything is cut for
ROOMY: Final = 30  # rows from which the arrivals get one more
WORDS: Final = 6  # rows of a lane that are no charts
LEAST_BACKLOG, LEAST_REPLICAS = 10, 4  # what fills a chart at least

GOOD, BAD, COOL, WAITING = "green", "bold red", "cyan", "yellow"
_ACCENTS: Final = {"push": "green", "polling": "yellow", "push + pool": "cyan"}
_NAMES: Final = {
    Phase.READY: "ready",
    Phase.BRIDGED: "bridged",
    Phase.ADOPTED: "adopted",
    Phase.DRAINING: "draining",
    Phase.WARMING: "warming",
    Phase.STARTING: "starting",
    Phase.PULLING: "pulling",
    Phase.SCHEDULING: "scheduling",
    Phase.LEAVING: "leaving",
}
_STARTING: Final = {Phase.WARMING, Phase.STARTING, Phase.PULLING, Phase.SCHEDULING}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much there is: cells of the terminal, and rows of each part; ``extra`` ones in each lane for a ``pool``."""

    width: int
    height: int
    chart: int
    arrivals: int
    extra: int
    pool: bool
    ink: Ink

    @classmethod
    def of(cls, width: int, height: int, *, pool: bool, ascii_only: bool) -> "Room":
        """Divide a terminal."""
        return cls(
            width=width,
            height=height,
            chart=max(1, 3 + (height - SMALLEST) // 4),
            arrivals=3 if height >= ROOMY else 2,
            extra=int(pool and height >= ROOMY),
            pool=pool,
            ink=ASCII if ascii_only else BLOCKS,
        )

    @property
    def panel(self) -> int:
        """Rows of a lane, its border included."""
        return 2 * self.chart + WORDS + self.extra + 2


def lane_panel(lane: LaneView, view: View, width: int, room: Room) -> RenderableType:
    """Draw a lane, ``width`` columns wide inside its border."""
    accent, cells = _ACCENTS[lane.title], width - LABEL
    backlog = grouped([each.waiting for each in lane.samples], cells, max, 0)
    body = Group(
        *charted(["backlog", str(lane.waiting)], backlog, room.chart, room.ink, (down_columns(view, cells), COOL)),
        *_replicas(lane, cells, room),
        _fitted("pods", _pods(lane, cells), width),
        *([_fitted("pool", _pool(lane.pool, cells), width)] if lane.pool is not None else ()),
        _row("awake in", _awake(lane, cells)),
        _row("ready in", _quantiles(lane.readied, _ACCENTS[lane.title], cells)),
        _fitted("told", Text(lane.told), width),
        *_wrapped("why", f"{lane.standing}, {lane.why}" if lane.why else "", cells, 2 + room.extra - bool(lane.pool)),
    )
    title = Text.assemble((lane.title, f"bold {accent}"), (_subtitle(lane, width), "dim"))
    return Panel(body, title=title, title_align="left", border_style=accent, padding=(0, 1))


def _subtitle(lane: LaneView, width: int) -> str:
    """Return as many words of the subtitle as fit."""
    words = lane.subtitle.split()
    while words and len(lane.title) + len(text := "  " + " ".join(words)) + 2 > width:
        words.pop()
    return text.rstrip(",") if words else ""


def _replicas(lane: LaneView, width: int, room: Room) -> list[Text]:
    """Draw ready pods, and above them those that are asked for and not ready yet."""
    shown = grouped(lane.samples, width, lambda samples: samples[-1], Sample())
    wanted = [each.replicas for each in shown]
    top = max([LEAST_REPLICAS, *wanted])
    layers = filled([each.ready for each in shown], wanted, room.chart, top, room.ink)
    return _labelled(["replicas", f"{lane.ready} of {lane.replicas}", "ready"], [_layered(*each) for each in layers])


def _layered(solid: str, shade: str) -> Text:
    """Put the two layers on one row, each in its own colour."""
    row = Text()
    for shaded, cells in groupby(zip(solid, shade, strict=True), key=lambda pair: pair[1] != " "):
        row.append("".join(pair[shaded] for pair in cells), style=WAITING if shaded else GOOD)
    return row


def _pods(lane: LaneView, width: int) -> Text:
    if not lane.phases and lane.pending is not None:
        return Text(f"none, an event waits {spoken(lane.pending)}", style=BAD)
    words = _counted([_NAMES[phase] for phase in lane.phases])
    if len(words) > width:
        words = _counted(["starting" if phase in _STARTING else _NAMES[phase] for phase in lane.phases])
    return Text(words or "none")


def _counted(names: Sequence[str]) -> str:
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))


def _pool(pool: PoolView, width: int) -> Text:
    """Say how full the pool is and what it was good for, as shortly as it must be."""
    full = f"{pool.warm} of {pool.size}" if pool.size or pool.warm else "off"
    hits = f"{pool.hits} {'hit' if pool.hits == 1 else 'hits'}"
    misses = f"{pool.misses} {'miss' if pool.misses == 1 else 'misses'}"
    starting = f", {pool.starting} starting" if pool.starting else ""
    forms = (
        f"{' warm' if pool.size else ''}{starting}, {hits}, {misses}",
        f"{' warm' if pool.size else ''}, {hits}, {misses}",
        f", {pool.hits} hit {pool.misses} miss",
    )
    rest = next((form for form in forms if len(full) + len(form) <= width), forms[-1])
    return Text.assemble((full, f"bold {_ACCENTS['push + pool']}"), rest)


def _quantiles(found: Latencies, colour: str, width: int) -> Text:
    """Say the median and, where there is room, the 95th percentile."""
    row = Text.assemble("p50 ", (spoken(found.p50), f"bold {colour}"))
    p95 = Text.assemble("  p95 ", (spoken(found.p95), f"bold {colour}"))
    return row + p95 if row.cell_len + p95.cell_len <= width else row


def _awake(lane: LaneView, width: int) -> Text:
    found = lane.latencies
    row = _quantiles(found, _ACCENTS[lane.title], width)
    for more in (f"  ({found.count}x", f", last {lane.last}" if lane.last else ""):
        if row.cell_len + len(more) < width:
            row.append(more, style="dim")
    return row.append(")", style="dim") if "(" in row.plain else row


# -- charts and rows -------------------------------------------------------------------------------------------


def charted(
    labels: Sequence[str], values: Sequence[int], height: int, ink: Ink, colours: tuple[Sequence[bool], str]
) -> list[Text]:
    """Draw a chart with its labels; ``colours`` say in which columns the broker was down, and the style of others."""
    down, style = colours
    rows = bars(values, height, max([LEAST_BACKLOG, *values]), ink)
    return _labelled(labels, [_inked(row, down, style) for row in rows])


def grouped(samples: Sequence[T], width: int, sum_up: Callable[[Sequence[T]], T], blank: T) -> list[T]:
    """Sum samples up in as many columns as there are, over :data:`SPAN` seconds or a little more."""
    return columns(samples, width, max(1, -(-SPAN // max(1, width))), sum_up, blank)


def down_columns(view: View, width: int) -> list[bool]:
    """Tell of each column whether the broker was down then."""
    return grouped(view.down, width, any, blank=False)


def one_row(text: Text) -> Text:
    """Keep ``text`` on one row."""
    text.no_wrap = True
    text.overflow = "ellipsis"
    return text


def _inked(row: str, down: Sequence[bool], style: str) -> Text:
    text = Text()
    for dead, cells in groupby(zip(row, down, strict=True), key=lambda pair: pair[1]):
        text.append("".join(cell for cell, _ in cells), style="red" if dead else style)
    return text


def _labelled(labels: Sequence[str], rows: Sequence[Text]) -> list[Text]:
    """Put labels on the left of a chart, the first one quiet; what does not fit is left out."""
    pairs = list(zip_longest(labels, rows, fillvalue=None))[: len(rows)]
    return [_row(label or "", row or Text(), bold=bool(number)) for number, (label, row) in enumerate(pairs)]


def _row(label: str, row: Text, *, bold: bool = False) -> Text:
    return one_row(Text.assemble((f"{label:<{LABEL}}", "bold" if bold else "dim")) + row)


def _fitted(label: str, row: Text, width: int) -> Text:
    """Put a label before a row or, where there is no room for both, less of it or none."""
    if LABEL + row.cell_len <= width:
        return _row(label, row)
    return one_row(Text.assemble((f"{label} ", "dim")) + row if len(label) + 1 + row.cell_len <= width else row)


def _wrapped(label: str, text: str, width: int, rows: int) -> list[Text]:
    """Break ``text`` at spaces into exactly ``rows`` rows."""
    found = [""]
    for word in text.split():
        if found[-1] and len(found[-1]) + 1 + len(word) > width and len(found) < rows:
            found.append("")
        found[-1] = f"{found[-1]} {word}".strip()
    found += [""] * (rows - len(found))
    return [_row("" if number else label, Text(row)) for number, row in enumerate(found)]
