"""What KEDA is told by the unary calls: each test is a sentence of the contract."""

import asyncio
import time
from collections.abc import AsyncIterator

import grpc
import pytest
from structlog.testing import capture_logs

from scaler.config.document import Limits
from scaler.errors import Cause, SourceUnavailable
from scaler.probes.base import Amount
from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, MetricSpec, ScaledObjectRef
from scaler.triggers.metadata import Defaults
from tests.integration.rpc.served import Served, ref, refused, serving, until
from tests.stage import DOWN, hang, nothing, raising


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as service:
        yield service


# -- GetMetricSpec ---------------------------------------------------------------------------------------------


async def test_a_metric_spec_is_answered_while_its_source_is_down(served: Served) -> None:
    served.world.on_open = raising(DOWN)
    assert await served.spec(ref(target="3")) == MetricSpec(metricName="fake-jobs", targetSize=3, targetSizeFloat=3.0)


async def test_a_metric_spec_waits_for_nothing(served: Served) -> None:
    await served.spec(ref("warm-up"))
    served.probe.worlds["hung"].on_open = hang
    began = time.monotonic()
    for number in range(20):
        await served.spec(ref(f"name{number}", place="hung"))
    assert time.monotonic() - began < 1.0


async def test_a_metric_spec_is_the_same_on_every_replica_and_at_every_time(served: Served) -> None:
    before = await served.stub.GetMetricSpec(ref())
    served.world.on_read = raising(DOWN)
    served.put(1000)
    await asyncio.sleep(0.3)
    async with serving() as replica:
        replica.world.on_open = raising(DOWN)
        assert before == await served.stub.GetMetricSpec(ref()) == await replica.stub.GetMetricSpec(ref())


@pytest.mark.parametrize(
    ("target", "whole", "exact"),
    [("5", 5, 5.0), ("0.5", 1, 0.5), ("0.001", 1, 0.001), ("2.5", 2, 2.5), ("1e300", 2**63 - 1, 1e300)],
)
async def test_both_targets_are_filled_and_above_zero(served: Served, target: str, whole: int, exact: float) -> None:
    spec = await served.spec(ref(target=target))
    assert (spec.targetSize, spec.targetSizeFloat) == (whole, exact)


# -- GetMetrics and IsActive -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "whole", "exact"),
    [
        pytest.param(0, 0, 0.0, id="zero"),
        pytest.param(7, 7, 7.0, id="a whole number"),
        pytest.param(0.2, 1, 0.2, id="the whole one is rounded up"),
        pytest.param(6.0001, 7, 6.0001, id="however little it is above"),
        pytest.param(-5, 0, 0.0, id="below zero is zero"),
        pytest.param(-1e308, 0, 0.0, id="far below zero, too"),
        pytest.param(2.0**53, 2**53, 2.0**53, id="large"),
        pytest.param(1e308, 2**63 - 1, 1e308, id="larger than the whole one can say"),
    ],
)
async def test_exactly_one_value_both_ways_and_never_negative(
    served: Served, number: float, whole: int, exact: float
) -> None:
    served.world.numbers["jobs"] = Amount.of(number)
    value = await served.metric(ref())
    assert (value.metricName, value.metricValue, value.metricValueFloat) == ("m", whole, exact)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), None, "many"])
async def test_what_is_no_number_is_held_like_any_outage(served: Served, number: float) -> None:
    await served.metric(ref())
    served.world.numbers["jobs"] = Amount.of(number)
    reads = len(served.world.reads)
    await until(lambda: len(served.world.reads) >= reads + 3, "read again")
    assert (await served.metric(ref())).metricValueFloat == 7.0
    told = await served.status()
    assert (told["state"], told["outage"]["cause"]) == ("held", "invalid answer")


async def test_a_metric_without_a_name_has_the_name_of_its_spec(served: Served) -> None:
    (value,) = (await served.stub.GetMetrics(GetMetricsRequest(scaledObjectRef=ref()))).metricValues
    assert value.metricName == "fake-jobs"


@pytest.mark.parametrize(
    ("number", "activation", "active"), [(0, "0", False), (1, "0", True), (5, "5", False), (5.5, "5", True)]
)
async def test_active_is_more_than_the_threshold(
    served: Served, number: float, activation: str, *, active: bool
) -> None:
    served.world.numbers["jobs"] = Amount.of(number)
    assert await served.active(ref(activation=activation)) is active


