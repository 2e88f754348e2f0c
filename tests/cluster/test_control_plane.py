"""The ground that the other tests stand on: pods that start when told, rights that count, and parts that come back."""

import http.client
import time
from contextlib import closing
from itertools import islice

import pytest

from tests.cluster import manifests
from tests.cluster.api import DEPLOYMENTS, PODS, Api, ApiError, Document
from tests.cluster.control_plane import ControlPlane, condition
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster")


def test_pods_are_ready_after_the_cold_start_that_they_name(api: Api, namespace: str) -> None:
    begun = time.monotonic()
    api.apply(manifests.deployment(namespace, "cold", replicas=3, cold_start=2.0))
    wait_until(lambda: _ready(api, namespace, "cold") == 3, within=20.0, what="three pods ready")
    assert time.monotonic() - begun > 2.0


def test_what_was_written_outlives_a_killed_store_and_api_server(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.api.apply(manifests.deployment(namespace, "kept"))
    control_plane.etcd.kill()
    control_plane.api_server.kill()
    control_plane.heal()
    control_plane.api.patch(DEPLOYMENTS, "kept", namespace, {"spec": {"replicas": 1}})
    wait_until(lambda: _ready(control_plane.api, namespace, "kept") == 1, within=60.0, what="one pod ready")


def test_a_service_account_may_do_what_its_role_says_and_no_more(control_plane: ControlPlane, namespace: str) -> None:
    for document in _reader(namespace):
        control_plane.api.apply(document)
    with closing(control_plane.api.as_account(namespace, "reader")) as reader:
        assert reader.all(PODS, namespace) == []
        with pytest.raises(ApiError, match="forbidden") as refused:
            reader.all(DEPLOYMENTS, namespace)
    assert refused.value.status == http.client.FORBIDDEN


def test_a_watch_misses_nothing_that_happens_inside_it(api: Api, namespace: str) -> None:
    with api.watch(DEPLOYMENTS, namespace, within=20.0) as seen:
        for number in range(3):
            api.apply(manifests.deployment(namespace, f"d{number}"))
        added = (each["metadata"]["name"] for what, each in seen if what == "ADDED")
        assert list(islice(added, 3)) == ["d0", "d1", "d2"]


def _ready(api: Api, namespace: str, name: str) -> int:
    pods = api.all(PODS, namespace, labelSelector=f"app={name}")
    return sum(condition(pod, "Ready") == "True" for pod in pods)


def _reader(namespace: str) -> list[Document]:
    about = {"namespace": namespace, "name": "reader"}
    rights, subject = "rbac.authorization.k8s.io", {"kind": "ServiceAccount", **about}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    role = {"apiGroup": rights, "kind": "Role", "name": "reader"}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about},
        {"apiVersion": f"{rights}/v1", "kind": "Role", "metadata": about, "rules": rules},
        {
            "apiVersion": f"{rights}/v1",
            "kind": "RoleBinding",
            "metadata": about,
            "roleRef": role,
            "subjects": [subject],
        },
    ]
