"""The Deployment of the lane with warm pods: objects of a simulated cluster, and what its pods do.

API server, controllers and kubelets are ``simulations.cluster``, on which the pool's real controller works. A pod takes
events exactly while an EndpointSlice of the Service says that it is ready: cold replicas and bridges do, warm pods not.
The slice is written at once, and known at once; in a cluster its controller and the nodes take some 10 to 100 ms.
Where a process of a pod would be, a :class:`~simulations.demo.pods.Worker` is.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Final

from scaler.aio import ended
from scaler.keda import SCALED_OBJECTS
from scaler.net.kube import DEPLOYMENTS, MERGE, SERVICES, Document, Resource
from scaler.pool.manifests import ADOPTED, BRIDGED, DRAINING, WARM
from simulations.cluster.api import SimulatedApi
from simulations.cluster.cluster import running_cluster
from simulations.cluster.kubelet import Life
from simulations.cluster.owners import controller_of, is_active, is_ready
from simulations.cluster.state import Request
from simulations.cluster.store import Change, Kind
from simulations.cluster.times import START
from simulations.demo.audit import stage_of
from simulations.demo.clock import Clock, Moment
from simulations.demo.pods import ColdStart, Phase, Worker

NAMESPACE: Final = "demo"
ENDING: Final = 1.0  # s from a pod's deletion to its end
SETTLE_WITHIN: Final = 5.0  # wall seconds

_STAGES: Final = {BRIDGED: Phase.BRIDGED, ADOPTED: Phase.ADOPTED, DRAINING: Phase.DRAINING}


class DemoTime:
    """The cluster's time: its stamps are of the wall, since pods' ages are told by them; its waits are the demo's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Tell the time."""
        return time.time() - START

    async def sleep(self, seconds: float) -> None:
        """Wait; zero and less is no wait at all."""
        if seconds > 0:
            await self._clock.sleep(seconds)


def cold_starts(clock: Clock, chance: Random, cold: ColdStart) -> Callable[[Document], Life]:
    """Return the lives of pods: all alike but for jitter, and at once before the clock runs, as if long ago."""

    def life(_pod: Document) -> Life:
        if not clock.started:
            return Life()
        schedule, create, ready = (
            length * chance.uniform(1.0 - cold.jitter, 1.0 + cold.jitter)
            for length in (cold.schedule, cold.pull + cold.start, cold.ready)
        )
        return Life(schedule=schedule, create=create, ready=ready, end=ENDING)

    return life


class ClusterDeployment:
    """A Deployment of the simulated cluster with its warm pods; KEDA scales it by its scale subresource.

    ``on_serving`` hears how many pods took events and how many do now, with the instant at which the newest of them
    became Ready, and whether that one was claimed. ``on_stage`` hears by its name of each pod that goes from one stage
    of a hand-off to another, as its label says it (empty for none), ``on_pod`` of every change of a pod.
    """

    def __init__(
        self, api: SimulatedApi, name: str, clock: Clock, tasks: asyncio.TaskGroup, make_worker: Callable[[], Worker]
    ) -> None:
        self.on_serving: Callable[[int, int, Moment, bool], None] = lambda _before, _after, _since, _claimed: None
        self.on_stage: Callable[[str, str, str], None] = lambda _pod, _before, _now: None
        self.on_pod: Callable[[Document | None, Document | None], None] = lambda _before, _now: None
        self._api = api
        self._path = DEPLOYMENTS.path(NAMESPACE, name)
        self._clock = clock
        self._tasks = tasks
        self._make_worker = make_worker
        self._document: Document = {}
        self._pods: dict[str, Document] = {}
        self._ready_since: dict[str, Moment] = {}
        self._workers: dict[str, Worker] = {}
        self._lives: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        api.on_change(self._changed)

    # -- what is there -------------------------------------------------------------------------------------------

    @property
    def replicas(self) -> int:
        """What was last asked for."""
        return int(self._document["spec"]["replicas"])

    @property
    def existing(self) -> int:
        """How many pods the Deployment has, without those that are leaving: warm pods and bridges are none of them."""
        return len(self._own())

    @property
    def ready(self) -> int:
        """How many of them are ready."""
        return sum(map(is_ready, self._own()))

    @property
    def serving(self) -> int:
        """How many pods take events."""
        return len(self._workers)

    @property
    def phases(self) -> list[Phase]:
        """Where each pod stands, oldest first; warm pods are not the function's yet."""
        return [_phase(pod) for pod in self._pods.values() if not _is_warm(pod)]

    @property
    def warm(self) -> int:
        """How many warm pods wait for a claim."""
        return sum(map(is_ready, self._warm()))

    @property
    def warming(self) -> int:
        """How many warm pods still start."""
        return len(self._warm()) - self.warm

    def _own(self) -> list[Document]:
        return [pod for pod in self._pods.values() if is_active(pod) and _is_replica(pod)]

    def _warm(self) -> list[Document]:
        return [pod for pod in self._pods.values() if is_active(pod) and _is_warm(pod)]

    # -- what is done --------------------------------------------------------------------------------------------

    def scale(self, replicas: int) -> None:
        """Ask for a number of replicas."""
        path = f"{self._path}/scale"
        self._api.handle(Request("keda", "PATCH", path, {"spec": {"replicas": replicas}}, {}, MERGE))

    async def settled(self) -> None:
        """Wait until the controllers have done what was asked for, and no pod is between two owners."""
        await self.until(lambda: self.existing == self.replicas and not any(map(_is_between, self._pods.values())))

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until something is so, at most :data:`SETTLE_WITHIN`; looked at after each change of the cluster."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_WITHIN):
                while not fact():
                    self._news.clear()
                    await self._news.wait()

    async def end(self) -> None:
        """End every pod's work at once."""
        for worker in self._workers.values():
            worker.dismiss()
        await ended(tuple(self._lives))

    # -- what happens --------------------------------------------------------------------------------------------

    def _changed(self, kind: Kind, change: Change) -> None:
        document = change.after.document
        if kind.kind == "Pod":
            self._pod_changed(document, gone=change.gone)
        elif kind.kind == "EndpointSlice":
            self._lead_to({each["targetRef"]["uid"] for each in document["endpoints"] if _takes(each)})
        elif kind.kind == "Deployment":
            self._document = document
        self._news.set()

    def _pod_changed(self, pod: Document, *, gone: bool) -> None:
        uid = pod["metadata"]["uid"]
        before = self._pods.pop(uid, None) if gone else self._pods.get(uid)
        self.on_pod(before, None if gone else pod)
        if gone:
            self._ready_since.pop(uid, None)
            return
        self._pods[uid] = pod
        if is_ready(pod):
            self._ready_since.setdefault(uid, self._clock.moment())
        if before is not None and stage_of(before) != stage_of(pod):
            self.on_stage(pod["metadata"]["name"], stage_of(before), stage_of(pod))

    def _lead_to(self, uids: set[str]) -> None:
        """Let these pods take events, and no others."""
        before = len(self._workers)
        for uid in self._workers.keys() - uids:
            self._workers.pop(uid).dismiss()
        came = [uid for uid in uids if uid not in self._workers]
        for uid in came:
            self._begin(uid)
        if before != len(self._workers):
            newest = max(came, key=lambda uid: self._since(uid).at, default="")
            self.on_serving(
                before, len(self._workers), self._since(newest), stage_of(self._pods.get(newest)) == BRIDGED
            )

    def _since(self, uid: str) -> Moment:
        return self._ready_since.get(uid) or self._clock.moment()

    def _begin(self, uid: str) -> None:
        worker = self._workers[uid] = self._make_worker()
        life = self._tasks.create_task(worker.work(), name="pod")
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)


