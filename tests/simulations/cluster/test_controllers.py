"""What the real control plane cannot be told to do when a test wants it: be late, be gone, have failing pods."""

import asyncio

import pytest

from scaler.net.kube import DEPLOYMENTS, PODS, REPLICA_SETS, Document
from scaler.testing.clocks import in_jumping_time
from simulations.cluster.api import SimulatedApi
from simulations.cluster.cluster import Lags, running_cluster
from simulations.cluster.kubelet import Failure, Life
from simulations.cluster.owners import condition, controller_of, is_ready
from tests.conformance import objects
from tests.conformance.asking import Asked

TEMPLATE = objects.template({"app": "r"}, scheduled=True)


def _there(api: SimulatedApi) -> dict[str, Document]:
    return {pod["metadata"]["name"]: pod for pod in api.objects(PODS) if "deletionTimestamp" not in pod["metadata"]}


@pytest.mark.parametrize(("late", "left"), [(5.0, "cold"), (0.0, "warm")])
@in_jumping_time
async def test_a_ready_pod_that_meets_an_old_view_of_its_replica_set_is_lost(late: float, left: str) -> None:
    def life(pod: Document) -> Life:
        return Life(ready=0.0 if pod["metadata"]["name"] == "warm" else 60.0)

    api = SimulatedApi()
    async with running_cluster(api, lags=Lags(sets=(late, late)), life=life) as cluster:
        asked = Asked(cluster.client("tests"), "test")
        await asked.make(REPLICA_SETS, objects.replica_set("r", 0, TEMPLATE))
        await asked.make(PODS, objects.pod("warm", {"app": "other"}, scheduled=True))
        await asyncio.sleep(10.0)
        await asked.merge(REPLICA_SETS, "r", {"spec": {"replicas": 1}})
        await asyncio.sleep(0.1)
        await asked.merge(PODS, "warm", {"metadata": {"labels": {"app": "r"}}})
        await asyncio.sleep(20.0)
        (name,) = _there(api)
        assert ("warm" if name == "warm" else "cold") == left


@in_jumping_time
async def test_between_spec_and_observed_lies_the_lag() -> None:
    async with running_cluster(SimulatedApi(), lags=Lags(sync=(2.0, 2.0))) as cluster:
        asked = Asked(cluster.client("tests"), "test")
        await asked.make(REPLICA_SETS, objects.replica_set("r", 0, TEMPLATE))
        await asyncio.sleep(1.9)
        assert "observedGeneration" not in (await asked.get(REPLICA_SETS, "r"))["status"]
        await asyncio.sleep(0.2)
        assert (await asked.get(REPLICA_SETS, "r"))["status"]["observedGeneration"] == 1


@in_jumping_time
async def test_a_frozen_controller_does_nothing_until_it_goes_on() -> None:
    api = SimulatedApi()
    async with running_cluster(api) as cluster:
        asked = Asked(cluster.client("tests"), "test")
        cluster.replica_sets.frozen = True
        await asked.make(DEPLOYMENTS, objects.deployment("d", 2, TEMPLATE))
        await asyncio.sleep(60.0)
        assert _there(api) == {}
        cluster.replica_sets.thaw()
        await asyncio.sleep(1.0)
        assert len(_there(api)) == 2


@pytest.mark.parametrize("failure", [Failure.UNSCHEDULABLE, Failure.IMAGE, Failure.CRASH])
@in_jumping_time
async def test_a_pod_may_fail_for_good(failure: Failure) -> None:
    api = SimulatedApi()
    async with running_cluster(api, life=lambda _: Life(failure=failure)) as cluster:
        await Asked(cluster.client("tests"), "test").make(PODS, objects.pod("p", scheduled=True))
        await asyncio.sleep(60.0)
    (pod,) = api.objects(PODS)
    states = [each["state"]["waiting"]["reason"] for each in pod["status"].get("containerStatuses", ())]
    unplaced = condition(pod, "PodScheduled").get("reason")
    assert (is_ready(pod), states or [unplaced]) == (False, [failure])
    assert ("nodeName" in pod["spec"]) is (failure is not Failure.UNSCHEDULABLE)


@in_jumping_time
async def test_a_pod_lives_by_what_its_life_says() -> None:
    api, loop = SimulatedApi(), asyncio.get_running_loop()
    life = Life(schedule=1.0, create=2.0, ready=3.0, end=4.0)
    async with running_cluster(api, life=lambda _: life) as cluster:
        asked = Asked(cluster.client("tests"), "test")
        begun, seen = loop.time(), []
        await asked.make(PODS, objects.pod("p", scheduled=True))
        task = asyncio.ensure_future(_ended(asked, begun))
        async for kind, pod, _ in asked.kube.events(PODS.path("test"), {}, 30):
            if kind != "BOOKMARK":
                facts = ["node"] * ("nodeName" in pod["spec"]) + ["ip"] * ("podIP" in pod["status"])
                seen.append((kind, *facts, *["ready"] * is_ready(pod), round(loop.time() - begun, 3)))
        await task
    assert seen == [
        ("ADDED", 0.0),
        ("MODIFIED", "node", 1.0),
        ("MODIFIED", "node", "ip", 3.0),
        ("MODIFIED", "node", "ip", "ready", 6.0),
        ("MODIFIED", "node", "ip", "ready", 10.0),
        ("MODIFIED", "node", "ip", "ready", 14.0),
        ("DELETED", "node", "ip", "ready", 14.0),
    ]


@in_jumping_time
async def test_adoption_rescues_what_a_quota_forbids() -> None:
    api = SimulatedApi()
    api.quota["test"] = 1
    async with running_cluster(api) as cluster:
        asked = Asked(cluster.client("tests"), "test")
        await asked.make(PODS, objects.pod("warm", {"app": "other"}, scheduled=True))
        await asked.make(REPLICA_SETS, objects.replica_set("r", 1, TEMPLATE))
        await asyncio.sleep(30.0)
        assert list(_there(api)) == ["warm"]
        await asked.merge(PODS, "warm", {"metadata": {"labels": {"app": "r"}}})
        await asyncio.sleep(1.0)
        assert controller_of(_there(api)["warm"]) is not None
        assert (await asked.get(REPLICA_SETS, "r"))["status"]["readyReplicas"] == 1


async def _ended(asked: Asked, begun: float) -> None:
    await asyncio.sleep(begun + 10.0 - asyncio.get_running_loop().time())
    await asked.delete(PODS, "p")
