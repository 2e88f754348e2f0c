"""One service with pools for all tests of a file, each with functions in a namespace of its own; what watches saw."""

import http.client
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.cluster import manifests
from tests.cluster.account import NAMESPACE
from tests.cluster.api import PODS, Api, Document, Resource
from tests.cluster.functions import TARGET, Stage
from tests.cluster.keda import Keda
from tests.cluster.plugin import new_namespace
from tests.cluster.pools import Ground, allow, ground_of, pool, service, stage_of
from tests.cluster.sources import Source
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

LEASES = Resource(api="coordination.k8s.io/v1", plural="leases")
LEASE = "warmscaler-pool"
NEVER = 3_600.0  # s until a pod is ready by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One event of a watch: what kind, of which object, and when it came here, on the monotonic clock."""

    at: float
    kind: str
    document: Document

    @property
    def uid(self) -> str:
        """Whose event it is."""
        return str(self.document["metadata"]["uid"])

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels."""
        return self.document["metadata"].get("labels") or {}

    @property
    def version(self) -> int:
        """The object's resourceVersion, which grows with every write to the API."""
        return int(self.document["metadata"]["resourceVersion"])


@dataclass(slots=True)
class Record:
    """What a watch saw, oldest first."""

    seen: list[Seen] = field(default_factory=list)

    def of(self, name: str) -> list[Seen]:
        """Return the events of the objects of one function."""
        return [each for each in tuple(self.seen) if each.document["metadata"]["name"].startswith(f"{name}-")]

    def lives(self, name: str) -> dict[str, list[Seen]]:
        """Return them by the uid of the object."""
        lives: dict[str, list[Seen]] = {}
        for each in self.of(name):
            lives.setdefault(each.uid, []).append(each)
        return lives

    def first(self, name: str, stage: str) -> Seen | None:
        """Return the first event of a pod of the function in that stage of ours."""
        return next((each for each in self.of(name) if stage_of(each.document) == stage), None)

    def claims(self) -> list[Seen]:
        """Return the first event of each pod that was claimed in which it is."""
        claimed: dict[str, Seen] = {}
        for each in tuple(self.seen):
            if stage_of(each.document) == "bridged":
                claimed.setdefault(each.uid, each)
        return list(claimed.values())


@contextmanager
def recording(api: Api, resource: Resource, namespace: str, *, within: float = 400.0) -> Iterator[Record]:
    """Watch the objects of a kind for as long as the block lasts, ``within`` seconds at most.

    A watch that ends before the block does has seen nothing since, which fails the test.
    """
    record, begun, over, ended = Record(), Event(), Event(), Event()

    def run() -> None:
        try:
            with suppress(OSError, http.client.HTTPException), api.watch(resource, namespace, within=within) as events:
                begun.set()
                for kind, document in events:
                    if over.is_set():
                        return
                    record.seen.append(Seen(at=time.monotonic(), kind=kind, document=document))
        finally:
            ended.set()

    Thread(target=run, daemon=True).start()
    assert begun.wait(10.0), "no watch"
    try:
        yield record
        assert not ended.is_set(), "the watch ended before what it was to see"
    finally:
        over.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot(Ground):
    """A namespace for the functions of one test; ``pools`` are those of all plots of the service."""

    pools: dict[str, Document]

    def deploy(
        self,
        name: str,
        *,
        change: Callable[[Document], None] = lambda _: None,
        services: Sequence[Document] | None = None,
        cold_start: float = 1.0,
        scaled: bool = True,
        **options: Any,
    ) -> None:
        """Deploy a function of the pool ``name``: a Deployment after ``change``, Services, queue and ScaledObject."""
        deployment = manifests.deployment(self.namespace, name, cold_start=cold_start)
        deployment["metadata"]["labels"] = {"warm": name}
        deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1  # kwok takes all that it may
        change(deployment)
        self.api.apply(deployment)
        for each in (service(self.namespace, name),) if services is None else services:
            self.api.apply(each)
        if scaled:
            function = self.stage.at(name)
            function.source.make(function.queue)
            target = {"kind": deployment["kind"], "name": name}
            self.stage.follow(name, scaleTargetRef=target, **options)

    def keep(self, sizes: Mapping[str, int] | Sequence[str], **more: Any) -> None:
        """Keep so many warm pods (or one) of each function from now on; ``more`` is the rest of their pools."""
        for name in sizes:
            size = sizes[name] if isinstance(sizes, Mapping) else 1
            self.pools[name] = {**section(self.namespace, name, size), **more}
        self.configure(**self.pools)

    def push(self, *names: str, replicas: int = 1) -> None:
        """Let work wait for so many more replicas of each function."""
        for name in names:
            self.stage.at(name).push(replicas * TARGET)

    def ours(self, name: str) -> list[Document]:
        """Return the pods with our mark of a function's that stay."""
        return [pod for pod in self.pods(f"{name}-") if stage_of(pod) and "deletionTimestamp" not in pod["metadata"]]

    def wait_told(self, name: str, fact: Callable[[Document], object], *, within: float = 30.0) -> Document:
        """Wait until what ``/status`` tells of a function is so, and return it."""
        told: Document = {}

        def so() -> bool:
            told.clear()
            told.update(self.told(name))
            return bool(told and fact(told))

        self._wait(so, told, within, f"{name} told")
        return told

    def wait_started(self, name: str, count: int) -> list[Document]:
        """Wait until a function has so many pods of ours that kwok has begun with, and return them."""
        found: list[Document] = []

        def so() -> bool:
            found[:] = [pod for pod in self.ours(name) if pod.get("status", {}).get("podIP")]
            return len(found) == count

        wait_until(so, within=20.0, what=f"{count} pods of {name} begun", every=0.1)
        return found

    def wait_streams_of(self, count: int) -> None:
        """Wait until KEDA follows at least so many functions."""
        wait_until(lambda: self.scaler.streams() >= count, within=30.0, what=f"{count} streams", every=0.1)


