"""Every sync of the real autoscaler, from the API server's own record of what the controller read and wrote.

A sync begins with the controller's reading of the ``scale`` subresource, which no cache answers: the record of that
answer is exactly what it saw, also where it then asked no metric. Its write to the scale, and what it says in the HPA's
status, are its outcome. Pods are counted from kwok's writes.
"""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import pairwise
from math import inf
from pathlib import Path

from simulations.hpa import Series
from tests.cluster.api import Document
from tests.cluster.audit import Audit
from tests.cluster.control_plane import condition
from tests.cluster.truth.metrics import Told
from tests.cluster.truth.timelines import Step

_CONTROLLER, _KUBELET, _KEDA = "system:kube-controller-manager", "kwok", "keda"
_SELECTOR = "labelSelector=scaledobject.keda.sh%2Fname%3D"
_SCALE, _STATUS = "deployments/scale", "horizontalpodautoscalers/status"
_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "RequestResponse",
            "users": [_CONTROLLER],
            "verbs": ["get", "update"],
            "resources": [
                {"group": "apps", "resources": [_SCALE]},
                {"group": "autoscaling", "resources": [_STATUS]},
            ],
        },
        {"level": "Metadata", "users": [_CONTROLLER], "resources": [{"group": "external.metrics.k8s.io"}]},
        {
            "level": "RequestResponse",
            "users": [_KEDA],
            "verbs": ["update", "patch"],
            "resources": [{"group": "apps", "resources": ["deployments", _SCALE]}],
        },
        {
            "level": "RequestResponse",
            "users": [_KUBELET],
            "verbs": ["patch", "update", "delete"],
            "resources": [{"group": "", "resources": ["pods", "pods/status"]}],
        },
        {"level": "None"},
    ],
}


