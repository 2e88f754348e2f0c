"""A pool in a cluster that will not have its pods, loses them, or changes under its hands."""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.cluster.account import ACCOUNT
from tests.cluster.api import DEPLOYMENTS, EVENTS, NODES, PODS, Document, Resource
from tests.cluster.control_plane import ControlPlane, condition
from tests.cluster.plots import NEVER, Field, Plot, recording, set_ready, set_status
from tests.cluster.pools import owner, ready, stage_of
from tests.servers.process import HOST, wait_until

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(150)]

REPLICA_SETS = Resource(api="apps/v1", plural="replicasets")
FAILING = {"crashing": "CrashLoopBackOff", "pulling": "ImagePullBackOff"}
REFUSED_EVERY = 10.0  # s in which the cluster is asked once more for what it refused


def posts(control_plane: ControlPlane, namespace: str) -> list[int]:
    """Return the status of each answer to our creations of pods in a namespace."""
    return control_plane.api_server.audit.statuses(ACCOUNT, namespace, "pods", "create")


def held(plot: Plot, name: str) -> list[str]:
    """Return what the Events about a function say of why nothing is created."""
    fields = f"involvedObject.name={name},reason=PoolHeld"
    return [each["message"] for each in plot.api.all(EVENTS, plot.namespace, fieldSelector=fields)]


@pytest.fixture(scope="module")
def failing(plots: Field) -> Iterator[Plot]:
    """Make functions whose pods do not start: for a while before the first test that looks, since that takes time."""
    with plots.plot() as plot:
        plot.deploy("homeless", scaled=False, change=homeless)
        for name in FAILING:
            plot.deploy(name, scaled=False, cold_start=NEVER)
        plot.keep({"homeless": 3, **dict.fromkeys(FAILING, 3)})
        for name, reason in FAILING.items():
            for pod in plot.wait_started(name, 3):
                set_waiting(plot, pod, reason)
        yield plot


def set_waiting(plot: Plot, pod: Document, reason: str) -> None:
    """Let a pod's container wait for a reason."""
    container = {"name": "function", "image": "x", "imageID": "", "ready": False, "restartCount": 3}
    set_status(plot.api, pod, {"containerStatuses": [{**container, "state": {"waiting": {"reason": reason}}}]})