async def test_both_calls_answer_from_one_decision(served: Served) -> None:
    for number in range(200):
        served.put(number % 2)
        value = await served.metric(ref())
        served.put((number + 1) % 2)
        assert await served.active(ref()) is (value.metricValueFloat > 0)


# -- outages ---------------------------------------------------------------------------------------------------


async def test_the_last_value_is_held_for_as_long_as_an_outage_lasts(served: Served) -> None:
    await served.metric(ref())
    served.world.on_read = raising(DOWN)
    served.world.on_open = raising(DOWN)
    await until(lambda: bool(served.world.closes), "given up and closed")
    for _ in range(20):
        assert ((await served.metric(ref())).metricValueFloat, await served.active(ref())) == (7.0, True)
        await asyncio.sleep(0.05)
    told = await served.status()
    assert (told["state"], told["why"], told["outage"]["cause"]) == (
        "held",
        "source out of reach, last value held",
        "unreachable",
    )


async def test_an_outage_never_flips_to_inactive_and_zero_is_confirmed_after_it(served: Served) -> None:
    await served.metric(ref())
    told: list[tuple[float, bool]] = []

    async def poll() -> None:
        while True:
            answer = (await served.metric(ref())).metricValueFloat, await served.active(ref())
            told.extend([answer] if not told or told[-1] != answer else [])
            await asyncio.sleep(0.01)

    polling = asyncio.ensure_future(poll())
    for error in (DOWN, SourceUnavailable(Cause.DENIED, "x"), KeyError(), TimeoutError()):
        served.world.on_read = raising(error)
        await asyncio.sleep(0.5)
    served.world.numbers["jobs"] = Amount.of(0)
    reads = len(served.world.reads)
    served.world.on_read = nothing
    await until(lambda: (0.0, False) in told, "zero is believed in the end")
    polling.cancel()
    assert told == [(7.0, True), (0.0, False)]
    assert len(served.world.reads) - reads >= 2


async def test_hold_for_bounds_the_holding(served: Served) -> None:
    bounded = ref(holdFor="500ms")
    await served.metric(bounded)
    served.world.on_read = raising(DOWN)
    await until(lambda: len(served.world.closes * "x") > 0, "given up")
    await asyncio.sleep(0.6)
    code, said = await refused(served.stub.GetMetrics(GetMetricsRequest(scaledObjectRef=bounded)))
    assert (code, "longer than holdFor" in said) == (grpc.StatusCode.UNAVAILABLE, True)


async def test_what_was_never_read_is_unavailable_without_access_to_the_api_and_never_zero(served: Served) -> None:
    served.world.on_open = raising(DOWN)
    for call in (served.stub.IsActive(ref()), served.stub.GetMetrics(GetMetricsRequest(scaledObjectRef=ref()))):
        code, said = await refused(call)
        assert code is grpc.StatusCode.UNAVAILABLE
        assert said.startswith("no reading yet: unreachable: refused; cannot freeze: the Kubernetes API cannot be read")
    told = await served.status()
    assert (told["state"], told["value"]) == ("unknown", None)
    assert "may get scaledobjects" in told["freeze"]


async def test_a_trigger_that_comes_in_an_outage_is_told_what_others_know(served: Served) -> None:
    await served.metric(ref("first"))
    served.world.on_read = raising(DOWN)
    await asyncio.sleep(0.3)
    late = ref("late", activation="2", interval="1s")
    assert ((await served.metric(late)).metricValueFloat, await served.active(late)) == (7.0, True)


# -- time ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["on_open", "on_read"])
async def test_every_call_is_answered_within_two_seconds_whatever_its_source_does(served: Served, act: str) -> None:
    setattr(served.world, act, hang)
    calls = {
        "IsActive": served.stub.IsActive(ref("a")),
        "GetMetrics": served.stub.GetMetrics(GetMetricsRequest(scaledObjectRef=ref("b"))),
    }
    began = time.monotonic()
    codes = {name: (await refused(call))[0] for name, call in calls.items()}
    assert set(codes.values()) == {grpc.StatusCode.UNAVAILABLE}
    assert time.monotonic() - began < 2.0
    await served.spec(ref("c"))
    assert time.monotonic() - began < 2.0


