"""The Deployment in the simulated cluster: who takes events, and what KEDA and people are told of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from scaler.net.kube import JSON_PATCH, PODS
from scaler.pool.manifests import BRIDGED, STAGE, WARM
from simulations.cluster.api import SimulatedApi
from simulations.cluster.state import Request
from simulations.demo.brokers.memory import MemoryQueue
from simulations.demo.clock import Clock, Moment
from simulations.demo.cluster import NAMESPACE, ClusterDeployment, DemoTime, Manifests, deployed_in_cluster
from simulations.demo.pods import Phase, PodSpec, Worker

SPEED = 20.0
PATIENCE = 20.0  # s of the wall
NAME = "orders"


@dataclass
class Place:
    """A Deployment, its queue, and what was told of it."""

    api: SimulatedApi
    queue: MemoryQueue
    deployment: ClusterDeployment
    done: list[int] = field(default_factory=list)
    serving: list[tuple[int, int, bool]] = field(default_factory=list)
    stages: list[tuple[str, str, str]] = field(default_factory=list)

    def warm_pod(self, name: str) -> None:
        pod = {
            "metadata": {"name": name, "labels": {STAGE: WARM}},
            "spec": {"containers": [{"name": "function", "image": "example.org/orders:1"}]},
        }
        self.api.handle(Request("tests", "POST", PODS.path(NAMESPACE), pod))

    def patch(self, name: str, *operations: dict[str, str]) -> None:
        path = PODS.path(NAMESPACE, name)
        self.api.handle(Request("tests", "PATCH", path, list(operations), {}, JSON_PATCH))

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not fact():  # noqa: ASYNC110 - what is done in a queue tells nobody
                await asyncio.sleep(0.01)


@asynccontextmanager
async def placed(*, started: bool = True) -> AsyncIterator[Place]:
    clock, queue, done = Clock(SPEED), MemoryQueue(name="demo-cluster", target=5), list[int]()
    if started:
        clock.start()
    spec = PodSpec(service_time=lambda _: 0.1)
    api = SimulatedApi(time=DemoTime(clock))
    manifests = Manifests(name=NAME, trigger={"kind": "memory"}, most=10)

    def worker() -> Worker:
        return Worker(spec, queue, clock, done.append)

    async with deployed_in_cluster(api, manifests, clock, Random(1), worker) as deployment:
        place = Place(api, queue, deployment, done)

        def served(before: int, after: int, _since: Moment, claimed: bool) -> None:
            place.serving.append((before, after, claimed))

        deployment.on_serving = served
        deployment.on_stage = lambda *told: place.stages.append(told)
        yield place


async def test_replicas_start_cold_and_take_events_when_they_are_ready() -> None:
    async with placed() as place:
        await place.queue.publish(1)
        place.deployment.scale(2)
        await place.deployment.settled()
        assert (place.deployment.replicas, place.deployment.existing, place.deployment.ready) == (2, 2, 0)
        assert set(place.deployment.phases) <= {Phase.SCHEDULING, Phase.STARTING}
        assert place.done == []
        await place.until(lambda: place.deployment.serving == 2)
        await place.until(lambda: place.done == [1])
        assert place.deployment.phases == [Phase.READY, Phase.READY]
        assert all(not claimed for *_, claimed in place.serving)


async def test_who_is_scaled_down_serves_no_more_and_goes() -> None:
    async with placed() as place:
        place.deployment.scale(1)
        await place.until(lambda: place.deployment.serving == 1)
        place.deployment.scale(0)
        await place.until(lambda: place.deployment.serving == 0)
        assert (place.deployment.existing, place.deployment.phases) == (0, [Phase.LEAVING])
        await place.until(lambda: place.deployment.phases == [])


async def test_a_warm_pod_takes_events_exactly_while_the_service_selects_it() -> None:
    async with placed() as place:
        place.warm_pod("w")
        assert (place.deployment.warm, place.deployment.warming) == (0, 1)
        await place.until(lambda: place.deployment.warm == 1)
        await place.queue.publish(1)
        await place.until(lambda: place.deployment.warming == 0)
        assert (place.deployment.serving, place.deployment.phases, place.done) == (0, [], [])
        label = "/metadata/labels/app"
        stage = "/metadata/labels/" + STAGE.replace("/", "~1")
        place.patch(
            "w", {"op": "add", "path": label, "value": NAME}, {"op": "replace", "path": stage, "value": BRIDGED}
        )
        await place.until(lambda: place.done == [1])
        assert (place.deployment.serving, place.deployment.phases) == (1, [Phase.BRIDGED])
        assert (place.deployment.existing, place.deployment.ready) == (0, 0)
        place.patch("w", {"op": "remove", "path": label})
        await place.until(lambda: place.deployment.serving == 0)
        assert place.serving == [(0, 1, True), (1, 0, False)]
        assert place.stages == [("w", WARM, BRIDGED)]


async def test_before_the_clock_runs_pods_are_ready_at_once() -> None:
    async with placed(started=False) as place:
        place.warm_pod("w")
        await place.deployment.until(lambda: place.deployment.warm == 1)
        assert place.deployment.warm == 1
