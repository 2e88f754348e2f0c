"""What is seen of one namespace: copies of its objects, kept by watches, and found by what belongs together."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from scaler.keda import SCALED_OBJECTS
from scaler.net.kube import DEPLOYMENTS, DISRUPTION_BUDGETS, PODS, REPLICA_SETS, SERVICES, STATEFUL_SETS, Document, Kube
from scaler.net.mirror import Mirror
from scaler.pool.manifests import ADOPTED, STAGE, WORKLOAD, named_here
from scaler.pool.seen import (
    PodSeen,
    ReplicaSetSeen,
    ScaledObjectSeen,
    ServiceSeen,
    WorkloadSeen,
    disruption_budget_seen,
    pod_seen,
    replica_set_seen,
    scaled_object_seen,
    service_seen,
    workload_seen,
)

PROXY: Final = "openfunction.io/proxy"  # a label: of which Serving a Deployment is the Dapr proxy


class Sight:
    """One namespace.

    ``on_pods`` hears whose pods changed, by the workload's uid; ``on_workload`` which workload is another one itself,
    or what scales it; ``on_all`` that any may be.
    """

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        *,
        on_pods: Callable[[str], None],
        on_workload: Callable[[str], None],
        on_all: Callable[[], None],
    ) -> None:
        self.namespace = namespace
        self._on_pods = on_pods
        self._on_workload = on_workload
        self._on_all = on_all
        self._by_owner: dict[str, dict[str, PodSeen]] = defaultdict(dict)
        self._sets_of: dict[str, dict[str, ReplicaSetSeen]] = defaultdict(dict)
        self._owner_of: dict[str, str] = {}
        self._workloads: dict[str, WorkloadSeen] = {}
        self._proxies: dict[str | None, set[str]] = defaultdict(set)  # by the Serving, None for what is no proxy
        mirror = partial(Mirror, kube)
        self.pods: Mirror[PodSeen] = mirror(PODS, namespace, pod_seen, self._pod)
        self.replica_sets: Mirror[ReplicaSetSeen] = mirror(REPLICA_SETS, namespace, replica_set_seen, self._replica_set)
        self.deployments: Mirror[WorkloadSeen] = mirror(
            DEPLOYMENTS, namespace, partial(workload_seen, kind="Deployment"), self._workload
        )
        self.stateful_sets: Mirror[WorkloadSeen] = mirror(
            STATEFUL_SETS, namespace, partial(workload_seen, kind="StatefulSet"), self._workload
        )
        self.services: Mirror[ServiceSeen] = mirror(SERVICES, namespace, service_seen, self._service)
        self.budgets: Mirror[Document] = mirror(DISRUPTION_BUDGETS, namespace, disruption_budget_seen, self._service)
        self.scaled_objects: Mirror[ScaledObjectSeen] = mirror(
            SCALED_OBJECTS, namespace, scaled_object_seen, self._scaled
        )

    async def run(self) -> None:
        """Follow everything, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for each in self._mirrors():
                tasks.create_task(each.run(), name=f"mirror of {self.namespace}")

    @property
    def synced(self) -> bool:
        """Whether everything has been listed once."""
        return all(each.synced for each in self._mirrors())

    @property
    def problem(self) -> str:
        """Why something cannot be followed, empty if all is."""
        return next((each.problem for each in self._mirrors() if each.problem), "")

    def workloads(self) -> Iterator[WorkloadSeen]:
        """Go through Deployments and StatefulSets."""
        yield from self.deployments.objects.values()
        yield from self.stateful_sets.objects.values()

    def workload(self, kind: str, name: str) -> WorkloadSeen | None:
        """Return a workload by name."""
        return (self.deployments if kind == "Deployment" else self.stateful_sets).objects.get(name)

    def by_uid(self, uid: str) -> WorkloadSeen | None:
        """Return a workload by its identity."""
        return self._workloads.get(uid)

    def proxies(self, serving: str) -> list[WorkloadSeen]:
        """Return the workloads that are the Dapr proxy of a Serving of OpenFunction."""
        return [self._workloads[uid] for uid in self._proxies.get(serving, ())]

    def warm_pods(self, uid: str) -> list[PodSeen]:
        """Return the pods that we made for this workload: those with our mark, if that can be true."""
        return [pod for pod in self._by_owner[uid].values() if pod.labels.get(WORKLOAD) == uid and _credible(pod, uid)]

    def replicas(self, workload: WorkloadSeen) -> list[PodSeen]:
        """Return the workload's own pods: those of its ReplicaSets, or a StatefulSet's without ours."""
        if workload.kind == "Deployment":
            return [pod for each in self.sets_of(workload.uid) for pod in self._by_owner[each.uid].values()]
        return [pod for pod in self._by_owner[workload.uid].values() if WORKLOAD not in pod.labels]

    def sets_of(self, uid: str) -> list[ReplicaSetSeen]:
        """Return the ReplicaSets of a Deployment."""
        return list(self._sets_of[uid].values())

    def _mirrors(self) -> tuple[Mirror[Any], ...]:
        return (
            self.pods,
            self.replica_sets,
            self.deployments,
            self.stateful_sets,
            self.services,
            self.budgets,
            self.scaled_objects,
        )

    def _pod(self, name: str, before: PodSeen | None, after: PodSeen | None) -> None:
        for pod in (before, after):
            if pod is not None:
                for key in _keys(pod):
                    self._index(key, name, after if pod is after else None)
        for key in {*(_keys(before) if before else ()), *(_keys(after) if after else ())}:
            self._on_pods(self._owner_of.get(key, key))

    def _index(self, key: str, name: str, pod: PodSeen | None) -> None:
        if pod is not None:
            self._by_owner[key][name] = pod
        elif self._by_owner[key].pop(name, None) is not None and not self._by_owner[key]:
            del self._by_owner[key]

    def _replica_set(self, name: str, before: ReplicaSetSeen | None, after: ReplicaSetSeen | None) -> None:
        if before is not None:
            self._sets_of[before.owner].pop(name, None)
            self._owner_of.pop(before.uid, None)
        if after is not None:
            self._sets_of[after.owner][name] = after
            self._owner_of[after.uid] = after.owner
        if before != after:
            for each in (before, after):
                if each is not None:
                    self._on_workload(each.owner)
                    self._on_pods(each.owner)  # whose pods may have been seen before it

    def _workload(self, _name: str, before: WorkloadSeen | None, after: WorkloadSeen | None) -> None:
        if before is not None:
            self._workloads.pop(before.uid, None)
            self._proxies[before.labels.get(PROXY)].discard(before.uid)
        if after is not None:
            self._workloads[after.uid] = after
            self._proxies[after.labels.get(PROXY)].add(after.uid)
        if before != after:
            for each in (before, after):
                if each is not None:
                    self._on_workload(each.uid)

    def _service(self, _name: str, before: object, after: object) -> None:
        if before != after:
            self._on_all()

    def _scaled(self, _name: str, before: ScaledObjectSeen | None, after: ScaledObjectSeen | None) -> None:
        if before != after:  # KEDA writes its status at every poll
            for each in (before, after):
                if each is not None and (workload := self.workload(each.kind, each.target)) is not None:
                    self._on_workload(workload.uid)


def _credible(pod: PodSeen, uid: str) -> bool:
    """Tell whether a pod with our mark may be ours: anybody can put labels on any pod, and those of others are theirs.

    What we made ends with its workload, until a ReplicaSet may take it; then it still has its name.
    """
    return uid in pod.owners or (pod.labels.get(STAGE) == ADOPTED and named_here(pod.name))


def _keys(pod: PodSeen) -> tuple[str, ...]:
    """Return whose the pod is: its controller's, and the workload's that we made it for."""
    owner = (pod.owner.uid,) if pod.owner is not None else ()
    ours = pod.labels.get(WORKLOAD)
    return (*owner, ours) if ours and ours not in owner else owner
