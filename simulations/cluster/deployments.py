"""The Deployment controller: a ReplicaSet for each template, scaled as a rollout goes on.

Left out are proportional scaling in the midst of a rollout, progress deadlines and rollbacks by annotation.
"""

from collections.abc import Callable, Sequence

from scaler.errors import ApiRefused
from scaler.net.kube import CONFLICT, DEPLOYMENTS, MERGE, REPLICA_SETS, Document
from simulations.cluster.client import SimulatedKube
from simulations.cluster.informer import Controller, Informer, key_of
from simulations.cluster.owners import controller_of, managed_by, owned_by
from simulations.cluster.rollout import DESIRED, HASH, REVISION, next_sizes, revision, same_template, template_hash
from simulations.cluster.store import Key
from simulations.cluster.times import stamp


class Deployments(Controller):
    """See the module. ``kube`` writes; ``deployments`` and ``sets`` are clients to watch by."""

    def __init__(
        self, kube: SimulatedKube, deployments: SimulatedKube, sets: SimulatedKube, *, delay: Callable[[], float]
    ) -> None:
        super().__init__(kube.api.time, delay)
        self.deployments = Informer(
            deployments, DEPLOYMENTS, lambda before, now: self.look(key_of(now or before or {}))
        )
        self.sets = Informer(sets, REPLICA_SETS, self._set_changed)
        self._kube = kube

    def _set_changed(self, before: Document | None, now: Document | None) -> None:
        owner = controller_of(now or before or {})
        if owner is not None and owner["kind"] == "Deployment":
            self.look((key_of(now or before or {})[0], owner["name"]))

    async def sync(self, key: Key) -> None:
        """Bring one Deployment closer to what it wants."""
        wanted = self.deployments.objects.get(key)
        if wanted is None or "deletionTimestamp" in wanted["metadata"]:
            return
        own = [each for each in self.sets.inside(key[0]) if managed_by(each, wanted)]
        new = next((each for each in own if same_template(each["spec"]["template"], wanted["spec"]["template"])), None)
        if wanted["spec"].get("paused"):
            await self._keep(wanted, new, own)
        elif new is None:
            new = await self._create(wanted, own)
            own = [*own, new] if new else own
        else:
            new = await self._lead(wanted, new, own)
            await self._roll(wanted, new, own)
        await self._tell(wanted, new, own)

    async def _create(self, wanted: Document, own: Sequence[Document]) -> Document | None:
        """Make the ReplicaSet of a template; none if one of the name is there that is not seen yet."""
        about = wanted["metadata"]
        try:
            new = _replica_set(wanted, 1 + max(map(revision, own), default=0), first=not own)
            return await self._kube.call("POST", REPLICA_SETS.path(about["namespace"]), new)
        except ApiRefused as refused:
            if refused.status != CONFLICT:
                raise
            return None

    async def _lead(self, wanted: Document, new: Document, own: Sequence[Document]) -> Document:
        """Let the wanted template have the highest revision, and the Deployment say it."""
        highest = max((revision(each) for each in own if each is not new), default=0)
        if revision(new) <= highest:
            new = await self._patch_set(new, {"metadata": {"annotations": {REVISION: str(highest + 1)}}})
        if revision(wanted) != revision(new):
            about = wanted["metadata"]
            change = {"metadata": {"annotations": {REVISION: str(revision(new))}}}
            path = DEPLOYMENTS.path(about["namespace"], about["name"])
            await self._kube.call("PATCH", path, change, content=MERGE)
        return new

    async def _roll(self, wanted: Document, new: Document, own: Sequence[Document]) -> None:
        old = [each for each in own if each["metadata"]["uid"] != new["metadata"]["uid"]]
        sizes = next_sizes(wanted, new, old)
        for each in [new, *old]:
            if each["metadata"]["name"] in sizes:
                await self._scale(wanted, each, sizes[each["metadata"]["name"]])
        if not sizes:
            await self._forget(wanted, old)

    async def _keep(self, wanted: Document, new: Document | None, own: Sequence[Document]) -> None:
        """Scale what there is while the Deployment is paused: the one that runs, or the newest."""
        running = [each for each in own if each["spec"]["replicas"]]
        only = running[0] if len(running) == 1 else (new or max(own, key=revision, default=None))
        if only is not None and len(running) <= 1 and only["spec"]["replicas"] != wanted["spec"]["replicas"]:
            await self._scale(wanted, only, wanted["spec"]["replicas"])

    async def _scale(self, wanted: Document, replica_set: Document, size: int) -> None:
        desired = {DESIRED: str(wanted["spec"]["replicas"])}
        await self._patch_set(replica_set, {"metadata": {"annotations": desired}, "spec": {"replicas": size}})

    async def _forget(self, wanted: Document, old: Sequence[Document]) -> None:
        """Delete what is older than the history that is to be kept."""
        empty = [each for each in old if not each["spec"]["replicas"] and not each["status"].get("replicas", 0)]
        surplus = len(empty) - wanted["spec"]["revisionHistoryLimit"]
        for each in sorted(empty, key=revision)[: max(0, surplus)]:
            about = each["metadata"]
            await self._kube.call("DELETE", REPLICA_SETS.path(about["namespace"], about["name"]))

    async def _patch_set(self, replica_set: Document, change: Document) -> Document:
        about = replica_set["metadata"]
        change = {**change, "metadata": {**change.get("metadata", {}), "resourceVersion": about["resourceVersion"]}}
        path = REPLICA_SETS.path(about["namespace"], about["name"])
        return await self._kube.call("PATCH", path, change, content=MERGE)

    async def _tell(self, wanted: Document, new: Document | None, own: Sequence[Document]) -> None:
        status = _status(wanted, new, own)
        before = wanted.get("status", {})
        if any(before.get(key) != value for key, value in status.items() if key != "conditions"):
            about, now = wanted["metadata"], stamp(self._time.now())
            status["conditions"] = [{**each, "lastTransitionTime": now} for each in status["conditions"]]
            path = DEPLOYMENTS.path(about["namespace"], about["name"], "status")
            await self._kube.call("PATCH", path, {"status": status}, content=MERGE)


