"""The pool's controller inside of a test: what is wanted is scripted, the test scales as KEDA would, the rest is real.

A ScaledObject for the one function of a namespace is answered here, and nobody else knows of it, so no KEDA is needed.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaler.config.pools import CheckSection, PoolSection
from scaler.keda import Reference
from scaler.net.kube import DEPLOYMENTS, MERGE, SERVICES, Body, Document, Event, Kube, running_kube
from scaler.policy.demand import Signal
from scaler.pool.checks import Check
from scaler.pool.controller import Controller, running_controller
from scaler.pool.deeds import Pace
from scaler.pool.dns import Caching
from scaler.pool.elector import Elector, Timing
from scaler.pool.fleet import Outside
from scaler.pool.manifests import template_hash
from scaler.pool.preflight import Preflight
from scaler.pool.signals import Heard
from scaler.pooling import clock
from tests.cluster import manifests
from tests.cluster.onlooker import Onlooker
from tests.cluster.pools import pool, service

NAME = "fn"
QUICK = Pace(linger=1.0, grace=0.3, start_within=60.0, take_within=5.0, guard=1.0)
TIMES = Timing(lease=5.0, renew_deadline=3.0, retry=0.5, request=1.5)
COLD = 2.0  # s that a pod takes to start
BUSY = 30.0  # s for a call of the test's own: many of these tests go on side by side
ENDING = 0.1  # s that connections with TLS take to end, of which aiohttp tells nobody
NAMESPACES = "/api/v1/namespaces"
_SCALED = "/scaledobjects"


class Script:
    """Says of the one trigger what it is told; ``None`` is that nothing is known."""

    def __init__(self) -> None:
        self._heard: set[Heard] = set()
        self._signal: Signal | None = Signal(active=False, value=0.0, target=1.0)

    def say(self, replicas: int | None) -> None:
        """Tell how many replicas' work waits."""
        self._signal = None
        if replicas is not None:
            self._signal = Signal(active=replicas > 0, value=float(replicas), target=1.0)
        for heard in tuple(self._heard):
            heard(self._signal)

    def follow(self, reference: Reference, heard: Heard) -> "Followed":
        """Follow it; see :meth:`scaler.pool.signals.Signals.follow`."""
        del reference
        self._heard.add(heard)
        heard(self._signal)
        return Followed(lambda: self._heard.discard(heard))


class Followed:
    """One that follows."""

    problem = ""

    def __init__(self, end: Callable[[], None]) -> None:
        self.end = end


class Scripted(Kube):
    """A client of the API as ``kube`` is one, that knows one ScaledObject more."""

    def __init__(self, kube: Kube) -> None:
        vars(self).update(vars(kube))

    async def call(self, method: str, path: str, body: Body | None = None, **how: Any) -> Document:
        """Make one call; see :class:`Kube`."""
        if path.endswith(_SCALED):
            return {"metadata": {"resourceVersion": "1"}, "items": [_scaled_object(path.split("/")[-2])]}
        return await super().call(method, path, body, **how)

    async def events(self, path: str, query: Any, seconds: int) -> AsyncGenerator[Event]:
        """Watch; see :class:`Kube`."""
        if path.endswith(_SCALED):
            await asyncio.sleep(seconds)
            return
        async for event in super().events(path, query, seconds):
            yield event


