"""Three ways to watch: a picture that moves, a line for each thing that happens, or nothing until the end."""
# ruff: noqa: PLC0415 - what draws the world is imported with the world, when the first picture is there

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Console, Group
from rich.live import Live as Painter
from rich.progress import Progress
from rich.text import Text

from simulations.demo.keys import keys

if TYPE_CHECKING:
    from simulations.demo.journal import Line
    from simulations.demo.world import World

FRAMES: Final = 8.0  # a second
BEAT: Final = 10.0  # wall seconds between two lines of figures where nothing moves
STARTING: Final = "starting a broker and the scaler …"


class Stage(Protocol):
    """Where the world is shown."""

    def open(self) -> AbstractContextManager[object]:
        """Show that something is coming; what was changed for it is undone at the end of the block."""
        ...

    def hear(self, line: "Line") -> None:
        """Be told of one thing that happened."""
        ...

    async def show(self, world: "World") -> None:
        """Show the world until cancelled."""
        ...


class Live:
    """The picture, on a screen of its own; keys do what it says at its foot."""

    def __init__(self, console: Console) -> None:
        first = Group(Text(" warmscaler demo", style="bold"), Text(f" {STARTING}", style="dim"))
        self._painter = Painter(first, console=console, screen=True, auto_refresh=False)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Take the screen and its keys."""
        self._painter.start(refresh=True)
        try:
            yield
        finally:
            self._painter.stop()

    def hear(self, line: "Line") -> None:
        """Leave it to the picture."""

    async def show(self, world: "World") -> None:
        """Paint frame after frame; a terminal that takes its time does not hold up the world."""
        from simulations.demo.screen import Screen
        from simulations.demo.view import seen

        does = {
            "b": world.burst,
            "k": world.kill,
            "r": world.revive,
            "s": world.toggle_scaler,
            "p": world.toggle_pool,
            "+": lambda: world.resize_pool(1),
            "=": lambda: world.resize_pool(1),  # the same key, without shift
            "-": lambda: world.resize_pool(-1),
            "q": world.finished.set,
        }
        with keys(lambda key: does.get(key.lower(), _nothing)()):
            while True:
                await asyncio.to_thread(self._painter.update, Screen(seen(world)), refresh=True)
                await asyncio.sleep(1.0 / FRAMES)


class Plain:
    """A line for each thing that happens, and one of figures now and then."""

    def open(self) -> AbstractContextManager[object]:
        """Say that it begins."""
        print(f"warmscaler demo: {STARTING} (Ctrl-C ends it)", flush=True)  # noqa: T201 - what a plain terminal is for
        return nullcontext()

    def hear(self, line: "Line") -> None:
        """Print it."""
        print(f"{line.at:7.1f}  {line.who:7} {line.text}", flush=True)  # noqa: T201

    async def show(self, world: "World") -> None:
        """Print the figures of every lane."""
        from simulations.demo.view import seen, spoken

        while True:
            await asyncio.sleep(BEAT)
            view = seen(world)
            for lane in view.lanes:
                figures = f"backlog {lane.waiting}, {lane.ready} of {lane.replicas} ready"
                latency = f"asked for p50 {spoken(lane.latencies.p50)}, ready p50 {spoken(lane.readied.p50)}"
                pool = f"; {lane.pool.warm} of {lane.pool.size} warm, {lane.pool.hits} hits" if lane.pool else ""
                print(f"{view.at:7.1f}  {lane.title:11} {figures}; from zero {latency}{pool}", flush=True)  # noqa: T201


class Headless:
    """Nothing but a bar on standard error, if that is a terminal."""

    def open(self) -> AbstractContextManager[object]:
        """Change nothing."""
        return nullcontext()

    def hear(self, line: "Line") -> None:
        """Nobody listens."""

    async def show(self, world: "World") -> None:
        """Move the bar."""
        if not sys.stderr.isatty():
            return
        duration = world.options.duration or 0.0
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("running", total=duration)
            while True:
                progress.update(bar, completed=min(duration, world.clock.now()))
                await asyncio.sleep(1.0 / FRAMES)


def _nothing() -> None:
    """Most keys do nothing."""
