"""The picture: a :class:`View` as something rich can print, cut for 80 x 24 cells and better with more."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from simulations.demo.journal import Line
from simulations.demo.panel import BAD, COOL, GOOD, LABEL, Room, charted, down_columns, grouped, lane_panel, one_row
from simulations.demo.scaler import Condition
from simulations.demo.view import View

KEYS: Final = (("b", "burst"), ("k", "kill broker"), ("r", "revive it"), ("s", "scaler off/on"), ("q", "quit"))
POOL_KEYS: Final = (("p", "pool off/on"), ("+", ""), ("-", "its size"))
SHORT: Final = {
    "its size": "size",
    "pool off/on": "pool",
    "scaler off/on": "scaler",
    "revive it": "revive",
    "kill broker": "kill",
}
FEWEST_LINES: Final = 2
_WHO: Final = {
    "KEDA": "blue",
    "HPA": "magenta",
    "scaler": "cyan",
    "broker": "red",
    "you": "bold",
    "demo": "yellow",
    "pool": "green",
}


class Screen:
    """One frame of the demo; learns its size when it is printed."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for this terminal."""
        height = options.height or console.size.height
        pool = any(lane.pool is not None for lane in self._view.lanes)
        room = Room.of(options.max_width, height, pool=pool, ascii_only=options.ascii_only)
        yield _frame(self._view, room)


def _frame(view: View, room: Room) -> RenderableType:
    lanes = Table.grid(expand=True)
    for _ in view.lanes:
        lanes.add_column(ratio=1)
    inner = room.width // len(view.lanes) - 4
    lanes.add_row(*[lane_panel(lane, view, inner, room) for lane in view.lanes])
    around: list[RenderableType] = [_header(view, room.width), _health(view), *_arrivals(view, room)]
    foot: list[RenderableType] = [
        Rule("what happened", align="left", style="dim"),
        *_lines(view.lines, room, len(around)),
        _keys(room),
    ]
    return Group(*around, lanes, *foot)


def _header(view: View, width: int) -> Text:
    left = Text.assemble((" warmscaler demo", "bold"), (f"   {view.broker}   scaler at {view.scaler_address}", "dim"))
    right = Text(f"seed {view.seed}   {view.speed:g}x   {_clock(view.at)} ")
    left.truncate(max(0, width - right.cell_len - 1), overflow="ellipsis", pad=True)
    return one_row(left + Text(" ") + right)


def _health(view: View) -> Text:
    up = view.outage is None
    row = Text(" ")
    row.append_text(_fact("broker", "up" if up else f"DOWN {view.outage:.0f} s", good=up))
    row.append_text(_fact("scaler", view.scaler, good=view.scaler is Condition.SERVING))
    row.append(f"outages {view.outages:.0f} s, scale-downs ")
    row.append(str(view.scale_downs), style=GOOD if not view.scale_downs else BAD)
    if view.foreseen:
        row.append(f" ({view.foreseen} due)", style="dim")
    return one_row(row)


def _fact(name: str, state: str, *, good: bool) -> Text:
    style = GOOD if good else BAD
    return Text.assemble(f"{name} ", ("● " if good else "○ ", style), (state, "" if good else BAD), "   ")


def _arrivals(view: View, room: Room) -> list[Text]:
    width = room.width - LABEL - 2
    counts = grouped(view.arrivals, width, sum, 0)
    labels = [" arrivals", f" {view.rate:.1f}/s", f" {view.events}"]
    return charted(labels, counts, room.arrivals, room.ink, (down_columns(view, width), COOL))


def _lines(lines: Sequence[Line], room: Room, above: int) -> list[Text]:
    rows = max(FEWEST_LINES, room.height - above - room.panel - 2)
    shown = [_line(each) for each in lines[-rows:]]
    return [*shown, *[Text("")] * (rows - len(shown))]


def _line(line: Line) -> Text:
    who = (f"{line.who:7}", _WHO.get(line.who, ""))
    return one_row(Text.assemble((f" {_clock(line.at)} ", "dim"), who, (line.text, "bold" if line.loud else "")))


def _keys(room: Room) -> Text:
    """Name the keys, each in fewer words as long as there is no room for all."""
    keys: Sequence[tuple[str, str]] = (*KEYS[:-1], *POOL_KEYS, KEYS[-1]) if room.pool else KEYS
    row = _named(keys)
    for long, short in SHORT.items():
        if row.cell_len > room.width:
            keys = tuple((key, short if word == long else word) for key, word in keys)
            row = _named(keys)
    return one_row(row)


def _named(keys: Sequence[tuple[str, str]]) -> Text:
    row = Text(" ")
    for key, meaning in keys:
        row.append(f" {key} ", style="reverse")
        row.append(f" {meaning}  " if meaning else " ")
    return row


def _clock(at: float) -> str:
    return f"{int(at) // 60:02}:{int(at) % 60:02}"
