"""A thousand hand-offs: KEDA and the HPA drive the replicas, warm pods step in, and every count comes out right."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.cluster.api import PODS, Document
from tests.cluster.functions import TARGET, Stage
from tests.cluster.plots import Seen, recording
from tests.cluster.pools import Ground, ground_of, owner, pool, ready, stage_of

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(900)]

FUNCTIONS = 20
SIZE = 6
BEYOND = 8  # replicas at most: more than the pool has, so that warm and cold pods come together
HANDOFFS = 1_000
QUICK = {"scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 100, "periodSeconds": 1}]}}


class Fates:
    """What became of the pods of ours that a watch has seen: claimed, adopted, and ended though adopted."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        self.histories: dict[str, list[str]] = defaultdict(list)
        self.claimed: set[str] = set()
        self.adopted: set[str] = set()
        self.ended: set[str] = set()
        self.warm: dict[str, set[str]] = defaultdict(set)
        self.most = 0
        for each in tuple(seen):
            self._see(each.kind, each.document)

    def _see(self, kind: str, pod: Document) -> None:
        about, stage = pod["metadata"], stage_of(pod)
        uid, leaving = about["uid"], "deletionTimestamp" in about
        self.histories[uid].append(f"{kind.lower()} {stage} of {owner(pod)} {'leaving' if leaving else ''}")
        if stage in {"bridged", "adopted"}:
            self.claimed.add(uid)
        if stage == "adopted" and owner(pod) == "ReplicaSet":
            self.adopted.add(uid)
        if kind == "DELETED" or leaving:
            self.ended.add(uid)
        warm = self.warm[about["name"].partition("-")[0]]
        (warm.add if stage == "warm" and kind != "DELETED" else warm.discard)(uid)
        self.most = max(self.most, len(warm))

    @property
    def lost(self) -> dict[str, list[str]]:
        """What became of the pods that were given to a ReplicaSet and have ended."""
        return {uid: self.histories[uid] for uid in self.adopted & self.ended}


def test_a_thousand_handoffs_end_with_the_replicas_asked_for_and_lose_no_pod(
    ground: Ground, measured: Callable[[str], None]
) -> None:
    chance = random.Random(5)
    names = [f"f{number}" for number in range(FUNCTIONS)]
    for name in names:
        ground.function(name, cold_start=6.0, advanced={"horizontalPodAutoscalerConfig": {"behavior": QUICK}})
    ground.stage.wait_streams(FUNCTIONS)
    ground.configure(orders=pool(ground.namespace, SIZE))
    done = drained = rounds = 0
    begun = time.monotonic()
    while done < HANDOFFS:
        ground.wait_available(SIZE, *names)
        adopted, others = one_round(ground, names, chance)
        done, drained, rounds = done + adopted, drained + others, rounds + 1
    seconds = time.monotonic() - begun
    measured(
        f"{done} hand-offs in {rounds} rounds over {FUNCTIONS} Deployments, {seconds:.0f} s; {drained} drained, 0 lost"
    )


def one_round(ground: Ground, names: list[str], chance: random.Random) -> tuple[int, int]:
    """Scale every function up twice, down once, and to zero; return how many pods were adopted, and claimed only."""
    with recording(ground.api, PODS, ground.namespace) as pods:
        first = {name: chance.randint(1, SIZE) for name in names}
        put(ground, first)
        ground.wait_whole(first)
        second = {name: chance.randint(first[name], BEYOND) for name in names}
        put(ground, {name: second[name] - first[name] for name in names})
        ground.wait_whole(second)
        kept = {pod["metadata"]["uid"] for name in names for pod in ground.replicas(name) if ready(pod)}
    fates = Fates(pods.seen)
    assert fates.lost == {}
    assert fates.adopted <= kept
    assert fates.most <= SIZE + 1
    lower = {name: chance.randint(0, second[name]) for name in names}
    for name in names:
        ground.stage.at(name).drain()
    put(ground, lower)
    ground.wait_whole(lower)
    sleep_all(ground, names)
    return len(fates.adopted), len(fates.claimed - fates.adopted)


def test_without_waiting_for_the_replica_set_warm_pods_are_lost(
    stage: Stage, service_account_kubeconfig: Path, tmp_path: Path
) -> None:
    """The test above sees what must not be: the same steps, by a pool that adopts at once."""
    names = [f"f{number}" for number in range(5)]
    with ground_of(stage, service_account_kubeconfig, tmp_path, "tests.cluster.careless") as ground:
        for name in names:
            ground.function(name, push=False, pollingInterval=10)  # the pool hears at once, and KEDA later
        ground.configure(orders=pool(ground.namespace, 2))
        ground.wait_available(2, *names)
        with recording(ground.api, PODS, ground.namespace) as pods:
            put(ground, dict.fromkeys(names, 1))
            ground.wait_whole(dict.fromkeys(names, 1))
        assert Fates(pods.seen).lost


def put(ground: Ground, replicas: dict[str, int]) -> None:
    """Let work wait for so many more replicas of each function."""
    for name, count in replicas.items():
        if count:
            ground.stage.at(name).push(count * TARGET)


def sleep_all(ground: Ground, names: list[str]) -> None:
    """Take all work away; returns when every function has no replica any more."""
    for name in names:
        ground.stage.at(name).drain()
    ground.wait_whole(dict.fromkeys(names, 0), within=90.0)
