"""From copies of objects to a view: which stage a pod is in, since when, and when that may change by itself."""

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from scaler.model import Instant
from scaler.net.kube import Document
from scaler.pool.expectations import Expectations
from scaler.pool.functions import Function
from scaler.pool.manifests import OURS, template_hash
from scaler.pool.outlook import LOST_AFTER, TROUBLED, Outlook
from scaler.pool.plan import UNWELL
from scaler.pool.sight import Sight
from scaler.pool.view import Stage, WarmPod
from tests.pool import seeing
from tests.pool.seeing import function, replica_set, service, sight_of, template, workload

LABELS = {"app": "orders", "team": "a"}
PODS = template(LABELS)
DEPLOYMENT = workload(PODS, selector={"matchLabels": {"app": "orders"}})
SET = replica_set(PODS, wants=2)
T0 = Instant(100.0)


@dataclass
class Looking:
    """One function that is looked at; ``unfit`` are the uids of pods whose own check fails."""

    sight: Sight = field(default_factory=lambda: sight_of(DEPLOYMENT, SET, service("orders", {"app": "orders"})))
    expected: Expectations = field(default_factory=Expectations)
    unfit: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.outlook = Outlook(self.sight, self.expected, lambda uid: uid not in self.unfit)

    @property
    def function(self) -> Function:
        return function(self.sight)

    def see(self, *documents: Document) -> "Looking":
        seeing.see(self.sight, *documents)
        return self

    def pod(self, now: float = T0) -> WarmPod:
        """Return the only pod."""
        (found,) = self.outlook.pods(self.function, Instant(now))
        return found


def warm(stage: str = "warm", *, leaving: bool = False, owner: Document | None = None, **said: Any) -> Document:
    """Return a pod of ours."""
    marks = dict(zip(OURS, ("p", "uid of orders", template_hash(PODS), stage), strict=True))
    labels = {"team": "a", **marks, **said.pop("labels", {})}
    document = seeing.pod("orders-warm-0123456789", labels, owner=owner or DEPLOYMENT, **said)
    if leaving:
        document["metadata"]["deletionTimestamp"] = seeing.BORN
    return document


@pytest.mark.parametrize(
    ("stage", "found"),
    [("warm", Stage.AVAILABLE), ("bridged", Stage.BRIDGED), ("draining", Stage.DRAINING), ("adopted", Stage.ADOPTED)],
)
def test_the_label_says_the_stage(stage: str, found: Stage) -> None:
    pod = Looking().see(warm(stage)).pod()
    assert (pod.stage, pod.template, pod.ready, pod.busy) == (found, template_hash(PODS), True, False)


def test_what_was_begun_counts_as_done() -> None:
    looking = Looking().see(warm())
    with looking.expected.change("uid of orders-warm-0123456789", Stage.BRIDGED):
        assert (looking.pod().stage, looking.pod().busy) == (Stage.BRIDGED, True)
    with looking.expected.deletion("uid of orders-warm-0123456789"):
        assert (looking.pod().stage, looking.pod().busy, looking.pod().leaving) == (Stage.AVAILABLE, True, True)
    assert (looking.pod().stage, looking.pod().busy, looking.pod().leaving) == (Stage.AVAILABLE, False, False)


def test_a_deletion_that_has_no_answer_is_no_lost_pod() -> None:
    looking = Looking().see(warm())
    with looking.expected.deletion("uid of orders-warm-0123456789"):
        looking.pod()
        assert looking.pod(T0 + 10 * LOST_AFTER).leaving


def test_a_pod_of_a_dead_node_counts_for_a_while() -> None:
    looking = Looking().see(warm(leaving=True))
    looking.pod()
    assert looking.pod(T0 + LOST_AFTER).leaving
    assert looking.outlook.pods(looking.function, Instant(T0 + LOST_AFTER + 1)) == ()


def test_since_is_when_we_first_saw_it() -> None:
    looking = Looking().see(warm("bridged"))
    assert looking.pod(200.0).since == 200.0
    assert looking.pod(230.0).since == 200.0
    looking.see(warm("bridged", ready=False))
    assert looking.pod(240.0).since == 240.0
    looking.outlook.moments.keep(())
    assert looking.pod(250.0).since == 250.0


