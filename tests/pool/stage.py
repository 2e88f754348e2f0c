"""A function on a simulated cluster, a KEDA that scales it a little late, and the pool's controller beside it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from scaler.config.pools import PoolSection
from scaler.keda import SCALED_OBJECTS, Reference
from scaler.net.kube import DEPLOYMENTS, MERGE, PODS, SERVICES, Document
from scaler.policy.demand import Signal
from scaler.pool.elector import Leadership
from scaler.pool.fleet import Fleet, Outside
from scaler.pool.manifests import STAGE, WARM
from scaler.pool.signals import Heard
from scaler.testing.clocks import jumping_clock
from simulations.cluster.api import SimulatedApi
from simulations.cluster.client import SimulatedKube
from simulations.cluster.cluster import Lags, SimulatedCluster, running_cluster
from simulations.cluster.kubelet import Life
from simulations.cluster.owners import controller_of, is_ready
from simulations.cluster.store import Change, Kind
from simulations.cluster.times import START, LoopTime
from tests.conformance import objects

NAMESPACE: Final = "default"
NAME: Final = "fn"
SERVING: Final = {"serving": "fn"}
LABELS: Final = {"app": "fn", **SERVING}
TARGET: Final = 5.0
COLD: Final = 20.0  # s from the creation of a pod to its readiness
KEDA_AFTER: Final = 2.0  # s from a word to the replicas
SIZE: Final = 2
SURGE: Final = 1
NO_LAGS: Final = Lags()


class _Calendar(LoopTime):
    """Begins now, as far as stamps are concerned: a pod's age is told from the wall's time."""

    def __init__(self) -> None:
        super().__init__()
        self._offset = time.time() - START

    def now(self) -> float:
        """Tell the time."""
        return super().now() + self._offset


class _Followed:
    problem = ""

    def __init__(self, end: Callable[[], None]) -> None:
        self.end = end


@dataclass
class Word:
    """What the scaler says: the same to everybody who follows."""

    signal: Signal = field(default_factory=lambda: Signal(active=False, value=0.0, target=TARGET))
    _heard: list[Heard] = field(default_factory=list)

    def follow(self, _reference: Reference, heard: Heard) -> _Followed:
        self._heard.append(heard)
        heard(self.signal)
        return _Followed(lambda: self._heard.remove(heard) if heard in self._heard else None)

    def say(self, replicas: int) -> None:
        """Want so many replicas."""
        self.signal = Signal(active=replicas > 0, value=replicas * TARGET, target=TARGET)
        for heard in tuple(self._heard):
            heard(self.signal)


@dataclass
class Stage:
    """One cluster with one function; ``wrong`` is what must not have happened."""

    cluster: SimulatedCluster
    word: Word = field(default_factory=Word)
    wrong: list[str] = field(default_factory=list)

    @property
    def api(self) -> SimulatedApi:
        """Its API."""
        return self.cluster.api

    def pods(self) -> list[Document]:
        """Return all pods that stay."""
        return [each for each in self.api.objects(PODS) if "deletionTimestamp" not in each["metadata"]]

    def warm(self) -> list[Document]:
        """Return the pods that wait."""
        return [each for each in self.pods() if stage_of(each) == WARM]

    def replicas(self) -> list[Document]:
        """Return the pods that are the ReplicaSet's."""
        return [each for each in self.pods() if (controller_of(each) or {}).get("kind") == "ReplicaSet"]

    def endpoints(self) -> list[Document]:
        """Return the ready pods that the function's Service selects."""
        return [
            each for each in self.pods() if is_ready(each) and SERVING.items() <= each["metadata"]["labels"].items()
        ]

    async def scale(self, replicas: int) -> None:
        """Ask for replicas as KEDA does."""
        path = DEPLOYMENTS.path(NAMESPACE, NAME)
        await self.cluster.client("keda").call("PATCH", path, {"spec": {"replicas": replicas}}, content=MERGE)

    async def want(self, replicas: int) -> None:
        """Let the scaler say so, and KEDA act on it a little later."""
        self.word.say(replicas)
        await asyncio.sleep(KEDA_AFTER)
        await self.scale(replicas)

    def saw(self, kind: Kind, change: Change) -> None:
        """Look at each change of a pod as it happens."""
        if kind.kind != "Pod":
            return
        live = sum(stage_of(each) == WARM for each in self.api.objects(PODS))
        if live > SIZE + SURGE:
            self.wrong.append(f"{live} live pods of a pool of {SIZE} + {SURGE}")
        before, after = change.before, change.after.document["metadata"]
        ends = change.gone or "deletionTimestamp" in after
        if before is None or not ends or "deletionTimestamp" in before.document["metadata"]:
            return
        if stage_of(before.document) == "bridged":
            self.wrong.append(f"{after['name']} was deleted while it was claimed")
        if stage_of(before.document) == "adopted" and self._asked():
            self.wrong.append(f"{after['name']} was handed over and lost")

    def _asked(self) -> int:
        return sum(int(each["spec"]["replicas"]) for each in self.api.objects(DEPLOYMENTS))

    @asynccontextmanager
    async def controller(self, kube: SimulatedKube, section: PoolSection) -> AsyncIterator[None]:
        """Run the controller with a client of its own for as long as the block lasts, as if it were killed then."""
        outside = Outside(
            kube=kube,
            signals=self.word,
            ours=lambda _: True,
            clock=jumping_clock,
            checking=_no_check,
            dns_bound=lambda: 0.0,
        )
        running = asyncio.create_task(_keep(outside, section))
        try:
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def _keep(outside: Outside, section: PoolSection) -> None:
    async with asyncio.TaskGroup() as tasks:
        fleet = Fleet(outside, Leadership(jumping_clock, inf, 1), tasks)
        fleet.configure({"p": section})
        try:
            await fleet.run()
        finally:
            fleet.end()


