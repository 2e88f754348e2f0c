"""The picture: every part of it in every size, in colour and without."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from simulations.demo.history import CHUNK, History, Sample
from simulations.demo.journal import Line
from simulations.demo.latency import latencies
from simulations.demo.pods import Phase
from simulations.demo.scaler import Condition
from simulations.demo.screen import Screen
from simulations.demo.view import LaneView, PoolView, View, spoken

SIZES = [(80, 24), (100, 30), (140, 40), (200, 60)]


def lane(title: str, waits: Sequence[float], **given: object) -> LaneView:
    samples = [Sample(waiting=n % 40, replicas=n // 20, ready=n // 25) for n in range(100)]
    known = LaneView(
        title=title,
        subtitle="external-push, polls 5 s",
        samples=samples,
        waiting=45,
        replicas=4,
        ready=3,
        phases=[Phase.READY, Phase.READY, Phase.READY, Phase.PULLING],
        latencies=latencies(waits),
        readied=latencies([8.1]),
        pending=None,
        last="9 ms by push",
        told="45, active, 3 s ago",
        standing="fresh",
        why="backlog above the activation threshold",
    )
    return replace(known, **given)  # type: ignore[arg-type]  # names of fields


VIEW = View(
    at=754.0,
    speed=5.0,
    seed=1,
    broker="NATS JetStream",
    outage=None,
    outages=0.0,
    scale_downs=0,
    foreseen=0,
    scaler=Condition.SERVING,
    scaler_address="127.0.0.1:26001",
    events=123,
    rate=6.2,
    arrivals=[n % 7 for n in range(100)],
    down=[40 < n < 60 for n in range(100)],
    lanes=[lane("push", [0.009, 0.012]), lane("polling", [14.2, 28.1], phases=[], pending=12.3)],
    lines=[Line(at=float(n), who="KEDA", text=f"line {n}") for n in range(40)],
)


POOLED = lane(
    "push + pool",
    [0.009],
    subtitle="2 warm pods",
    readied=latencies([0.014]),
    phases=[Phase.BRIDGED, Phase.ADOPTED, Phase.SCHEDULING],
    pool=PoolView(size=2, warm=1, starting=1, hits=12, misses=3),
)
WITH_POOL = replace(VIEW, lanes=[*VIEW.lanes, POOLED])


def printed(view: View, size: tuple[int, int] = (80, 24), **console: object) -> list[str]:
    given = {"force_terminal": True, "color_system": None, "legacy_windows": False, **console}
    out = Console(width=size[0], height=size[1], file=io.StringIO(), **given)  # type: ignore[arg-type]
    out.print(Screen(view), end="")
    return out.file.getvalue().rstrip("\n").split("\n")  # type: ignore[attr-defined]


@pytest.mark.parametrize("view", [VIEW, WITH_POOL], ids=["two lanes", "with a pool"])
@pytest.mark.parametrize("size", SIZES)
def test_the_picture_fills_a_terminal_exactly(size: tuple[int, int], view: View) -> None:
    rows = printed(view, size)
    assert len(rows) == size[1]
    assert max(map(cell_len, rows)) <= size[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "part",
    [
        *("warmscaler demo", "12:34", "seed 1", "5x", "arrivals", "6.2/s", "push", "polling", "backlog", "replicas"),
        *("3 of 4", "3 ready, 1 pulling", "p50 9 ms", "p95 12 ms", "p50 14.2 s", "an event waits 12.3 s"),
        *(
            "45, active, 3 s ago",
            "fresh, backlog above",
            "scale-downs 0",
            "line 39",
            "broker",
            "scaler",
            "serving",
        ),
        *("burst", "kill broker", "revive it", "scaler off/on", "quit"),
    ],
)
def test_every_part_is_there_in_every_size(part: str, size: tuple[int, int]) -> None:
    assert part in "\n".join(printed(VIEW, size))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "part",
    [
        *("push + pool", "2 warm", "1 of 2", "12 hit", "3 miss", "1 bridged, 1 adopted", "p50 14 ms", "p50 8.1 s"),
        *("burst", "kill", "revive", "scaler", " p ", " + ", " - ", "quit", "line 39"),
    ],
)
def test_three_lanes_fit_as_well(part: str, size: tuple[int, int]) -> None:
    assert part in "\n".join(printed(WITH_POOL, size))


def test_a_pool_that_is_off_says_so_and_keeps_its_figures() -> None:
    off = replace(POOLED, pool=PoolView(size=0, warm=0, starting=0, hits=1, misses=1), subtitle="no warm pods")
    assert "off, 1 hit, 1 miss" in "\n".join(printed(replace(WITH_POOL, lanes=[off]), (100, 30)))


@pytest.mark.parametrize("view", [VIEW, WITH_POOL], ids=["two lanes", "with a pool"])
@pytest.mark.parametrize("size", [(60, 20), (40, 12), (20, 5), (9, 3)])
def test_a_terminal_that_is_too_small_is_no_error(size: tuple[int, int], view: View) -> None:
    assert "warmscal"[: size[0] - 2] in printed(view, size)[0]


def test_one_lane_takes_the_whole_width() -> None:
    rows = printed(replace(VIEW, lanes=VIEW.lanes[:1]))
    assert len(rows) == 24
    assert "last 9 ms by push" in "\n".join(rows)


def test_an_outage_is_said_in_words() -> None:
    text = "\n".join(
        printed(replace(VIEW, outage=120.0, outages=120.0, scale_downs=2, foreseen=1, scaler=Condition.STOPPING))
    )
    assert "DOWN 120 s" in text
    assert "outages 120 s, scale-downs 2 (1 due)" in text
    assert "stopping" in text


def test_no_colour_is_needed_and_none_is_used_when_nobody_wants_it() -> None:
    assert "\x1b" not in "".join(printed(VIEW))


def test_an_outage_is_red() -> None:
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Screen(VIEW))
    assert "\x1b[31m" in console.file.getvalue()  # type: ignore[attr-defined]


def test_before_anything_happened_the_picture_is_whole() -> None:
    empty = lane("push", [], samples=[], phases=[], waiting=0, last="", told="nothing yet", standing="", why="")
    view = replace(VIEW, arrivals=[], down=[], lines=[], lanes=[empty], events=0, rate=0.0)
    rows = printed(view)
    assert len(rows) == 24
    assert "p50 -" in "\n".join(rows)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.0094, "9 ms"), (0.9, "900 ms"), (1.0, "1.0 s"), (28.13, "28.1 s")],
)
def test_latencies_are_said_as_people_do(seconds: float | None, text: str) -> None:
    assert spoken(seconds) == text


def test_an_old_history_is_forgotten_in_chunks() -> None:
    history = History()
    for number in range(2 * CHUNK):
        history.take(number, {"push": Sample(waiting=number)}, down=False)
    assert (len(history.arrivals), len(history.down), len(history.lanes["push"])) == (CHUNK, CHUNK, CHUNK)
    assert history.arrivals[0] == CHUNK
