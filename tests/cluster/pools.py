"""Functions with warm pods on the real cluster: the service with ``--pool``, by its account, and what pods become."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import manifests
from tests.cluster.account import BASE, NAMESPACE
from tests.cluster.api import PODS, Api, Document
from tests.cluster.functions import Stage
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

ROLE = BASE.parent / "components" / "pool" / "role.yaml"
CONFIG = f"--config=configmap:{NAMESPACE}/{NAMESPACE}"
STAGE = "warmscaler.dev/stage"
LOOK_EVERY = 0.3  # s: a look at all pods is not for nothing
WORKLOAD = "warmscaler.dev/workload"


def service(namespace: str, name: str, **selector: str) -> Document:
    """Return a Service for the pods of a function."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"selector": selector or {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def pool(namespace: str, size: int, **more: Any) -> Document:
    """Return the section of a pool of every Deployment that is labelled ``warm: "yes"``: filled as fast as may be."""
    return {
        "functions": {"namespace": namespace, "selector": {"matchLabels": {"warm": "yes"}}},
        "size": {"fixed": size},
        "confirm": size,
        "refill": {"rate": 100, "burst": 100},
        **more,
    }


def ready(pod: Document) -> bool:
    """Tell whether a pod is Ready and stays."""
    conditions = pod.get("status", {}).get("conditions") or ()
    return "deletionTimestamp" not in pod["metadata"] and any(
        each["type"] == "Ready" and each["status"] == "True" for each in conditions
    )


def owner(pod: Document) -> str:
    """Return the kind of a pod's controller, empty for an orphan."""
    return next((each["kind"] for each in pod["metadata"].get("ownerReferences") or () if each.get("controller")), "")


def stage_of(pod: Document) -> str:
    """Return a pod's stage, empty for one that is none of ours any more, or never was."""
    return str(pod["metadata"].get("labels", {}).get(STAGE, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where functions have warm pods: ``stage`` deploys and feeds them, ``scaler`` keeps the pools, too."""

    api: Api
    namespace: str
    stage: Stage
    scaler: Warmscaler

    def configure(self, **pools: Document) -> None:
        """Write the configuration with these pools."""
        configure(self.api, {"version": 1, "pools": pools})

    def function(self, name: str, *, cold_start: float = 2.0, scaled: bool = True, **options: Any) -> None:
        """Deploy a function of the pool, its Service and, unless not ``scaled``, its ScaledObject and queue."""
        deployment = manifests.deployment(self.namespace, name, cold_start=cold_start)
        deployment["metadata"]["labels"] = {"warm": "yes"}
        deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 2  # kwok uses a part of it, by chance
        self.api.apply(deployment)
        self.api.apply(service(self.namespace, name))
        if scaled:
            function = self.stage.at(name)
            function.source.make(function.queue)
            self.stage.follow(name, **options)

    def pods(self, name: str = "") -> list[Document]:
        """Return the pods of one function, ours and its own, or of all."""
        return [pod for pod in self.api.all(PODS, self.namespace) if pod["metadata"]["name"].startswith(name)]

    def replicas(self, name: str) -> list[Document]:
        """Return the pods that a function's ReplicaSets have and that stay."""
        return [
            pod
            for pod in self.pods(f"{name}-")
            if owner(pod) == "ReplicaSet" and "deletionTimestamp" not in pod["metadata"]
        ]

    def told(self, name: str) -> Document:
        """Return what ``/status`` tells of a function, empty while it tells nothing."""
        functions = json.loads(self.scaler.page("/status"))["pool"]["functions"]
        return next((each for each in functions if each["function"] == name), {})

    def stages(self, name: str) -> Counter[str]:
        """Count the pods of ours that stay, by their stage."""
        return Counter(
            stage_of(pod)
            for pod in self.pods(f"{name}-")
            if stage_of(pod) and "deletionTimestamp" not in pod["metadata"]
        )

    def wait_available(self, count: int, *names: str, within: float = 60.0) -> None:
        """Wait until each function has exactly so many available warm pods."""
        seen: dict[str, Any] = {}

        def filled() -> bool:
            functions = json.loads(self.scaler.page("/status"))["pool"]["functions"]
            seen.update({each["function"]: each["pods"]["available"] for each in functions})
            return all(seen.get(name) == count for name in names)

        self._wait(filled, seen, within, f"{count} pods available")

    def wait_whole(self, wanted: dict[str, int], *, within: float = 60.0) -> None:
        """Wait until each function has as many Ready replicas as are wanted, no other pod of its own, and no bridge."""
        seen: dict[str, Any] = {}

        def whole() -> bool:
            pods = self.pods()
            asked = self.stage.replicas()
            for name in wanted:
                own = [pod for pod in pods if pod["metadata"]["name"].startswith(f"{name}-")]
                replicas = [pod for pod in own if owner(pod) == "ReplicaSet"]
                bridges = sum(stage_of(pod) == "bridged" for pod in own)
                seen[name] = (asked[name], len(replicas), sum(map(ready, replicas)), bridges)
            return all(seen[name] == (count, count, count, 0) for name, count in wanted.items())

        self._wait(whole, seen, within, f"{wanted}: asked, there, ready, bridges")

    @staticmethod
    def _wait(fact: Callable[[], bool], seen: dict[str, Any], within: float, what: str) -> None:
        try:
            wait_until(fact, within=within, what=what, every=LOOK_EVERY)
        except TimeoutError as why:
            why.add_note(f"but {seen}")
            raise


def configure(api: Api, document: Document) -> None:
    """Write a configuration into the ConfigMap that the service follows."""
    config_map = yaml.safe_load((BASE / "config.yaml").read_text())
    api.apply({**config_map, "data": {"config.yaml": yaml.safe_dump(document)}})


def allow(api: Api, *namespaces: str) -> None:
    """Give the service's account the rights of the pool's component in some namespaces."""
    for document in yaml.safe_load_all(ROLE.read_text()):
        here = document["metadata"]["namespace"] == "functions"
        for namespace in namespaces if here else [document["metadata"]["namespace"]]:
            api.apply({**document, "metadata": {**document["metadata"], "namespace": namespace}})


@contextmanager
def ground_of(stage: Stage, kubeconfig: Path, home: Path, program: str = "scaler.cli") -> Iterator[Ground]:
    """Yield a ground whose service is one of its own, by the account of ``kubeconfig``; ``program`` is what it runs."""
    allow(stage.api, stage.namespace)
    configure(stage.api, {"version": 1})
    scaler = Warmscaler(home, flags=["--pool", CONFIG, f"--kubeconfig={kubeconfig}"], program=program)
    try:
        with scaler:
            own = Stage(api=stage.api, namespace=stage.namespace, scaler=scaler, sources=stage.sources)
            yield Ground(api=stage.api, namespace=stage.namespace, stage=own, scaler=scaler)
    finally:
        stage.api.apply(yaml.safe_load((BASE / "config.yaml").read_text()))


@pytest.fixture
def ground(stage: Stage, service_account_kubeconfig: Path, tmp_path: Path) -> Iterator[Ground]:
    """Functions with warm pods in a namespace of the test's own."""
    with ground_of(stage, service_account_kubeconfig, tmp_path) as made:
        yield made
