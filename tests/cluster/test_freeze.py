"""A scaler that starts while a source is down, and so never knew anything: what is there stays as it is.

One source is enough: nothing was read from it. Its targets are those that a ScaledObject may have.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster import manifests
from tests.cluster.api import JOBS, Api, Document, Resource
from tests.cluster.control_plane import ControlPlane
from tests.cluster.functions import Stage
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")

STATEFUL_SETS = Resource(api="apps/v1", plural="statefulsets")
WATCHED = 20.0  # s: twenty polls of KEDA and twenty looks of the autoscaler at each object


@pytest.fixture
def outage(stage: Stage) -> Stage:
    """Return a stage whose Redis is down."""
    stage.sources["redis"].server.kill()
    return stage


@pytest.fixture
def newcomer(tmp_path: Path, service_account_kubeconfig: Path) -> Iterator[Warmscaler]:
    """Yield a service that knows nothing yet, and may read what its service account may."""
    with Warmscaler(tmp_path / "scaler", flags=[f"--kubeconfig={service_account_kubeconfig}"]) as scaler:
        yield scaler


@pytest.mark.timeout(240)
def test_what_is_there_stays_as_it_is_until_something_is_known(outage: Stage, newcomer: Warmscaler) -> None:
    stage = replace(outage, scaler=newcomer)
    counts = {"busy": 7, "asleep": 0, "total": 3, "idle": 4}
    options: dict[str, Document] = {
        "total": {"trigger": {"metricType": "Value"}},
        "idle": {"minReplicaCount": 2, "idleReplicaCount": 0},
    }
    for name, count in counts.items():
        stage.api.apply(manifests.deployment(stage.namespace, name, replicas=count))
        stage.follow(name, **options.get(name, {}))
    stage.api.apply(_stateful_set(stage.namespace, "set", replicas=3))
    stage.follow("set", scaleTargetRef={"name": "set", "kind": "StatefulSet"})
    stage.api.apply(manifests.scaled_job(stage.namespace, "jobs", [stage.trigger("jobs", push=False)]))
    names = {*counts, "set", "jobs"}
    wait_until(lambda: _frozen(stage) == names, within=30.0, what="all of them frozen")
    fewest, most = stage.extremes(WATCHED)
    assert fewest == most == counts
    assert _replicas(stage.api, STATEFUL_SETS, stage.namespace) == {"set": 3}
    assert stage.api.all(JOBS, stage.namespace) == []
    stage.sources["redis"].server.start()
    stage.at("asleep").push(12)
    stage.at("asleep").wait_replicas(3, within=30.0)
    stage.at("busy").wait_replicas(0, within=60.0)


def test_without_access_it_says_what_to_grant(outage: Stage, tmp_path: Path) -> None:
    with Warmscaler(tmp_path / "scaler") as scaler:
        stage = replace(outage, scaler=scaler)
        function = stage.function("f")
        wait_until(lambda: function.told("Ready") == "False", within=30.0, what="not ready")
        (told,) = scaler.triggers(stage.namespace)
        assert (told["state"], told["value"]) == ("unknown", None)
        for said in (told["freeze"], scaler.log.read_text()):
            assert "may get scaledobjects and scaledjobs of keda.sh and the scale of their targets" in said


def test_a_right_that_is_missing_is_named(outage: Stage, control_plane: ControlPlane, tmp_path: Path) -> None:
    account = {"namespace": outage.namespace, "name": "poor"}
    outage.api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    kubeconfig = control_plane.credentials.kubeconfig_of(outage.api.token_of(**account), tmp_path / "kubeconfig")
    with Warmscaler(tmp_path / "scaler", flags=[f"--kubeconfig={kubeconfig}"]) as scaler:
        stage = replace(outage, scaler=scaler)
        function = stage.function("f")
        wait_until(lambda: function.told("Ready") == "False", within=30.0, what="not ready")
        (told,) = scaler.triggers(stage.namespace)
        assert 'cannot get resource "scaledobjects" in API group "keda.sh"' in told["freeze"]


def _frozen(stage: Stage) -> set[str]:
    return {each["name"] for each in stage.scaler.triggers(stage.namespace) if each["state"] == "frozen"}


def _replicas(api: Api, resource: Resource, namespace: str) -> dict[str, int]:
    return {each["metadata"]["name"]: each["spec"]["replicas"] for each in api.all(resource, namespace)}


def _stateful_set(namespace: str, name: str, *, replicas: int) -> Document:
    document = manifests.deployment(namespace, name, replicas=replicas)
    return {**document, "kind": "StatefulSet", "spec": {**document["spec"], "serviceName": name}}
