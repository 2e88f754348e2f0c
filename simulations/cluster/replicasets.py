"""The ReplicaSet controller: adopts, releases, creates and deletes pods, by a view of them that may be old.

As in Kubernetes, ReplicaSets and pods are seen through two copies that know nothing of each other. A pod that was just
given its labels may so meet a ReplicaSet that still wants none.
"""

from collections.abc import Callable, Iterable
from typing import Final

from scaler.errors import ApiRefused
from scaler.net.kube import MERGE, NOT_FOUND, PODS, REPLICA_SETS, Document
from simulations.cluster.client import SimulatedKube
from simulations.cluster.informer import Controller, Informer, key_of
from simulations.cluster.owners import controller_of, is_active, is_ready, managed_by, owned_by
from simulations.cluster.ranking import victims_first
from simulations.cluster.selectors import matches
from simulations.cluster.store import Key
from simulations.cluster.times import instant

MOST_AT_ONCE: Final = 500  # pods that one sync creates or deletes


class ReplicaSets(Controller):
    """See the module. ``kube`` writes; ``sets`` and ``pods`` are clients to watch by, each as late as it is told."""

    def __init__(
        self, kube: SimulatedKube, sets: SimulatedKube, pods: SimulatedKube, *, delay: Callable[[], float]
    ) -> None:
        super().__init__(kube.api.time, delay)
        self.sets = Informer(sets, REPLICA_SETS, self._set_changed)
        self.pods = Informer(pods, PODS, self._pod_changed)
        self._kube = kube
        # What was written and is not seen yet, by the set's uid: pods (uids) that were created or deleted.
        self._created: dict[str, set[str]] = {}
        self._deleted: dict[str, set[str]] = {}

    # -- what wakes it -------------------------------------------------------------------------------------------

    def _set_changed(self, before: Document | None, now: Document | None) -> None:
        if before is not None and now is None:
            self._created.pop(before["metadata"]["uid"], None)
            self._deleted.pop(before["metadata"]["uid"], None)
        self.look(key_of(now or before or {}))

    def _pod_changed(self, before: Document | None, now: Document | None) -> None:
        self._seen(before, now)
        namespace = key_of(now or before or {})[0]
        owners = {owner["name"] for pod in (before, now) if pod and (owner := controller_of(pod))}
        if now is not None and controller_of(now) is None and _wakes_orphans(before, now):
            labels = now["metadata"].get("labels", {})
            matching = (each for each in self.sets.inside(namespace) if matches(each["spec"]["selector"], labels))
            owners |= {each["metadata"]["name"] for each in matching}
        for name in owners:
            self.look((namespace, name))

    def _seen(self, before: Document | None, now: Document | None) -> None:
        uid = (now or before or {})["metadata"]["uid"]
        for expected in self._created.values():
            expected.discard(uid)
        if now is None or "deletionTimestamp" in now["metadata"]:
            for expected in self._deleted.values():
                expected.discard(uid)

    # -- what it does --------------------------------------------------------------------------------------------

    async def sync(self, key: Key) -> None:
        """Bring one ReplicaSet closer to what it wants, and have it say what it has."""
        wanted = self.sets.objects.get(key)
        if wanted is None:
            return
        uid = wanted["metadata"]["uid"]
        settled = not self._created.get(uid) and not self._deleted.get(uid)
        pods = await self._claimed(wanted, filter(is_active, self.pods.inside(key[0])))
        try:
            if settled and "deletionTimestamp" not in wanted["metadata"]:
                await self._manage(wanted, pods)
        finally:
            await self._tell(wanted, pods)

    async def _claimed(self, wanted: Document, pods: Iterable[Document]) -> list[Document]:
        """Return the pods that are its own, after adopting those that should be and releasing those that should not."""
        own = []
        for pod in pods:
            fits = matches(wanted["spec"]["selector"], pod["metadata"].get("labels", {}))
            if managed_by(pod, wanted):
                if fits:
                    own.append(pod)
                else:
                    await self._own(pod, wanted, keep=False)
            elif fits and controller_of(pod) is None and await self._exists(wanted):
                own += [pod] if await self._own(pod, wanted, keep=True) else []
        return own

    async def _exists(self, wanted: Document) -> bool:
        """Look, past its own copy, whether a ReplicaSet is still there and not being deleted."""
        about = wanted["metadata"]
        try:
            now = await self._kube.get(REPLICA_SETS, about["namespace"], about["name"])
        except ApiRefused:
            return False
        return now["metadata"]["uid"] == about["uid"] and "deletionTimestamp" not in now["metadata"]

    async def _own(self, pod: Document, wanted: Document, *, keep: bool) -> bool:
        """Adopt a pod or release it; tell whether it was still the same one and no other's."""
        about = pod["metadata"]
        path = PODS.path(about["namespace"], about["name"])
        try:
            now = await self._kube.call("GET", path)
            mine = owned_by(wanted, api="apps/v1", kind="ReplicaSet")
            others = [each for each in now["metadata"].get("ownerReferences", ()) if each["uid"] != mine["uid"]]
            change = {"uid": about["uid"], "ownerReferences": [*others, mine] if keep else others}
            await self._kube.call("PATCH", path, {"metadata": change}, content=MERGE)
        except ApiRefused:
            return False
        return True

    async def _manage(self, wanted: Document, pods: list[Document]) -> None:
        missing = wanted["spec"]["replicas"] - len(pods)
        for _ in range(min(missing, MOST_AT_ONCE)):
            await self._create(wanted)
        for pod in victims_first(pods, self._time.now())[: min(-missing, MOST_AT_ONCE) if missing < 0 else 0]:
            await self._delete(wanted, pod)

    async def _create(self, wanted: Document) -> None:
        about, template = wanted["metadata"], wanted["spec"]["template"]
        owner = owned_by(wanted, api="apps/v1", kind="ReplicaSet")
        named = {"generateName": f"{about['name']}-", "namespace": about["namespace"], "ownerReferences": [owner]}
        pod = {"metadata": {**template.get("metadata", {}), **named}, "spec": template["spec"]}
        made = await self._kube.call("POST", PODS.path(about["namespace"]), pod)
        if made["metadata"]["uid"] not in {each["metadata"]["uid"] for each in self.pods.objects.values()}:
            self._created.setdefault(about["uid"], set()).add(made["metadata"]["uid"])

    async def _delete(self, wanted: Document, pod: Document) -> None:
        about = pod["metadata"]
        self._deleted.setdefault(wanted["metadata"]["uid"], set()).add(about["uid"])
        body = {"preconditions": {"uid": about["uid"]}}
        try:
            await self._kube.call("DELETE", PODS.path(about["namespace"], about["name"]), body)
        except ApiRefused as refused:
            self._deleted[wanted["metadata"]["uid"]].discard(about["uid"])
            if refused.status != NOT_FOUND:
                raise

    async def _tell(self, wanted: Document, pods: list[Document]) -> None:
        about = wanted["metadata"]
        template = wanted["spec"]["template"].get("metadata", {}).get("labels", {})
        labelled = [pod for pod in pods if template.items() <= pod["metadata"].get("labels", {}).items()]
        status = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(labelled),
            "readyReplicas": sum(map(is_ready, pods)),
            "availableReplicas": len(available(pods, wanted["spec"].get("minReadySeconds", 0), self._time.now())),
            "observedGeneration": about["generation"],
        }
        if any(wanted["status"].get(key, 0) != value for key, value in status.items()):
            path = REPLICA_SETS.path(about["namespace"], about["name"], "status")
            try:
                await self._kube.call("PATCH", path, {"status": status}, content=MERGE)
            except ApiRefused as refused:
                if refused.status != NOT_FOUND:
                    raise


def available(pods: Iterable[Document], ready_for: float, now: float) -> list[Document]:
    """Return the pods that have been ready for so many seconds."""
    ready = (pod for pod in pods if is_ready(pod))
    return [pod for pod in ready if not ready_for or now - instant(_since(pod)) >= ready_for]


def _since(pod: Document) -> str:
    conditions = pod["status"]["conditions"]
    return next(str(each["lastTransitionTime"]) for each in conditions if each["type"] == "Ready")


def _wakes_orphans(before: Document | None, now: Document) -> bool:
    """Tell whether a pod that nobody manages is news: it is new, or its labels or its manager changed."""
    if before is None:
        return True
    labels = before["metadata"].get("labels"), now["metadata"].get("labels")
    return labels[0] != labels[1] or controller_of(before) is not None
