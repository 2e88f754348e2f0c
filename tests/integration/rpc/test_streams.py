"""What KEDA is told by the streams: each test is a sentence of the contract."""

import asyncio
import time
from collections.abc import AsyncIterator

import grpc
import pytest

from scaler.config.document import Limits
from scaler.probes.base import Amount
from scaler.rpc import servicer
from scaler.rpc.pb.externalscaler_pb2 import GetMetricSpecResponse, IsActiveResponse, MetricSpec
from scaler.triggers.metadata import Defaults
from tests.integration.rpc.served import Served, listening, ref, refused, serving, until
from tests.stage import DOWN, nothing, raising

TRUE = IsActiveResponse(result=True)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as service:
        yield service


def covered(served: Served) -> bool:
    return any(watching.covered for watching in served.world.watches)


def active(served: Served) -> bool:
    return any(live.judge.active for live in served.decisions)


async def quiet(served: Served) -> None:
    """Let the trigger be inactive, and known to be."""
    served.world.numbers["jobs"] = Amount.of(0)
    assert not await served.active(ref())
    await until(lambda: covered(served), "watched")


# -- StreamIsActive --------------------------------------------------------------------------------------------


async def test_true_is_said_on_open_if_active(served: Served) -> None:
    async with listening(served.stub.StreamIsActive(ref())) as stream:
        assert await stream.messages(1) == [TRUE]


async def test_nothing_is_said_on_open_if_inactive(served: Served) -> None:
    await quiet(served)
    async with listening(served.stub.StreamIsActive(ref())) as stream:
        await asyncio.sleep(0.5)
        assert stream.came == []


async def test_each_rise_is_told_at_once(served: Served) -> None:
    await quiet(served)
    async with listening(served.stub.StreamIsActive(ref())) as stream:
        await until(lambda: any(live.streams for live in served.decisions), "the stream is open")
        for rise in range(1, 11):
            began = time.monotonic()
            served.put(rise)
            await stream.messages(rise, within=5)
            assert stream.came[-1][0] - began < 1.0
            served.world.numbers["jobs"] = Amount.of(0)
            await until(lambda: not active(served), "inactive again")
        await asyncio.sleep(0.3)
        assert [message for _, message in stream.came] == [TRUE] * 10


async def test_a_rise_is_pushed_and_waits_for_no_interval(served: Served) -> None:
    slow, took = ref(interval="1s"), []
    served.world.numbers["jobs"] = Amount.of(0)
    async with listening(served.stub.StreamIsActive(slow)) as stream:
        for rise in range(1, 8):
            await until(lambda: covered(served) and not active(served), "inactive, and watched")
            began = time.monotonic()
            served.put(rise)
            await stream.messages(rise, within=5)
            took.append(stream.came[-1][0] - began)
            served.world.numbers["jobs"] = Amount.of(0)
    assert sorted(took)[len(took) // 2] < 0.1


async def test_true_is_said_again_and_again_while_active(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicer, "RESEND", 0.2)
    async with listening(served.stub.StreamIsActive(ref())) as stream:
        await stream.messages(6)
        gaps = [later[0] - sooner[0] for sooner, later in zip(stream.came, stream.came[1:], strict=False)]
        assert all(0.1 < gap < 1.0 for gap in gaps)


def test_true_is_said_again_every_ten_seconds() -> None:
    assert servicer.RESEND == 10.0


async def test_false_is_never_said(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicer, "RESEND", 0.05)
    async with listening(served.stub.StreamIsActive(ref())) as stream:
        await stream.messages(1)
        served.world.numbers["jobs"] = Amount.of(0)
        await until(lambda: not active(served), "inactive")
        await asyncio.sleep(0.1)
        said = len(stream.came)
        await asyncio.sleep(0.3)
        assert len(stream.came) == said
        assert {message.result for _, message in stream.came} == {True}


async def test_an_outage_says_nothing_new_and_true_goes_on(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servicer, "RESEND", 0.2)
    async with listening(served.stub.StreamIsActive(ref())) as stream:
        await stream.messages(1)
        served.world.on_read = raising(DOWN)
        said = len(stream.came)
        await stream.messages(said + 5)
        served.world.on_read = nothing
        await stream.messages(said + 8)
        assert stream.code is None


async def test_a_stream_on_a_source_that_is_down_waits_and_tells_when_it_is_back(served: Served) -> None:
    served.world.on_open = raising(DOWN)
    async with listening(served.stub.StreamIsActive(ref())) as stream:
        await asyncio.sleep(0.5)
        assert (stream.came, stream.code) == ([], None)
        served.world.on_open = nothing
        assert await stream.messages(1) == [TRUE]


async def test_a_thousand_streams_of_one_trigger_are_all_told(served: Served) -> None:
    await quiet(served)
    streams = [served.stub.StreamIsActive(ref()) for _ in range(1000)]
    reading = [asyncio.ensure_future(stream.read()) for stream in streams]
    await until(lambda: sum(live.streams for live in served.decisions) == 1000, "all open")
    served.put(1)
    async with asyncio.timeout(20):
        assert await asyncio.gather(*reading) == [TRUE] * 1000
    for stream in streams:
        stream.cancel()
    await until(lambda: sum(live.streams for live in served.decisions) == 0, "all left")


async def test_a_client_that_leaves_frees_its_stream(served: Served) -> None:
    for _ in range(20):
        async with listening(served.stub.StreamIsActive(ref())) as stream:
            await stream.messages(1)
    await until(lambda: sum(live.streams for live in served.decisions) == 0, "left")


async def test_one_stream_too_many_is_refused_and_those_there_go_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaler.decisions.FEW_STREAMS", 2)
    await served.decisions.configure(Defaults(), Limits(triggers=1))
    async with (
        listening(served.stub.StreamIsActive(ref())) as one,
        listening(served.stub.StreamMetricSpec(ref())) as two,
        listening(served.stub.StreamMetricSpec(ref())) as three,
    ):
        for stream in (one, two, three):
            await stream.messages(1)
        code, said = await refused(served.stub.StreamIsActive(ref()))
        assert (code, said[:24]) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "3 streams are open alrea")
        assert (one.code, two.code, three.code) == (None, None, None)


