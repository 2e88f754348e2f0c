"""Pods that nobody has any more are found, and none that somebody has, or that only says that it is ours."""

import asyncio
from typing import Any, cast

import pytest

from scaler.model import Instant
from scaler.net.kube import Document, Kube
from scaler.pool import manifests
from scaler.pool.claims import Answer, Outcome, Writes
from scaler.pool.orphans import LOST_FOR, Orphans
from scaler.pool.seen import PodSeen
from scaler.pool.sight import Sight

GONE = "0000-gone"
TEMPLATE = "1234567890"
NAME = manifests.pod_name("orders", GONE, TEMPLATE, ())


class Seen(Sight):
    """A namespace with what the test says."""

    def __init__(self) -> None:
        def nothing(*_: object) -> None:
            """Hear it."""

        super().__init__(cast("Kube", None), "shop", on_pods=nothing, on_workload=nothing, on_all=nothing)

    @property
    def synced(self) -> bool:
        """Whether everything has been listed once."""
        return True


def pod(stage: str = "warm", name: str = NAME, **metadata: Any) -> Document:
    """Return a pod with our marks and no owner."""
    labels = dict(zip(manifests.OURS, ("orders", GONE, TEMPLATE, stage), strict=True))
    about = {"namespace": "shop", "name": name, "uid": "u", "resourceVersion": "5", "labels": labels}
    made = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": {**about, **made, **metadata}, "spec": {"containers": []}}


class Deleted:
    """Takes what is deleted; it is there all the same."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def delete(self, pod: PodSeen) -> Answer:
        """Note it."""
        self.names.append(pod.name)
        return Answer(outcome=Outcome.CHANGED)


async def looked(sight: Sight, *instants: float) -> list[str]:
    """Return what is deleted by one who looks at these instants."""
    deleted = Deleted()
    async with asyncio.TaskGroup() as tasks:
        orphans = Orphans(sight, cast("Writes", deleted), tasks)
        for instant in instants:
            orphans.look(Instant(instant))
    return deleted.names


@pytest.mark.parametrize("stage", ["warm", "bridged", "draining", "adopted"])
async def test_a_pod_whose_workload_is_gone_is_deleted_after_a_while(stage: str) -> None:
    sight = Seen()
    sight.pods.heard(pod(stage))
    assert await looked(sight, 0.0, LOST_FOR - 1.0) == []
    assert await looked(sight, 0.0, LOST_FOR) == [NAME]
    assert await looked(sight, 0.0, LOST_FOR, LOST_FOR) == [NAME], "once, while that is under way"


@pytest.mark.parametrize(
    "other",
    [
        pod(name="orders-warm-0123456789"),
        pod(name="bare"),
        pod(ownerReferences=[{"kind": "ReplicaSet", "name": "x", "uid": "x", "controller": True}]),
        pod(deletionTimestamp="2026-01-01T00:00:00Z"),
        pod(labels={}),
    ],
    ids=["another name", "a name of others", "an owner", "on its way", "no marks"],
)
async def test_all_others_are_left_alone(other: Document) -> None:
    sight = Seen()
    sight.pods.heard(other)
    assert await looked(sight, 0.0, 10.0 * LOST_FOR) == []
