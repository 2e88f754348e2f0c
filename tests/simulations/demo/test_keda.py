"""The emulated KEDA against a scripted scaler: which calls, in which order, how often again, after which waits."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import pytest

from scaler.aio import woken
from simulations.demo.clock import Clock
from simulations.demo.emulator.calls import RPCS, Trigger, dial
from simulations.demo.emulator.keda import Keda
from simulations.demo.emulator.record import Synced, replayed
from simulations.demo.lane import POLL, PUSH, Kind
from simulations.demo.latency import Cause
from simulations.demo.ledger import Move
from simulations.keda import Failed, Told
from tests.simulations.demo.scripted import PATIENCE, UNAVAILABLE, UNIMPLEMENTED, Scripted, Turn, served

SPEED: Final = 50.0
SLACK: Final = 0.5  # s of the wall that a busy machine may be late

CHECK: Final = ["GetMetricSpec", "GetMetrics", "IsActive"]
RARELY: Final = replace(POLL, polling_interval=10_000.0)
PUSH_RARELY: Final = replace(PUSH, polling_interval=10_000.0)


@dataclass
class FakeTarget:
    """A scale subresource whose pods are ready at once."""

    replicas: int = 0
    deaf: bool = False

    @property
    def existing(self) -> int:
        return self.replicas

    @property
    def ready(self) -> int:
        return self.replicas

    def scale(self, replicas: int) -> None:
        self.replicas = self.replicas if self.deaf else replicas


@dataclass
class Watched:
    """A running emulator, and what it did."""

    keda: Keda
    target: FakeTarget
    calls: Counter[str]
    moves: list[Move] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def syncs(self) -> int:
        """How many syncs the HPA did."""
        return sum(isinstance(entry, Synced) for entry in self.keda.record.entries)

    def moved(self, move: Move, _: str) -> None:
        self.moves.append(move)
        self.news.set()

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until ``fact`` holds; looked at whenever it moved or heard something, and now and then."""
        async with asyncio.timeout(PATIENCE):
            while not fact():
                await woken(self.news, 0.02)


@asynccontextmanager
async def looked_after(scaler: Scripted, kind: Kind, replicas: int = 0) -> AsyncIterator[Watched]:
    clock, calls, target = Clock(SPEED), Counter[str](), FakeTarget(replicas)
    async with served(scaler) as address, dial(address, SPEED) as channel, asyncio.TaskGroup() as tasks:
        keda = Keda(kind.scaled, Trigger(channel, "orders", {"kind": "jobs"}, calls), target, clock)
        watched = Watched(keda, target, calls)
        keda.on_move = watched.moved
        keda.on_heard = lambda _: watched.news.set()
        clock.start()
        run = tasks.create_task(keda.run())
        yield watched
        run.cancel()


async def test_a_polled_trigger_is_asked_for_its_spec_its_value_and_its_activity_in_this_order() -> None:
    scaler = Scripted(active=False)
    async with looked_after(scaler, POLL) as watched:
        await scaler.called("IsActive", 2)
    assert scaler.asked == ["GetMetricSpec", *CHECK, *CHECK]
    assert watched.calls == Counter(scaler.asked)


async def test_checks_come_at_a_fixed_rate_the_first_at_once() -> None:
    scaler = Scripted(active=False)
    async with looked_after(scaler, replace(POLL, polling_interval=10.0)):
        await scaler.called("GetMetrics", 5)
    begun = scaler.asked_at["GetMetrics"]
    assert begun[4] - begun[0] == pytest.approx(40.0 / SPEED, abs=SLACK)


async def test_specs_that_came_by_stream_are_not_asked_for() -> None:
    scaler = Scripted(active=False)
    scaler.script("StreamMetricSpec", [True])
    async with looked_after(scaler, PUSH) as watched:
        await scaler.called("IsActive", 3)
        await watched.until(lambda: watched.keda.heard is not None)
    assert scaler.asked[0] == "GetMetricSpec"
    assert scaler.asked.count("GetMetricSpec") <= 2  # the first check races with the stream
    assert set(scaler.asked) == set(RPCS)


