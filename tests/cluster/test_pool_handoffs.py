"""A thousand hand-offs: KEDA and the HPA drive the replicas, warm pods step in, and every count comes out right."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.cluster.api import PODS, Api, Document
from tests.cluster.functions import TARGET, Stage
from tests.cluster.pools import Ground, ground_of, owner, pool, ready, stage_of

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(900)]

FUNCTIONS = 20
SIZE = 6
HANDOFFS = 1_000
QUICK = {"scaleUp": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 100, "periodSeconds": 1}]}}


class Watcher:
    """Sees every event of every pod of a namespace: claims, adoptions, and warm pods that ended though adopted."""

    def __init__(self) -> None:
        self.histories: dict[str, list[str]] = defaultdict(list)
        self.begun = time.monotonic()
        self.claimed: set[str] = set()
        self.adopted: set[str] = set()
        self.ended: set[str] = set()

    def see(self, kind: str, pod: Document) -> None:
        """Take one event of a watch."""
        uid = pod["metadata"]["uid"]
        leaving = "leaving" if "deletionTimestamp" in pod["metadata"] else ""
        moment = f"{time.monotonic() - self.begun:.2f}s {kind.lower()} {stage_of(pod)} of {owner(pod)} {leaving}"
        self.histories[uid].append(f"{moment} {'ready' if ready(pod) else ''}")
        if stage_of(pod) in {"bridged", "adopted"}:
            self.claimed.add(uid)
        if stage_of(pod) == "adopted" and owner(pod) == "ReplicaSet":
            self.adopted.add(uid)
        if kind == "DELETED" or "deletionTimestamp" in pod["metadata"]:
            self.ended.add(uid)

    @property
    def lost(self) -> dict[str, list[str]]:
        """What became of the pods that were given to a ReplicaSet and have ended."""
        return {uid: self.histories[uid] for uid in self.adopted & self.ended}


@contextmanager
def watching(api: Api, namespace: str) -> Iterator[Watcher]:
    """Watch the pods of a namespace for as long as the block lasts."""
    watcher, over = Watcher(), Event()

    def run() -> None:
        with api.watch(PODS, namespace, within=800.0) as events:
            for kind, pod in events:
                watcher.see(kind, pod)
                if over.is_set():
                    return

    thread = Thread(target=run, daemon=True)
    thread.start()
    time.sleep(0.2)
    try:
        yield watcher
    finally:
        over.set()


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
        with watching(ground.api, ground.namespace) as watcher:
            first = {name: chance.randint(1, SIZE) for name in names}
            put(ground, first)
            ground.wait_whole(first)
            second = {name: chance.randint(first[name], SIZE) for name in names}
            put(ground, {name: second[name] - first[name] for name in names})
            ground.wait_whole(second)
            kept = {pod["metadata"]["uid"] for name in names for pod in ground.replicas(name) if ready(pod)}
            assert watcher.lost == {}
            assert watcher.adopted <= kept
            done += len(watcher.adopted)
            drained += len(watcher.claimed - watcher.adopted)
        sleep_all(ground, names)
        rounds += 1
    seconds = time.monotonic() - begun
    measured(
        f"{done} hand-offs in {rounds} rounds over {FUNCTIONS} Deployments, {seconds:.0f} s; {drained} drained, 0 lost"
    )
    assert ground.scaler.metric("warmscaler_pool_over_target") == 0


def test_without_waiting_for_the_replica_set_warm_pods_are_lost(
    stage: Stage, service_account_kubeconfig: Path, tmp_path: Path
) -> None:
    """The watcher above sees what must not be: the same steps, by a pool that adopts at once."""
    names = [f"f{number}" for number in range(5)]
    with ground_of(stage, service_account_kubeconfig, tmp_path, "tests.cluster.careless") as ground:
        for name in names:
            ground.function(name)
        ground.configure(orders=pool(ground.namespace, 2))
        ground.wait_available(2, *names)
        with watching(ground.api, ground.namespace) as watcher:
            put(ground, dict.fromkeys(names, 1))
            ground.wait_whole(dict.fromkeys(names, 1))
            assert watcher.lost


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
