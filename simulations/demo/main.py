"""``warmscaler demo``: run the world, and show it to whoever watches.

What takes time to import is imported when the first picture is already there.
"""
# ruff: noqa: PLC0415

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.console import Console

from scaler.verbs.output import Output, show_data
from simulations.demo.options import Options, Words, understand
from simulations.demo.stages import Headless, Live, Plain, Stage

if TYPE_CHECKING:
    from simulations.demo.report import Report
    from simulations.demo.world import World

FOUND_A_PROBLEM: Final = 1
INTERRUPTED: Final = 130
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo(words: Words) -> int:
    """Run the demo and return the exit code.

    1 if replicas went down for an outage or ended at a wrong number, or if the pool did what it never may.

    Raises :class:`~scaler.errors.ConfigError` for options that make no sense.
    """
    options = understand(words)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal without our arrows gets others
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its core would write into the picture when the scaler is stopped
    try:
        report = asyncio.run(_play(options, _stage(options)))
    except asyncio.CancelledError:
        return INTERRUPTED
    if report is None:
        return INTERRUPTED
    _print(report, options)
    return 0 if report.sound else FOUND_A_PROBLEM


def _stage(options: Options) -> Stage:
    console = Console()
    if options.headless:
        return Headless()
    return Live(console) if console.is_terminal and not console.is_dumb_terminal else Plain()


async def _play(options: Options, stage: Stage) -> "Report | None":
    """Run the world on a stage; ``None`` if a headless run was interrupted: half a run is no result."""
    interruption = Interruption()
    with stage.open(), interruption.heard():
        from scaler.aio import ended
        from simulations.demo.clock import Clock
        from simulations.demo.journal import Journal
        from simulations.demo.report import report
        from simulations.demo.world import built

        clock = Clock(options.speed)
        journal = Journal(clock)
        journal.listeners.append(stage.hear)
        async with built(options, clock, journal) as world, asyncio.TaskGroup() as tasks:
            interruption.world = world
            showing = tasks.create_task(stage.show(world), name="stage")
            await world.run()
            showing.cancel()
            told = None if options.headless and interruption.came else report(world)
        await ended(asyncio.all_tasks() - {asyncio.current_task()})  # what a client library has left behind
        return told


@dataclass(slots=True)
class Interruption:
    """What SIGINT, SIGTERM and SIGHUP do: end a running world the polite way, and anything else at once."""

    world: "World | None" = None
    came: bool = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen for as long as the block lasts."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - we are inside it

        def interrupt() -> None:
            if self.world is None or self.came:
                task.cancel()
            else:
                self.world.finished.set()
            self.came = True

        for each in SIGNALS:
            loop.add_signal_handler(each, interrupt)
        try:
            yield
        finally:
            for each in SIGNALS:
                loop.remove_signal_handler(each)


def _print(report: "Report", options: Options) -> None:
    from simulations.demo.summary import print_summary

    if options.output is Output.TABLE:
        print_summary(report, Console())
    else:
        show_data(report.document(), options.output)