def test_a_pod_is_as_old_as_it_says() -> None:
    document = warm()
    document["metadata"]["creationTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    assert Looking().see(document).pod().born == pytest.approx(T0 - 60, abs=2)


def test_a_pod_that_is_not_ready_warms() -> None:
    assert Looking().see(warm(ready=False)).pod().stage is Stage.WARMING


def test_one_whose_own_check_fails_warms_too() -> None:
    looking = Looking(unfit={"uid of orders-warm-0123456789"}).see(warm())
    assert looking.pod().stage is Stage.WARMING


@pytest.mark.parametrize("how", ["not ready", "not fit"])
def test_one_that_fell_ill_is_given_some_time_and_looked_at_then(how: str) -> None:
    looking = Looking().see(warm())
    assert looking.pod().stage is Stage.AVAILABLE
    if how == "not fit":
        looking.unfit.add("uid of orders-warm-0123456789")
    else:
        looking.see(warm(ready=False))
    assert looking.pod(T0 + 1).stage is Stage.WARMING
    again = looking.outlook.troubled_until(looking.function, Instant(T0 + 2))
    assert again is not None
    assert again <= T0 + 1 + UNWELL
    assert looking.pod(T0 + UNWELL).stage is Stage.WARMING
    assert looking.pod(T0 + 1 + UNWELL).stage is Stage.FAILED


def test_one_that_cannot_start_has_failed_after_a_while() -> None:
    broken: dict[str, Any] = {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
    looking = Looking().see(warm(ready=False, **broken))
    assert looking.pod().stage is Stage.WARMING
    assert looking.outlook.troubled_until(looking.function, T0) == T0 + TROUBLED
    assert looking.pod(T0 + TROUBLED).stage is Stage.FAILED


def test_one_without_a_place_waits() -> None:
    nowhere = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    looking = Looking().see(warm(ready=False, conditions=nowhere))
    looking.pod()
    assert looking.pod(T0 + 500).stage is Stage.WARMING


def test_one_that_ended_has_failed_unless_a_replica_set_has_it() -> None:
    assert Looking().see(warm(phase="Failed")).pod().stage is Stage.FAILED
    assert Looking().see(warm("bridged", phase="Failed")).pod().stage is Stage.FAILED
    assert Looking().see(warm("adopted", phase="Failed", owner=SET)).pod().stage is Stage.ADOPTED


def test_one_that_a_service_selects_though_nobody_claimed_it_is_of_no_current_template() -> None:
    assert Looking().see(warm(labels={"app": "orders"})).pod().template == ""
    assert Looking().see(warm("bridged", labels={"app": "orders"})).pod().template == template_hash(PODS)


def test_pods_with_our_labels_that_others_made_are_theirs() -> None:
    document = warm()
    document["metadata"]["ownerReferences"] = []
    looking = Looking().see(document)
    assert looking.outlook.pods(looking.function, T0) == ()


def replica(name: str, *, ready: bool = True) -> Document:
    return seeing.pod(name, {**LABELS, "pod-template-hash": "orders-1"}, owner=SET, ready=ready)


def test_replicas_settle_when_they_have_been_ready_for_long_enough() -> None:
    looking = Looking().see(replica("a"), replica("b", ready=False))
    found = looking.outlook.replicas(looking.function, T0, 5.0)
    assert (found.asked, found.ready, found.settled, found.covered, found.wants, found.observed) == (
        1,
        1,
        0,
        1,
        2,
        True,
    )
    assert looking.outlook.unsettled_until(looking.function, T0, 5.0) == T0 + 5
    assert looking.outlook.replicas(looking.function, Instant(T0 + 5), 5.0).settled == 1
    looking.see(replica("a", ready=False))
    assert looking.outlook.replicas(looking.function, Instant(T0 + 6), 5.0).ready == 0
    looking.see(replica("a"))
    assert looking.outlook.replicas(looking.function, Instant(T0 + 11), 5.0).settled == 0, "it was gone for a moment"
    assert looking.outlook.replicas(looking.function, Instant(T0 + 16), 5.0).settled == 1


def test_what_was_handed_over_is_covered_once() -> None:
    looking = Looking().see(replica("a"), warm("adopted"))
    assert looking.outlook.replicas(looking.function, T0, 0.0).covered == 2
    looking.see(warm("adopted", owner=SET, labels=LABELS))
    assert looking.pod().owned
    assert looking.outlook.replicas(looking.function, T0, 0.0).covered == 2
    with looking.expected.change("uid of orders-warm-0123456789", Stage.ADOPTED):
        assert looking.outlook.replicas(looking.function, T0, 0.0).covered == 2


def test_what_is_being_handed_over_is_covered_already() -> None:
    looking = Looking().see(warm("bridged"))
    with looking.expected.change("uid of orders-warm-0123456789", Stage.ADOPTED):
        assert looking.outlook.replicas(looking.function, T0, 0.0).covered == 1


def test_pods_of_one_second_are_of_one_age_so_that_every_leader_orders_them_alike() -> None:
    documents = [warm() for _ in range(20)]
    for number, document in enumerate(documents):
        document["metadata"].update(name=f"orders-warm-{number}", uid=f"uid {number}")
    looking = Looking().see(*documents)
    found = looking.outlook.pods(looking.function, T0)
    assert (len(found), len({pod.born for pod in found})) == (20, 1)
