"""Live triggers: judged from one reading by one rule, and told at once."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.errors import Undecidable
from scaler.live import PAIRED, PATIENCE
from scaler.model import Standing, Why
from scaler.probes.base import Amount, Pace
from scaler.testing.clocks import in_jumping_time, jumping_clock
from tests.stage import DOWN, deciding, hang, judged, nothing, raising

# -- deciding --------------------------------------------------------------------------------------------------


@in_jumping_time
async def test_a_trigger_is_decided_by_its_first_reading_which_a_call_waits_for() -> None:
    async with deciding(jobs=7) as stage:
        live = stage.ask()
        assert judged(live) == "undecided: no reading yet"
        decision = await live.measured()
        assert (decision.active, decision.value, decision.standing, decision.why) == (
            True,
            7.0,
            Standing.FRESH,
            Why.BACKLOG,
        )


@in_jumping_time
async def test_a_call_waits_no_longer_than_its_patience_for_a_first_reading() -> None:
    async with deciding(jobs=7) as stage:
        stage.world.on_open = hang
        live, began = stage.ask(), jumping_clock()
        for asking in (live.measured, live.judged):
            began = jumping_clock()
            with pytest.raises(Undecidable, match="no reading yet"):
                await asking()
            assert jumping_clock() - began == pytest.approx(PATIENCE)
        assert PATIENCE < 2


@in_jumping_time
async def test_a_call_that_knows_of_an_outage_waits_for_nothing() -> None:
    async with deciding() as stage:
        stage.world.on_open = raising(DOWN)
        live = stage.ask()
        await asyncio.sleep(1)
        began = jumping_clock()
        with pytest.raises(Undecidable, match="no reading yet: unreachable: refused"):
            await live.measured()
        assert jumping_clock() == began


@in_jumping_time
async def test_an_outage_of_any_length_is_held() -> None:
    async with deciding(jobs=7) as stage:
        live = stage.ask()
        await live.measured()
        stage.world.on_read = raising(DOWN)
        for _ in range(24):
            await asyncio.sleep(3600)
            decision = await live.measured()
            assert (decision.active, decision.value, decision.standing) == (True, 7.0, Standing.HELD)


@in_jumping_time
async def test_after_an_outage_zero_is_confirmed() -> None:
    async with deciding(jobs=7) as stage:
        live = stage.ask(interval="500ms")
        await live.measured()
        stage.world.on_read = raising(DOWN)
        await asyncio.sleep(60)
        stage.world.numbers["jobs"] = Amount.of(0)
        stage.world.on_read = nothing
        told: list[str] = []
        for _ in range(80):
            await asyncio.sleep(0.1)
            told += [judged(live)] if not told or told[-1] != judged(live) else []
        assert told == ["active 7 held", "inactive 0 fresh"]
        assert len([at for at in stage.world.asked("jobs") if at > jumping_clock() - 8]) > 2


@in_jumping_time
async def test_the_end_of_hold_for_comes_at_its_instant_although_nothing_is_read() -> None:
    async with deciding(Pace(timeout=1e6), jobs=7) as stage:
        live = stage.ask(holdFor="10s")
        await live.measured()
        stage.world.on_read = raising(DOWN, times=1)
        await asyncio.sleep(2.5)
        stage.world.on_read = hang
        reading = live.judge.reading
        assert reading is not None
        await asyncio.sleep(reading.at + 10 - jumping_clock() - 0.001)
        assert judged(live) == "active 7 held"
        await asyncio.sleep(0.002)
        assert judged(live) == "undecided: source out of reach for longer than holdFor"
        with pytest.raises(Undecidable, match="longer than holdFor: unreachable: refused"):
            await live.measured()


@in_jumping_time
async def test_hold_for_begins_anew_with_the_next_outage() -> None:
    async with deciding(jobs=7) as stage:
        live = stage.ask(holdFor="10s", interval="1s")
        await live.measured()
        for _ in range(3):
            stage.world.on_read = raising(DOWN)
            await asyncio.sleep(9)
            assert judged(live) == "active 7 held"
            stage.world.on_read = nothing
            await asyncio.sleep(9)
            assert judged(live) == "active 7 fresh"


@in_jumping_time
async def test_triggers_that_ask_the_same_by_the_same_rules_share_their_judge() -> None:
    async with deciding(jobs=7) as stage:
        one, two = stage.ask("one"), stage.ask("two")
        strict, slow = stage.ask("strict", activation="9"), stage.ask("slow", interval="60s")
        await asyncio.sleep(1)
        assert one.judge is two.judge
        assert len({one.judge, strict.judge, slow.judge}) == 3
        assert [judged(each) for each in (one, strict, slow)] == [
            "active 7 fresh",
            "inactive 7 fresh",
            "active 7 fresh",
        ]
        assert len(stage.world.opens) == 1
        assert {queries for _, queries in stage.world.reads} == {frozenset({"jobs"})}


# -- one decision for both calls -------------------------------------------------------------------------------


@in_jumping_time
async def test_is_active_right_behind_get_metrics_tells_of_the_same_decision() -> None:
    async with deciding(jobs=7) as stage:
        live = stage.ask()
        measured = await live.measured()
        stage.world.put("jobs", 0)
        await asyncio.sleep(PAIRED * 0.9)
        stage.ask()
        assert await live.judged() is measured


@in_jumping_time
async def test_is_active_long_after_get_metrics_tells_of_now() -> None:
    async with deciding(jobs=7) as stage:
        live = stage.ask(interval="100ms")
        await live.measured()
        stage.world.numbers["jobs"] = Amount.of(0)
        await asyncio.sleep(PAIRED * 1.1)
        stage.ask(interval="100ms")
        assert not (await live.judged()).active


@in_jumping_time
async def test_a_second_is_active_tells_of_now() -> None:
    async with deciding(jobs=0) as stage:
        live = stage.ask()
        await live.measured()
        stage.world.put("jobs", 5)
        await asyncio.sleep(0.02)
        assert [(await live.judged()).active for _ in range(2)] == [False, True]


@given(st.lists(st.tuples(st.sampled_from([0.0, 3.0]), st.floats(0, 0.4)), min_size=1, max_size=8))
def test_the_two_calls_agree_under_any_change_in_between(changes: list[tuple[float, float]]) -> None:
    @in_jumping_time
    async def run() -> None:
        async with deciding(jobs=0) as stage:
            live = stage.ask(interval="100ms")
            await live.measured()
            for number, pause in changes:
                stage.world.put("jobs", number)
                await asyncio.sleep(pause)
                stage.ask(interval="100ms")
                measured = await live.measured()
                stage.world.put("jobs", 3.0 - number)
                await asyncio.sleep(pause)
                stage.ask(interval="100ms")
                assert await live.judged() is measured
                assert measured.active == (measured.value > 0)

    run()


# -- rising ----------------------------------------------------------------------------------------------------


@in_jumping_time
async def test_every_rise_is_told_to_every_trigger_of_the_judge_and_nothing_else_is() -> None:
    async with deciding(jobs=0) as stage:
        lives = [stage.ask(f"name{number}") for number in range(3)]
        await asyncio.sleep(1)
        for number in (0, 5, 6, 0, 0, 1):
            stage.world.put("jobs", number)
            await asyncio.sleep(0.1)
            stage.world.numbers["jobs"] = Amount.of(number)
            await asyncio.sleep(2.5)
        assert [live.rises.version for live in lives] == [2, 2, 2]


@in_jumping_time
async def test_an_outage_and_its_end_are_no_rise() -> None:
    async with deciding(jobs=5) as stage:
        live = stage.ask(interval="1s")
        await live.measured()
        version = live.rises.version
        stage.world.on_read = raising(DOWN)
        await asyncio.sleep(60)
        stage.world.on_read = nothing
        await asyncio.sleep(10)
        assert judged(live) == "active 5 fresh"
        assert live.rises.version == version
