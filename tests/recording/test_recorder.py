"""What is written of triggers: each change once, in its moment, and nothing that is secret."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scaler.config.document import Limits
from scaler.errors import Undecidable
from scaler.probes.base import Amount
from scaler.recording.format import What
from scaler.recording.recorder import Recorder, recording_triggers
from scaler.testing.clocks import in_jumping_time, jumping_clock
from scaler.triggers.metadata import Defaults
from tests.recording.kept import Kept
from tests.stage import DOWN, Deciding, deciding, nothing, raising


@contextmanager
def recorded(stage: Deciding) -> Iterator[tuple[Kept, Recorder]]:
    journal = Kept()
    with recording_triggers(stage.decisions, journal, jumping_clock) as recorder:
        yield journal, recorder


@in_jumping_time
async def test_each_change_is_one_line() -> None:
    async with deciding(jobs=0) as stage:
        with recorded(stage) as (journal, _):
            stage.ask()
            for jobs in (0, 7, 7, 3, 0):
                stage.world.numbers["jobs"] = Amount.of(jobs)
                await asyncio.sleep(2)
        assert journal.told("value", "active", "why") == [
            ("decision", None, False, "never_read"),
            ("decision", 0.0, False, "quiet"),
            ("decision", 7.0, True, "backlog"),
            ("decision", 3.0, True, "backlog"),
            ("decision", 0.0, False, "quiet"),
        ]
        assert [line.what for line in journal.lines][-1] is What.END


@in_jumping_time
async def test_an_outage_is_another_standing_of_the_same_value() -> None:
    async with deciding(jobs=7) as stage:
        with recorded(stage) as (journal, _):
            await stage.ask().measured()
            stage.world.on_read = raising(DOWN)
            await asyncio.sleep(10)
            stage.world.on_read = nothing
            await asyncio.sleep(10)
        assert journal.told("standing", "value", "activity")[1:] == [
            ("decision", "fresh", 7.0, 7.0),
            ("told", None, 7.0, None),
            ("decision", "held", 7.0, None),
            ("decision", "fresh", 7.0, 7.0),
        ]


@in_jumping_time
async def test_an_answer_is_written_when_it_differs_from_the_last_to_the_same_question() -> None:
    async with deciding(jobs=7) as stage:
        with recorded(stage) as (journal, _):
            live = stage.ask()
            for jobs in (7, 7, 0):
                stage.world.numbers["jobs"] = Amount.of(jobs)
                await asyncio.sleep(3)
                await live.measured()
                await live.judged()
        assert journal.told("call", "active", "value")[1:] == [
            ("decision", None, True, 7.0),
            ("told", "GetMetrics", True, 7.0),
            ("told", "IsActive", True, 7.0),
            ("decision", None, False, 0.0),
            ("told", "GetMetrics", False, 0.0),
            ("told", "IsActive", False, 0.0),
        ]


@in_jumping_time
async def test_an_error_is_an_answer_without_numbers() -> None:
    async with deciding(jobs=7) as stage:
        stage.world.on_open = raising(DOWN)
        with recorded(stage) as (journal, _), pytest.raises(Undecidable):
            await stage.ask().measured()
        assert ("told", "GetMetrics", None, None) in journal.told("call", "active", "value")


@in_jumping_time
async def test_a_rise_that_a_stream_tells_of_is_pushed() -> None:
    async with deciding(jobs=0) as stage:
        with recorded(stage) as (journal, _):
            live = stage.ask()
            with live.streaming():
                await asyncio.sleep(3)
                stage.world.numbers["jobs"] = Amount.of(1)
                await asyncio.sleep(3)
        assert [line.facts.get("pushed") for line in journal.lines if line.what is What.DECISION] == [None, None, True]


@in_jumping_time
async def test_a_trigger_says_what_it_is_and_no_secret() -> None:
    async with deciding(jobs=7) as stage:
        with recorded(stage) as (journal, _):
            stage.ask(password="hunter2", activation="2")
        (identity,) = [line.facts for line in journal.lines if line.what is What.TRIGGER]
        metric = identity["metric"]
        assert identity == {
            "n": 0,
            "namespace": "shop",
            "name": "orders",
            "kind": "fake",
            "metric": metric,
            "target": 5.0,
            "activation": 2.0,
            "interval": 2.0,
        }
        assert not [line for line in journal.lines if b"hunter2" in line.encoded()]


@in_jumping_time
async def test_what_was_there_before_is_followed_and_what_is_forgotten_is_gone() -> None:
    async with deciding(jobs=7) as stage:
        before = stage.ask("before")
        with recorded(stage) as (journal, recorder):
            stage.ask("after")
            assert [track.live.reference[1] for track in recorder] == ["before", "after"]
            await stage.decisions.configure(Defaults(), Limits(forget_after=60.0))
            await asyncio.sleep(100)
            assert list(recorder) == []
        assert [line.facts["n"] for line in journal.lines if line.what is What.GONE] == [0, 1]
        assert before.witness is None
