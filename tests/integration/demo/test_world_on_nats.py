"""The world on a real NATS server, in this process: what is only visible from inside."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from simulations.demo.clock import Clock
from simulations.demo.journal import Journal
from simulations.demo.lane import Lane
from simulations.demo.options import Options
from simulations.demo.report import report
from simulations.demo.world import World, built

pytestmark = pytest.mark.requires("nats")

SPEED = 10.0
PATIENCE = 40.0  # s of the wall


async def until(world: World, fact: Callable[[], bool]) -> None:
    """Wait until ``fact`` holds, looked at ten times in a second of the demo."""
    async with asyncio.timeout(PATIENCE):
        while not fact():
            await world.clock.sleep(0.1)


def served(lane: Lane, events: int) -> bool:
    return lane.ledger.served >= events


async def test_no_event_is_lost_when_the_broker_dies_again_and_again() -> None:
    options = Options(speed=SPEED)
    clock = Clock(options.speed)
    async with built(options, clock, Journal(clock)) as world, asyncio.TaskGroup() as tasks:
        tasks.create_task(world.run())
        await until(world, lambda: world.events > 3)
        for _ in range(3):
            world.kill()
            world.burst()
            await until(world, lambda: world.outage is not None)
            await world.clock.sleep(8.0)
            world.revive()
            await until(world, lambda: world.outage is None)
            await world.clock.sleep(4.0)
        came = world.events
        for lane in world.lanes:
            await until(world, partial(served, lane, came))
            assert lane.ledger.scale_downs == 0
        world.finished.set()
        assert report(world).outage.events_kept > 0
        assert report(world).sound
