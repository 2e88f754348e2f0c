"""What is found of a function: what its Services select, what it waits for, whether it may adopt."""

from typing import Any

import pytest

from scaler.net.kube import Document
from scaler.pool.functions import meant
from scaler.pool.sight import Sight
from scaler.pool.view import Handoff
from tests.pool import seeing
from tests.pool.seeing import function, replica_set, section, service, sight_of, template, workload

MANAGED = "openfunction.io/managed"
SERVING = "openfunction.io/serving"
PROXY = "openfunction.io/proxy"
VERSION = "app.kubernetes.io/version"
LABELS = {MANAGED: "true", SERVING: "serving-7x2lq", VERSION: "latest"}
PODS = template(LABELS)
PROXIED = template(LABELS, {"dapr.io/enabled": "false", "dapr.io/app-id": "orders-shop"})
SERVICE = service("orders", {SERVING: "serving-7x2lq"}, headless=True)


def seen(*documents: Document, pods: Document = PODS, **spec: Any) -> Sight:
    """Return a namespace with the function, its ReplicaSet and its Service."""
    return sight_of(workload(pods, **spec), replica_set(pods), SERVICE, *documents)


def test_a_function_of_openfunction_is_served_by_one_label_and_hides_all() -> None:
    found = function(seen())
    assert found.serving == {SERVING: "serving-7x2lq"}
    assert found.hidden == {MANAGED, SERVING, VERSION}
    assert found.headless == ("orders",)
    assert (found.handoff, found.why, found.problem, found.waits) == (Handoff.ADOPT, "", "", "")
    assert found.namespace == "shop"


def test_a_function_behind_kedas_http_addon_is_served_by_all_its_labels() -> None:
    sight = sight_of(workload(PODS), replica_set(PODS), service("serving-7x2lq-service", LABELS))
    found = function(sight)
    assert found.serving == LABELS
    assert found.headless == ()


@pytest.mark.parametrize(
    "selector",
    [{}, {SERVING: "serving-other"}, {**LABELS, "tier": "front"}],
    ids=["an empty selector selects nothing", "another function's", "one that asks for more"],
)
def test_services_that_do_not_select_its_pods_count_for_nothing(selector: dict[str, str]) -> None:
    found = function(seen(service("other", selector)))
    assert found.serving == {SERVING: "serving-7x2lq"}


def test_several_services_are_served_at_once() -> None:
    found = function(seen(service("second", {MANAGED: "true"})))
    assert found.serving == {SERVING: "serving-7x2lq", MANAGED: "true"}


def test_without_a_service_there_is_nothing_to_step_into_but_the_replica_set() -> None:
    sight = sight_of(workload(PODS), replica_set(PODS))
    assert "no Service" in function(sight).problem
    assert function(sight, handoff="adopt").problem == ""


def test_keys_of_selector_expressions_are_hidden() -> None:
    expressions = [{"key": "tier", "operator": "In", "values": ["back"]}]
    pods = template({**LABELS, "tier": "back"})
    found = function(seen(pods=pods, selector={"matchExpressions": expressions}))
    assert found.hidden == {"tier", SERVING}
    assert found.problem == ""


@pytest.mark.parametrize("operator", ["NotIn", "DoesNotExist"])
def test_a_selector_that_only_excludes_finds_warm_pods_too(operator: str) -> None:
    expressions = [{"key": "canary", "operator": operator, "values": ["true"]}]
    assert "selects pods by labels" in function(seen(selector={"matchExpressions": expressions})).problem
    both = {"matchExpressions": expressions, "matchLabels": {MANAGED: "true"}}
    assert function(seen(selector=both)).problem == ""


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"paused": True}, "it is paused"),
        ({"strategy": {"type": "Recreate"}}, "its strategy is Recreate"),
        ({"strategy": {"type": "RollingUpdate"}}, ""),
    ],
    ids=["paused", "Recreate", "RollingUpdate"],
)
def test_what_a_deployment_says_forbids_adoption(spec: Document, why: str) -> None:
    found = function(seen(**spec))
    assert (found.why, found.handoff) == (why, Handoff.BRIDGE if why else Handoff.ADOPT)


