"""The lane with warm pods: the pool's real controller over the simulated cluster, behind the real service."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from simulations.demo.cluster import ClusterDeployment
from simulations.demo.lane import Lane
from simulations.demo.options import Compare, PlannedOutage
from simulations.demo.pods import Phase
from simulations.demo.pool import Pool
from simulations.demo.scaler import Condition
from simulations.demo.view import PoolView, seen
from simulations.demo.world import World
from tests.simulations.demo.test_world import options, played, running, until


@dataclass(frozen=True)
class Looked:
    """The parts of a world that these tests look at."""

    world: World
    lane: Lane
    cluster: ClusterDeployment
    pool: Pool

    @property
    def shown(self) -> PoolView:
        view = next(each.pool for each in seen(self.world).lanes if each.pool)
        assert view is not None
        return view

    def said(self, text: str) -> bool:
        return any(text in line.text for line in self.world.journal.lines)

    async def until(self, fact: Callable[[], bool]) -> None:
        await until(self.world, fact)


def looked(world: World) -> Looked:
    lane = world.lanes[-1]
    assert isinstance(lane.deployment, ClusterDeployment)
    assert world.pool is not None
    return Looked(world, lane, lane.deployment, world.pool)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_warm_pod_serves_long_before_a_cold_one_could_and_the_deployment_ends_with_what_keda_wants(
    seed: int,
) -> None:
    found = await played(duration=60.0, seed=seed, compare=Compare.NONE)
    assert found.sound
    assert found.pool is not None
    assert found.pool.hits >= found.pool.activations >= 1
    assert found.pool.idle_pod_seconds > 0.0
    assert found.pool.latency_ms == found.pool.ready_ms
    assert found.pool.ready_ms.p50 is not None
    assert found.push.ready_ms.p50 is not None
    assert found.pool.ready_ms.p50 < 500.0
    assert found.push.ready_ms.p50 > 5_000.0
    assert found.pool.replicas.final == found.pool.replicas.expected


async def test_an_outage_brings_no_replica_down_and_loses_no_event() -> None:
    found = await played(duration=55.0, compare=Compare.NONE, outage=PlannedOutage(start=2.0, length=20.0))
    assert found.outage.scale_downs == 0
    assert found.sound


async def test_the_run_begins_with_a_full_pool_and_a_claimed_pod_is_adopted() -> None:
    async with running(options(compare=Compare.NONE)) as world:
        look = looked(world)
        assert (look.shown.size, look.shown.warm + look.shown.hits) == (2, 2)
        await look.until(lambda: look.said("is adopted by the Deployment"))
        assert look.said("claimed 1 warm pod")
        assert Phase.ADOPTED in look.cluster.phases or Phase.READY in look.cluster.phases
        await look.until(lambda: look.shown.warm == 2)


async def test_a_pool_that_is_switched_off_is_no_pool_and_switched_on_it_is_filled_again() -> None:
    async with running(options(compare=Compare.NONE)) as world:
        look = looked(world)
        world.toggle_pool()
        await look.until(lambda: look.shown.warm + look.shown.starting == 0)
        assert (look.shown.size, look.said("no pool: its pods go")) == (0, True)
        world.toggle_pool()
        await look.until(lambda: look.shown.warm == 2)
        assert world.broken == []


async def test_its_size_is_what_the_keys_say_within_bounds() -> None:
    async with running(options(compare=Compare.NONE, pool=9)) as world:
        look = looked(world)
        world.resize_pool(1)
        world.resize_pool(1)
        assert (look.shown.size, look.said("a pool of 10")) == (10, True)
        await look.until(lambda: look.shown.warm == 10)
        for _ in range(12):
            world.resize_pool(-1)
        assert look.shown.size == 1
        await look.until(lambda: (look.shown.warm, look.shown.starting) == (1, 0))
        assert world.broken == []


async def test_without_the_scaler_there_is_no_controller_and_a_new_one_goes_on_from_the_labels() -> None:
    async with running(options(compare=Compare.NONE)) as world:
        look = looked(world)
        await look.until(lambda: look.shown.hits > 0)
        world.toggle_scaler()
        await look.until(lambda: world.scaler.condition.value is Condition.STOPPED)
        before = look.pool.figures()
        world.resize_pool(2)
        await world.clock.sleep(5.0)
        assert (look.pool.figures(), look.shown.warm + look.shown.starting <= 2) == (before, True)
        world.toggle_scaler()
        await look.until(lambda: look.shown.warm == 4)
        world.burst()
        came = world.events
        await look.until(lambda: look.lane.ledger.served >= came)
        await look.until(lambda: look.pool.figures().hits > before.hits)
        assert world.broken == []


async def test_an_empty_pool_leaves_everything_to_push() -> None:
    async with running(options(compare=Compare.NONE)) as world:
        look = looked(world)
        world.toggle_pool()
        await look.until(lambda: look.lane.ledger.served > 0)
        await look.until(lambda: look.shown.warm + look.shown.starting == 0)
        hits = look.pool.figures().hits
        world.burst()
        came = world.events
        await look.until(lambda: look.lane.ledger.served >= came)
        await look.cluster.settled()
        assert look.pool.figures().hits == hits
        await look.until(lambda: look.cluster.serving == look.cluster.replicas)
        assert world.broken == []
