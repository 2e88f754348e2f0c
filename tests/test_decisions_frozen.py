"""Calls while nothing is known of their source: answered by what is there, in time, and both of a poll alike."""

import asyncio

import pytest

from scaler.errors import Undecidable
from scaler.model import Decision, Standing
from scaler.testing.clocks import in_jumping_time
from scaler.testing.kube import FakeKube
from tests.stage import DOWN, deciding, hang, nothing, raising
from tests.test_freeze import OBJECT, SCALE, scale, scaled_object

MINE = {"kind": "fake", "key": "jobs"}
CALL = 2.0  # s within which every call is answered


def mine(**metadata: str) -> FakeKube:
    trigger = {"type": "external-push", "metadata": {**MINE, **metadata}}
    return FakeKube(**{OBJECT: scaled_object(trigger), SCALE: scale(4)})


@in_jumping_time
async def test_started_in_an_outage_it_says_what_is_there_until_it_knows_better() -> None:
    async with deciding(kube=mine()) as stage:
        stage.world.on_open = raising(DOWN)
        live = stage.ask()
        async with asyncio.timeout(CALL):
            decision = await live.measured()
            assert await live.judged() == decision
        assert (decision.active, decision.value, decision.standing) == (True, 20.0, Standing.FROZEN)
        stage.world.on_open = nothing
        stage.world.put("jobs", 9)
        await asyncio.sleep(5.0)
        assert ((await live.measured()).value, live.judge.active) == (9.0, True)


@in_jumping_time
async def test_a_source_that_hangs_from_the_start_is_frozen_in_time() -> None:
    async with deciding(kube=mine()) as stage:
        stage.world.on_open = hang
        async with asyncio.timeout(CALL):
            assert (await stage.ask().measured()).standing is Standing.FROZEN


@in_jumping_time
async def test_a_first_zero_after_an_outage_is_frozen_until_it_is_confirmed() -> None:
    async with deciding(kube=mine(), jobs=0) as stage:
        stage.world.on_open = raising(DOWN, times=1)
        live = stage.ask()
        seen = {(await live.measured()).standing}
        while not isinstance(live.judge.verdict, Decision):
            await asyncio.sleep(0.1)
            seen.add((await live.measured()).standing)
        assert seen <= {Standing.FROZEN, Standing.FRESH}
        decision = await live.measured()
        assert (decision.active, decision.value, decision.standing) == (False, 0.0, Standing.FRESH)


@in_jumping_time
async def test_what_may_be_held_no_longer_is_frozen() -> None:
    async with deciding(kube=mine(holdFor="10s"), jobs=9) as stage:
        live = stage.ask(holdFor="10s")
        assert (await live.measured()).value == 9.0
        stage.world.on_read = raising(DOWN)
        await asyncio.sleep(8.0)
        assert (await live.measured()).standing is Standing.HELD
        await asyncio.sleep(20.0)
        assert (await live.measured()).value == 20.0


@in_jumping_time
async def test_both_calls_of_a_poll_are_answered_alike_however_long_the_first_one_took() -> None:
    kube = mine()
    async with deciding(kube=kube) as stage:
        stage.world.on_open = hang
        live = stage.ask()
        measured = await live.measured()
        kube.objects[SCALE] = scale(9)
        assert await stage.ask().judged() == measured


@in_jumping_time
async def test_who_wants_an_error_gets_one() -> None:
    kube = mine()
    async with deciding(kube=kube) as stage:
        stage.world.on_open = raising(DOWN)
        with pytest.raises(Undecidable, match="unreachable: refused"):
            await stage.ask(onUnknown="error").measured()
    assert kube.calls == []


@in_jumping_time
async def test_without_access_both_reasons_are_told() -> None:
    async with deciding() as stage:
        stage.world.on_open = raising(DOWN)
        with pytest.raises(Undecidable, match="refused; cannot freeze: the Kubernetes API cannot be read"):
            await stage.ask().measured()
