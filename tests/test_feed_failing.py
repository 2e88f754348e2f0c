"""What a source may do without hurting anybody but those who ask it, and how it ends."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from scaler.errors import Cause, SourceUnavailable
from scaler.feed import CLOSE_TIMEOUT, OPEN_TIMEOUT
from scaler.model import Outage, Snapshot
from scaler.probes.base import Amount, Pace
from scaler.testing.clocks import in_jumping_time, jumping_clock
from tests.stage import DOWN, hang, nothing, raising, staged, told

# -- failing ---------------------------------------------------------------------------------------------------


class Bug(Exception):
    """What a plugin forgot to translate."""


FAILURES = [
    pytest.param(SourceUnavailable(Cause.LOADING, "wait"), Cause.LOADING, id="out of reach"),
    pytest.param(Bug("boom"), Cause.BUG, id="a bug"),
    pytest.param(TimeoutError("the library gave up"), Cause.TIMEOUT, id="a timeout of its own"),
    pytest.param(asyncio.CancelledError(), Cause.BUG, id="a cancellation that is not ours"),
    pytest.param(SystemExit(3), Cause.BUG, id="an exit"),
    pytest.param(RecursionError("too deep"), Cause.BUG, id="a recursion without end"),
    pytest.param(SourceUnavailable("nonsense", "x"), Cause.BUG, id="a cause that does not exist"),  # type: ignore[arg-type]
    pytest.param(SourceUnavailable(Cause.DENIED, None), Cause.DENIED, id="no detail"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("error", "cause"), FAILURES)
@in_jumping_time
async def test_a_read_that_fails_is_an_outage_of_its_own_source(error: BaseException, cause: Cause) -> None:
    async with staged(a=1) as stage:
        ill, _ = stage.follow("a", interval=1.0)
        stage.probe.worlds["there"].numbers["b"] = Amount.of(2)
        well, _ = stage.follow("b", interval=1.0, place="there")
        await asyncio.sleep(0.5)
        stage.world.on_read = raising(error, times=2)
        await asyncio.sleep(4)
        assert told(ill.readings) == [1.0, cause, cause, 1.0, 1.0]
        assert told(well.readings) == [2.0] * 5


@pytest.mark.parametrize(("error", "cause"), FAILURES)
@in_jumping_time
async def test_an_open_that_fails_is_an_outage_of_its_own_source(error: BaseException, cause: Cause) -> None:
    async with staged(a=1) as stage:
        stage.world.on_open = raising(error, times=1)
        ill, _ = stage.follow("a", interval=1.0)
        await asyncio.sleep(0.5)
        assert told(ill.readings) == [cause, 1.0]


@pytest.mark.parametrize(("error", "cause"), FAILURES)
@in_jumping_time
async def test_a_watch_that_fails_keeps_nobody_from_reading_or_from_watching_later(
    error: BaseException, cause: Cause
) -> None:
    del cause
    async with staged(a=0) as stage:
        stage.world.on_watch = raising(error, times=2)
        follower, _ = stage.follow("a", interval=60.0, quiet=True)
        await asyncio.sleep(1)
        stage.world.put("a", 5)
        await asyncio.sleep(0.001)
        assert told(follower.readings)[-1] == 5.0


@pytest.mark.parametrize(("error", "cause"), FAILURES)
@in_jumping_time
async def test_a_close_that_fails_ends_nothing_else(error: BaseException, cause: Cause) -> None:
    del cause
    async with staged(a=1, b=2) as stage:
        stage.world.on_close = raising(error)
        _, following = stage.follow("a")
        await asyncio.sleep(1)
        following.end()
        await asyncio.sleep(1)
        follower, _ = stage.follow("b")
        await asyncio.sleep(1)
        assert told(follower.readings) == [2.0]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param({"a": Amount.of(float("nan")), "b": Amount.of(2)}, [Cause.INVALID, 2.0], id="not a number"),
        pytest.param({"a": Amount.of(float("inf")), "b": Amount.of(2)}, [Cause.INVALID, 2.0], id="infinite"),
        pytest.param({"a": Amount.of("many"), "b": Amount.of(2)}, [Cause.INVALID, 2.0], id="a word"),  # type: ignore[arg-type]
        pytest.param({"a": Amount.of(None), "b": Amount.of(2)}, [Cause.INVALID, 2.0], id="nothing"),  # type: ignore[arg-type]
        pytest.param({"a": Amount.of(10**400), "b": Amount.of(2)}, [Cause.INVALID, 2.0], id="too large"),
        pytest.param({"a": Amount(value=1, activity=float("nan")), "b": Amount.of(2)}, [Cause.INVALID, 2.0], id="half"),
        pytest.param({"b": Amount.of(2)}, [Cause.BUG, 2.0], id="a query without an answer"),
        pytest.param({"a": 5, "b": Amount.of(2)}, [Cause.BUG, 2.0], id="a bare number"),
        pytest.param({"a": ValueError("x"), "b": Amount.of(2)}, [Cause.BUG, 2.0], id="some other exception"),
        pytest.param({"a": DOWN, "b": Amount.of(2)}, [Cause.UNREACHABLE, 2.0], id="one query out of reach"),
        pytest.param({"c": Amount.of(9)}, [Cause.BUG, Cause.BUG], id="answers to another question"),
        pytest.param([1, 2], [Cause.BUG, Cause.BUG], id="a list"),
        pytest.param(7, [Cause.BUG, Cause.BUG], id="a number"),
        pytest.param(Amount.of(3), [Cause.BUG, Cause.BUG], id="an amount of nothing"),
    ],
)
@in_jumping_time
async def test_a_wrong_answer_is_an_outage_of_its_own_query(answer: Any, expected: list[float | Cause]) -> None:
    async with staged(c=3) as stage:
        stage.world.answer = answer
        followers = [stage.follow(query)[0] for query in "ab"]
        await asyncio.sleep(0.5)
        assert [told(each.readings)[-1] for each in followers] == expected


@pytest.mark.parametrize("number", [True, 3, 2**60])
@in_jumping_time
async def test_any_number_is_read_as_one(number: float) -> None:
    async with staged() as stage:
        stage.world.numbers["a"] = Amount.of(number)
        follower, _ = stage.follow("a")
        await asyncio.sleep(0.5)
        (reading,) = follower.readings
        assert isinstance(reading, Snapshot)
        assert (type(reading.value), reading.value) == (float, float(number))


@in_jumping_time
async def test_a_hung_read_ends_in_time_and_nobody_else_waits_for_it() -> None:
    async with staged(Pace(timeout=3.0), a=1) as stage:
        stage.world.on_read = hang
        ill, _ = stage.follow("a", interval=1.0)
        stage.probe.worlds["there"].numbers["b"] = Amount.of(2)
        well, _ = stage.follow("b", interval=1.0, place="there")
        await asyncio.sleep(9.5)
        assert told(well.readings) == [2.0] * 10
        assert told(ill.readings) == [Cause.TIMEOUT] * 3
        reading = ill.readings[-1]
        assert isinstance(reading, Outage)
        assert reading.detail == "no answer within 3 s"


@in_jumping_time
async def test_a_hung_open_ends_in_time_and_nobody_else_waits_for_it() -> None:
    async with staged(a=1) as stage:
        stage.world.on_open = hang
        ill, _ = stage.follow("a", interval=1.0)
        stage.probe.worlds["there"].numbers["b"] = Amount.of(2)
        well, _ = stage.follow("b", interval=1.0, place="there")
        await asyncio.sleep(OPEN_TIMEOUT + 0.1)
        assert told(ill.readings) == [Cause.TIMEOUT]
        assert len(well.readings) == 6


@in_jumping_time
async def test_opening_is_tried_ever_later_up_to_a_bound_and_then_as_if_nothing_had_been() -> None:
    async with staged(a=1) as stage:
        stage.world.on_open = raising(DOWN, times=8)
        follower, _ = stage.follow("a", interval=600.0)
        await asyncio.sleep(30)
        assert stage.since(stage.world.opens) == [0.0, 0.2, 0.6, 1.4, 3.0, 6.0, 9.0, 12.0, 15.0]
        assert told(follower.readings) == [*[Cause.UNREACHABLE] * 8, 1.0, 1.0]  # looked at again soon: was it true?


@in_jumping_time
async def test_a_newcomer_is_told_at_once_that_the_source_is_out_of_reach() -> None:
    async with staged(a=1, b=2) as stage:
        stage.world.on_open = raising(DOWN)
        stage.follow("a")
        await asyncio.sleep(7)
        newcomer, _ = stage.follow("b")
        await asyncio.sleep(0.001)
        assert told(newcomer.readings) == [Cause.UNREACHABLE]


@in_jumping_time
async def test_a_source_whose_reads_all_fail_is_opened_afresh() -> None:
    async with staged(a=1) as stage:
        follower, _ = stage.follow("a", interval=1.0)
        await asyncio.sleep(0.5)
        stage.world.on_read = raising(DOWN, times=3)
        await asyncio.sleep(3)
        assert (len(stage.world.opens), stage.world.closes) == (2, 1)
        await asyncio.sleep(1)
        assert told(follower.readings) == [1.0, *[Cause.UNREACHABLE] * 3, 1.0]


@in_jumping_time
async def test_a_source_that_answers_now_and_then_is_kept() -> None:
    async with staged(a=1) as stage:
        stage.follow("a", interval=1.0)
        for _ in range(10):
            stage.world.on_read = raising(DOWN, times=2)
            await asyncio.sleep(3)
        assert len(stage.world.opens) == 1


@in_jumping_time
async def test_a_source_that_answers_some_queries_is_kept() -> None:
    async with staged(a=1) as stage:
        stage.follow("a", interval=1.0)
        broken, _ = stage.follow("b", interval=1.0)
        await asyncio.sleep(20)
        assert len(stage.world.opens) == 1
        assert set(told(broken.readings)) == {Cause.BUG}


@in_jumping_time
async def test_what_is_out_of_reach_is_looked_for_sooner_than_its_interval() -> None:
    async with staged(a=1) as stage:
        follower, _ = stage.follow("a", interval=600.0)
        stage.world.on_read = raising(DOWN, times=1)
        await asyncio.sleep(5)
        assert told(follower.readings) == [Cause.UNREACHABLE, 1.0]


@in_jumping_time
async def test_an_outage_knows_since_when_it_lasts_whatever_its_cause() -> None:
    async with staged(a=1) as stage:
        follower, _ = stage.follow("a", interval=1.0)
        await asyncio.sleep(0.5)
        began = jumping_clock() + 0.5
        stage.world.on_read = raising(DOWN)
        await asyncio.sleep(2)
        stage.world.on_read = raising(SourceUnavailable(Cause.DENIED, "x"))
        await asyncio.sleep(2)
        outages = [each for each in follower.readings if isinstance(each, Outage)]
        assert {each.cause for each in outages} == {Cause.UNREACHABLE, Cause.DENIED}
        assert {each.since for each in outages} == {began}
        assert [each.at for each in outages] == sorted({each.at for each in outages})


@in_jumping_time
async def test_an_outage_is_said_once_in_the_log_and_its_end_as_well() -> None:
    async with staged(a=1, b=2) as stage:
        stage.follow("a", interval=1.0)
        stage.follow("b", interval=1.0)
        await asyncio.sleep(0.5)
        with capture_logs() as logs:
            stage.world.on_read = raising(DOWN)
            await asyncio.sleep(100)
            stage.world.on_read = nothing
            await asyncio.sleep(100)
        assert [(log["log_level"], log["event"], log["queries"]) for log in logs] == [
            ("warning", "unreadable", 2),
            ("info", "answers again", 2),
        ]
        assert (logs[0]["cause"], logs[0]["detail"]) == (Cause.UNREACHABLE, "refused")


SECRET = "hunter2-canary"


@pytest.mark.parametrize(
    "error",
    [
        SourceUnavailable(Cause.DENIED, f"cannot log in with {SECRET}"),
        SourceUnavailable(Cause.DENIED, "redis://user:other-secret@host said no"),
        Bug(f"dsn='{SECRET}'"),
        TimeoutError(f"{SECRET} took too long"),
    ],
)
@in_jumping_time
async def test_no_outage_and_no_log_line_shows_a_secret(error: Exception) -> None:
    async with staged(a=1) as stage:
        for act in ("on_open", "on_read", "on_watch", "on_close"):
            setattr(stage.world, act, raising(error, times=2))
        with capture_logs() as logs:
            follower, following = stage.follow("a", interval=1.0, quiet=True, password=SECRET)
            await asyncio.sleep(20)
            following.end()
            await asyncio.sleep(20)
        assert logs
        assert "secret" not in f"{logs}{follower.readings}".replace("SecretStr", "")
        assert SECRET not in f"{logs}{follower.readings}"


# -- ending ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["on_open", "on_read", "on_watch", "on_close"])
@in_jumping_time
async def test_ending_is_bounded_whatever_hangs(act: str) -> None:
    async with staged(a=1) as stage:
        setattr(stage.world, act, hang)
        stage.follow("a", quiet=True)
        await asyncio.sleep(1)
        began = jumping_clock()
    assert jumping_clock() - began <= CLOSE_TIMEOUT


@in_jumping_time
async def test_ending_is_prompt_while_a_source_is_out_of_reach() -> None:
    async with staged(a=1) as stage:
        stage.world.on_open = raising(DOWN)
        stage.follow("a")
        await asyncio.sleep(7)
        began = jumping_clock()
    assert jumping_clock() == began


@in_jumping_time
async def test_a_thousand_sources_begin_and_end_and_nothing_is_left() -> None:
    async with staged() as stage:
        followers = []
        for number in range(1000):
            stage.probe.worlds[f"place{number}"].numbers["a"] = Amount.of(number)
            followers.append(stage.follow("a", place=f"place{number}", quiet=True)[0])
        await asyncio.sleep(1)
        assert all(told(each.readings)[0] == number for number, each in enumerate(followers))
    assert all(world.closes == 1 for name, world in stage.probe.worlds.items() if name != "here")