@pytest.mark.usefixtures("failing")
def test_a_full_quota_holds_the_pool_and_adoption_rescues_the_function(plot: Plot, control_plane: ControlPlane) -> None:
    about = {"namespace": plot.namespace, "name": "two"}
    plot.api.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": about, "spec": {"hard": {"pods": "2"}}})
    plot.deploy("rescued")
    wait_until(lambda: quota_counts(plot), within=20.0, what="the quota counts")
    plot.keep({"rescued": 4})
    told = plot.wait_told("rescued", lambda told: told["hold"] and told["pods"]["available"] == 2)
    assert "exceeded quota" in told["hold"]
    wait_until(lambda: any("exceeded quota" in each for each in held(plot, "rescued")), within=5.0, what="an Event")
    begun, before = time.monotonic(), posts(control_plane, plot.namespace)
    assert before.count(http.client.FORBIDDEN) <= 4, "no more than were missing"
    plot.wait_streams_of(1)
    plot.push("rescued")
    plot.wait_whole({"rescued": 1}, within=30.0)
    (replica,) = plot.replicas("rescued")
    assert stage_of(replica) == "adopted", "the ReplicaSet could not create its own"
    wait_until(lambda: time.monotonic() > begun + 4.0, within=10.0, what="some seconds in which nothing is to happen")
    asked = len(posts(control_plane, plot.namespace)) - len(before)
    assert asked <= 2 * (1 + (time.monotonic() - begun) // REFUSED_EVERY)


def quota_counts(plot: Plot) -> bool:
    """Tell whether a quota is in force."""
    quotas = plot.api.all(Resource(api="v1", plural="resourcequotas"), plot.namespace)
    return all("pods" in each.get("status", {}).get("used", {}) for each in quotas)


def homeless(deployment: Document) -> None:
    """Ask for a node that is not there."""
    deployment["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "nowhere"}


def test_evicted_pods_are_replaced_and_marks_that_users_change_are_theirs(plot: Plot) -> None:
    plot.deploy("marked")
    plot.deploy("other", scaled=False)
    plot.api.patch(DEPLOYMENTS, "other", plot.namespace, {"spec": {"replicas": 1}})
    plot.keep({"marked": 2})
    plot.wait_available(2, "marked")
    plot.wait_whole({"other": 1})
    evicted, unmarked = plot.ours("marked")
    evict(plot, evicted)
    plot.api.patch(PODS, unmarked["metadata"]["name"], plot.namespace, without_marks(unmarked))
    (foreign,) = plot.replicas("other")
    marks = {key: value for key, value in evicted["metadata"]["labels"].items() if key.startswith("warmscaler.dev/")}
    plot.api.patch(PODS, foreign["metadata"]["name"], plot.namespace, {"metadata": {"labels": marks}})
    bare = {"namespace": plot.namespace, "name": "bare", "labels": marks}
    spec = {"containers": [{"name": "x", "image": "example.org/x"}]}
    plot.api.apply({"apiVersion": "v1", "kind": "Pod", "metadata": bare, "spec": spec})
    wait_until(lambda: ready(plot.api.get(PODS, "bare", plot.namespace)), within=20.0, what="it is Ready", every=0.2)
    uids = {evicted["metadata"]["uid"], unmarked["metadata"]["uid"]}
    wait_until(lambda: fresh(plot, "marked", uids) == 2, within=20.0, what="two new ones", every=0.2)
    plot.wait_available(2, "marked")
    plot.wait_streams_of(1)
    plot.push("marked", replicas=4)  # more than there are
    plot.stage.at("marked").wait_replicas(4, within=20.0)
    plot.keep({"marked": 0})
    wait_until(lambda: fresh(plot, "marked", uids) == 0, within=20.0, what="none waits", every=0.2)
    for pod in (unmarked, foreign, plot.api.get(PODS, "bare", plot.namespace)):
        now = plot.api.get(PODS, pod["metadata"]["name"], plot.namespace)
        assert now["metadata"]["uid"] == pod["metadata"]["uid"], "it was not ours to delete"
        assert "deletionTimestamp" not in now["metadata"]
        assert now["metadata"].get("labels", {}).get("app") in {"other", None}, "nor to give away"


def evict(plot: Plot, pod: Document) -> None:
    """Ask for a pod's end as a drain of its node does."""
    about = {"namespace": plot.namespace, "name": pod["metadata"]["name"]}
    path = f"{PODS.path(plot.namespace, about['name'])}/eviction"
    plot.api.call("POST", path, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": about})


def without_marks(pod: Document) -> Document:
    """Return a change that takes our labels off."""
    ours = [key for key in pod["metadata"]["labels"] if key.startswith("warmscaler.dev/")]
    return {"metadata": {"labels": dict.fromkeys(ours)}}


def fresh(plot: Plot, name: str, known: set[str]) -> int:
    """Count the warm pods of a function that were not known."""
    return sum(
        pod["metadata"]["uid"] not in known and stage_of(pod) == "warm" and owner(pod) == "Deployment"
        for pod in plot.ours(name)
    )


def test_pods_that_cannot_start_open_the_breaker_and_one_that_can_closes_it(
    failing: Plot, control_plane: ControlPlane
) -> None:
    told = failing.wait_told("homeless", lambda told: told["hold"])
    assert "3 of its warm pods cannot be scheduled" in told["hold"]
    for name in FAILING:
        wait_until(partial(said_of, failing, name), within=45.0, what="an Event of the breaker", every=0.3)
        assert failing.scaler.metric("warmscaler_pool_circuit_open", function=name) == 1.0
        assert len(failing.ours(name)) <= 1, "at most one, that proves itself"
    assert len(posts(control_plane, failing.namespace)) <= 3 * 3 + 2
    for name in FAILING:
        (pod,) = failing.wait_started(name, 1)
        set_ready(failing.api, pod, HOST)
    for name in FAILING:
        failing.wait_started(name, 3)
        assert not failing.told(name)["hold"]
        assert failing.scaler.metric("warmscaler_pool_circuit_open", function=name) == 0.0
    assert len(failing.ours("homeless")) == 3, "what is unschedulable counts"


def said_of(plot: Plot, name: str) -> bool:
    """Tell whether an Event says that the breaker is open."""
    return any("did not start" in each for each in held(plot, name))


@contextmanager
def quick_to_notice(control_plane: ControlPlane) -> Iterator[None]:
    """Let the controllers take a node for lost after some seconds without its word."""
    controllers = control_plane.controllers
    flags = controllers.flags
    try:
        controllers.kill()
        controllers.flags = (*flags, "--node-monitor-grace-period=5s", "--node-monitor-period=500ms")
        controllers.start()
        yield
    finally:
        controllers.kill()
        controllers.flags = flags
        controllers.start()


def test_warm_pods_of_a_lost_node_are_not_claimed_and_are_replaced(plot: Plot, control_plane: ControlPlane) -> None:
    plot.deploy("lost")
    plot.keep({"lost": 3})
    plot.wait_available(3, "lost")
    plot.wait_streams_of(1)
    before = {pod["metadata"]["uid"] for pod in plot.ours("lost")}
    with recording(plot.api, PODS, plot.namespace) as pods:
        control_plane.kwok.pause()
        with quick_to_notice(control_plane):
            plot.wait_told("lost", lambda told: told["pods"]["available"] == 0, within=40.0)
            plot.push("lost")
            plot.stage.at("lost").wait_replicas(1, within=20.0)
            assert plot.stages("lost") == {"warm": 3}, "neither claimed nor replaced while they may come back"
            assert pods.claims() == []
            control_plane.kwok.resume()
            wait_until(lambda: all_nodes_ready(plot), within=20.0, what="nodes ready")
        plot.wait_available(3, "lost", within=60.0)
        plot.wait_whole({"lost": 1})
    after = {pod["metadata"]["uid"] for pod in plot.ours("lost") if stage_of(pod) == "warm"}
    assert not before & after
    assert {each.uid for each in pods.claims()} & before == set()
    assert plot.scaler.metric("warmscaler_pool_over_target") == 0


def all_nodes_ready(plot: Plot) -> bool:
    """Tell whether every node is."""
    return all(condition(each, "Ready") == "True" for each in plot.api.all(NODES))
