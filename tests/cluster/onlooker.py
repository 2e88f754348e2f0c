"""Sees every event of every pod of a namespace, and what must never be: written down as it happens."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing
from time import monotonic

from scaler.net.kube import PODS, Document, Kube
from tests.cluster.pools import WORKLOAD, owner, ready, stage_of

CLAIMED = frozenset({"bridged", "adopted"})
TEMPLATE = "warmscaler.dev/template"
STALE = 1.0  # s after a change of the template in which a claim of an older pod may have been on its way
LASTS = 600  # s


class Onlooker:
    """Watches for one function: ``most`` warm pods may wait (size and surge), and ``wanted`` be claimed, at a time.

    ``needed``: a pod that was handed over may end only beside so many replicas that are Ready. ``template``: the hash
    that a claimed pod has to have, and since when. ``claims`` counts by uid; ``kept`` are those that a ReplicaSet took.
    """

    def __init__(self, *, most: int) -> None:
        self.most = most
        self.wanted = 0
        self.needed = 0
        self.template: tuple[str, float] | None = None
        self.pods: dict[str, Document] = {}
        self.claims: Counter[str] = Counter()
        self.kept: set[str] = set()
        self.wrongs: list[str] = []
        self.changed = asyncio.Event()
        self.recycled: Counter[str] = Counter()
        self._begun = monotonic()
        self.history: list[str] = []

    async def begin(self, kube: Kube, namespace: str) -> str:
        """Return the version from which to watch."""
        listed = await kube.call("GET", PODS.path(namespace), query={"limit": "1"})
        return str(listed["metadata"]["resourceVersion"])

    async def run(self, kube: Kube, namespace: str, version: str) -> None:
        """Watch from a version on, until cancelled."""
        path = PODS.path(namespace)
        async with aclosing(kube.events(path, {"resourceVersion": version}, LASTS)) as events:
            async for kind, pod, _ in events:
                if kind != "BOOKMARK":
                    self.see(kind, pod)

    def see(self, kind: str, pod: Document) -> None:
        """Take one event."""
        uid = pod["metadata"]["uid"]
        before = self.pods.get(uid)
        if kind == "DELETED":
            self.pods.pop(uid, None)
        else:
            self.pods[uid] = pod
        self._note(kind, pod)
        for wrong in self._wrongs(kind, before, pod):
            self.wrongs.append(f"{monotonic() - self._begun:.2f}s {wrong}")
        self.changed.set()

    def stages(self) -> Counter[str]:
        """Count the pods of ours that stay, by stage."""
        return Counter(stage_of(pod) for pod in self.pods.values() if stage_of(pod) and not leaving(pod))

    def replicas(self) -> list[Document]:
        """Return what ReplicaSets have, also what is leaving."""
        return [pod for pod in self.pods.values() if owner(pod) == "ReplicaSet"]

    def whole(self, replicas: int, size: int) -> bool:
        """Tell whether there are these Ready replicas, so many Ready warm pods, and nothing else at all."""
        warm = [pod for pod in self.pods.values() if stage_of(pod) == "warm"]
        own = [pod for pod in self.replicas() if not stage_of(pod)]
        return (
            len(own) == sum(map(ready, own)) == replicas
            and len(warm) == sum(map(ready, warm)) == size
            and len(self.pods) == replicas + size
        )

    async def until(self, fact: Callable[[], bool], *, what: str, within: float = 40.0) -> float:
        """Wait until a fact about the pods holds; return how long that took."""
        began = monotonic()
        try:
            async with asyncio.timeout(within):
                while not fact():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError as why:
            why.add_note(f"{what}: not within {within:g} s\n" + "\n".join([*self.wrongs, *self.history[-60:]]))
            raise
        return monotonic() - began

    def check(self) -> None:
        """Raise ``AssertionError`` if there ever was anything wrong."""
        assert self.wrongs == [], "\n".join([*self.wrongs, *self.history])

    def _wrongs(self, kind: str, before: Document | None, pod: Document) -> Iterator[str]:
        """Tell what must not be, of one pod and of all."""
        name, was, stage = pod["metadata"]["name"], stage_of(before) if before else "", stage_of(pod)
        if kind == "DELETED" or leaving(pod):
            if before and not leaving(before):
                yield from self._ended(pod, was)
        else:
            yield from self._moved(pod, was, stage)
            if stage and stage != "adopted" and not pod["metadata"].get("ownerReferences"):
                yield f"{name} is {stage}, and nobody's"
        yield from self._too_many()

    def _ended(self, pod: Document, was: str) -> Iterator[str]:
        handed = was == "adopted" or pod["metadata"]["uid"] in self.kept
        if was == "bridged" or (handed and sum(map(ready, self.replicas())) < self.needed):
            yield f"{pod['metadata']['name']} was {was or 'taken'}, and is deleted"

    def _moved(self, pod: Document, was: str, stage: str) -> Iterator[str]:
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        if (was, stage) == ("draining", "warm"):
            self.recycled[uid] += 1
        elif (was, stage) == ("warm", "bridged"):
            self.claims[uid] += 1
            if self.claims[uid] > 1 + self.recycled[uid]:
                yield f"{name} was claimed twice"
            if self._stale(pod):
                yield f"{name} was claimed, of a template that is no more"
        if owner(pod) == "ReplicaSet" and self.claims[uid]:
            self.kept.add(uid)

    def _too_many(self) -> Iterator[str]:
        waiting = sum(stage_of(each) == "warm" for each in self.pods.values())
        if waiting > self.most:
            yield f"{waiting} warm pods wait, {self.most} are the most"
        given = sum(
            stage_of(each) in CLAIMED and owner(each) != "ReplicaSet" and not leaving(each)
            for each in self.pods.values()
        )
        if given > self.wanted:
            yield f"{given} pods are claimed, {self.wanted} are wanted"

    def _stale(self, pod: Document) -> bool:
        if self.template is None:
            return False
        template, since = self.template
        return pod["metadata"]["labels"][TEMPLATE] != template and monotonic() - since > STALE

    def _note(self, kind: str, pod: Document) -> None:
        what = f"{stage_of(pod) or 'plain'} of {owner(pod) or 'nobody'}"
        more = f"{' ready' if ready(pod) else ''}{' leaving' if leaving(pod) else ''}"
        ours = "" if WORKLOAD in pod["metadata"].get("labels", {}) else " (none of ours)"
        moment = f"{monotonic() - self._begun:.2f}s {kind.lower()}"
        self.history.append(f"{moment} {pod['metadata']['name']}: {what}{more}{ours}")


def leaving(pod: Document) -> bool:
    """Tell whether a pod is being deleted."""
    return "deletionTimestamp" in pod["metadata"]