def section(namespace: str, name: str, size: int) -> Document:
    """Return the pool of the workloads that are labelled ``warm: NAME``."""
    return pool(namespace, size, functions={"namespace": namespace, "selector": {"matchLabels": {"warm": name}}})


def set_ready(api: Api, pod: Document, address: str) -> None:
    """Let a pod be Ready, at an address."""
    conditions = [{"type": kind, "status": "True"} for kind in ("Initialized", "ContainersReady", "Ready")]
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": conditions}
    set_status(api, pod, status)


def set_status(api: Api, pod: Document, status: Document) -> None:
    """Merge something into a pod's status, as its kubelet would."""
    about = pod["metadata"]
    path = f"{PODS.path(about['namespace'], about['name'])}/status"
    api.call("PATCH", path, {"status": status}, content="application/merge-patch+json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Where plots are: by one service."""

    ground: Ground
    pools: dict[str, Document]

    @contextmanager
    def plot(self) -> Iterator[Plot]:
        """Yield one; its functions end with it."""
        api = self.ground.api
        with new_namespace(api) as name:
            allow(api, name)
            stage = Stage(api=api, namespace=name, scaler=self.ground.scaler, sources=self.ground.stage.sources)
            try:
                yield Plot(api=api, namespace=name, stage=stage, scaler=self.ground.scaler, pools=self.pools)
            finally:
                for each in [key for key, one in self.pools.items() if one["functions"]["namespace"] == name]:
                    del self.pools[each]
                self.ground.configure(**self.pools)


@pytest.fixture(scope="module")
def plots(
    keda: Keda,
    warmscaler: Warmscaler,
    queues: Mapping[str, Source],
    service_account_kubeconfig: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Field]:
    """Where the tests of a file have their plots."""
    keda.api.delete(LEASES, LEASE, NAMESPACE)  # of a service that was killed: nobody waits for it to run out
    with new_namespace(keda.api) as name:
        stage = Stage(api=keda.api, namespace=name, scaler=warmscaler, sources=queues)
        with ground_of(stage, service_account_kubeconfig, tmp_path_factory.mktemp("plots")) as ground:
            yield Field(ground=ground, pools={})


@pytest.fixture
def plot(plots: Field) -> Iterator[Plot]:
    """Make a namespace for the functions of one test."""
    with plots.plot() as made:
        yield made
