"""The StatefulSet controller: pods with numbers, made in order and deleted from the end. It adopts nothing.

Left out are rolling updates and volumes: a changed template is used for pods that come later.
"""

from collections.abc import Callable, Mapping

from scaler.errors import ApiRefused
from scaler.net.kube import CONFLICT, MERGE, NOT_FOUND, PODS, STATEFUL_SETS, Document
from simulations.cluster.client import SimulatedKube
from simulations.cluster.informer import Controller, Informer, key_of
from simulations.cluster.owners import controller_of, is_active, is_ready, managed_by, owned_by
from simulations.cluster.rollout import template_hash
from simulations.cluster.store import Key


class StatefulSets(Controller):
    """See the module."""

    def __init__(self, kube: SimulatedKube, seeing: SimulatedKube, *, delay: Callable[[], float]) -> None:
        super().__init__(kube.api.time, delay)
        self.sets = Informer(seeing, STATEFUL_SETS, lambda before, now: self.look(key_of(now or before or {})))
        self.pods = Informer(seeing, PODS, self._pod_changed)
        self._kube = kube

    def _pod_changed(self, before: Document | None, now: Document | None) -> None:
        owner = controller_of(now or before or {})
        if owner is not None and owner["kind"] == "StatefulSet":
            self.look((key_of(now or before or {})[0], owner["name"]))

    async def sync(self, key: Key) -> None:
        """Take one step towards what one StatefulSet wants, and have it say what it has."""
        wanted = self.sets.objects.get(key)
        if wanted is None or "deletionTimestamp" in wanted["metadata"]:
            return
        own = {pod["metadata"]["name"]: pod for pod in self.pods.inside(key[0]) if managed_by(pod, wanted)}
        await self._step(wanted, own)
        await self._tell(wanted, [pod for pod in own.values() if is_active(pod)])

    async def _step(self, wanted: Document, own: Mapping[str, Document]) -> None:
        ordered = wanted["spec"]["podManagementPolicy"] == "OrderedReady"
        names = [f"{wanted['metadata']['name']}-{number}" for number in range(wanted["spec"]["replicas"])]
        for number, name in enumerate(names):
            if name not in own:
                await self._create(wanted, number)
            if ordered and not (name in own and is_active(own[name]) and is_ready(own[name])):
                return
        surplus = [name for name in own if name not in names]
        for name in sorted(surplus, key=lambda name: int(name.rpartition("-")[2]), reverse=True):
            await self._delete(own[name])
            if ordered:
                return

    async def _create(self, wanted: Document, number: int) -> None:
        about, template = wanted["metadata"], wanted["spec"]["template"]
        name = f"{about['name']}-{number}"
        labels = {
            **template.get("metadata", {}).get("labels", {}),
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(number),
            "controller-revision-hash": _revision(wanted),
        }
        owner = owned_by(wanted, api="apps/v1", kind="StatefulSet")
        made = {**template.get("metadata", {}), "name": name, "labels": labels, "ownerReferences": [owner]}
        try:
            await self._kube.call("POST", PODS.path(about["namespace"]), {"metadata": made, "spec": template["spec"]})
        except ApiRefused as refused:
            if refused.status != CONFLICT:
                raise

    async def _delete(self, pod: Document) -> None:
        about = pod["metadata"]
        if is_active(pod):
            body = {"preconditions": {"uid": about["uid"]}}
            await self._kube.call("DELETE", PODS.path(about["namespace"], about["name"]), body)

    async def _tell(self, wanted: Document, pods: list[Document]) -> None:
        about, ready = wanted["metadata"], sum(map(is_ready, pods))
        status = {
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "currentReplicas": len(pods),
            "updatedReplicas": len(pods),
            "currentRevision": _revision(wanted),
            "updateRevision": _revision(wanted),
            "observedGeneration": about["generation"],
        }
        if any(wanted["status"].get(key) != value for key, value in status.items()):
            path = STATEFUL_SETS.path(about["namespace"], about["name"], "status")
            try:
                await self._kube.call("PATCH", path, {"status": status}, content=MERGE)
            except ApiRefused as refused:
                if refused.status != NOT_FOUND:
                    raise


def _revision(wanted: Document) -> str:
    return f"{wanted['metadata']['name']}-{template_hash(wanted['spec']['template'])}"
