"""What KEDA is told while nothing is known of a source: what the API says is there, and never a zero or a guess."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from scaler.errors import Undecidable
from scaler.freeze import AT_ONCE, SCALE_FRESH, TARGET_FRESH, StandIn, running_freezer
from scaler.model import Decision, Metric, Standing
from scaler.net.kube import Document
from scaler.testing.clocks import in_jumping_time, jumping_clock
from scaler.testing.kube import FakeKube

METADATA = {"kind": "redis", "listName": "jobs", "passwordFromEnv": "s3cret"}
IN_THE_CLUSTER = {**METADATA, "passwordFromEnv": "REDIS_PASSWORD"}
REFERENCE = ("shop", "orders", METADATA)
OBJECT = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects/orders"
JOB = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledjobs/orders"
SCALE = "/apis/apps/v1/namespaces/shop/deployments/orders/scale"
ROLLOUT = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/orders/scale"
ABOUT = {"namespace": "shop", "name": "orders", "uid": "1", "resourceVersion": "7"}
METRIC = Metric(name="redis-jobs", target=5.0)


def scaled_object(*triggers: Document, target: Document | None = None, **more: Any) -> Document:
    given = triggers or ({"type": "external-push", "metadata": IN_THE_CLUSTER},)
    return {
        "metadata": ABOUT,
        "spec": {"scaleTargetRef": target or {"name": "orders"}, "triggers": list(given), **more},
    }


def scale(replicas: int | None) -> Document:
    return {"kind": "Scale", "spec": {} if replicas is None else {"replicas": replicas}}


def cluster(replicas: int | None = 4, **more: Any) -> FakeKube:
    return FakeKube(**{OBJECT: scaled_object(**more), SCALE: scale(replicas)})


@asynccontextmanager
async def stand_in(kube: FakeKube | None) -> AsyncIterator[StandIn]:
    async with running_freezer(kube, jumping_clock) as freezer:
        yield freezer.stand_in(REFERENCE)


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
    return FakeKube(**{OBJECT: other, SCALE: scale(4), JOB: job()})


def job() -> Document:
    return {"metadata": ABOUT, "spec": {"triggers": [{"type": "external", "metadata": IN_THE_CLUSTER}]}}


def by_formula(formula: str, **modifiers: str) -> FakeKube:
    trigger = {"type": "external", "metadata": IN_THE_CLUSTER, "name": "jobs"}
    said = {"scalingModifiers": {"formula": formula, "target": "10", **modifiers}}
    return FakeKube(**{OBJECT: scaled_object(trigger, advanced=said), SCALE: scale(4)})


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
        pytest.param(lambda: FakeKube(**{JOB: job()}), (False, 0.0), id="a ScaledJob is silent"),
        pytest.param(lambda: by_formula(" jobs "), (True, 40.0), id="a formula of this value alone has its own target"),
        pytest.param(lambda: by_formula("jobs", metricType="Value"), (True, 10.0), id="and its own metric type"),
        pytest.param(of_two_kinds, (False, 0.0), id="the job of a name that an object has, too"),
    ],
)
def test_it_says_what_is_there(kube: Callable[[], FakeKube], told: tuple[bool, float]) -> None:
    @in_jumping_time
    async def decide() -> None:
        async with stand_in(kube()) as answering:
            decision = await answering.decide(METRIC)
        assert (decision.active, decision.value) == told
        assert decision.standing is Standing.FROZEN

    decide()


def without_scale(status: int) -> FakeKube:
    kube = cluster()
    kube.refusals[SCALE] = status
    return kube


def strange(document: Document) -> FakeKube:
    return FakeKube(**{OBJECT: {**document, "metadata": ABOUT}, SCALE: scale(4)})


def misnamed(name: str) -> FakeKube:
    return FakeKube(**{OBJECT: scaled_object(target={"name": name})})


def not_looked_up() -> FakeKube:
    return FakeKube(**{OBJECT: scaled_object(target={"name": "orders", "kind": "Rollout"})})


@pytest.mark.parametrize(
    ("kube", "why"),
    [
        pytest.param(lambda: None, "may get scaledobjects and scaledjobs of keda.sh", id="no access"),
        pytest.param(FakeKube, "there is no ScaledObject and no ScaledJob shop/orders", id="neither of them"),
        pytest.param(lambda: without_scale(403), f"GET {SCALE}: 403; grant it", id="a right is missing"),
        pytest.param(lambda: without_scale(404), f"GET {SCALE}: 404", id="no target"),
        pytest.param(lambda: by_formula("jobs + more"), "through the formula", id="a formula of more than this value"),
        pytest.param(lambda: by_formula("jobs", activationTarget="10"), "through the formula", id="a high activation"),
        pytest.param(lambda: cluster(triggers=[]), "has no such trigger any more", id="a trigger that is gone"),
        pytest.param(lambda: strange({"spec": 5}), "is not one of the Kubernetes API", id="an object of another world"),
        pytest.param(lambda: strange(job()), "is not one of the Kubernetes API", id="an object without a target"),
        pytest.param(lambda: misnamed("Orders_X"), "is not the name", id="a target that cannot be"),
        pytest.param(lambda: misnamed(".."), "is not the name", id="a target elsewhere"),
        pytest.param(not_looked_up, "KEDA has not looked up yet what a Rollout is", id="an unknown kind"),
    ],
)
def test_what_cannot_be_known_is_refused_with_what_would_help(kube: Callable[[], FakeKube | None], why: str) -> None:
    @in_jumping_time
    async def decide() -> None:
        async with stand_in(kube()) as answering:
            with capture_logs() as logs, pytest.raises(Undecidable) as refused:
                await answering.decide(METRIC)
        assert why in str(refused.value)
        assert answering.problem == str(refused.value)
        assert answering.decision is None
        assert [each["event"] for each in logs] == ["cannot freeze"]

    decide()


@pytest.mark.parametrize("namespace", ["", "..", "a/b", "a%2fb", "Shop", "x" * 300, "shop\n"])
def test_a_name_that_is_none_is_never_asked_for(namespace: str) -> None:
    kube = cluster()

    @in_jumping_time
    async def decide() -> None:
        async with running_freezer(kube, jumping_clock) as freezer:
            with pytest.raises(Undecidable, match="is not the name of a Kubernetes object"):
                await freezer.stand_in((namespace, "orders", METADATA)).decide(METRIC)

    decide()
    assert kube.calls == []


@in_jumping_time
async def test_who_asks_at_the_same_time_shares_an_answer() -> None:
    kube = cluster()
    async with stand_in(kube) as answering:
        decisions = await asyncio.gather(*(answering.decide(METRIC) for _ in range(20)))
    assert kube.calls == [("GET", OBJECT), ("GET", SCALE)]
    assert len(set(decisions)) == 1


@in_jumping_time
async def test_a_scale_is_followed_and_its_object_is_asked_again_at_times() -> None:
    kube = cluster(4)
    async with stand_in(kube) as answering:
        await answering.decide(METRIC)
        kube.objects[SCALE] = scale(7)
        await asyncio.sleep(SCALE_FRESH)
        assert (await answering.decide(METRIC)).value == 35.0
        assert kube.calls == [("GET", OBJECT), ("GET", SCALE), ("GET", SCALE)]
        kube.objects[OBJECT] = scaled_object(
            {"type": "external", "metadata": IN_THE_CLUSTER, "metricType": "Value"}, idleReplicaCount=0
        )
        await asyncio.sleep(TARGET_FRESH)
        assert (await answering.decide(METRIC)).value == 5.0


@pytest.mark.parametrize("silent", [True, False])
def test_while_the_api_does_not_answer_the_last_scale_counts_for_a_minute(silent: bool) -> None:
    @in_jumping_time
    async def decide() -> None:
        kube = cluster(4)
        async with stand_in(kube) as answering:
            before = await answering.decide(METRIC)
            kube.silent, kube.unreachable = silent, not silent
            await asyncio.sleep(50.0)
            assert await _within(1.0, answering) == before
            await asyncio.sleep(20.0)
            with pytest.raises(Undecidable):
                await _within(1.0, answering)

    decide()


@in_jumping_time
async def test_that_something_sleeps_is_not_told_from_memory() -> None:
    kube = cluster(0)
    async with stand_in(kube) as answering:
        await answering.decide(METRIC)
        kube.unreachable = True
        await asyncio.sleep(10.0)
        with pytest.raises(Undecidable):
            await answering.decide(METRIC)


@in_jumping_time
async def test_a_right_that_is_taken_away_does_not_take_away_the_last_scale_at_once() -> None:
    kube = cluster(4)
    async with stand_in(kube) as answering:
        await answering.decide(METRIC)
        kube.refusals[SCALE] = 403
        await asyncio.sleep(10.0)
        assert (await answering.decide(METRIC)).value == 20.0
        assert "grant it" in answering.problem


@in_jumping_time
async def test_an_api_that_is_slower_than_a_call_answers_the_next_one() -> None:
    kube = cluster(4)
    kube.takes = 0.6  # s: two questions take longer than a call waits
    async with stand_in(kube) as answering:
        with pytest.raises(Undecidable, match="did not answer within"):
            await _within(1.0, answering)
        await asyncio.sleep(0.5)
        assert (await _within(1.0, answering)).value == 20.0


@in_jumping_time
async def test_what_was_refused_is_not_asked_for_each_call() -> None:
    kube = FakeKube()
    async with stand_in(kube) as answering:
        for _ in range(10):
            with pytest.raises(Undecidable):
                await answering.decide(METRIC)
    assert kube.calls == [("GET", OBJECT), ("GET", JOB)]


@in_jumping_time
async def test_a_crowd_is_answered_by_few_questions_at_a_time() -> None:
    kube = cluster(4)
    kube.takes = 0.01
    async with running_freezer(kube, jumping_clock) as freezer:
        crowd = [freezer.stand_in(REFERENCE) for _ in range(10 * AT_ONCE)]
        decisions = await asyncio.gather(*(each.decide(METRIC) for each in crowd))
    assert (len(decisions), kube.most_at_once) == (10 * AT_ONCE, AT_ONCE)


async def _within(seconds: float, answering: StandIn) -> Decision:
    async with asyncio.timeout(seconds):
        return await answering.decide(METRIC)
