"""What is kept of the API's objects, also where they lack what most have."""

from typing import Any

import pytest

from scaler.net.kube import Document
from scaler.pool.seen import (
    MOST_REPLICAS,
    pod_seen,
    replica_set_seen,
    requested,
    scaled_object_seen,
    service_seen,
    workload_seen,
)
from tests.pool import seeing
from tests.pool.seeing import made, template


def versioned(document: Document) -> Document:
    document["metadata"]["resourceVersion"] = "1"
    return document


def bare_pod(**status: Any) -> Document:
    """Return a pod as it is an instant after its creation."""
    document = versioned(made("Pod", "p", {"containers": [{"name": "c"}]}))
    return {**document, "status": status} if status else document


def test_a_pod_that_has_just_been_created() -> None:
    seen = pod_seen(bare_pod())
    assert (seen.phase, seen.ready, seen.leaving, seen.address, seen.trouble) == ("Pending", False, False, "", "")
    assert (seen.owner, seen.labels, seen.marks.notes) == (None, {}, frozenset())
    assert seen.born == 1767323045.0


def waiting(reason: str) -> Document:
    return {"containerStatuses": [{"state": {"waiting": {"reason": reason}}}]}


UNSCHEDULABLE = {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (UNSCHEDULABLE, "Unschedulable"),
        (waiting("CrashLoopBackOff"), "CrashLoopBackOff"),
        (waiting("ImagePullBackOff"), "ImagePullBackOff"),
        (waiting("ContainerCreating"), ""),
        ({"containerStatuses": [{"state": {"running": {}}}]}, ""),
        ({"containerStatuses": [{}]}, ""),
        ({"containerStatuses": None, "conditions": None}, ""),
    ],
)
def test_the_trouble_of_a_pod(status: Document, trouble: str) -> None:
    assert pod_seen(bare_pod(**status)).trouble == trouble


def test_only_a_controller_has_a_pod() -> None:
    document = bare_pod()
    document["metadata"]["ownerReferences"] = [{"kind": "Thing", "name": "t", "uid": "t"}]
    seen = pod_seen(document)
    assert seen.owner is None
    assert seen.owners == {"t"}


def test_a_workload_that_says_little() -> None:
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [{"name": "c"}]}}}
    seen = workload_seen(versioned(made("Deployment", "d", spec)), "Deployment")
    assert (seen.asked, seen.observed, seen.paused, seen.recreate, seen.revision) == (1, False, False, False, "")
    assert (seen.pod_labels, seen.labels, seen.own_volumes) == ({}, {}, False)


def test_a_replica_set_that_nobody_owns() -> None:
    spec = {"replicas": 3, "template": template({"a": "b"})}
    seen = replica_set_seen(versioned(made("ReplicaSet", "r", spec)))
    assert (seen.owner, seen.revision, seen.hash_label, seen.wants, seen.has, seen.observed) == (
        "",
        "",
        "",
        3,
        0,
        False,
    )


def test_services() -> None:
    assert service_seen(made("Service", "s")).selector == {}
    assert service_seen(seeing.service("s", {"a": "b"}, headless=True)).headless
    assert not service_seen(made("Service", "s", {"selector": {"a": "b"}, "clusterIP": "10.1.2.3"})).headless


def test_a_scaled_object_that_says_little() -> None:
    seen = scaled_object_seen(seeing.scaled_object())
    assert (seen.kind, seen.target, seen.least, seen.most) == ("Deployment", "orders", 0, MOST_REPLICAS)
    assert (seen.paused, seen.formula, seen.triggers) == (False, False, ())


def test_of_its_triggers_the_external_ones_count() -> None:
    others: list[Document] = [
        {"type": "cron", "metadata": {}},
        {"type": "external"},
        seeing.trigger(metricType="Value"),
    ]
    seen = scaled_object_seen(seeing.scaled_object(*others))
    assert [(reference[2], total) for reference, total in seen.triggers] == [
        ({}, False),
        ({"kind": "fake", "queue": "q"}, True),
    ]


@pytest.mark.parametrize(
    ("notes", "paused"),
    [
        ({}, False),
        ({"autoscaling.keda.sh/paused": "true"}, True),
        ({"autoscaling.keda.sh/paused": "false"}, False),
        ({"autoscaling.keda.sh/paused-replicas": "0"}, True),
        ({"autoscaling.keda.sh/paused-scale-out": "true"}, True),
        ({"autoscaling.keda.sh/paused-scale-in": "true"}, False),
    ],
)
def test_pausing(notes: dict[str, str], paused: bool) -> None:
    assert scaled_object_seen(seeing.scaled_object(notes=notes)).paused is paused


def test_memory_is_that_of_all_containers() -> None:
    containers = [
        {"name": "a", "resources": {"requests": {"memory": "64Mi"}}},
        {"name": "b", "resources": {"requests": {"cpu": "1"}}},
        {"name": "c", "resources": {"requests": {"memory": "1M"}}},
        {"name": "d"},
    ]
    assert requested({"containers": containers}) == 64 * 2**20 + 10**6
