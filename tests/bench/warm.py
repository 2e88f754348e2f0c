"""Functions with warm pods under measurement: a control plane, what its watches tell, and the service beside it."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.bench.facts import percentile
from tests.cluster import build, manifests
from tests.cluster.account import NAMESPACE
from tests.cluster.api import CRDS, SCALED_OBJECTS, Api, Document, Resource
from tests.cluster.control_plane import ControlPlane, condition
from tests.cluster.keda import Keda
from tests.cluster.pools import CONFIG, configure, pool, service
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

FUNCTIONS: Final = "functions"  # the namespace
SLICES: Final = Resource(api="discovery.k8s.io/v1", plural="endpointslices")
LEASES: Final = Resource(api="coordination.k8s.io/v1", plural="leases")
WATCHED: Final = 3600.0  # s, longer than any benchmark lasts

See = Callable[[float, str, Document], None]
"""Takes an event of a watch: when it was here by ``time.monotonic``, what it is, and the object."""


class Endpoints:
    """The Ready endpoints of every Service, as the EndpointSlices tell them; ``see`` takes their events."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}  # when a pod was first Ready there
        self.counts: dict[str, list[tuple[float, int]]] = {}  # how many a Service had, and since when
        self._slices: dict[str, dict[str, set[str]]] = {}

    def see(self, at: float, kind: str, document: Document) -> None:
        """Take one event."""
        about = document["metadata"]
        name = about["labels"]["kubernetes.io/service-name"]
        endpoints = [] if kind == "DELETED" else document.get("endpoints") or []
        ready = {each["targetRef"]["name"] for each in endpoints if each["conditions"].get("ready")}
        self._slices.setdefault(name, {})[about["name"]] = ready
        for pod in ready:
            self.first.setdefault(pod, at)
        every: set[str] = set().union(*self._slices[name].values())
        self.counts.setdefault(name, []).append((at, len(every)))

    @property
    def empty(self) -> bool:
        """Whether no Service has any."""
        return not any(ready for slices in list(self._slices.values()) for ready in list(slices.values()))

    def reached(self, name: str, count: int) -> float | None:
        """Return when a Service had so many first, ``None`` if it never had."""
        return next((at for at, ready in self.counts.get(name, ()) if ready >= count), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Warm:
    """Where functions have warm pods."""

    home: Path
    plane: ControlPlane

    @property
    def api(self) -> Api:
        """A client with all rights."""
        return self.plane.api

    def function(self, name: str, *, warm: bool = True, cold_start: float = 0.0, replicas: int = 0) -> None:
        """Deploy a function and its Service, ``warm`` one of the pool."""
        deployment = manifests.deployment(FUNCTIONS, name, replicas=replicas, cold_start=cold_start)
        deployment["metadata"]["labels"] = {"warm": "yes" if warm else "no"}
        self.api.apply(deployment)
        self.api.apply(service(FUNCTIONS, name))

    def scaled(self, name: str, trigger: Document, **spec: Any) -> None:
        """Let a trigger scale a function."""
        self.api.apply(manifests.scaled_object(FUNCTIONS, name, [trigger], **spec))

    def configure(self, size: int | None, **more: Any) -> None:
        """Keep so many warm pods of every warm function, filled as fast as may be; ``None``: there is no pool."""
        pools = {} if size is None else {"warm": pool(FUNCTIONS, size, **more)}
        configure(self.api, {"version": 1, "pools": pools})

    def follow(self, resource: Resource, namespace: str, see: See) -> None:
        """Let ``see`` have every event from now on, in a thread that ends with the API server."""
        begun = threading.Event()

        def run() -> None:
            api = Api(self.plane.credentials)
            with (
                suppress(OSError, http.client.HTTPException, ValueError),
                api.watch(resource, namespace, within=WATCHED) as events,
            ):
                begun.set()
                for kind, document in events:
                    see(time.monotonic(), kind, document)

        threading.Thread(target=run, daemon=True).start()
        if not begun.wait(30.0):
            raise TimeoutError(f"no watch of {resource.plural}")

    @property
    def flags(self) -> list[str]:
        """What whoever keeps pools is started with."""
        return [CONFIG, f"--kubeconfig={self.plane.kubeconfig}", "--log-level=warning"]

    def serve(self, name: str = "warmscaler") -> Warmscaler:
        """Return the service with its pool, not yet started."""
        return Warmscaler(self.home / name, flags=["--pool", *self.flags])


@contextmanager
def warm_ground(home: Path, *, keda: bool = False, nodes: int = 2) -> Iterator[Warm]:
    """Start the control plane with the flags of production; without ``keda`` its kinds are there, and nobody acts."""
    plane = ControlPlane(home / "plane", hpa={}, nodes=nodes)
    operator = Keda(home / "keda", plane)
    try:
        plane.start()
        for name in (FUNCTIONS, NAMESPACE):
            plane.api.apply(manifests.namespace(name))
        if keda:
            operator.start()
        else:
            _define(plane.api)
        configure(plane.api, {"version": 1})
        yield Warm(home=home, plane=plane)
    finally:
        operator.kill()
        plane.kill()


def _define(api: Api) -> None:
    for path in sorted((build.keda(build.KEDA_VERSIONS[0]).folder / "crds").glob("*.yaml")):
        api.apply(yaml.load(path.read_text(), yaml.CSafeLoader))

    def established() -> bool:
        ours = [each for each in api.all(CRDS) if each["spec"]["group"].endswith("keda.sh")]
        return bool(ours) and all(condition(each, "Established") == "True" for each in ours)

    wait_until(established, within=30.0, what="KEDA's kinds established")


def wait_filled(scaler: Warmscaler, size: int, functions: int, *, within: float = 120.0) -> None:
    """Wait until so many functions have exactly ``size`` available warm pods, by the service's own word."""
    seen: list[int] = []

    def filled() -> bool:
        told = json.loads(scaler.page("/status"))["pool"]["functions"]
        seen[:] = [each["pods"]["available"] for each in told]
        return seen == [size] * functions

    try:
        wait_until(filled, within=within, what=f"{size} warm pods of {functions} functions")
    except TimeoutError as why:
        why.add_note(f"but {seen}\n{scaler.log_tail()}")
        raise


def wait_scaled(api: Api, count: int) -> None:
    """Wait until so many ScaledObjects are ready by KEDA's word."""

    def ready() -> bool:
        return sum(condition(each, "Ready") == "True" for each in api.all(SCALED_OBJECTS, FUNCTIONS)) >= count

    wait_until(ready, within=120.0, what=f"{count} ScaledObjects ready")


def figures(name: str, seconds: list[float], *, target: str = "", digits: int = 1) -> list[str]:
    """Return a row: name, n, then p50, p99 and max in milliseconds, and the target."""
    ordered = sorted(1000.0 * each for each in seconds)
    if not ordered:
        return [name, "0", "-", "-", "-", target]
    cells = (percentile(ordered, 0.5), percentile(ordered, 0.99), ordered[-1])
    return [name, str(len(ordered)), *(f"{each:.{digits}f}" for each in cells), target]


HEADS: Final = ["ms", "n", "p50", "p99", "max", "target"]