def _scaled_object(namespace: str) -> Document:
    document = manifests.scaled_object(namespace, NAME, [manifests.trigger("nowhere", "script", {})])
    about = {**document["metadata"], "uid": namespace, "resourceVersion": "1"}
    return {**document, "metadata": about}


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One function in a namespace; ``kube`` is a way to the API that nothing disturbs."""

    kube: Kube
    namespace: str
    size: int
    script: Script = field(default_factory=Script)
    onlooker: Onlooker

    async def deploy(self) -> None:
        """Make the function, with no replica, and its Service."""
        deployment = manifests.deployment(self.namespace, NAME, cold_start=COLD)
        deployment["metadata"]["labels"] = {"warm": "yes"}
        deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1  # kwok's pods may take all of it
        await self.kube.call("POST", DEPLOYMENTS.path(self.namespace), deployment, patience=BUSY)
        await self.kube.call("POST", SERVICES.path(self.namespace), service(self.namespace, NAME), patience=BUSY)

    async def redeploy(self, image: str) -> None:
        """Change its template."""
        container = [{"name": "function", "image": image}]
        changed = await self._change({"template": {"spec": {"containers": container}}})
        self.onlooker.template = template_hash(changed["spec"]["template"]), clock()

    async def want(self, replicas: int, *, needed: bool = True, scaled_after: float = 0.3) -> None:
        """Let the script speak, and scale as KEDA would, a moment later; ``needed``: what is handed over is to stay."""
        self.onlooker.needed = replicas if needed else 0
        self.onlooker.wanted = max(replicas, self.onlooker.wanted)
        self.script.say(replicas)
        await asyncio.sleep(scaled_after)  # KEDA hears of it, too, and asks again for the metric
        await self.scale(replicas)

    async def scale(self, replicas: int) -> None:
        """Scale the Deployment."""
        await self._change({"replicas": replicas})

    async def filled(self) -> None:
        """Wait until the pool is at its size, and nothing else is there."""
        await self.whole(0)

    async def whole(self, replicas: int, *, within: float = 40.0) -> float:
        """Wait until the replicas asked for and the pool are all there is; return how long it took."""
        return await self.onlooker.until(
            lambda: self.onlooker.whole(replicas, self.size),
            what=f"{replicas} replicas, {self.size} warm",
            within=within,
        )

    async def bridged(self, count: int, *, within: float = 10.0) -> float:
        """Wait until so many pods are, or were, claimed; return how long it took."""
        return await self.onlooker.until(
            lambda: self.onlooker.claims.total() >= count, what=f"{count} claims", within=within
        )

    async def _change(self, spec: Document) -> Document:
        path = DEPLOYMENTS.path(self.namespace, NAME)
        return await self.kube.call("PATCH", path, {"spec": spec}, content=MERGE, patience=BUSY)


@asynccontextmanager
async def playing(kubeconfig: Path, namespace: str, *, size: int = 2, surge: int = 1) -> AsyncIterator[Play]:
    """Deploy a function and look on; when the block ends, nothing must have been wrong."""
    async with running_kube(kubeconfig) as kube, asyncio.TaskGroup() as tasks:
        assert kube is not None
        play = Play(kube=kube, namespace=namespace, size=size, onlooker=Onlooker(most=size + surge))
        if namespace not in {
            each["metadata"]["name"] for each in (await kube.call("GET", NAMESPACES, patience=BUSY))["items"]
        }:
            await kube.call("POST", NAMESPACES, manifests.namespace(namespace), patience=BUSY)
        version = await play.onlooker.begin(kube, namespace)
        await play.deploy()
        watching = tasks.create_task(play.onlooker.run(kube, namespace, version))
        yield play
        watching.cancel()
    await asyncio.sleep(ENDING)
    play.onlooker.check()


def controller_of(play: Play, kube: Kube, *, lease: str = "pool", timing: Timing = TIMES, **section: Any) -> Controller:
    """Make a controller of the play's pool that calls by ``kube``; ``section`` is more of its configuration."""
    outside = Outside(
        kube=Scripted(kube) if type(kube) is Kube else kube,
        signals=play.script,
        ours=lambda _: True,
        clock=clock,
        checking=_nothing_to_check,
        pace=QUICK,
    )
    elector = Elector(outside.kube, play.namespace, lease, "test", timing)
    controller = Controller(outside, elector, Preflight(_not_asked))
    section = {**pool(play.namespace, play.size), **section}
    controller.configure({"pool": PoolSection.model_validate(section)})
    return controller


@asynccontextmanager
async def keeping(play: Play, kubeconfig: Path, **options: Any) -> AsyncIterator[Controller]:
    """Keep the play's pool, by a way to the API that a kubeconfig leads; ``options`` are those of its controller."""
    async with running_kube(kubeconfig) as kube:
        assert kube is not None
        running: AbstractAsyncContextManager[Controller] = running_controller(controller_of(play, kube, **options))
        async with running as controller:
            yield controller


def _nothing_to_check(section: CheckSection) -> Check:
    raise AssertionError(section)


async def _not_asked() -> Caching:
    raise AssertionError("nobody here goes by DNS")
