"""Scheduler and kubelets: pods get a node, start, become ready, fail and end, each after a time that is given."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Final, NoReturn

from scaler.errors import ApiRefused
from scaler.net.kube import MERGE, PODS, Document
from simulations.cluster.client import SimulatedKube
from simulations.cluster.informer import Informer
from simulations.cluster.owners import condition
from simulations.cluster.times import stamp

SCHEDULER: Final = "default-scheduler"

_DELAY: Final = "pod-{stage}.stage.kwok.x-k8s.io/delay"


class Failure(StrEnum):
    """What can be wrong with a pod for good."""

    NONE = ""
    UNSCHEDULABLE = "Unschedulable"
    IMAGE = "ImagePullBackOff"
    CRASH = "CrashLoopBackOff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Seconds until a pod has a node, from there until it runs, until it is ready, and from its deletion to its end."""

    schedule: float = 0.0
    create: float = 0.0
    ready: float = 0.0
    end: float = 0.0
    failure: Failure = Failure.NONE


def by_annotation(pod: Document) -> Life:
    """Return the life that kwok would give a pod: its annotations say the delays, as in ``8s`` or ``250ms``."""
    notes = pod["metadata"].get("annotations", {})
    return Life(
        create=_seconds(notes.get(_DELAY.format(stage="create"), "0s")),
        ready=_seconds(notes.get(_DELAY.format(stage="ready"), "0s")),
        end=_seconds(notes.get(_DELAY.format(stage="delete"), "0s")),
    )


def _seconds(text: str) -> float:
    if text.endswith("ms"):
        return float(text.removesuffix("ms")) / 1000
    return float(text.removesuffix("s"))


class Kubelets:
    """All nodes' kubelets and the scheduler; ``life`` may be changed at any time, for pods that come later.

    Pods of another scheduler are left alone.
    """

    def __init__(
        self, kube: SimulatedKube, *, life: Callable[[Document], Life] = by_annotation, nodes: int = 2
    ) -> None:
        self.life = life
        self._kube = kube
        self._time = kube.api.time
        self._nodes = nodes
        self._addresses = count(1)
        self._born: set[str] = set()
        self._ending: set[str] = set()
        self._tasks = asyncio.TaskGroup()
        self._pods = Informer(kube, PODS, self._changed)

    async def run(self) -> NoReturn:
        """Work for ever."""
        async with self._tasks:
            await self._pods.run()

    def _changed(self, before: Document | None, now: Document | None) -> None:
        if now is None:
            uid = (before or {})["metadata"]["uid"]
            self._born.discard(uid)
            self._ending.discard(uid)
            return
        uid, name = now["metadata"]["uid"], now["metadata"]["name"]
        if uid not in self._born and now["spec"].get("schedulerName") == SCHEDULER:
            self._born.add(uid)
            self._tasks.create_task(self._live(now, self.life(now)), name=name)
        if uid not in self._ending and "deletionTimestamp" in now["metadata"]:
            self._ending.add(uid)
            self._tasks.create_task(self._end(now, self.life(now).end), name=f"end of {name}")

    async def report(self, namespace: str, name: str, *, ready: bool, restarts: int = 0) -> None:
        """Let a pod that runs be ready or not, as a probe of its node would."""
        pod = await self._kube.get(PODS, namespace, name)
        await self._tell(pod, self._running(pod, ready=ready, restarts=restarts))

    async def _live(self, pod: Document, life: Life) -> None:
        """Lead a pod to where it stays; one that is deleted on the way is left alone."""
        try:
            await self._start(pod, life)
        except ApiRefused:
            return

    async def _start(self, pod: Document, life: Life) -> None:
        await self._time.sleep(life.schedule)
        if life.failure is Failure.UNSCHEDULABLE:
            await self._tell(pod, {"conditions": [self._condition(pod, "PodScheduled", why=life.failure)]})
            return
        await self._bind(pod)
        await self._time.sleep(life.create)
        if life.failure is Failure.IMAGE:
            await self._tell(pod, self._failing(pod, "Pending", life.failure))
            return
        address = self._address()
        await self._tell(pod, {**self._running(pod, ready=False), "podIP": address, "podIPs": [{"ip": address}]})
        await self._time.sleep(life.ready)
        if life.failure is Failure.CRASH:
            await self._tell(pod, self._failing(pod, "Running", life.failure))
            return
        await self._tell(pod, self._running(pod, ready=True))

    async def _bind(self, pod: Document) -> None:
        about = pod["metadata"]
        node = f"node-{self._kube.api.chance.randrange(self._nodes)}"
        body = {"target": {"kind": "Node", "name": node}}
        await self._kube.call("POST", PODS.path(about["namespace"], about["name"], "binding"), body)

    async def _end(self, pod: Document, seconds: float) -> None:
        await self._time.sleep(seconds)
        about = pod["metadata"]
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": about["uid"]}}
        try:
            await self._kube.call("DELETE", PODS.path(about["namespace"], about["name"]), body)
        except ApiRefused:
            return

    async def _tell(self, pod: Document, status: Document) -> None:
        about = pod["metadata"]
        change = {"metadata": {"uid": about["uid"]}, "status": status}
        await self._kube.call("PATCH", PODS.path(about["namespace"], about["name"], "status"), change, content=MERGE)

    def _address(self) -> str:
        number = next(self._addresses)
        return f"10.{64 + number // 65536 % 64}.{number // 256 % 256}.{number % 256}"

    def _condition(self, pod: Document, kind: str, *, true: bool = False, why: str = "") -> Document:
        """Return a condition, with the instant since which it is so."""
        now: Document = {"type": kind, "status": str(true), "lastTransitionTime": stamp(self._time.now())}
        if why:
            now |= {"reason": why, "message": why}
        before = condition(pod, kind)
        return before if before.get("status") == str(true) else now

    def _running(self, pod: Document, *, ready: bool, restarts: int = 0) -> Document:
        conditions = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
        state = {"running": {"startedAt": stamp(self._time.now())}}
        return {
            "phase": "Running",
            "startTime": pod["metadata"]["creationTimestamp"],
            "conditions": [self._condition(pod, kind, true=true) for kind, true in conditions.items()],
            "containerStatuses": _containers(pod, state, ready=ready, restarts=restarts),
        }

    def _failing(self, pod: Document, phase: str, failure: Failure) -> Document:
        waiting = {"waiting": {"reason": str(failure), "message": f"simulated: {failure}"}}
        conditions = {"PodScheduled": True, "Initialized": True, "ContainersReady": False, "Ready": False}
        return {
            "phase": phase,
            "conditions": [self._condition(pod, kind, true=true) for kind, true in conditions.items()],
            "containerStatuses": _containers(pod, waiting, ready=False, restarts=int(failure is Failure.CRASH)),
        }


def _containers(pod: Document, state: Document, *, ready: bool, restarts: int) -> list[Document]:
    return [
        {"name": each["name"], "image": each["image"], "ready": ready, "restartCount": restarts, "state": state}
        for each in pod["spec"]["containers"]
    ]