@pytest.mark.parametrize(
    ("failing", "rpcs", "answer"),
    [
        pytest.param(
            {"GetMetrics": 1}, ["GetMetrics", "GetMetrics", "IsActive"], Told(value=7000, active=True), id="a value"
        ),
        pytest.param(
            {"IsActive": 1},
            ["GetMetrics", "IsActive", "GetMetrics", "IsActive"],
            Told(value=7000, active=True),
            id="an activity: the value is asked for again, too",
        ),
        pytest.param({"GetMetrics": 2}, ["GetMetrics", "GetMetrics"], Failed(), id="two values: no third try"),
        pytest.param(
            {"IsActive": 2}, ["GetMetrics", "IsActive", "GetMetrics", "IsActive"], Failed(), id="two activities"
        ),
    ],
)
async def test_what_fails_is_tried_once_more_at_once(
    failing: dict[str, int], rpcs: list[str], answer: Told | Failed
) -> None:
    scaler = Scripted()
    for rpc, times in failing.items():
        scaler.script(rpc, *[UNAVAILABLE] * times)
    async with looked_after(scaler, RARELY) as watched:
        await watched.until(lambda: watched.keda.heard is not None)
        assert watched.keda.heard is not None
        assert watched.keda.heard.answer == answer
    assert scaler.asked == ["GetMetricSpec", "GetMetricSpec", *rpcs]


async def test_without_specs_nothing_else_is_asked() -> None:
    scaler = Scripted()
    scaler.script("GetMetricSpec", None, UNAVAILABLE, UNAVAILABLE)
    async with looked_after(scaler, RARELY) as watched:
        await watched.until(lambda: watched.keda.heard is not None)
        assert watched.keda.heard is not None
        assert watched.keda.heard.answer == Failed(unspecified=True)
    assert scaler.asked == ["GetMetricSpec"] * 3


async def test_a_reconcile_that_fails_is_tried_until_there_is_a_spec() -> None:
    scaler = Scripted()
    scaler.script("GetMetricSpec", UNAVAILABLE, UNAVAILABLE)
    async with looked_after(scaler, RARELY) as watched:
        await watched.until(lambda: watched.target.replicas == 1)
    assert scaler.asked == ["GetMetricSpec"] * 3 + CHECK


async def test_a_failure_forgets_what_came_by_stream() -> None:
    scaler = Scripted()
    scaler.script("StreamMetricSpec", [True])
    async with looked_after(scaler, replace(PUSH, polling_interval=20.0)):
        await scaler.called("StreamMetricSpec", 1)
        await scaler.called("IsActive", 2)
        before = scaler.asked.count("GetMetricSpec")
        scaler.script("GetMetrics", UNAVAILABLE, UNAVAILABLE)
        scaler.turns["StreamMetricSpec"].clear()
        await scaler.until(lambda: scaler.asked.count("GetMetricSpec") > before)


async def test_an_error_leaves_the_replicas() -> None:
    scaler = Scripted(active=False)
    scaler.script("GetMetrics", *[UNAVAILABLE] * 4)
    async with looked_after(scaler, replace(POLL, polling_interval=6.0), replicas=3) as watched:
        await scaler.called("GetMetrics", 4)
        assert watched.target.replicas == 3
        await watched.until(lambda: watched.target.replicas == 0)  # the first honest answer, and no cooldown before


@pytest.mark.parametrize("rpc", ["StreamIsActive", "StreamMetricSpec"])
@pytest.mark.parametrize(
    ("end", "waits"),
    [
        pytest.param(UNAVAILABLE, [2.0, 4.0, 8.0, 16.0], id="after errors each wait is twice the last"),
        pytest.param([], [2.0, 2.0, 2.0, 2.0], id="after clean ends it is 2 s"),
    ],
)
async def test_a_stream_is_opened_again(rpc: str, end: Turn, waits: list[float]) -> None:
    scaler = Scripted()
    scaler.script(rpc, *[end] * len(waits))
    async with looked_after(scaler, PUSH_RARELY):
        await scaler.called(rpc, len(waits) + 1)
    gaps = [after - before for before, after in pairwise(scaler.asked_at[rpc])]
    assert gaps == [pytest.approx(wait / SPEED + SLACK / 2, abs=SLACK / 2) for wait in waits]


