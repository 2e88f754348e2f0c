"""What KEDA is told while nothing is known of a source: what the API says is there, and never a zero or a guess."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from scaler.errors import ScalerError, Undecidable
from scaler.freeze import SCALE_FRESH, STALE, Freezer, StandIn
from scaler.model import Decision, Metric, Standing
from scaler.net.kube import Document
from scaler.testing.clocks import in_jumping_time, jumping_clock
from scaler.testing.kube import FakeKube
from tests.stage import DOWN, deciding, hang, nothing, raising

METADATA = {"kind": "redis", "listName": "jobs", "passwordFromEnv": "s3cret"}
IN_THE_CLUSTER = {**METADATA, "passwordFromEnv": "REDIS_PASSWORD"}
OBJECT = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects/orders"
JOB = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledjobs/orders"
SCALE = "/apis/apps/v1/namespaces/shop/deployments/orders/scale"
ROLLOUT = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/orders/scale"
METRIC = Metric(name="redis-jobs", target=5.0)


def scaled_object(*triggers: Document, target: Document | None = None, **more: Any) -> Document:
    given = triggers or ({"type": "external-push", "metadata": IN_THE_CLUSTER},)
    return {"spec": {"scaleTargetRef": target or {"name": "orders"}, "triggers": list(given), **more}}


def scale(replicas: int | None) -> Document:
    return {"kind": "Scale", "spec": {} if replicas is None else {"replicas": replicas}}


def cluster(replicas: int | None = 4, **more: Any) -> FakeKube:
    return FakeKube(**{OBJECT: scaled_object(**more), SCALE: scale(replicas)})


def stand_in(kube: FakeKube | None) -> StandIn:
    return Freezer(kube, jumping_clock).stand_in(("shop", "orders", METADATA))


def value_of(*, metric_type: str) -> FakeKube:
    trigger = {"type": "external", "metadata": IN_THE_CLUSTER, "metricType": metric_type}
    other = {"type": "external", "metadata": {**IN_THE_CLUSTER, "listName": "others"}}
    return FakeKube(**{OBJECT: scaled_object(other, trigger), SCALE: scale(4)})


def of_another_kind() -> FakeKube:
    document = scaled_object(target={"name": "orders", "kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1"})
    found = {"group": "argoproj.io", "version": "v1alpha1", "kind": "Rollout", "resource": "rollouts"}
    return FakeKube(**{OBJECT: {**document, "status": {"scaleTargetGVKR": found}}, ROLLOUT: scale(4)})


def of_two_kinds() -> FakeKube:
    """Return a ScaledObject and a ScaledJob of one name; the trigger is the job's."""
    other = scaled_object({"type": "external", "metadata": {"kind": "redis", "listName": "others"}})
    job = {"spec": {"triggers": [{"type": "external", "metadata": IN_THE_CLUSTER}]}}
    return FakeKube(**{OBJECT: other, SCALE: scale(4), JOB: job})


@pytest.mark.parametrize(
    ("kube", "told"),
    [
        pytest.param(lambda: cluster(4), (True, 20.0), id="four replicas are four targets"),
        pytest.param(lambda: cluster(0), (False, 0.0), id="asleep"),
        pytest.param(lambda: cluster(None), (False, 0.0), id="asleep, as the API leaves out a zero"),
        pytest.param(lambda: cluster(2, idleReplicaCount=2), (False, 0.0), id="idle"),
        pytest.param(lambda: value_of(metric_type="Value"), (True, 5.0), id="a total"),
        pytest.param(lambda: value_of(metric_type="AverageValue"), (True, 20.0), id="an average, said"),
        pytest.param(of_another_kind, (True, 20.0), id="a kind that KEDA has looked up"),
        pytest.param(lambda: FakeKube(**{JOB: {"spec": {"triggers": []}}}), (False, 0.0), id="a ScaledJob is silent"),
        pytest.param(of_two_kinds, (False, 0.0), id="the job of a name that an object has, too"),
    ],
)
def test_it_says_what_is_there(kube: Callable[[], FakeKube], told: tuple[bool, float]) -> None:
    @in_jumping_time
    async def decide() -> None:
        decision = await stand_in(kube()).decide(METRIC)
        assert (decision.active, decision.value) == told
        assert decision.standing is Standing.FROZEN

    decide()


