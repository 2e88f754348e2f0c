"""The feeds, by source: who asks for the same source shares it, and all end with the hub."""

import asyncio

import pytest

from scaler.errors import Cause, SourceUnavailable
from scaler.hub import running_hub
from scaler.net.egress import Egress
from scaler.probes.base import Amount, Surroundings
from scaler.testing import Follower
from scaler.testing.clocks import in_jumping_time, jumping_clock
from scaler.testing.fakes import FakeProbe
from tests.stage import ask, raising, staged, told


@in_jumping_time
async def test_each_source_has_one_feed_and_equal_sources_are_one() -> None:
    async with staged(a=1) as stage:
        for place in ("here", "there", "here", "there"):
            stage.follow("a", place=place)
        stage.follow("a", place="here", password="another login is another source")
        await asyncio.sleep(1)
        assert [len(stage.probe.worlds[place].opens) for place in ("here", "there")] == [2, 1]


@in_jumping_time
async def test_leaving_the_hub_closes_every_source() -> None:
    async with staged(a=1) as stage:
        for number in range(10):
            stage.follow("a", place=f"place{number}")
        await asyncio.sleep(1)
    assert all(world.closes == 1 for name, world in stage.probe.worlds.items() if name.startswith("place"))


@in_jumping_time
async def test_what_goes_wrong_beside_it_still_closes_every_source() -> None:
    probe = FakeProbe()

    async def fail() -> None:
        async with running_hub(Surroundings(clock=jumping_clock)) as hub:
            hub.follow(probe, ask("a"), 1.0, Follower())
            await asyncio.sleep(1)
            raise KeyError

    with pytest.raises(ExceptionGroup) as caught:
        await fail()
    assert caught.group_contains(KeyError)
    assert probe.world.closes == 1


@in_jumping_time
async def test_other_surroundings_open_every_source_anew() -> None:
    async with staged(a=1) as stage:
        follower, _ = stage.follow("a", interval=1.0)
        await asyncio.sleep(0.5)
        stage.hub.surround(Surroundings(clock=jumping_clock, egress=Egress(loopback=True)))
        stage.world.on_open = raising(SourceUnavailable(Cause.FORBIDDEN, "not any more"))
        await asyncio.sleep(1)
        assert (stage.world.closes, told(follower.readings)[-1]) == (1, Cause.FORBIDDEN)
        stage.world.on_open = raising(KeyError(), times=0)
        stage.hub.surround(Surroundings(clock=jumping_clock))
        await asyncio.sleep(0.5)
        assert told(follower.readings)[-1] == 1.0


@in_jumping_time
async def test_the_same_surroundings_change_nothing() -> None:
    async with staged(a=1) as stage:
        stage.follow("a")
        await asyncio.sleep(1)
        stage.hub.surround(Surroundings(clock=jumping_clock))
        await asyncio.sleep(1)
        assert (len(stage.world.opens), stage.world.closes) == (1, 0)


@in_jumping_time
async def test_surroundings_that_change_while_a_source_is_opened_hold_for_it_as_well() -> None:
    async with staged(a=1) as stage:
        opening = asyncio.Event()
        stage.world.on_open = opening.wait
        stage.follow("a")
        await asyncio.sleep(1)
        stage.hub.surround(Surroundings(clock=jumping_clock, egress=Egress(loopback=True)))
        opening.set()
        await asyncio.sleep(1)
        assert (len(stage.world.opens), stage.world.closes) == (2, 1)


@in_jumping_time
async def test_a_number_is_not_taken_from_one_source_for_another() -> None:
    async with staged() as stage:
        for number in range(20):
            stage.probe.worlds[f"place{number}"].numbers["a"] = Amount.of(number)
        followers = [stage.follow("a", place=f"place{number}")[0] for number in range(20)]
        await asyncio.sleep(1)
        assert [told(each.readings)[0] for each in followers] == list(range(20))
