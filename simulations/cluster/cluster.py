"""The cluster as one: its API, and everything that works on it, started and stopped in one place."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import NoReturn

from simulations.cluster.api import SimulatedApi
from simulations.cluster.client import Faults, SimulatedKube
from simulations.cluster.deployments import Deployments
from simulations.cluster.endpoints import EndpointSlices
from simulations.cluster.garbage import GarbageCollector
from simulations.cluster.kubelet import Kubelets, Life, by_annotation
from simulations.cluster.patches import Document
from simulations.cluster.replicasets import ReplicaSets
from simulations.cluster.statefulsets import StatefulSets

Span = tuple[float, float]  # seconds, from and to; evenly spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Lags:
    """How late the controllers are.

    ``sync``: from when one sees a change until it acts, in seconds of the cluster's time. The others are how late a
    controller sees changes, in seconds of the event loop: the ReplicaSet controller's two copies, those of the
    Deployment, the StatefulSet and the EndpointSlice controller. ``garbage``: from an owner's end to its dependents'.
    """

    sync: Span = (0.0, 0.0)
    sets: Span = (0.0, 0.0)
    pods: Span = (0.0, 0.0)
    deployments: Span = (0.0, 0.0)
    stateful_sets: Span = (0.0, 0.0)
    endpoints: Span = (0.0, 0.0)
    garbage: Span = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCluster:
    """What runs; ``client`` makes one more client of its API."""

    api: SimulatedApi
    deployments: Deployments
    replica_sets: ReplicaSets
    stateful_sets: StatefulSets
    endpoint_slices: EndpointSlices
    garbage: GarbageCollector
    kubelets: Kubelets

    def client(self, who: str, faults: Faults | None = None, *, namespace: str = "default") -> SimulatedKube:
        """Return a client of its own identity and faults."""
        return SimulatedKube(self.api, who, faults=faults, namespace=namespace)


@asynccontextmanager
async def running_cluster(
    api: SimulatedApi, *, lags: Lags | None = None, life: Callable[[Document], Life] = by_annotation, nodes: int = 2
) -> AsyncIterator[SimulatedCluster]:
    """Run controllers and kubelets on an API for as long as the block lasts."""
    lags, chance = lags or Lags(), Random(f"controllers {api.seed}")  # noqa: S311 - seeded chance, wanted

    def within(span: Span) -> Callable[[], float]:
        return lambda: chance.uniform(*span)

    def seen(who: str, lag: Span) -> SimulatedKube:
        return SimulatedKube(api, who, faults=Faults(interleave=0.0, watch_lag=lag))

    def kube(who: str) -> SimulatedKube:
        return seen(who, (0.0, 0.0))

    sets, delay = seen("replicaset-controller", lags.sets), within(lags.sync)
    deployments = seen("deployment-controller", lags.deployments)
    cluster = SimulatedCluster(
        api=api,
        deployments=Deployments(kube("deployment-controller"), deployments, deployments, delay=delay),
        replica_sets=ReplicaSets(
            kube("replicaset-controller"), sets, seen("replicaset-controller", lags.pods), delay=delay
        ),
        stateful_sets=StatefulSets(
            kube("statefulset-controller"), seen("statefulset-controller", lags.stateful_sets), delay=delay
        ),
        endpoint_slices=EndpointSlices(
            kube("endpointslice-controller"), seen("endpointslice-controller", lags.endpoints), delay=delay
        ),
        garbage=GarbageCollector(api, delay=within(lags.garbage)),
        kubelets=Kubelets(kube("kubelet"), life=life, nodes=nodes),
    )
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(each, name=name) for name, each in _loops(cluster).items()]
        try:
            yield cluster
        finally:
            for task in running:
                task.cancel()


def _loops(cluster: SimulatedCluster) -> dict[str, Coroutine[None, None, NoReturn]]:
    return {
        "deployments": cluster.deployments.run(),
        "deployments seen": cluster.deployments.deployments.run(),
        "replicasets seen by deployments": cluster.deployments.sets.run(),
        "replicasets": cluster.replica_sets.run(),
        "replicasets seen": cluster.replica_sets.sets.run(),
        "pods seen": cluster.replica_sets.pods.run(),
        "statefulsets": cluster.stateful_sets.run(),
        "statefulsets seen": cluster.stateful_sets.sets.run(),
        "pods seen by statefulsets": cluster.stateful_sets.pods.run(),
        "endpointslices": cluster.endpoint_slices.run(),
        "services seen": cluster.endpoint_slices.services.run(),
        "pods seen by endpointslices": cluster.endpoint_slices.pods.run(),
        "garbage": cluster.garbage.run(),
        "kubelets": cluster.kubelets.run(),
    }