def _replica_set(wanted: Document, number: int, *, first: bool) -> Document:
    about, spec = wanted["metadata"], wanted["spec"]
    made = template_hash(spec["template"])
    labels = {**spec["template"].get("metadata", {}).get("labels", {}), HASH: made}
    template = {**spec["template"], "metadata": {**spec["template"].get("metadata", {}), "labels": labels}}
    selector = {**spec["selector"], "matchLabels": {**spec["selector"].get("matchLabels", {}), HASH: made}}
    return {
        "metadata": {
            "name": f"{about['name']}-{made}",
            "labels": labels,
            "annotations": {REVISION: str(number), DESIRED: str(spec["replicas"])},
            "ownerReferences": [owned_by(wanted, api="apps/v1", kind="Deployment")],
        },
        "spec": {
            "replicas": spec["replicas"] if first else 0,
            "selector": selector,
            "template": template,
            **({"minReadySeconds": spec["minReadySeconds"]} if "minReadySeconds" in spec else {}),
        },
    }


def _status(wanted: Document, new: Document | None, own: Sequence[Document]) -> Document:
    counts = {
        key: sum(each["status"].get(key, 0) for each in own)
        for key in ("replicas", "readyReplicas", "availableReplicas")
    }
    available = counts["availableReplicas"] >= wanted["spec"]["replicas"]
    return {
        **counts,
        "updatedReplicas": new["status"].get("replicas", 0) if new else 0,
        "unavailableReplicas": max(0, sum(each["spec"]["replicas"] for each in own) - counts["availableReplicas"]),
        "observedGeneration": wanted["metadata"]["generation"],
        "conditions": [
            {"type": "Available", "status": str(available)},
            {"type": "Progressing", "status": "True"},
        ],
    }