def _no_check(_: object) -> Any:
    raise AssertionError("no pool here has a check of its own")


def section(handoff: str) -> PoolSection:
    """Return the function's pool."""
    return PoolSection.model_validate(
        {
            "functions": {"namespace": NAMESPACE, "deployment": NAME},
            "size": {"fixed": SIZE},
            "handoff": handoff,
            "surge": SURGE,
            "refill": {"rate": 10, "burst": 10},
        }
    )


def stage_of(pod: Document) -> str:
    """Return our mark of a pod, empty if there is none."""
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    return labels.get(STAGE, "")


@asynccontextmanager
async def staged(seed: int = 0, lags: Lags = NO_LAGS) -> AsyncIterator[Stage]:
    """Set up a function that sleeps; ``lags`` are how late the controllers of the cluster are."""
    api = SimulatedApi(seed=seed, time=_Calendar())
    life = Life(schedule=0.1, create=0.5, ready=COLD, end=1.0)
    async with running_cluster(api, lags=lags, life=lambda _: life) as cluster:
        stage, kube = Stage(cluster), cluster.client("setting")
        made = objects.deployment(NAME, 0, objects.template(LABELS, scheduled=True))
        made["spec"]["selector"] = {"matchLabels": {"app": NAME}}
        await kube.call("POST", DEPLOYMENTS.path(NAMESPACE), made)
        await kube.call("POST", SERVICES.path(NAMESPACE), objects.service(NAME, **SERVING))
        await kube.call("POST", SCALED_OBJECTS.path(NAMESPACE), scaled_object())
        api.on_change(stage.saw)
        yield stage


def scaled_object() -> Document:
    """Return what scales the function by one trigger of ours."""
    trigger = {"type": "external-push", "metadata": {"kind": "fake", "scalerAddress": "here:1"}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": NAME},
        "spec": {"scaleTargetRef": {"name": NAME}, "maxReplicaCount": 10, "triggers": [trigger]},
    }