def without_scale(status: int) -> FakeKube:
    kube = cluster()
    kube.refusals[SCALE] = status
    return kube


def not_looked_up() -> FakeKube:
    return FakeKube(**{OBJECT: scaled_object(target={"name": "orders", "kind": "Rollout"})})


@pytest.mark.parametrize(
    ("kube", "why"),
    [
        pytest.param(lambda: None, "may get scaledobjects and scaledjobs of keda.sh", id="no access"),
        pytest.param(FakeKube, "there is no ScaledObject and no ScaledJob shop/orders", id="neither of them"),
        pytest.param(lambda: without_scale(403), f"GET {SCALE}: 403; grant it", id="a right is missing"),
        pytest.param(lambda: without_scale(404), f"GET {SCALE}: 404", id="no target"),
        pytest.param(not_looked_up, "KEDA has not looked up yet what a Rollout is", id="an unknown kind"),
    ],
)
def test_what_cannot_be_known_is_refused_with_what_would_help(kube: Callable[[], FakeKube | None], why: str) -> None:
    @in_jumping_time
    async def decide() -> None:
        answering = stand_in(kube())
        with pytest.raises(Undecidable) as refused:
            await answering.decide(METRIC)
        assert why in str(refused.value)
        assert answering.problem == str(refused.value)
        assert answering.decision is None

    decide()


@pytest.mark.parametrize("namespace", ["", "..", "a/b", "a%2fb", "Shop", "x" * 300, "shop\n"])
def test_a_name_that_is_none_is_never_asked_for(namespace: str) -> None:
    kube = cluster()

    @in_jumping_time
    async def decide() -> None:
        with pytest.raises(ScalerError, match="is not the name of a Kubernetes object"):
            await Freezer(kube, jumping_clock).stand_in((namespace, "orders", METADATA)).decide(METRIC)

    decide()
    assert kube.calls == []


@in_jumping_time
async def test_who_asks_at_the_same_time_shares_an_answer() -> None:
    kube = cluster()
    answering = stand_in(kube)
    decisions = await asyncio.gather(*(answering.decide(METRIC) for _ in range(20)))
    assert kube.calls == [("GET", OBJECT), ("GET", SCALE)]
    assert len(set(decisions)) == 1


@in_jumping_time
async def test_a_scale_is_followed_and_its_object_is_not_asked_again_each_time() -> None:
    kube = cluster(4)
    answering = stand_in(kube)
    await answering.decide(METRIC)
    kube.objects[SCALE] = scale(7)
    await asyncio.sleep(SCALE_FRESH)
    assert (await answering.decide(METRIC)).value == 35.0
    assert kube.calls == [("GET", OBJECT), ("GET", SCALE), ("GET", SCALE)]


@pytest.mark.parametrize("silent", [True, False])
def test_while_the_api_does_not_answer_the_last_scale_counts_for_a_while(silent: bool) -> None:
    @in_jumping_time
    async def decide() -> None:
        kube = cluster(4)
        answering = stand_in(kube)
        before = await answering.decide(METRIC)
        await asyncio.sleep(SCALE_FRESH)
        kube.silent, kube.unreachable = silent, not silent
        assert await _within(1.0, answering) == before
        await asyncio.sleep(STALE)
        with pytest.raises(Undecidable):
            await _within(1.0, answering)

    decide()


async def _within(seconds: float, answering: StandIn) -> Decision:
    async with asyncio.timeout(seconds):
        return await answering.decide(METRIC)


MINE = {"kind": "fake", "key": "jobs"}
CALL = 2.0  # s within which every call is answered


def mine(replicas: int = 4) -> FakeKube:
    return FakeKube(**{OBJECT: scaled_object({"type": "external-push", "metadata": MINE}), SCALE: scale(replicas)})


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
    async with deciding(kube=mine(), jobs=9) as stage:
        live = stage.ask(holdFor="10s")
        assert (await live.measured()).value == 9.0
        stage.world.on_read = raising(DOWN)
        await asyncio.sleep(8.0)
        assert (await live.measured()).standing is Standing.HELD
        await asyncio.sleep(20.0)
        assert (await live.measured()).value == 20.0


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