# -- StreamMetricSpec ------------------------------------------------------------------------------------------


async def test_the_spec_is_told_on_open_and_on_each_change_and_equals_the_asked_one(served: Served) -> None:
    async with listening(served.stub.StreamMetricSpec(ref())) as stream:
        for number, target in enumerate([5, 9, 3, 4], start=1):
            await served.decisions.configure(Defaults(kinds={"fake": {"target": str(target)}}), Limits())
            told = await stream.messages(number)
            expected = MetricSpec(metricName="fake-jobs", targetSize=target, targetSizeFloat=target)
            assert told[-1] == GetMetricSpecResponse(metricSpecs=[expected])
            assert await served.spec(ref()) == expected
        await asyncio.sleep(0.5)
        assert len(stream.came) == 4


async def test_a_configuration_that_changes_nothing_for_a_trigger_tells_it_nothing(served: Served) -> None:
    async with listening(served.stub.StreamMetricSpec(ref(target="3"))) as stream:
        await stream.messages(1)
        await served.decisions.configure(Defaults(kinds={"fake": {"target": "9"}}), Limits())
        await asyncio.sleep(0.3)
        assert len(stream.came) == 1


# -- the end ---------------------------------------------------------------------------------------------------


async def test_on_drain_every_stream_ends_with_ok(served: Served) -> None:
    calls = [served.stub.StreamIsActive(ref(f"name{number}")) for number in range(100)]
    calls += [served.stub.StreamMetricSpec(ref(f"name{number}")) for number in range(100)]
    reading = [asyncio.ensure_future(drained(call)) for call in calls]
    await until(lambda: sum(live.streams for live in served.decisions) == 200, "all open")
    served.decisions.drain()
    async with asyncio.timeout(10):
        assert await asyncio.gather(*reading) == [grpc.StatusCode.OK] * 200


async def test_during_the_drain_calls_are_answered_and_new_streams_end_with_ok(served: Served) -> None:
    await served.metric(ref())
    served.decisions.drain()
    for name in ("orders", "late"):
        assert (await served.metric(ref(name))).metricValueFloat == 7.0
        assert await drained(served.stub.StreamIsActive(ref(name))) is grpc.StatusCode.OK
        assert await drained(served.stub.StreamMetricSpec(ref(name))) is grpc.StatusCode.OK


async def drained(call: grpc.aio.UnaryStreamCall) -> grpc.StatusCode:
    """Read a stream to its end."""
    async for _ in call:
        pass
    return await call.code()
