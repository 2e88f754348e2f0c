"""Live triggers are kept while somebody asks, and go on under another configuration."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from scaler.aio import Closed
from scaler.config.document import Limits
from scaler.errors import ConfigError, LimitReached, Undecidable
from scaler.model import Metric, Outage
from scaler.probes.base import Amount
from scaler.testing.clocks import in_jumping_time, jumping_clock
from scaler.triggers.metadata import Defaults
from tests.stage import DOWN, deciding, judged, raising

# -- keeping and forgetting ------------------------------------------------------------------------------------


@in_jumping_time
async def test_a_trigger_that_nobody_asks_for_is_forgotten_and_its_source_closed() -> None:
    async with deciding(jobs=1) as stage:
        stage.ask()
        await asyncio.sleep(599)
        assert len(stage.decisions) == 1
        await asyncio.sleep(61)
        assert (len(stage.decisions), stage.world.closes) == (0, 1)


@in_jumping_time
async def test_asking_keeps_a_trigger() -> None:
    async with deciding(jobs=1) as stage:
        live = stage.ask()
        for _ in range(10):
            await asyncio.sleep(500)
            assert stage.ask() is live


@in_jumping_time
async def test_a_stream_keeps_a_trigger_and_its_end_does_not() -> None:
    async with deciding(jobs=1) as stage:
        live = stage.ask()
        with live.streaming():
            await asyncio.sleep(3600)
        await asyncio.sleep(500)
        assert len(stage.decisions) == 1  # its time runs from the end of the stream
        await asyncio.sleep(200)
        assert len(stage.decisions) == 0


@in_jumping_time
async def test_forgetting_one_trigger_leaves_the_judge_to_the_others() -> None:
    async with deciding(jobs=1) as stage:
        stage.ask("one")
        two = stage.ask("two")
        for _ in range(3):
            await asyncio.sleep(300)
            stage.ask("two")
        assert [live.trigger.name for live in stage.decisions] == ["two"]
        stage.world.numbers["jobs"] = Amount.of(9)
        await asyncio.sleep(3)
        assert judged(two) == "active 9 fresh"


@in_jumping_time
async def test_one_trigger_too_many_is_refused_and_those_there_go_on() -> None:
    async with deciding(jobs=1) as stage:
        await stage.decisions.configure(Defaults(), Limits(triggers=2))
        one, two = stage.ask("one"), stage.ask("two")
        for _ in range(3):
            with pytest.raises(LimitReached, match="2 triggers are followed already"):
                stage.ask("three")
        assert (stage.ask("one"), stage.ask("two")) == (one, two)
        assert (await one.measured()).value == 1.0
        await asyncio.sleep(500)
        stage.ask("two")
        await asyncio.sleep(200)
        assert stage.ask("three").trigger.name == "three"


@in_jumping_time
async def test_wrong_metadata_begins_nothing() -> None:
    async with deciding(jobs=1) as stage:
        for _ in range(3):
            with pytest.raises(ConfigError, match="'target'"):
                stage.ask(target="none")
        assert (len(stage.decisions), stage.world.opens) == (0, [])


@in_jumping_time
async def test_draining_ends_every_stream_now_and_from_now_on_and_calls_are_still_answered() -> None:
    async with deciding(jobs=1) as stage:
        live = stage.ask()
        await live.measured()
        waiting = asyncio.ensure_future(live.rises.changed(live.rises.version))
        await asyncio.sleep(1)
        stage.decisions.drain()
        with pytest.raises(Closed):
            await waiting
        late, began = stage.ask("late"), jumping_clock()
        for cell in (late.rises, late.metric):
            with pytest.raises(Closed):
                await cell.changed(cell.version)
        assert jumping_clock() == began
        assert [(await each.measured()).value for each in (live, late)] == [1.0, 1.0]


@in_jumping_time
async def test_once_it_has_ended_nothing_is_decided_any_more() -> None:
    async with deciding(jobs=7) as stage:
        live = stage.ask(holdFor="60s")
        await live.measured()
        stage.world.on_read = raising(DOWN)
        await asyncio.sleep(10)
        before = live.judge.verdict
    await asyncio.sleep(3600)
    assert live.judge.verdict is before


# -- another configuration -------------------------------------------------------------------------------------


def defaults(**kinds: str) -> Defaults:
    return Defaults(kinds={"fake": kinds})


@in_jumping_time
async def test_a_new_target_is_told_and_the_trigger_goes_on() -> None:
    async with deciding(jobs=1) as stage:
        live, judge = stage.ask(), stage.ask().judge
        await live.measured()
        await stage.decisions.configure(defaults(target="9"), Limits())
        assert live.metric.value == Metric(name="fake-jobs", target=9.0)
        assert (live.metric.version, live.judge is judge) == (1, True)
        stage.world.numbers["jobs"] = Amount.of(4)
        await asyncio.sleep(3)
        assert judged(live) == "active 4 fresh"


@in_jumping_time
async def test_a_new_threshold_is_judged_at_once_and_a_rise_is_told() -> None:
    async with deciding(jobs=4) as stage:
        await stage.decisions.configure(defaults(activation="5"), Limits())
        live = stage.ask()
        await asyncio.sleep(1)
        assert (judged(live), live.rises.version) == ("inactive 4 fresh", 0)
        await stage.decisions.configure(defaults(activation="3"), Limits())
        assert (judged(live), live.rises.version) == ("active 4 fresh", 1)
        await stage.decisions.configure(defaults(activation="2"), Limits())
        assert (judged(live), live.rises.version) == ("active 4 fresh", 1)


@pytest.mark.parametrize("new", [Defaults(interval=0.5), defaults(activation="1")])
@in_jumping_time
async def test_a_new_configuration_in_an_outage_lets_go_of_nothing(new: Defaults) -> None:
    async with deciding(jobs=7) as stage:
        live = stage.ask()
        await live.measured()
        stage.world.on_read = raising(DOWN)
        await asyncio.sleep(60)
        await stage.decisions.configure(new, Limits())
        assert judged(live) == "active 7 held"
        await asyncio.sleep(60)
        assert judged(live) == "active 7 held"


@in_jumping_time
async def test_a_new_configuration_while_zero_is_being_confirmed_lets_go_of_nothing() -> None:
    async with deciding(jobs=7) as stage:
        live = stage.ask(zeroConfirm="50")
        await live.measured()
        stage.world.on_read = raising(DOWN, times=1)
        await asyncio.sleep(3)
        stage.world.numbers["jobs"] = Amount.of(0)
        await asyncio.sleep(5)
        assert judged(live) == "active 7 held"
        newcomer = stage.ask("newcomer", zeroConfirm="50", interval="7s")
        assert judged(newcomer) == "active 7 held"
        await stage.decisions.configure(Defaults(interval=1.5), Limits())
        assert judged(live) == "active 7 held"


@in_jumping_time
async def test_the_first_zero_after_an_outage_is_confirmed_within_the_patience_of_a_call() -> None:
    async with deciding(jobs=0) as stage:
        stage.world.on_read = raising(DOWN, times=1)
        live = stage.ask(interval="5m")
        with pytest.raises(Undecidable):
            await live.measured()
        while isinstance(live.judge.reading, Outage):  # noqa: ASYNC110 - time jumps here
            await asyncio.sleep(0.01)
        assert (await live.measured()).active is False


@in_jumping_time
async def test_what_a_trigger_says_itself_no_configuration_changes() -> None:
    async with deciding(jobs=1) as stage:
        live = stage.ask(target="3", interval="7s")
        judge = live.judge
        await stage.decisions.configure(Defaults(interval=1.0, kinds={"fake": {"target": "9"}}), Limits())
        assert (live.metric.version, live.judge is judge) == (0, True)


@in_jumping_time
async def test_defaults_that_break_a_trigger_leave_it_as_it_was_and_say_so_once() -> None:
    async with deciding(jobs=1) as stage:
        lives = [stage.ask(f"name{number}") for number in range(3)]
        await lives[0].measured()
        with capture_logs() as logs:
            await stage.decisions.configure(defaults(target="none"), Limits())
        assert [(log["log_level"], log["triggers"]) for log in logs] == [("error", 3)]
        stage.world.numbers["jobs"] = Amount.of(2)
        await asyncio.sleep(3)
        assert [judged(each) for each in lives] == ["active 2 fresh"] * 3


@in_jumping_time
async def test_a_probe_that_fails_to_ask_spoils_its_own_trigger_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with deciding(jobs=1) as stage:
        live = stage.ask()
        await live.measured()

        def broken(_: Any) -> Any:
            raise RuntimeError("boom")

        monkeypatch.setattr(stage.probe, "ask", broken)
        with pytest.raises(RuntimeError):
            stage.ask("another")
        await stage.decisions.configure(Defaults(interval=1.0), Limits())
        await asyncio.sleep(5)
        assert judged(live) == "active 1 fresh"
        assert len(stage.decisions) == 1