async def test_a_spec_stream_that_said_something_may_end_badly_and_waits_no_longer_for_it() -> None:
    scaler = Scripted()
    scaler.script("StreamMetricSpec", UNAVAILABLE, UNAVAILABLE, [True], None)
    async with looked_after(scaler, PUSH_RARELY):
        await scaler.called("StreamMetricSpec", 4)
    gaps = [after - before for before, after in pairwise(scaler.asked_at["StreamMetricSpec"])]
    assert gaps[2] * SPEED < 8.0 + SLACK * SPEED


async def test_a_scaler_without_spec_streams_is_never_asked_for_one_again() -> None:
    scaler = Scripted(active=False)
    scaler.script("StreamMetricSpec", UNIMPLEMENTED)
    async with looked_after(scaler, PUSH):
        await scaler.called("IsActive", 6)
    assert scaler.asked.count("StreamMetricSpec") == 1
    assert scaler.asked.count("GetMetricSpec") == 7  # one reconcile, six checks


async def test_a_push_wakes_at_once_and_the_cooldown_puts_to_sleep() -> None:
    scaler = Scripted(active=False)
    scaler.script("StreamIsActive", [False, True])
    async with looked_after(scaler, PUSH) as watched:
        await watched.until(lambda: watched.target.replicas == 1)
        await watched.until(lambda: watched.target.replicas == 0)
    assert [(move.before, move.after, move.cause) for move in watched.moves] == [
        (0, 1, Cause.PUSH),
        (1, 0, Cause.CHECK),
    ]


async def test_the_hpa_asks_only_while_there_are_replicas_and_scales_by_what_it_hears() -> None:
    scaler = Scripted(value=22.0, active=False)
    async with looked_after(scaler, RARELY) as watched:
        await scaler.called("IsActive", 1)
        await watched.until(lambda: watched.syncs == 2)
        assert scaler.asked == ["GetMetricSpec", *CHECK]
        watched.target.scale(1)
        await watched.until(lambda: watched.target.replicas == 5)
        assert scaler.asked == ["GetMetricSpec", *CHECK, *CHECK]


async def test_an_hpa_without_an_answer_changes_nothing() -> None:
    scaler = Scripted(value=22.0)
    scaler.script("GetMetrics", None, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE)
    async with looked_after(scaler, RARELY) as watched:
        await scaler.called("GetMetrics", 5)
        assert watched.target.replicas == 1
        await watched.until(lambda: watched.target.replicas == 5)


async def test_the_record_of_a_run_leads_to_the_same_replicas() -> None:
    scaler = Scripted(value=22.0)
    async with looked_after(scaler, PUSH) as watched:
        await watched.until(lambda: watched.target.replicas == 5)
        assert replayed(watched.keda.record) == 5
        scaler.value, scaler.active = 0.0, False
        await watched.until(lambda: watched.target.replicas == 0)
        assert replayed(watched.keda.record) == 0


async def test_a_write_by_somebody_else_is_found_out() -> None:
    scaler = Scripted(value=22.0)
    async with looked_after(scaler, RARELY) as watched:
        await watched.until(lambda: watched.target.replicas == 5)
        watched.target.scale(3)
        assert replayed(watched.keda.record) == 5


async def test_a_lost_write_is_found_out() -> None:
    scaler = Scripted(value=22.0)
    async with looked_after(scaler, RARELY) as watched:
        watched.target.deaf = True
        await watched.until(lambda: bool(watched.moves))
        assert watched.target.replicas == 0
        assert replayed(watched.keda.record) == 1
