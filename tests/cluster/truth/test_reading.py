"""What is read out of an API server's record and an operator's log, on small ones that are made up."""

import json
from typing import Any

from simulations.keda.jobs import Jobs
from tests.cluster.api import Document
from tests.cluster.truth.jobs import JOB_CASES, Poll, polls
from tests.cluster.truth.metrics import Told
from tests.cluster.truth.replayed import looks_apart
from tests.cluster.truth.syncs import Pods, changes, pods, syncs
from tests.cluster.truth.timelines import Step

HPA, KEDA, KUBELET = "system:kube-controller-manager", "keda", "kwok"


def call(at: float, user: str, verb: str, resource: str, name: str = "f", **more: Any) -> Document:
    """Return a recorded call that was received ``at`` a second of a minute, and answered 0.2 s later."""
    kind, _, sub = resource.partition("/")
    return {
        "user": {"username": user},
        "verb": verb,
        "requestURI": "",
        "objectRef": {"resource": kind, "subresource": sub, "name": name},
        "requestReceivedTimestamp": _moment(at),
        "stageTimestamp": _moment(at + 0.2),
        "responseStatus": {"code": 200},
        **more,
    }


def scale(replicas: int, pods_there: int) -> Document:
    return {"spec": {"replicas": replicas}, "status": {"replicas": pods_there}}


def look(at: float, replicas: int, pods_there: int) -> Document:
    return call(at, HPA, "get", "deployments/scale", responseObject=scale(replicas, pods_there))


def write(at: float, user: str, replicas: int, code: int = 200) -> Document:
    both: dict[str, Any] = {
        "requestObject": scale(replicas, 0),
        "responseObject": scale(replicas, 0),
        "responseStatus": {"code": code},
    }
    return call(at, user, "update", "deployments/scale", **both)


def says(at: float, **reasons: str) -> Document:
    conditions = [{"type": kind, "reason": reason} for kind, reason in reasons.items()]
    return call(
        at, HPA, "update", "horizontalpodautoscalers/status", requestObject={"status": {"conditions": conditions}}
    )


def _moment(at: float) -> str:
    return f"2026-01-01T00:00:{at:09.6f}Z"


ZERO = 1767225600.0  # 2026-01-01


def test_a_sync_is_what_lies_between_two_looks() -> None:
    events = [
        look(1.0, 2, 2),
        write(2.0, HPA, 4),
        says(3.0, AbleToScale="SucceededRescale", ScalingLimited="ScaleUpLimit"),
        look(4.0, 4, 3),
        look(6.0, 4, 4),
    ]
    told = [Told(at=ZERO + 1.5, metric="f-0", series=(9_000,)), Told(at=ZERO + 4.5, metric="f-0", series=None)]
    first, second = syncs("f", events, told)
    assert (first.before, first.pods, first.replicas, first.series) == (2, 2, 4, ((9_000,),))
    assert [at - ZERO for at in first.instants] == [1.5, 1.75, 2.0]
    assert first.wrote is not None
    assert [round(at - ZERO, 3) for at in first.wrote] == [2.2, 2.6, 3.0]  # its write's answer, and its next call
    assert (second.before, second.pods, second.replicas, second.series) == (4, 3, 4, (None,))
    assert (second.able, second.limit) == ("SucceededRescale", "ScaleUpLimit")  # nothing new was said


def test_a_look_after_a_conflict_is_of_the_same_sync() -> None:
    events = [look(1.0, 2, 2), write(2.0, HPA, 4, code=409), look(2.5, 2, 2), write(3.0, HPA, 4), look(4.0, 4, 4)]
    (only,) = syncs("f", events, [])
    assert (only.before, only.replicas, only.series) == (2, 4, None)


def test_changes_have_an_author_and_the_autoscalers_are_dated_by_what_it_heard() -> None:
    heard = call(2.5, HPA, "list", "s0-redis", requestURI="/x?labelSelector=scaledobject.keda.sh%2Fname%3Df")
    events = [write(1.0, KEDA, 1), look(2.0, 1, 1), heard, write(3.0, HPA, 4), write(9.0, HPA, 5, code=409)]
    assert [(round(step.at - ZERO, 3), step.value) for step in changes("f", events)] == [
        (1.2, (1, "KEDA")),
        (2.7, (4, "HPA")),
    ]


def test_pods_are_counted_from_the_request_that_made_them_ready() -> None:
    ready = {"responseObject": {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}}
    events = [
        call(1.0, KUBELET, "patch", "pods/status", "f-1-a", **ready),
        call(2.0, KUBELET, "patch", "pods/status", "f-1-b", **ready),
        call(2.5, KUBELET, "patch", "pods/status", "other-1-a", **ready),
        call(3.0, KUBELET, "delete", "pods", "f-1-a"),
    ]
    counted = pods("f", events)
    assert counted == Pods(times=[ZERO + 1.0, ZERO + 2.0, ZERO + 3.0], ready=[1, 2, 1])
    assert counted.between(ZERO + 0.5, ZERO + 2.5) == [2, 1, 0]
    assert counted.between(ZERO + 2.1, ZERO + 2.9) == [2]


def test_polls_are_read_from_the_log_with_every_length_that_may_have_counted() -> None:
    case = JOB_CASES[0]
    said = [
        (10, "Number of running Jobs", 2),
        (10, "Number of pending Jobs", 1),
        (10, "Effective number of max jobs", 5),
        (11, "Number of jobs", 3),
        (20, "Number of running Jobs", 5),
        (20, "Number of pending Jobs", 0),
    ]
    lines = [
        json.dumps({"ts": _moment(at)[:19] + "Z", "scaledJob.Name": case.name, key: value}, separators=(",", ":"))
        for at, key, value in said
    ]
    lengths = [[(5.0, 3), (9.5, 8), (15.0, 0)]]
    assert polls(case, "\n".join(lines), ZERO, lengths) == [
        Poll(at=10.0, jobs=Jobs(unfinished=2, pending=1), created=3, lengths=[(3,), (8,)]),
        Poll(at=20.0, jobs=Jobs(unfinished=5, pending=0), created=0, lengths=[(0,)]),
    ]


def test_what_follows_a_later_wake_up_is_not_late_itself() -> None:
    looked = [float(at) for at in range(20)]
    real = [Step(2.0, (1, "KEDA")), Step(3.0, (4, "HPA")), Step(9.0, (8, "HPA"))]
    later = [Step(4.0, (1, "KEDA")), Step(5.0, (4, "HPA")), Step(9.0, (8, "HPA"))]
    late = [Step(2.0, (1, "KEDA")), Step(5.0, (4, "HPA")), Step(9.0, (8, "HPA"))]
    assert looks_apart(looked, real, later) == (0.0, 0.0)
    assert looks_apart(looked, real, late) == (2.0, 0.0)
    assert looks_apart(looked, real, real[:-1]) is None
