"""A controller that is killed by each of its writes in turn: the next one ends where it would have ended."""

import asyncio
from typing import Final

import pytest

from scaler.net.kube import DEPLOYMENTS, MERGE, PODS
from scaler.pool.manifests import STAGE
from scaler.testing.clocks import in_jumping_time
from simulations.cluster.client import Faults
from tests.pool.stage import NAME, NAMESPACE, SIZE, Stage, section, stage_of, staged

BUSY: Final = 120.0  # s: long enough for whatever the hand-off needs
MOST: Final = 60  # writes of one history, at most
HISTORIES: Final = {"0-1-0": 1, "0-3-0": 3}


async def history(replicas: int, handoff: str, dies_after: int | None) -> int:
    """Wake a function and let it sleep again; return how many writes the first controller made."""
    async with staged() as stage:
        first = stage.cluster.client("first", Faults(dies_after=dies_after))
        rest = asyncio.create_task(_live(stage, replicas))
        async with stage.controller(first, section(handoff)):
            died = asyncio.create_task(first.calls.died.wait())
            await asyncio.wait({rest, died}, return_when=asyncio.FIRST_COMPLETED)
            died.cancel()
        async with stage.controller(stage.cluster.client("second"), section(handoff)):
            await rest
        assert stage.wrong == []
        return first.calls.written


async def _live(stage: Stage, replicas: int) -> None:
    await asyncio.sleep(60.0)
    assert len(stage.warm()) == SIZE
    await stage.want(replicas)
    await asyncio.sleep(BUSY)
    assert len(stage.replicas()) == replicas, "the ReplicaSet has exactly what KEDA asked for"
    assert len(stage.endpoints()) == replicas, "nobody else serves any more"
    _whole(stage)
    await stage.want(0)
    await asyncio.sleep(BUSY)
    assert stage.replicas() == []
    assert stage.endpoints() == []
    _whole(stage)


def _whole(stage: Stage) -> None:
    """See that the pool has its size, and that there is nothing else."""
    assert len(stage.warm()) == SIZE
    others = [each for each in stage.pods() if stage_of(each) != "warm"]
    assert [stage_of(each) for each in others] == [""] * len(stage.replicas())


@pytest.mark.parametrize("handoff", ["auto", "bridge"])
@pytest.mark.parametrize("replicas", HISTORIES.values(), ids=HISTORIES)
@in_jumping_time
async def test_a_successor_ends_where_the_first_would_have(replicas: int, handoff: str) -> None:
    writes = await history(replicas, handoff, None)
    assert SIZE < writes < MOST
    for number in range(1, writes + 1):
        await history(replicas, handoff, number)


@in_jumping_time
async def test_a_warm_pod_is_a_replica_in_the_end() -> None:
    async with staged() as stage, stage.controller(stage.cluster.client("pool"), section("auto")):
        await asyncio.sleep(60.0)
        warm = {each["metadata"]["uid"] for each in stage.warm()}
        await stage.want(1)
        await asyncio.sleep(BUSY)
        (kept,) = stage.replicas()
        assert kept["metadata"]["uid"] in warm
        assert not [key for key in kept["metadata"]["labels"] if key.startswith("warmscaler.dev/")]


@in_jumping_time
async def test_a_bridge_serves_before_keda_has_asked() -> None:
    async with staged() as stage, stage.controller(stage.cluster.client("pool"), section("bridge")):
        await asyncio.sleep(60.0)
        stage.word.say(1)
        await asyncio.sleep(0.1)
        assert len(stage.endpoints()) == 1
        assert stage.replicas() == []


@in_jumping_time
async def test_a_pod_that_was_handed_over_to_nobody_does_not_outlive_its_workload() -> None:
    async with staged() as stage, stage.controller(stage.cluster.client("pool"), section("auto")):
        await asyncio.sleep(60.0)
        kube, path = stage.cluster.client("user"), DEPLOYMENTS.path(NAMESPACE, NAME)
        stage.cluster.replica_sets.frozen = True
        pod = stage.warm()[0]["metadata"]
        change = {"labels": {STAGE: "adopted"}, "ownerReferences": None}
        await kube.call("PATCH", PODS.path(NAMESPACE, pod["name"]), {"metadata": change}, content=MERGE)
        await kube.call("DELETE", path)
        await asyncio.sleep(30.0)
        assert [each["metadata"]["uid"] for each in stage.pods()] == [pod["uid"]], "nobody knows of it"
        await asyncio.sleep(60.0)
        assert stage.pods() == []
