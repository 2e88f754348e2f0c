"""What is looked at now and then: scaled objects, their replicas and pools; written when it has changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from scaler.recording.format import What
from scaler.recording.pools import record_pools
from scaler.recording.recorder import recording_triggers
from scaler.recording.scales import EVERY, LOOKS, PAUSE, Scales
from scaler.testing.clocks import in_jumping_time, jumping_clock
from scaler.testing.kube import FakeKube
from tests.recording.kept import Kept
from tests.stage import OK, Deciding, deciding

OBJECT = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects/orders"
SCALE = "/apis/apps/v1/namespaces/shop/deployments/orders/scale"


def cluster(**spec: Any) -> FakeKube:
    triggers = [
        {"type": "cpu", "metadata": {"value": "50"}},
        {"type": "external-push", "metricType": "Value", "metadata": {**OK, "password": "hunter2"}},
    ]
    document = {
        "metadata": {
            "namespace": "shop",
            "name": "orders",
            "uid": "1",
            "resourceVersion": "7",
            "annotations": {"autoscaling.keda.sh/paused-replicas": "0", "owner": "me"},
        },
        "spec": {"scaleTargetRef": {"name": "orders", "envSourceContainerName": "x"}, "triggers": triggers, **spec},
    }
    return FakeKube(**{OBJECT: document, SCALE: {"spec": {"replicas": 2}, "status": {"replicas": 1}}})


@asynccontextmanager
async def looking(stage: Deciding, kube: FakeKube) -> AsyncIterator[Kept]:
    journal = Kept()
    with recording_triggers(stage.decisions, journal, jumping_clock) as recorder:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(Scales(kube, recorder, journal, jumping_clock).run())
            yield journal
            task.cancel()


def written(journal: Kept, what: What) -> list[dict[str, Any]]:
    return [dict(line.facts) for line in journal.lines if line.what is what]


@in_jumping_time
async def test_an_object_is_written_without_its_metadata_and_its_replicas_when_they_change() -> None:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    advanced = {"horizontalPodAutoscalerConfig": {"name": "x", "behavior": behavior}}
    kube = cluster(minReplicaCount=1, cooldownPeriod=60, advanced=advanced)
    async with deciding(jobs=7) as stage, looking(stage, kube) as journal:
        stage.ask(password="hunter2")
        await asyncio.sleep(10)
        kube.objects[SCALE] = {"spec": {}, "status": {"replicas": 1}}
        await asyncio.sleep(10)
    assert written(journal, What.OBJECT) == [
        {
            "namespace": "shop",
            "name": "orders",
            "kind": "ScaledObject",
            "target": "orders",
            "paused": {"autoscaling.keda.sh/paused-replicas": "0"},
            "spec": {
                "minReplicaCount": 1,
                "cooldownPeriod": 60,
                "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
                "triggers": [{"type": "cpu"}, {"type": "external-push", "metricType": "Value", "n": 0}],
            },
        }
    ]
    assert [(each["asked"], each["there"], each["every"]) for each in written(journal, What.REPLICAS)] == [
        (2, 1, EVERY),
        (0, 1, EVERY),
    ]
    assert not [line for line in journal.lines if b"hunter2" in line.encoded()]


@in_jumping_time
async def test_however_many_objects_there_are_the_api_is_asked_so_often_and_no_more() -> None:
    kube = cluster()
    for number in range(100):
        kube.objects[OBJECT.replace("orders", f"o{number}")] = kube.objects[OBJECT]
    async with deciding(jobs=7) as stage, looking(stage, kube) as journal:
        for number in range(100):
            stage.ask(f"o{number}", password="hunter2")
        await asyncio.sleep(30)
        kube.calls.clear()
        await asyncio.sleep(20)
        assert len(kube.calls) == pytest.approx(20 * LOOKS, rel=0.1)
    assert {each["every"] for each in written(journal, What.REPLICAS)} == {100 / LOOKS}


@pytest.mark.parametrize(
    ("status", "why"), [(403, f"GET {OBJECT}: 403"), (404, "there is no ScaledObject and no ScaledJob shop/orders")]
)
def test_what_may_not_be_read_is_said_once(status: int, why: str) -> None:
    @in_jumping_time
    async def refused() -> None:
        kube = cluster()
        kube.refusals[OBJECT] = status
        with capture_logs() as logs:
            async with deciding(jobs=7) as stage, looking(stage, kube) as journal:
                stage.ask(password="hunter2")
                await asyncio.sleep(300)
        assert [log["why"] for log in logs if log["event"] == "replicas are not recorded"] == [why]
        assert written(journal, What.REPLICAS) == []

    refused()


@in_jumping_time
async def test_an_api_that_does_not_answer_is_left_alone_for_a_while() -> None:
    kube = cluster()
    kube.unreachable = True
    async with deciding(jobs=7) as stage, looking(stage, kube) as journal:
        stage.ask(password="hunter2")
        await asyncio.sleep(3 * PAUSE)
        assert len(kube.calls) <= 4
        kube.unreachable = False
        await asyncio.sleep(70)
    assert written(journal, What.REPLICAS)


def pool(**facts: Any) -> dict[str, Any]:
    said = {"pool": "p", "namespace": "shop", "function": "orders", "size": 2, "why": "fixed", "pods": {"warm": 2}}
    rest = {"creating": 0, "wanted": 0, "replicas": 0, "ready": 0, "hits": 0, "misses": 0}
    return {**said, **rest, "hold": None, "idle_pod_seconds": 1.5, **facts}


@in_jumping_time
async def test_a_pool_is_written_when_it_changes_and_when_it_is_gone() -> None:
    journal, told = Kept(), {"functions": [pool()]}
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(record_pools(lambda: told, journal, jumping_clock))
        for functions in ([pool()], [pool(idle_pod_seconds=9.0)], [pool(hits=1, pods={"warm": 1})], []):
            told["functions"] = functions
            await asyncio.sleep(2)
        task.cancel()
    assert journal.told("hits", "function") == [("pool", 0, "orders"), ("pool", 1, "orders"), ("gone", None, "orders")]
