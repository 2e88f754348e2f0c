"""The live demo in a process of its own, which tells what it went through: ``python -m tests.integration.demo.live``.

With ``--record DIR`` what its pool lives through is recorded, as ``warmscaler serve --pool --record DIR`` would.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simulations.demo.world
from scaler.decisions import Decisions
from scaler.pooling import clock as now
from scaler.recording.files import Place
from scaler.recording.running import recording
from simulations.demo.clock import Clock
from simulations.demo.emulator.record import Happened, Synced
from simulations.demo.journal import Journal
from simulations.demo.lane import Lane
from simulations.demo.ledger import Move
from simulations.demo.options import Compare, Options, Source
from simulations.demo.pool import Pool
from simulations.demo.report import report
from simulations.keda import Checked


@dataclass(frozen=True, slots=True)
class Step:
    """A change of the replicas that are asked for, in seconds of the demo."""

    at: float
    before: int
    after: int

    @property
    def kind(self) -> str:
        """Whether it wakes, puts to sleep, or is the HPA's."""
        return "wakes" if self.before == 0 else "sleeps" if self.after == 0 else "steps"


@dataclass(frozen=True, slots=True)
class Lived:
    """What one lane went through: changes of its replicas, and when KEDA began, checked, and the HPA synced."""

    name: str
    steps: list[Step]
    begun: float
    checks: list[float]
    syncs: list[float]
    report: dict[str, Any]


def lived(*options: str, within: float) -> dict[str, Lived]:
    """Run it, and return what each lane went through, by its kind."""
    command = [sys.executable, "-m", __name__, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=within, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {kind: Lived(**{**each, "steps": [Step(*one) for one in each["steps"]]}) for kind, each in found.items()}


def main() -> None:
    """Run the demo, and print what each lane went through."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--duration", type=float, required=True)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--record", type=Path)
    asked = parser.parse_args()
    if asked.record is not None:
        _record(asked.record)
    options = Options(
        source=Source.MEMORY,
        seed=asked.seed,
        speed=asked.speed,
        duration=asked.duration,
        compare=Compare.NONE if asked.alone else Compare.POLL,
        headless=True,
    )
    sys.stdout.write(json.dumps(asyncio.run(_live(options))))
    sys.stdout.flush()
    os._exit(0)  # what client libraries have left behind is of no interest


def _record(folder: Path) -> None:
    """Record whatever the demo's pool lives through."""

    class Recorded(Pool):
        @asynccontextmanager
        async def kept(self, decisions: Decisions) -> AsyncIterator[None]:
            async with super().kept(decisions):
                controller = self._controller
                assert controller is not None
                place = Place(folder=folder, limit=2**26)
                async with recording(place, decisions, now, kube=self._kube, pools=controller.told):
                    yield

    setattr(simulations.demo.world, "Pool", Recorded)  # noqa: B010 - there is one world in this process


async def _live(options: Options) -> dict[str, Any]:
    clock = Clock(options.speed)
    async with simulations.demo.world.built(options, clock, Journal(clock)) as world:
        steps = {lane.kind.name: _listened(lane) for lane in world.lanes}
        await world.run()
        document = report(world).document()
        return {
            lane.kind.name: {
                "name": lane.name,
                "steps": steps[lane.kind.name],
                "begun": lane.keda.record.begun,
                "checks": [each.at for each in lane.keda.record.entries if _is_check(each)],
                "syncs": [each.at for each in lane.keda.record.entries if isinstance(each, Synced)],
                "report": document[lane.kind.name],
            }
            for lane in world.lanes
        }


def _is_check(entry: object) -> bool:
    return isinstance(entry, Happened) and isinstance(entry.event, Checked)


def _listened(lane: Lane) -> list[tuple[float, int, int]]:
    steps: list[tuple[float, int, int]] = []
    tell = lane.keda.on_move

    def moved(move: Move, why: str) -> None:
        steps.append((move.at.at, move.before, move.after))
        tell(move, why)

    lane.keda.on_move = moved
    return steps


if __name__ == "__main__":
    main()