def test_a_bridge_may_be_all_that_is_wanted() -> None:
    assert function(seen(), handoff="bridge").why == "handoff is bridge"


@pytest.mark.parametrize("said", [{"wants": 1}, {"has": 1}], ids=["it wants pods", "it has pods"])
def test_a_rollout_forbids_adoption(said: dict[str, Any]) -> None:
    old = replica_set(template({**LABELS, "old": "1"}), name="orders-0", revision="0", **said)
    assert function(seen(old)).why == "it is rolling out"


def test_an_old_replica_set_without_pods_does_not() -> None:
    old = replica_set(template({**LABELS, "old": "1"}), name="orders-0", revision="0")
    assert function(seen(old)).why == ""


def test_the_replica_set_is_that_of_the_revision_and_of_the_very_template() -> None:
    other = template(LABELS, terminationGracePeriodSeconds=5)
    assert function(sight_of(workload(PODS), replica_set(other), SERVICE)).replica_set is None
    late = replica_set(PODS, revision="2")
    assert "no ReplicaSet" in function(sight_of(workload(PODS), late, SERVICE)).why
    found = function(seen()).replica_set
    assert found is not None
    assert found.hash_label == "orders-1"


def test_a_change_that_the_controller_has_not_seen_forbids_adoption() -> None:
    changed = workload(PODS)
    changed["metadata"]["generation"] = 2
    assert "has not seen" in function(sight_of(changed, replica_set(PODS), SERVICE)).why


def test_a_stateful_set_has_bridges_only() -> None:
    sight = sight_of(workload(PODS, kind="StatefulSet"), SERVICE)
    found = function(sight)
    assert (found.why, found.handoff, found.problem) == ("a StatefulSet takes no pods", Handoff.BRIDGE, "")
    assert "takes no pods" in function(sight, handoff="adopt").problem


def test_replicas_with_volumes_of_their_own_have_no_warm_pods() -> None:
    claims = [{"metadata": {"name": "data"}}]
    sight = sight_of(workload(PODS, kind="StatefulSet", volumeClaimTemplates=claims), SERVICE)
    assert "volumes of their own" in function(sight).problem


def test_a_proxied_function_waits_for_its_proxy() -> None:
    proxy = workload(template({PROXY: "serving-7x2lq"}), name="proxy")
    proxy["metadata"]["labels"] = {PROXY: "serving-7x2lq"}
    of_proxy = replica_set(proxy["spec"]["template"], name="proxy-1", of="proxy")
    sight = seen(proxy, of_proxy, pods=PROXIED)
    assert "proxy" in function(sight).waits
    seeing.see(sight, seeing.pod("proxy-1-x", {PROXY: "serving-7x2lq"}, ready=False, owner=of_proxy))
    assert "proxy" in function(sight).waits
    seeing.see(sight, seeing.pod("proxy-1-x", {PROXY: "serving-7x2lq"}, owner=of_proxy))
    assert function(sight).waits == ""


def test_one_with_a_sidecar_waits_for_nothing() -> None:
    found = function(seen(pods=template(LABELS, {"dapr.io/enabled": "true"})))
    assert found.waits == ""


def test_its_scaled_object_is_the_one_that_targets_it() -> None:
    other = seeing.scaled_object(target="invoices")
    mine = seeing.scaled_object(seeing.trigger())
    found = function(seen(other, mine)).scaled
    assert found is not None
    assert found.name == "orders-scaler"
    assert function(seen(other)).scaled is None


@pytest.mark.parametrize(
    ("functions", "found"),
    [
        ({"deployment": "orders"}, True),
        ({"deployment": "other"}, False),
        ({"selector": {"matchLabels": {"team": "a"}}}, True),
        ({"selector": {"matchLabels": {"team": "a", "tier": "b"}}}, False),
        ({"openFunction": True}, True),
    ],
)
def test_whom_a_section_means(functions: Document, found: bool) -> None:
    said = workload(PODS)
    said["metadata"]["labels"] = {"team": "a"}
    (each,) = sight_of(said).workloads()
    parsed = section(functions={"namespace": "shop", **functions})
    assert meant(parsed.functions, each) is found
