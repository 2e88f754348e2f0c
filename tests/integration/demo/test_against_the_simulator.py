"""Three minutes of the live demo beside the simulation of its arrivals: real service, real RPCs; the same replicas.

Arrivals and service times are the same, and KEDA checks and the HPA syncs when they did. Three things differ, and are
what the tolerances are for:

- Calls take real time, of which ten seconds of the demo pass in one: some 10 ms are a tenth of a second. A wake-up may
  be so much later (``CALLS``); and where KEDA's check and the HPA's sync fall together, who is first decides whether
  the HPA acts now or a sync period later.
- A cold start has other jitter, up to 0.8 s of 8. So a backlog is worked off that much sooner or later, and a check
  that comes just then finds the function active or not: it sleeps one poll sooner or later. The HPA's target may be a
  replica apart for the same reason.
- A claim is answered by a simulated API server; whether a replica that is wanted in that moment is a hit or a miss may
  differ.

The seed is one in which each burst begins more than a poll after the sleep before it: were it less, one poll would make
one activation of two.
"""

import asyncio
import gc
from dataclasses import dataclass, field

import pytest

from scaler.aio import ended
from simulations.demo.clock import Clock
from simulations.demo.journal import Journal
from simulations.demo.lane import POLL, POOL, PUSH, Kind, Lane
from simulations.demo.ledger import Move
from simulations.demo.options import POOL as WARM
from simulations.demo.options import Options, Source
from simulations.demo.report import Report, report
from simulations.demo.world import built
from simulations.figures import Figures
from simulations.hpa import SYNC_PERIOD
from tests.integration.demo.offline import Step, simulated

SEED, SPEED, DURATION = 2, 10.0, 180.0
CALLS = 1.0  # s of the demo, which are a tenth of one
APART = 1  # replicas, and pods by which counts may differ for each burst that the jitter makes another one of
PODS = 3  # cold starts, hits and misses of three minutes

pytestmark = pytest.mark.timeout(120)


@dataclass
class Ran:
    """What one lane went through, live and simulated, while events arrived."""

    kind: Kind
    live: list[Step] = field(default_factory=list)
    offline: list[Step] = field(default_factory=list)
    figures: Figures | None = None

    def of(self, kind: str) -> tuple[list[Step], list[Step]]:
        """Return the changes of a kind, live and simulated."""
        both = (self.live, self.offline)
        live, offline = ([each for each in steps if each.kind == kind] for steps in both)
        return live, offline

    def listen(self, lane: Lane) -> None:
        """Take down each change."""
        tell = lane.keda.on_move

        def moved(move: Move, why: str) -> None:
            if move.at.at < DURATION:
                self.live.append(Step(move.at.at, move.before, move.after))
            tell(move, why)

        lane.keda.on_move = moved


async def _run() -> tuple[dict[str, Ran], Report]:
    ran = await _live()
    await ended(asyncio.all_tasks() - {asyncio.current_task()})  # what libraries left behind
    gc.collect()  # a server of grpc.aio is quiet only if it goes before its loop
    return ran


async def _live() -> tuple[dict[str, Ran], Report]:
    options = Options(source=Source.MEMORY, seed=SEED, speed=SPEED, duration=DURATION, headless=True)
    clock = Clock(SPEED)
    async with built(options, clock, Journal(clock)) as world:
        lanes = {lane.kind.name: Ran(lane.kind) for lane in world.lanes}
        for lane in world.lanes:
            lanes[lane.kind.name].listen(lane)
        await world.run()
        found = report(world)
    for lane in world.lanes:
        ran = lanes[lane.kind.name]
        ran.offline, ran.figures = simulated(lane.kind, lane.keda.record, SEED, DURATION, WARM)
    return lanes, found


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, Ran], Report]:
    """Run it once."""
    return asyncio.run(_run())


KINDS = [pytest.param(kind, id=kind.name) for kind in (PUSH, POLL, POOL)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_activations_at_the_same_time(both: tuple[dict[str, Ran], Report], kind: Kind) -> None:
    live, offline = both[0][kind.name].of("wakes")
    assert len(live) == len(offline) >= 3
    assert [each.at for each in live] == pytest.approx([each.at for each in offline], abs=CALLS)


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_sleeps_a_poll_apart_at_most(both: tuple[dict[str, Ran], Report], kind: Kind) -> None:
    live, offline = both[0][kind.name].of("sleeps")
    assert len(live) == len(offline) >= 2
    assert [each.at for each in live] == pytest.approx([each.at for each in offline], abs=kind.polling_interval + CALLS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_steps_a_sync_and_a_replica_apart_at_most(both: tuple[dict[str, Ran], Report], kind: Kind) -> None:
    live, offline = both[0][kind.name].of("steps")
    assert len(live) == len(offline)
    assert [each.at for each in live] == pytest.approx([each.at for each in offline], abs=SYNC_PERIOD + CALLS)
    assert [each.after for each in live] == pytest.approx([each.after for each in offline], abs=APART)


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_cold_starts(both: tuple[dict[str, Ran], Report], kind: Kind) -> None:
    """Every replica that was asked for is one, but for those that a warm pod became: they are started all the same."""
    ran = both[0][kind.name]
    assert ran.figures is not None
    asked = sum(max(0, each.after - each.before) for each in ran.live)
    assert asked == pytest.approx(ran.figures.started, abs=PODS)


def test_the_pool_is_hit_and_missed_alike(both: tuple[dict[str, Ran], Report]) -> None:
    lanes, found = both
    figures, pool = lanes["pool"].figures, found.pool
    assert figures is not None
    assert pool is not None
    assert (pool.hits, pool.misses) == pytest.approx((figures.hits, figures.missed), abs=PODS)


def test_everything_was_served(both: tuple[dict[str, Ran], Report]) -> None:
    lanes, found = both
    figures = lanes["push"].figures
    assert figures is not None
    assert found.push.served == figures.served == found.events
