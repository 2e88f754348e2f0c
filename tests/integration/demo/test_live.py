"""The live demo in a terminal of its own: the picture, its keys, and what is left when it ends."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.demo.processes import WARMSCALER, left_behind, marked
from tests.integration.demo.terminal import Terminal

pytestmark = pytest.mark.requires("nats")

OTHER_SCREEN, OWN_SCREEN, CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7](;[0-9;]*)?m")


@contextmanager
def demo(*options: str, size: tuple[int, int] = (80, 24), **environment: str) -> Iterator[Terminal]:
    with marked() as (inherited, mark):
        with Terminal(
            [*WARMSCALER, "demo", *options], {**inherited, "TERM": "xterm-256color", **environment}, size
        ) as terminal:
            yield terminal
        assert left_behind(mark) == []


def restored(terminal: Terminal) -> bool:
    """Tell whether the terminal is as it was: its own screen, its cursor, its settings."""
    end = terminal.raw.rfind(OWN_SCREEN)
    return terminal.raw.rfind(OTHER_SCREEN) < end and CURSOR in terminal.raw and terminal.settings() == terminal.before


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
def test_the_picture_has_all_its_parts_and_every_key_does_what_it_says(size: tuple[int, int]) -> None:
    with demo(size=size) as terminal:
        for part in ("arrivals", "backlog", "replicas", "awake in", "told", "polling", "broker ● up", "kill"):
            terminal.shows(part)  # how soon, `python -m tests.bench demo` tells
        assert terminal.settings() != terminal.before
        terminal.shows("push 0→1 by")
        terminal.shows("after the event")
        terminal.press("b")
        terminal.shows("a burst of 40 events")
        terminal.press("k")
        terminal.shows("killed: NATS JetStream is gone")
        terminal.shows("broker ○ DOWN")
        terminal.shows("source out of")
        terminal.press("R")
        terminal.shows("back after")
        terminal.shows("reads the broker again")
        terminal.press("s")
        terminal.shows("scaler ○ stopped")
        terminal.press("s")
        again = len(terminal.text)
        terminal.shows("scaler ● serving", after=again)
        terminal.press("x")
        terminal.press("q")
        assert terminal.ended() == 0
        assert "from zero to a replica" in terminal.text
        assert "0 scale-downs because of it" in terminal.text
        assert restored(terminal)


@pytest.mark.parametrize("size", [(80, 24), (100, 30)])
def test_the_pool_can_be_sized_and_stopped(size: tuple[int, int]) -> None:
    with demo("--source", "memory", "--speed", "2x", size=size) as terminal:
        for part in ("push + pool", "2 of 2", "ready in"):
            terminal.shows(part)
        terminal.shows("claimed 1 warm pod")
        terminal.press("+")
        terminal.shows("a pool of 3")
        terminal.shows("3 of 3")
        terminal.press("-")
        terminal.shows("a pool of 2")
        terminal.press("p")
        terminal.shows("no pool: its pods go")
        terminal.shows("off, ")
        terminal.press("s")
        terminal.shows("scaler ○ stopped")
        terminal.press("p")
        terminal.press("s")
        again = len(terminal.text)
        terminal.shows("2 of 2", after=again)
        terminal.press("q")
        assert terminal.ended() == 0
        assert "hits, misses" in terminal.text


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda how: how.name)
def test_a_signal_is_as_good_as_q(how: signal.Signals) -> None:
    with demo() as terminal:
        terminal.shows("backlog")
        terminal.program.send_signal(how)
        assert terminal.ended() == 0
        assert "from zero to a replica" in terminal.text
        assert restored(terminal)


def test_a_signal_before_anything_runs_is_the_end_too() -> None:
    with demo() as terminal:
        terminal.shows("starting a broker")
        terminal.program.send_signal(signal.SIGINT)
        assert terminal.ended() in {0, 130}
        assert restored(terminal)


def test_quitting_while_the_broker_is_down_and_the_scaler_is_stopped() -> None:
    with demo() as terminal:
        terminal.shows("backlog")
        terminal.press("k")
        terminal.shows("broker ○ DOWN")
        terminal.press("s")
        terminal.shows("scaler ○ stopped")
        terminal.press("q")
        assert terminal.ended() == 0
        assert restored(terminal)


def test_no_color_is_honoured() -> None:
    with demo("--source", "memory", NO_COLOR="1") as terminal:
        terminal.shows("backlog")
        terminal.press("q")
        assert terminal.ended() == 0
        assert COLOUR.search(terminal.raw) is None


def test_a_duration_ends_the_picture_too() -> None:
    with demo("--source", "memory", "--speed", "20x", "--duration", "10s") as terminal:
        assert terminal.ended() == 0
        assert "events in 10 s, memory" in terminal.text
        assert restored(terminal)


def test_a_dumb_terminal_gets_lines() -> None:
    with demo("--source", "memory", "--speed", "20x", "--duration", "10s", TERM="dumb") as terminal:
        assert terminal.ended() == 0
        assert "push 0→1 by push" in terminal.text
        assert OTHER_SCREEN not in terminal.raw
