"""What the pool's account does to the API: nothing for an empty pool, and each of its rights for one that is used."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from tests.cluster.account import ACCOUNT, BASE
from tests.cluster.api import DEPLOYMENTS, PODS, Api, ApiError, Resource
from tests.cluster.audit import Call, granted
from tests.cluster.control_plane import ControlPlane
from tests.cluster.plots import Plot, Record, recording
from tests.cluster.plugin import new_namespace
from tests.cluster.pools import ROLE, allow, pool, service
from tests.servers.process import wait_until

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(120)]

SERVICES = Resource(api="v1", plural="services")
TURNS = 15
POLICY = "no-warm-pods"
READS = {"get", "list", "watch"}
REFUSED = 400
NOT_FOUND = 404  # of what was read, such as a Lease that nobody has made yet: that takes the right, too


def written(control_plane: ControlPlane, namespace: str) -> list[Call]:
    """Return the calls of our account in a namespace that changed something."""
    calls = control_plane.api_server.audit.calls(ACCOUNT)
    return [
        call
        for call in calls
        if call.namespace == namespace
        and call.status < REFUSED
        and any(right.verb not in READS and right.resource != "events" for right in call.rights)
    ]


@contextmanager
def refusing(plot: Plot) -> Iterator[None]:
    """Let the cluster's admission refuse every pod with our mark in the plot."""
    group = "admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    marked = "!has(object.metadata.labels) || !('warmscaler.dev/pool' in object.metadata.labels)"
    policy = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": marked}]}
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": plot.namespace}}}
    binding = {"policyName": POLICY, "validationActions": ["Deny"], "matchResources": here}
    for kind, spec in (("ValidatingAdmissionPolicy", policy), ("ValidatingAdmissionPolicyBinding", binding)):
        plot.api.apply({"apiVersion": group, "kind": kind, "metadata": {"name": POLICY}, "spec": spec})
    try:
        wait_until(lambda: refuses(plot), within=30.0, what="the policy is in force", every=0.2)
        yield
    finally:
        for plural in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            plot.api.delete(Resource(api=group, plural=plural, namespaced=False), POLICY)


def refuses(plot: Plot) -> bool:
    """Tell whether a pod with our mark would be refused."""
    about = {"namespace": plot.namespace, "name": "probe", "labels": {"warmscaler.dev/pool": "x"}}
    spec = {"containers": [{"name": "x", "image": "example.org/x"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}
    try:
        plot.api.call("POST", PODS.path(plot.namespace), pod, query={"dryRun": "All"})
    except ApiError:
        return True
    return False


def history(deployments: Record, name: str) -> list[int]:
    """Return how many replicas a Deployment was told to have, one after the other."""
    told = [0]
    for each in deployments.seen:
        replicas = each.document["spec"]["replicas"]
        if each.document["metadata"]["name"] == name and replicas != told[-1]:
            told.append(replicas)
    return told


def test_an_empty_pool_or_one_that_cannot_be_filled_changes_nothing(plot: Plot, control_plane: ControlPlane) -> None:
    names = ("empty", "refused", "plain")
    with refusing(plot), recording(plot.api, DEPLOYMENTS, plot.namespace) as deployments:
        for name in names:
            plot.deploy(name)
        plot.keep({"empty": 0, "refused": 2})
        plot.wait_told("refused", lambda told: told["hold"])
        plot.wait_told("empty", lambda told: told["pods"]["available"] == 0)
        plot.wait_streams_of(len(names))
        plot.push(*names)
        for name in names:
            plot.stage.at(name).wait_replicas(1, within=20.0)
            plot.stage.at(name).drain()
        plot.wait_whole(dict.fromkeys(names, 0))
    assert {name: history(deployments, name) for name in names} == {name: [0, 1, 0] for name in names}
    assert written(control_plane, plot.namespace) == []


def test_each_right_of_the_pool_is_used_and_no_other(plot: Plot, control_plane: ControlPlane) -> None:
    about = service(plot.namespace, "used")
    plot.deploy("used")
    plot.keep({"used": 4})
    plot.wait_available(4, "used")
    for _ in range(TURNS):
        plot.api.delete(SERVICES, "used", plot.namespace)
        plot.wait_told("used", lambda told: told["problem"])
        with suppress(TimeoutError):
            wait_until(lambda: complaints(plot) > 1, within=1.5, what="said again, which is the same Event", every=0.1)
        plot.api.apply(about)
        plot.wait_available(4, "used")
        if complaints(plot) > 1:
            break
    plot.wait_streams_of(1)
    for _ in range(TURNS):
        if not disturbed(plot):
            plot.push("used")
            with suppress(TimeoutError):
                wait_until(partial(disturbed, plot), within=1.5, what="a claim of what is another version", every=0.001)
    calls = control_plane.api_server.audit.calls(ACCOUNT)
    used = {right for call in calls if call.status < REFUSED or call.status == NOT_FOUND for right in call.rights}
    pools = granted(ROLE)
    assert pools - used == set(), "rights that nobody uses"
    assert used <= pools | granted(BASE / "rights.yaml", BASE.parent / "components" / "secrets" / "role.yaml")
    assert not any(right.resource.endswith("/scale") or right.resource == "secrets" for right in pools)


def test_a_namespace_that_may_not_be_seen_is_said(plot: Plot, api: Api) -> None:
    with new_namespace(api) as hidden:
        plot.pools["hidden"] = pool(hidden, 1)
        plot.configure(**plot.pools)
        wait_until(lambda: "forbidden" in unseen(plot).get(hidden, ""), within=10.0, what="it is told", every=0.1)
        allow(api, hidden)
        wait_until(lambda: hidden not in unseen(plot), within=20.0, what="all is seen", every=0.1)
        del plot.pools["hidden"]
        plot.configure(**plot.pools)


def unseen(plot: Plot) -> dict[str, str]:
    """Return what ``/status`` tells of namespaces that cannot be followed."""
    return dict(json.loads(plot.scaler.page("/status"))["pool"]["unseen"])


def complaints(plot: Plot) -> int:
    """Count how often it was said that the pool is held."""
    lines = plot.scaler.log.read_text().splitlines()
    return sum("a pool is held" in line and "no Service selects" in line for line in lines)


def disturbed(plot: Plot) -> bool:
    """Change every pod that waits; tell whether a write of ours has met another version than was read."""
    for pod in plot.ours("used"):
        note = {"metadata": {"annotations": {"changed": pod["metadata"]["resourceVersion"]}}}
        with suppress(ApiError):  # it may be gone
            plot.api.patch(PODS, pod["metadata"]["name"], plot.namespace, note)
    return plot.scaler.metric("warmscaler_pool_handoff_steps_total", outcome="changed") > 0