def _takes(endpoint: Document) -> bool:
    return bool(endpoint["conditions"]["ready"])


def _is_warm(pod: Document) -> bool:
    return stage_of(pod) == WARM


def _is_replica(pod: Document) -> bool:
    owner = controller_of(pod)
    return owner is not None and owner["kind"] == "ReplicaSet"


def _is_between(pod: Document) -> bool:
    """Tell whether a pod was given away by the pool, and not taken yet."""
    return stage_of(pod) == ADOPTED and is_active(pod) and not _is_replica(pod)


def _phase(pod: Document) -> Phase:
    if not is_active(pod):
        return Phase.LEAVING
    if stage_of(pod) in _STAGES:
        return _STAGES[stage_of(pod)]
    if is_ready(pod):
        return Phase.READY
    if pod["status"]["phase"] == "Running":
        return Phase.WARMING
    return Phase.STARTING if pod["spec"].get("nodeName") else Phase.SCHEDULING


# -- its objects -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """A function by its name, scaled by one trigger up to so many replicas: Deployment, Service, ScaledObject."""

    name: str
    trigger: Mapping[str, str]
    most: int

    def specs(self) -> dict[Resource, Document]:
        """Return what is to be made, the Deployment last."""
        labels = {"app": self.name}
        containers = [{"name": "function", "image": "example.org/orders:1"}]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        triggers = [{"type": "external-push", "metadata": dict(self.trigger)}]
        target = {"name": self.name, "kind": "Deployment"}
        return {
            SERVICES: {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
            SCALED_OBJECTS: {"scaleTargetRef": target, "maxReplicaCount": self.most, "triggers": triggers},
            DEPLOYMENTS: {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
        }


@asynccontextmanager
async def deployed_in_cluster(
    api: SimulatedApi, manifests: Manifests, clock: Clock, chance: Random, make_worker: Callable[[], Worker]
) -> AsyncIterator[ClusterDeployment]:
    """Run the cluster's controllers and kubelets, and a Deployment of zero replicas, for as long as the block lasts."""
    life = cold_starts(clock, chance, make_worker().spec.cold_start)
    async with running_cluster(api, life=life), asyncio.TaskGroup() as tasks:
        deployment = ClusterDeployment(api, manifests.name, clock, tasks, make_worker)
        for resource, spec in manifests.specs().items():
            made = {"metadata": {"name": manifests.name}, "spec": spec}
            api.handle(Request("kubectl", "POST", resource.path(NAMESPACE), made))
        try:
            yield deployment
        finally:
            await deployment.end()