Instants = tuple[float, float, float]
"""The earliest, the likeliest and the latest at which something was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """One sync: what it saw, and how many replicas there were after it. Times are Unix time.

    It ``began`` when it had read the scale. When it decided is known to lie between the first and the last of
    ``instants``: after the last metric was told, and before its next call. ``wrote`` is likewise when it noted its
    write, if it made one. ``series`` is ``None`` where it asked no metric. ``able`` and ``limit`` are the reasons of
    the conditions AbleToScale and ScalingLimited in the HPA's status after it.
    """

    began: float
    instants: Instants
    wrote: Instants | None
    before: int
    pods: int
    series: tuple[Series | None, ...] | None
    replicas: int
    able: str
    limit: str


class ScaleAudit(Audit):
    """The record of one API server, of the autoscaler's own calls."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._folder = folder

    def flags(self) -> list[str]:
        """Write the policy and return the flags of an API server that keeps to it."""
        policy = self._folder / "audit-policy.yaml"
        policy.write_text(json.dumps(_POLICY))
        return [f"--audit-policy-file={policy}", f"--audit-log-path={self._folder / 'audit.log'}"]

    def events(self) -> list[Document]:
        """Return what was recorded of whole calls, in the order in which they came."""
        lines = (self._folder / "audit.log").read_text().split("\n")[:-1]  # what follows is not written yet
        whole = [event for event in map(json.loads, lines) if event["stage"] == "ResponseComplete"]
        return sorted(whole, key=lambda event: str(event["requestReceivedTimestamp"]))

    def looks(self) -> Counter[str]:
        """Count how often the scale of each Deployment was read."""
        return Counter(event["objectRef"]["name"] for event in self.events() if _is(event, _SCALE, "get"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """How many pods of a Deployment were ready: ``ready[i]`` from Unix time ``times[i]`` on."""

    times: Sequence[float]
    ready: Sequence[int]

    def between(self, earliest: float, latest: float) -> list[int]:
        """Return how many were ready at any instant of a time, the last of them first; 0 before the first time."""
        first, last = bisect_right(self.times, earliest), bisect_right(self.times, latest)
        return list(dict.fromkeys(self.ready[number - 1] if number else 0 for number in range(last, first - 1, -1)))


def pods(name: str, events: Iterable[Document]) -> Pods:
    """Count the ready pods of the Deployment ``name`` after each write of kwok's; one that ends counts to its end.

    A write is dated by its request: nobody can have seen it earlier.
    """
    up: set[str] = set()
    times, counts = [], []
    for event in filter(_of_a_pod, events):
        pod = event["objectRef"]["name"]
        if pod.rsplit("-", 2)[0] == name:
            (up.add if _is_ready(event) else up.discard)(pod)
            times.append(_received(event))
            counts.append(len(up))
    return Pods(times=times, ready=counts)


def _of_a_pod(event: Document) -> bool:
    return bool(event["objectRef"]["resource"] == "pods") and event["responseStatus"]["code"] == HTTPStatus.OK


def _is_ready(event: Document) -> bool:
    return event["verb"] != "delete" and condition(event["responseObject"], "Ready") == "True"


def syncs(name: str, events: Iterable[Document], told: Sequence[Told]) -> list[Sync]:
    """Return the syncs of the HPA ``name``, whose metrics were ``told``; without the last, which may not be over."""
    own = _own(name, events)
    starts = [number for number in range(len(own)) if _begins(own, number)]
    found: list[Sync] = []
    for start, end in pairwise(starts):
        calls, until = own[start:end], _received(own[end])
        answers = [each for each in told if _received(calls[0]) < each.at < until]
        found.append(_sync(calls, answers, found[-1] if found else None))
    return found


def looks(name: str, events: Sequence[Document]) -> list[float]:
    """Return when each sync of the HPA of the ScaledObject ``name`` had heard of the last metric that it asked for."""
    scale = _own(name, events)
    asked = sorted(_completed(event) for event in events if event["requestURI"].endswith(f"{_SELECTOR}{name}"))
    starts = [_completed(event) for number, event in enumerate(scale) if _begins(scale, number)]
    return [_last(asked, start, until) for start, until in pairwise([*starts, inf])]


def waits(name: str, events: Sequence[Document]) -> list[float]:
    """Return how long each sync of the HPA of the ScaledObject ``name`` took until it had heard of its metrics."""
    scale = _own(name, events)
    starts = [_received(event) for number, event in enumerate(scale) if _begins(scale, number)]
    return [heard - start for start, heard in zip(starts, looks(name, events), strict=True)]


def _last(asked: Sequence[float], start: float, until: float) -> float:
    """Return the last instant between two, the first of them if there is none."""
    number = bisect_right(asked, until) - 1
    return max(start, asked[number]) if number >= 0 else start


def changes(name: str, events: Sequence[Document]) -> list[Step[tuple[int, str]]]:
    """Return every change of the replicas of the Deployment ``name``, and who made it: ``HPA`` or ``KEDA``.

    What the HPA wrote is dated by the look that it followed from.
    """
    writers = {_CONTROLLER: "HPA", _KEDA: "KEDA"}
    looked = looks(name, events)
    written = [event for event in events if event["objectRef"].get("name") == name and _is_change(event)]
    found = []
    for event in sorted(written, key=_completed):
        at, who = _completed(event), writers[_user(event)]
        replicas = int(event["responseObject"]["spec"].get("replicas", 0))
        found.append(Step(looked[bisect_right(looked, at) - 1] if who == "HPA" else at, (replicas, who)))
    return found


def _is_change(event: Document) -> bool:
    return (
        event["objectRef"]["resource"] == "deployments"
        and event["verb"] in {"update", "patch"}
        and event["responseStatus"]["code"] == HTTPStatus.OK
    )


def _own(name: str, events: Iterable[Document]) -> list[Document]:
    return [event for event in events if event["objectRef"].get("name") == name and _user(event) == _CONTROLLER]


def _user(event: Document) -> str:
    return str(event["user"]["username"])


def _sync(calls: Sequence[Document], answers: Sequence[Told], before: Sync | None) -> Sync:
    scale = calls[0]["responseObject"]
    written = [number for number, call in enumerate(calls) if _wrote(call)]
    replicas = int(scale["spec"].get("replicas", 0))
    after = int(calls[written[-1]]["requestObject"]["spec"].get("replicas", 0)) if written else replicas
    conditions = _conditions(calls)
    return Sync(
        began=_completed(calls[0]),
        instants=_between(answers[-1].at if answers else _completed(calls[0]), calls[1:]),
        wrote=_between(_completed(calls[written[-1]]), calls[written[-1] + 1 :]) if written else None,
        before=replicas,
        pods=int(scale["status"].get("replicas", 0)),
        series=tuple(each.series for each in answers) or None,
        replicas=after,
        able=conditions.get("AbleToScale", before.able if before else ""),
        limit=conditions.get("ScalingLimited", before.limit if before else ""),
    )


def _between(earliest: float, later: Sequence[Document]) -> Instants:
    """Return an instant and the next call's, with their middle, where it most probably was."""
    latest = max(earliest, _received(later[0])) if later else earliest
    return earliest, (earliest + latest) / 2.0, latest


def _conditions(calls: Sequence[Document]) -> dict[str, str]:
    """Return the reasons in the last status that was written, if there was one: it is written only when it changes."""
    statuses = [call["requestObject"]["status"] for call in calls if _is(call, _STATUS, "update")]
    return {each["type"]: each["reason"] for each in statuses[-1].get("conditions", [])} if statuses else {}


def _begins(own: Sequence[Document], number: int) -> bool:
    """Tell whether a sync begins here; after a conflict the scale is read once more in the same sync."""
    conflict = number > 0 and _is(own[number - 1], _SCALE, "update") and not _wrote(own[number - 1])
    return _is(own[number], _SCALE, "get") and not conflict


def _wrote(event: Document) -> bool:
    return _is(event, _SCALE, "update") and event["responseStatus"]["code"] == HTTPStatus.OK


def _is(event: Document, resource: str, verb: str) -> bool:
    about = event["objectRef"]
    return bool(event["verb"] == verb) and f"{about['resource']}/{about.get('subresource', '')}" == resource


def _received(event: Document) -> float:
    return datetime.fromisoformat(event["requestReceivedTimestamp"]).timestamp()


def _completed(event: Document) -> float:
    return datetime.fromisoformat(event["stageTimestamp"]).timestamp()
