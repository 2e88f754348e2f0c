"""What the pool hears of triggers that this process decides: at once, whole, and nothing that is not true."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from scaler.config.document import Limits
from scaler.keda import Reference
from scaler.policy.demand import Signal
from scaler.pool.signals import RETRY, Following, InProcess, Signals
from scaler.probes.base import Amount
from scaler.testing.clocks import in_jumping_time
from scaler.triggers.metadata import Defaults
from tests.stage import DOWN, OK, Deciding, deciding, nothing, raising

SOON = 1.0  # s: the first reading, or the one that a hint asks for


def identify(reference: Reference) -> bytes:
    """Identify as the stage does."""
    return repr((reference[1], sorted(reference[2].items()))).encode()


def signals_of(stage: Deciding) -> Signals:
    return InProcess(stage.decisions, identify)


def reference(name: str = "orders", **metadata: str) -> Reference:
    return ("shop", name, {**OK, **metadata})


def signal(value: float, target: float = 5.0) -> Signal:
    return Signal(active=value > 0, value=value, target=target)


@dataclass
class Ear:
    """Keeps what was heard."""

    heard: list[Signal | None] = field(default_factory=list)

    def __call__(self, said: Signal | None) -> None:
        self.heard.append(said)

    def follow(self, signals: Signals, name: str = "orders", metadata: Mapping[str, str] | None = None) -> Following:
        return signals.follow(("shop", name, dict(metadata or OK)), self)


@in_jumping_time
async def test_a_trigger_is_followed_though_keda_has_not_asked_for_it() -> None:
    async with deciding(jobs=7) as stage:
        ear = Ear()
        following = ear.follow(signals_of(stage))
        assert ear.heard == [None]
        await asyncio.sleep(SOON)
        assert ear.heard == [None, signal(7)]
        assert (following.problem, len(stage.decisions)) == ("", 1)


@in_jumping_time
async def test_what_is_known_is_told_before_follow_returns() -> None:
    async with deciding(jobs=7) as stage:
        await stage.ask().measured()
        ear = Ear()
        ear.follow(signals_of(stage))
        assert ear.heard == [signal(7)]
        assert len(stage.decisions) == 1  # the very trigger that KEDA asks for


@in_jumping_time
async def test_each_change_is_told_once_and_nothing_else() -> None:
    async with deciding(jobs=0) as stage:
        ear = Ear()
        ear.follow(signals_of(stage))
        for value in (0, 3, 3, 12, 0):
            stage.world.put("jobs", value)
            await asyncio.sleep(5)
        assert ear.heard == [None, signal(0), signal(3), signal(12), signal(0)]


@in_jumping_time
async def test_a_decision_is_heard_in_the_very_moment_it_is_made() -> None:
    async with deciding(jobs=0) as stage:
        live, ear = stage.ask(), Ear()
        await live.measured()
        ear.follow(signals_of(stage))
        reading = live.judge.reading
        began = time.perf_counter()
        live.judge.learn(replace(reading, value=9.0, activity=9.0))  # type: ignore[type-var, arg-type]
        took = time.perf_counter() - began
        assert ear.heard[-1] == signal(9)
        assert took < 0.01


@in_jumping_time
async def test_a_value_is_held_through_an_outage_and_unknown_only_where_nothing_was_ever_read() -> None:
    async with deciding(jobs=7) as stage:
        held, never = Ear(), Ear()
        signals = signals_of(stage)
        held.follow(signals)
        await asyncio.sleep(SOON)
        stage.world.on_read = raising(DOWN)
        never.follow(signals, metadata={**OK, "key": "other"})
        await asyncio.sleep(3600)
        assert held.heard == [None, signal(7)]
        assert never.heard == [None]


@in_jumping_time
async def test_the_end_of_hold_for_is_heard_as_unknown() -> None:
    async with deciding(jobs=7) as stage:
        ear = Ear()
        ear.follow(signals_of(stage), metadata={**OK, "holdFor": "60s"})
        await asyncio.sleep(SOON)
        stage.world.on_read = raising(DOWN)
        await asyncio.sleep(120)
        assert ear.heard == [None, signal(7), None]
        stage.world.on_read = nothing
        await asyncio.sleep(120)
        assert ear.heard[-1] == signal(7)


@in_jumping_time
async def test_what_keda_is_told_in_place_of_a_reading_is_no_demand() -> None:
    async with deciding() as stage:
        stage.world.on_open = raising(DOWN)
        ear = Ear()
        ear.follow(signals_of(stage))
        await asyncio.sleep(60)
        assert ear.heard == [None]


@in_jumping_time
async def test_a_followed_trigger_is_not_forgotten_and_one_that_is_let_go_is() -> None:
    async with deciding(jobs=7) as stage:
        ear = Ear()
        following = ear.follow(signals_of(stage))
        await asyncio.sleep(3600)
        assert len(stage.decisions) == 1
        following.end()
        following.end()
        stage.world.put("jobs", 8)
        await asyncio.sleep(3600)
        assert len(stage.decisions) == 0
        assert ear.heard == [None, signal(7)]


@in_jumping_time
async def test_a_trigger_whose_judge_is_replaced_goes_on_being_followed() -> None:
    async with deciding(jobs=7) as stage:
        ear = Ear()
        ear.follow(signals_of(stage))
        await asyncio.sleep(SOON)
        (live,) = stage.decisions
        before = live.judge
        await stage.decisions.configure(Defaults(interval=20.0), Limits())
        assert live.judge is not before
        stage.world.put("jobs", 9)
        await asyncio.sleep(60)
        assert ear.heard == [None, signal(7), signal(9)]


@in_jumping_time
async def test_what_is_refused_says_why_and_is_offered_again() -> None:
    async with deciding(jobs=7) as stage:
        await stage.decisions.configure(Defaults(), Limits(triggers=1, forget_after=60.0))
        stage.ask("another")
        ear = Ear()
        following = ear.follow(signals_of(stage))
        assert (ear.heard, "1 triggers are followed already" in following.problem) == ([None], True)
        await asyncio.sleep(120 + RETRY)
        assert (ear.heard[-1], following.problem) == (signal(7), "")


@in_jumping_time
async def test_metadata_that_cannot_work_is_unknown_and_says_why() -> None:
    async with deciding(jobs=7) as stage:
        ear = Ear()
        following = ear.follow(signals_of(stage), metadata={"kind": "fake"})
        assert ear.heard == [None]
        assert "'key'" in following.problem
        following.end()
        await asyncio.sleep(2 * RETRY)
        assert ear.heard == [None]


@in_jumping_time
async def test_a_refused_trigger_is_followed_as_soon_as_keda_has_it() -> None:
    async with deciding(jobs=7) as stage:
        await stage.decisions.configure(Defaults(), Limits(triggers=1))
        stage.ask("another")
        ear = Ear()
        following = ear.follow(signals_of(stage))
        await stage.decisions.configure(Defaults(), Limits(triggers=5))
        await stage.ask().measured()
        assert (ear.heard, following.problem) == ([None, signal(7)], "")


FROM_ENV = {**OK, "passwordFromEnv": "PASSWORD"}


@in_jumping_time
async def test_values_from_the_environment_are_those_that_keda_sends_now_or_later() -> None:
    async with deciding(jobs=7) as stage:
        signals, early, late = signals_of(stage), Ear(), Ear()
        following = early.follow(signals, metadata=FROM_ENV)
        assert (early.heard, "environment" in following.problem) == ([None], True)
        assert len(stage.decisions) == 0
        await stage.ask(passwordFromEnv="secret").measured()
        late.follow(signals, metadata=FROM_ENV)
        assert (early.heard, late.heard, following.problem) == ([None, signal(7)], [signal(7)], "")


@in_jumping_time
async def test_what_keda_asks_for_no_more_is_forgotten_though_it_was_heard() -> None:
    async with deciding(jobs=7) as stage:
        ear = Ear()
        ear.follow(signals_of(stage), metadata=FROM_ENV)
        await stage.ask(passwordFromEnv="old").measured()
        await asyncio.sleep(3600)
        assert (len(stage.decisions), ear.heard) == (0, [None, signal(7), None])
        stage.world.numbers["jobs"] = Amount.of(3)
        await stage.ask(passwordFromEnv="new").measured()
        assert ear.heard[-1] == signal(3)


@in_jumping_time
async def test_other_triggers_of_the_same_object_are_not_taken_for_it() -> None:
    async with deciding(jobs=7) as stage:
        ear = Ear()
        ear.follow(signals_of(stage), metadata=FROM_ENV)
        stage.world.numbers["other"] = Amount.of(9)
        await stage.ask(key="other", passwordFromEnv="secret").measured()
        await stage.ask("another", passwordFromEnv="secret").measured()
        assert ear.heard == [None]


@in_jumping_time
async def test_a_listener_that_fails_keeps_nothing_from_anybody() -> None:
    def fail(said: Signal | None) -> None:
        raise ZeroDivisionError(said)

    async with deciding(jobs=7) as stage:
        signals, ear = signals_of(stage), Ear()
        signals.follow(reference(), fail)
        ear.follow(signals)
        decision = await stage.ask().measured()
        assert decision.value == pytest.approx(7)
        assert ear.heard == [None, signal(7)]


@in_jumping_time
async def test_a_listener_may_end_while_it_is_told() -> None:
    async with deciding(jobs=7) as stage:
        told: list[Signal | None] = []
        signals = signals_of(stage)

        def once(said: Signal | None) -> None:
            told.append(said)
            if said is not None:
                following.end()

        following = signals.follow(reference(), once)
        await asyncio.sleep(SOON)
        stage.world.put("jobs", 8)
        await asyncio.sleep(SOON)
        assert told == [None, signal(7)]