async def test_a_slow_source_delays_nobody_else(served: Served) -> None:
    for number in range(100):
        served.probe.worlds[f"hung{number}"].on_read = hang
    well = ref("well")
    await served.metric(well)
    waiting = [served.stub.IsActive(ref(f"ill{number}", place=f"hung{number}")) for number in range(100)]
    await asyncio.sleep(0.05)
    took = []
    for number in range(20):
        served.put(number + 1)
        began = time.monotonic()
        await served.metric(well)
        took.append(time.monotonic() - began)
    assert sorted(took)[-2] < 0.1
    assert {(await refused(call))[0] for call in waiting} == {grpc.StatusCode.UNAVAILABLE}


# -- refusals --------------------------------------------------------------------------------------------------

WRONG = ref(target="-1", activaton="5", interval="soon", passwordFromEnv="hunter2-canary")
del WRONG.scalerMetadata["key"]


def calls(served: Served, trigger: ScaledObjectRef) -> dict[str, object]:
    return {
        "IsActive": served.stub.IsActive(trigger),
        "GetMetrics": served.stub.GetMetrics(GetMetricsRequest(scaledObjectRef=trigger)),
        "GetMetricSpec": served.stub.GetMetricSpec(trigger),
        "StreamIsActive": served.stub.StreamIsActive(trigger),
        "StreamMetricSpec": served.stub.StreamMetricSpec(trigger),
    }


async def test_wrong_metadata_is_an_invalid_argument_with_every_problem_on_every_call(served: Served) -> None:
    answers = {name: await refused(call) for name, call in calls(served, WRONG).items()}
    ((code, said),) = set(answers.values())
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert said == (
        "fake trigger of shop/orders: 'interval': 'soon' is not a duration such as 30s, 1m30s or 500ms; "
        "'key' is required; 'target': '-1' must be greater than 0; unknown key 'activaton', did you mean 'activation'?"
    )


@pytest.mark.parametrize(
    "trigger",
    [
        pytest.param(ScaledObjectRef(), id="nothing at all"),
        pytest.param(ref(kind="fak"), id="a kind that does not exist"),
        pytest.param(ref(target="\U0001f40c" * 5000), id="letters that take much room in a header"),
        pytest.param(ref(**{f"quux{number}": "x" for number in range(100)}), id="many keys that do not exist"),
        pytest.param(ref(**{"\u00e9" * 5000: "x"}), id="a key that is too long"),
        pytest.param(
            ref(**{"\U0001f40c" * 50 + str(number): "x" for number in range(30)}),
            id="keys that take much room in a header",
        ),
        pytest.param(ref(key="x" * 100_000), id="a value that is too long"),
        pytest.param(ref(name="x" * 100_000), id="a name that is too long"),
        pytest.param(ref(target="1e400"), id="a number that is too large"),
        pytest.param(ref(target="[" * 30_000), id="brackets"),
        pytest.param(ref(interval="9" * 30_000), id="digits"),
        pytest.param(ref(evil="\r\n\x00\x1b[2J"), id="control characters"),
    ],
)
async def test_any_wrong_metadata_is_an_invalid_argument(served: Served, trigger: ScaledObjectRef) -> None:
    code, said = await refused(served.stub.GetMetricSpec(trigger))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert 0 < len(said) < 6000
    assert await served.active(ref())


async def test_a_bug_of_a_probe_is_an_internal_error_that_tells_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError(*["hunter2-canary"])

    monkeypatch.setattr(served.probe, "ask", broken)
    with capture_logs() as logs:
        code, said = await refused(served.stub.IsActive(ref()))
    assert (code, said) == (grpc.StatusCode.INTERNAL, "a bug in the scaler; its log tells more")
    assert [(log["event"], log["error"]) for log in logs] == [("an RPC failed", "RuntimeError")]
    assert "raise RuntimeError" in logs[0]["frames"][-1]


async def test_one_trigger_too_many_is_refused_and_those_there_go_on(served: Served) -> None:
    await served.metric(ref("one"))
    await served.decisions.configure(Defaults(), Limits(triggers=1))
    for call in calls(served, ref("two")).values():
        assert (await refused(call))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    served.put(9)
    await asyncio.sleep(0.3)
    assert (await served.metric(ref("one"))).metricValueFloat == 9.0
