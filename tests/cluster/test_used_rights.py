"""The rights that deploy/ gives are those that are used: the API server's record of our calls, beside the roles.

Every way of using the API is gone once, as the service account, with a source that nobody can reach. It is the last of
this folder's tests by name, so that the record holds whatever the others have made the service ask.
"""

import http.client
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.cluster import manifests
from tests.cluster.account import ACCOUNT, BASE, NAMESPACE
from tests.cluster.api import EVENTS, NAMESPACES, SCALED_JOBS, SCALED_OBJECTS, Api, ApiError, Document, Resource
from tests.cluster.audit import Call, Right, granted
from tests.cluster.control_plane import ControlPlane, condition
from tests.cluster.keda import Keda
from tests.cluster.pools import ROLE
from tests.cluster.warmscaler import Warmscaler
from tests.servers.ports import free_port
from tests.servers.process import HOST, wait_until

pytestmark = pytest.mark.requires("cluster")

CONFIG_MAPS = Resource(api="v1", plural="configmaps")
SECRETS = Resource(api="v1", plural="secrets")
SECRETS_ROLE = BASE.parent / "components" / "secrets" / "role.yaml"
SECRET = "orders-kafka"  # the one that the role's example names
WORDS = {"connection": "nowhere", "listName": "jobs"}


@pytest.fixture
def ground(keda: Keda, service_account_kubeconfig: Path) -> Iterator[Api]:  # noqa: ARG001 - applied for its effect
    """Yield a client where the account may read one Secret, which is there, and no last good configuration is kept."""
    for document in yaml.safe_load_all(SECRETS_ROLE.read_text()):
        keda.api.apply(document)
    about = {"namespace": NAMESPACE, "name": SECRET}
    keda.api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": {"password": "x"}})
    keda.api.delete(CONFIG_MAPS, "warmscaler-last-good", NAMESPACE)
    keda.api.delete(EVENTS, None, NAMESPACE)
    yield keda.api
    keda.api.delete(SECRETS, SECRET, NAMESPACE)
    keda.api.apply(yaml.safe_load((BASE / "config.yaml").read_text()))


def test_the_rights_that_are_given_are_those_that_are_used(
    ground: Api, namespace: str, control_plane: ControlPlane, service_account_kubeconfig: Path, tmp_path: Path
) -> None:
    configuration = f"--config=configmap:{NAMESPACE}/warmscaler"
    scaler = Warmscaler(tmp_path, flags=[configuration, f"--kubeconfig={service_account_kubeconfig}"])
    with scaler:
        wait_until(lambda: "ConfigAccepted" in told(ground), within=20.0, what="a first configuration accepted")
        configure(ground, {"version": 1, "limit": {}})
        wait_until(lambda: "ConfigRejected" in told(ground), within=20.0, what="a wrong configuration rejected")
    with scaler:  # it starts with what is wrong, and says so again
        configure(ground, with_a_connection(namespace))
        wait_until(lambda: told(ground).count("ConfigAccepted") > 1, within=20.0, what="another one accepted")
        freeze(ground, scaler, namespace)
        misunderstand(ground, scaler, namespace)
    calls = control_plane.api_server.audit.calls(ACCOUNT)
    assert forbidden(ground, calls) == []
    used = {right for call in calls if call.status < http.client.BAD_REQUEST for right in call.rights}
    given = granted(BASE / "rights.yaml", SECRETS_ROLE)
    pools = granted(ROLE) - given  # used if tests of pools were run before; all of them are by test_pool_rights
    assert used - pools == given


def forbidden(api: Api, calls: Iterable[Call]) -> list[Call]:
    """Return the calls that the account may not make; where a namespace ends, its rights there may end first."""
    there = {each["metadata"]["name"] for each in api.all(NAMESPACES) if each["status"]["phase"] == "Active"}
    return [call for call in calls if not call.allowed and call.namespace in {*there, ""}]


def test_what_is_not_granted_would_be_seen(ground: Api, control_plane: ControlPlane) -> None:
    about = {"namespace": NAMESPACE, "name": "curious"}
    ground.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about})
    with closing(ground.as_account(**about)) as curious, pytest.raises(ApiError, match="forbidden"):
        curious.get(SECRETS, SECRET, NAMESPACE)
    (call,) = control_plane.api_server.audit.calls("curious")
    assert call.rights == {Right(group="", resource="secrets", verb="get")}
    assert (call.namespace, call.name, call.status) == (NAMESPACE, SECRET, http.client.FORBIDDEN)


def told(api: Api) -> list[str]:
    """Return the reasons of the Events about the configuration."""
    return [event["reason"] for event in api.all(EVENTS, NAMESPACE, fieldSelector="involvedObject.kind=ConfigMap")]


def configure(api: Api, document: Document) -> None:
    """Write another configuration."""
    config_map = yaml.safe_load((BASE / "config.yaml").read_text())
    api.apply({**config_map, "data": {"config.yaml": yaml.safe_dump(document)}})


def with_a_connection(namespace: str) -> Document:
    """Return a configuration whose one connection leads nowhere, with a password from the Secret."""
    connection = {
        "kind": "redis",
        "namespaces": [namespace],
        "parameters": {"address": f"{HOST}:{free_port()}"},
        "secretRef": {"name": SECRET, "keys": {"password": "password"}},
    }
    return {"version": 1, "connections": {"nowhere": connection}}


def freeze(api: Api, scaler: Warmscaler, namespace: str) -> None:
    """Let KEDA ask for a Deployment, a StatefulSet and jobs whose source never answered."""
    trigger = manifests.trigger(scaler.address, "redis", WORDS, push=False)
    deployment = manifests.deployment(namespace, "frozen", replicas=1)
    api.apply(deployment)
    api.apply({**deployment, "kind": "StatefulSet", "spec": {**deployment["spec"], "serviceName": "frozen"}})
    api.apply(manifests.scaled_object(namespace, "frozen", [trigger]))
    target = {"kind": "StatefulSet", "name": "frozen"}
    api.apply(manifests.scaled_object(namespace, "frozen-set", [trigger], scaleTargetRef=target))
    api.apply(manifests.scaled_job(namespace, "frozen-jobs", [trigger]))
    wait_until(lambda: states(scaler, namespace) == ["frozen"] * 3, within=30.0, what="three frozen triggers")


def states(scaler: Warmscaler, namespace: str) -> list[str]:
    """Return the state of each trigger."""
    return [each["state"] for each in scaler.triggers(namespace)]


def misunderstand(api: Api, scaler: Warmscaler, namespace: str) -> None:
    """Let KEDA ask for triggers that say what nobody understands."""
    trigger = manifests.trigger(scaler.address, "redis", {**WORDS, "listNam": "jobs"})
    api.apply(manifests.deployment(namespace, "wrong"))
    api.apply(manifests.scaled_object(namespace, "wrong", [trigger]))
    api.apply(manifests.scaled_job(namespace, "wrong-jobs", [trigger]))
    for resource, name in ((SCALED_OBJECTS, "wrong"), (SCALED_JOBS, "wrong-jobs")):
        wait_until(
            partial(misunderstood, api, resource, namespace, name),
            within=30.0,
            what=f"{name} told what is wrong",
        )


def misunderstood(api: Api, resource: Resource, namespace: str, name: str) -> bool:
    """Tell whether an object is told that its triggers are not understood."""
    return condition(api.get(resource, name, namespace), "TriggersUnderstood") == "False"
