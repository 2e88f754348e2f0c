"""Warm pods as documents: made from the workload's own template, found again by labels, changed by JSON Patches.

The labels say everything that a successor must know; nothing is kept anywhere else.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from scaler.net.kube import Document

DOMAIN: Final = "warmscaler.dev"
POOL: Final = f"{DOMAIN}/pool"
WORKLOAD: Final = f"{DOMAIN}/workload"
TEMPLATE: Final = f"{DOMAIN}/template"
STAGE: Final = f"{DOMAIN}/stage"
OURS: Final = (POOL, WORKLOAD, TEMPLATE, STAGE)

WARM: Final = "warm"
BRIDGED: Final = "bridged"
DRAINING: Final = "draining"
ADOPTED: Final = "adopted"

HASH_LABEL: Final = "pod-template-hash"
COST: Final = "controller.kubernetes.io/pod-deletion-cost"
EVICT: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict"
PREFERRED: Final = "1000"  # any cost above the default of 0: of two pods the cheaper one is deleted

_HASH: Final = 10  # characters
_ORDINALS: Final = 2_000  # pods of one template at one time: twice the largest pool
_NAME: Final = re.compile(rf".+-warm-[0-9a-f]{{{_HASH}}}")
_WORKLOAD_NAME: Final = 200  # characters of it in a pod's name, which may have 253

Patch = list[dict[str, Any]]
Labels = Mapping[str, str]


def template_hash(template: Document) -> str:
    """Return our hash of a pod template; that of a ReplicaSet is that of its Deployment.

    Kubernetes' own hash is a label of the ReplicaSet, to be read and never to be computed: its algorithm is nobody's
    promise.
    """
    about = template.get("metadata") or {}
    labels = {key: value for key, value in (about.get("labels") or {}).items() if key != HASH_LABEL}
    said = {"labels": labels, "annotations": about.get("annotations") or {}, "spec": template["spec"]}
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:_HASH]


def pod_name(workload: str, uid: str, template: str, taken: Iterable[str]) -> str:
    """Return the first name that is free: two leaders that see the same choose the same, and only one can create it."""
    known, ordinal = set(taken), 0
    while True:
        digest = _digest(uid, template, ordinal)
        name = f"{workload[:_WORKLOAD_NAME].rstrip('-.')}-warm-{digest}"
        if name not in known:
            return name
        ordinal += 1


def _digest(uid: str, template: str, ordinal: int) -> str:
    return sha256(f"{uid} {template} {ordinal}".encode()).hexdigest()[:_HASH]


def made_here(name: str, labels: Labels) -> bool:
    """Tell whether :func:`pod_name` has made a name for what the labels say: who only copies labels has another one."""
    uid, template = labels.get(WORKLOAD, ""), labels.get(TEMPLATE, "")
    return named_here(name) and any(name.endswith(_digest(uid, template, each)) for each in range(_ORDINALS))


def named_here(name: str) -> bool:
    """Tell whether :func:`pod_name` could have made a name; those that a ReplicaSet gives end otherwise."""
    return _NAME.fullmatch(name) is not None


def warm_pod(name: str, pool: str, workload: Document, hidden: Iterable[str]) -> Document:
    """Return a warm pod of a workload (a Deployment or a StatefulSet as the API gives it).

    ``hidden`` are the keys of labels that selectors of the function look for: without them nobody takes it for one of
    its replicas.
    """
    about, template = workload["metadata"], workload["spec"]["template"]
    said = template.get("metadata") or {}
    unseen = {*hidden, HASH_LABEL}
    labels = {key: value for key, value in (said.get("labels") or {}).items() if key not in unseen}
    marks = {POOL: pool, WORKLOAD: about["uid"], TEMPLATE: template_hash(template), STAGE: WARM}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": about["namespace"],
            "name": name,
            "labels": {**labels, **marks},
            "annotations": {**(said.get("annotations") or {}), EVICT: "true"},
            "ownerReferences": [owner(workload)],
        },
        "spec": template["spec"],
    }


def owner(workload: Document) -> Document:
    """Return the reference by which the workload owns its warm pods: what is deleted takes them with it.

    A StatefulSet is not their controller: its own lets go of every pod that it controls and that is none of its
    replicas (kubernetes, pkg/controller/statefulset: getPodsForStatefulSet), and the pod would outlive it.
    """
    about = workload["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": workload["kind"],
        "name": about["name"],
        "uid": about["uid"],
        "controller": workload["kind"] == "Deployment",
    }


# -- patches ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a pod carries: a JSON Patch that removes what is not there is refused whole. ``notes`` are annotations."""

    uid: str
    version: str
    labels: Labels
    notes: frozenset[str]

    def unchanged(self) -> Patch:
        """Begin a patch that the API refuses if the pod is another one, or was changed since it was read."""
        return [
            {"op": "test", "path": "/metadata/uid", "value": self.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": self.version},
        ]

    def without(self, keys: Iterable[str], *notes: str) -> Patch:
        """Take labels and annotations off, as far as they are there."""
        paths = [_label(key) for key in sorted({*keys} & self.labels.keys())]
        paths += [_note(key) for key in sorted(notes) if key in self.notes]
        return [{"op": "remove", "path": path} for path in paths]

    def noted(self, annotations: Labels) -> Patch:
        """Put annotations on."""
        first: Patch = [] if self.notes else [{"op": "add", "path": "/metadata/annotations", "value": {}}]
        return first + [{"op": "add", "path": _note(key), "value": value} for key, value in annotations.items()]


def bridging(pod: Marks, serving: Labels) -> Patch:
    """Let the Services that select ``serving`` find the pod."""
    return [*pod.unchanged(), *_labelled({**serving, STAGE: BRIDGED}), *pod.noted({EVICT: "false"})]


def draining(pod: Marks, hidden: Iterable[str]) -> Patch:
    """Let no Service find it any more."""
    return [*pod.unchanged(), *pod.without(hidden), *_labelled({STAGE: DRAINING})]


def recycling(pod: Marks) -> Patch:
    """Let it wait for the next claim."""
    return [*pod.unchanged(), *_labelled({STAGE: WARM}), *pod.noted({EVICT: "true"})]


def adoption(pod: Marks, labels: Labels, hash_label: str) -> Patch:
    """Make an orphan of it that the ReplicaSet's selector matches, in one step, so that nobody else finds an orphan."""
    return [
        *pod.unchanged(),
        *_labelled({**labels, HASH_LABEL: hash_label, STAGE: ADOPTED}),
        *pod.noted({COST: PREFERRED}),
        {"op": "remove", "path": "/metadata/ownerReferences"},
    ]


def reclaiming(pod: Marks, workload: Document, hidden: Iterable[str], serving: Labels) -> Patch:
    """Undo an adoption that never came."""
    return [
        *pod.unchanged(),
        *pod.without([HASH_LABEL, *(key for key in hidden if key not in serving)], COST),
        *_labelled({**serving, STAGE: BRIDGED}),
        {"op": "add", "path": "/metadata/ownerReferences", "value": [owner(workload)]},
    ]


def settling(pod: Marks, template: Document) -> Patch:
    """Take every mark of ours off; what the template says of the same annotations counts again."""
    notes = (template.get("metadata") or {}).get("annotations") or {}
    own = {key: notes[key] for key in (COST, EVICT) if key in notes}
    return [*pod.unchanged(), *pod.without(OURS, *({COST, EVICT} - own.keys())), *pod.noted(own)]


def _labelled(labels: Labels) -> Patch:
    return [{"op": "add", "path": _label(key), "value": labels[key]} for key in sorted(labels)]


def _label(key: str) -> str:
    return f"/metadata/labels/{_escaped(key)}"


def _note(key: str) -> str:
    return f"/metadata/annotations/{_escaped(key)}"


def _escaped(key: str) -> str:
    """Escape a key for a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
