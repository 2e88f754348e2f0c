"""A control plane with KEDA as in production: functions on it, and a record of what their Deployments were told."""

import asyncio
import http.client
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.brokers import Queues
from tests.cluster import manifests
from tests.cluster.api import DEPLOYMENTS, HPAS, SCALED_OBJECTS, Api, Document, Watch
from tests.cluster.control_plane import ControlPlane, condition
from tests.cluster.keda import Keda
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

NAMESPACE: Final = "bench"
POLLING: Final = 30  # s, KEDA's default
TARGET: Final = 5  # pieces of work for each replica
_WATCHED: Final = 7200.0  # s, longer than any benchmark lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A Deployment was told to have ``replicas``, as it became known here; ``at`` by ``time.perf_counter``."""

    at: float
    name: str
    replicas: int


class Record:
    """What the Deployments of the namespace are told, followed by one watch in a thread of its own."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.replicas: dict[str, int] = {}
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    def follow(self, watch: Watch) -> None:
        """Follow until the watch ends. In the thread."""
        with suppress(OSError, http.client.HTTPException, RuntimeError):  # the API server is gone, or the loop is
            for kind, deployment in watch:
                at, name = time.perf_counter(), deployment["metadata"]["name"]
                replicas = -1 if kind == "DELETED" else deployment["spec"]["replicas"]
                self._loop.call_soon_threadsafe(self._take, Change(at=at, name=name, replicas=replicas))

    def _take(self, change: Change) -> None:
        if self.replicas.get(change.name) != change.replicas:
            self.replicas[change.name] = change.replicas
            self.changes.append(change)
            self._changed.set()

    async def until(self, fact: Callable[[], bool], *, within: float) -> None:
        """Return as soon as ``fact`` holds; it is asked after each change. TimeoutError if it does not in time."""
        async with asyncio.timeout(within):
            while not fact():
                self._changed.clear()
                await self._changed.wait()

    def now(self, prefix: str) -> dict[str, int]:
        """Return the replicas of the Deployments whose names begin so."""
        return {name: count for name, count in self.replicas.items() if name.startswith(prefix)}

    def since(self, at: float, prefix: str) -> list[Change]:
        """Return what they were told since an instant."""
        return [change for change in self.changes if change.at >= at and change.name.startswith(prefix)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubernetes:
    """Where functions are deployed. A function's name is what it is scaled by and a number, such as ``native-7``."""

    home: Path
    plane: ControlPlane
    keda: Keda
    record: Record

    @property
    def api(self) -> Api:
        """A client with all rights."""
        return self.plane.api

    async def deploy(self, triggers: Mapping[str, Document], *, over: float = 0.0, **spec: Any) -> None:
        """Deploy a sleeping function for each trigger, by its name, spread ``over`` so many seconds.

        ``spec`` is more of their ScaledObjects.
        """
        await asyncio.to_thread(self._deploy, triggers, over / len(triggers), spec)

    def _deploy(self, triggers: Mapping[str, Document], pause: float, spec: Mapping[str, Any]) -> None:
        usual = {"pollingInterval": POLLING, "cooldownPeriod": 300, **spec}
        for name in triggers:
            self.api.apply(manifests.deployment(NAMESPACE, name))
        for name, trigger in triggers.items():
            self.api.apply(manifests.scaled_object(NAMESPACE, name, [trigger], **usual))
            time.sleep(pause)

    async def age(self) -> None:
        """Let the autoscaler begin its rounds anew, so that they fall to the polls of KEDA as in a cluster of some age.

        A young object is looked at by both at the same instants.
        """
        self.plane.controllers.kill()
        await asyncio.to_thread(self.plane.controllers.start)
        await asyncio.sleep(20.0)

    async def until_ready(self, count: int) -> None:
        """Wait until so many ScaledObjects are ready by KEDA's word."""

        def ready() -> None:
            wait_until(lambda: self._ready() >= count, within=120.0, what=f"{count} ScaledObjects ready")

        await asyncio.to_thread(ready)

    def _ready(self) -> int:
        return sum(condition(each, "Ready") == "True" for each in self.api.all(SCALED_OBJECTS, NAMESPACE))

    async def put_to_sleep(self, names: list[str]) -> None:
        """Tell Deployments to have no replica, and return when the record shows it."""

        def tell() -> None:
            for name in names:
                self.api.patch(DEPLOYMENTS, name, NAMESPACE, {"spec": {"replicas": 0}})

        await asyncio.to_thread(tell)
        await self.record.until(lambda: not any(self.record.replicas[name] for name in names), within=60.0)

    async def clear(self) -> None:
        """Delete every function."""
        kinds = (SCALED_OBJECTS, HPAS, DEPLOYMENTS)

        def delete() -> None:
            for kind in kinds:
                self.api.delete(kind, None, NAMESPACE)
            wait_until(
                lambda: not any(self.api.all(kind, NAMESPACE) for kind in kinds), within=120.0, what="nothing is left"
            )

        await asyncio.to_thread(delete)
        await self.record.until(lambda: set(self.record.replicas.values()) <= {-1}, within=60.0)
        self.record.replicas.clear()


def ours(queues: Queues, number: int, scaler: str) -> Document:
    """Return a trigger that Warmscaler at ``scaler`` answers."""
    words = {**queues.metadata(number), queues.target: str(TARGET), "scalerAddress": scaler}
    return {"type": "external-push", "metadata": words}


def native(queues: Queues, number: int) -> Document:
    """Return the trigger of KEDA's own scaler that reads the same."""
    words = {**queues.metadata(number), queues.target: str(TARGET)}
    return {"type": words.pop("kind"), "metadata": words}


@asynccontextmanager
async def kubernetes(home: Path) -> AsyncIterator[Kubernetes]:
    """Start everything with the flags of production: the autoscaler looks every 15 s."""
    plane = ControlPlane(home / "plane", hpa={})
    keda = Keda(home / "keda", plane)
    async with _started(plane), _started(keda):
        plane.api.apply(manifests.namespace(NAMESPACE))
        record = Record()
        with plane.api.watch(DEPLOYMENTS, NAMESPACE, within=_WATCHED) as watch:
            threading.Thread(target=record.follow, args=(watch,), daemon=True).start()
            try:
                yield Kubernetes(home=home, plane=plane, keda=keda, record=record)
            finally:
                plane.kill()  # which ends the watch; closing it under the thread that reads it would wait forever


@asynccontextmanager
async def _started(cluster: Any) -> AsyncIterator[Any]:
    """Start a cluster of servers in a thread: the loop stays free; leaving the block kills them."""
    try:
        await asyncio.to_thread(cluster.start)
        yield cluster
    finally:
        cluster.kill()


@asynccontextmanager
async def warmscaler(home: Path, *flags: str) -> AsyncIterator[Warmscaler]:
    """Run our service as its users do."""
    async with Warmscaler(home / "warmscaler", flags=flags) as scaler:
        yield scaler
