"""What no controller of a pool may do is noticed."""

from scaler.net.kube import Document
from scaler.pool.manifests import ADOPTED, BRIDGED, DRAINING, STAGE, WARM
from simulations.demo.audit import Audit


def pod(name: str, stage: str, *, leaving: bool = False) -> Document:
    ending = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {}
    return {"metadata": {"name": name, "labels": {STAGE: stage}, **ending}}


class Watched(Audit):
    """An audit of a pool that may have two pods."""

    def __init__(self) -> None:
        self.said: list[str] = []
        super().__init__(lambda: 2, self.said.append)

    def come(self, name: str, stage: str = WARM) -> None:
        self.see(None, pod(name, stage))


def test_a_pool_within_its_size_is_fine_however_often_its_pods_change() -> None:
    audit = Watched()
    audit.come("a")
    audit.come("b")
    audit.see(pod("a", WARM), pod("a", WARM))
    audit.see(pod("a", WARM), pod("a", BRIDGED))
    audit.come("c")
    audit.see(pod("b", WARM), None)
    audit.come("d")
    assert audit.broken == []


def test_one_pod_too_many_is_said() -> None:
    audit = Watched()
    for name in "abc":
        audit.come(name)
    assert audit.broken == audit.said == ["3 warm pods where 2 may be"]


def test_a_pod_that_is_recycled_counts_again() -> None:
    audit = Watched()
    audit.come("a")
    audit.come("b")
    audit.see(pod("c", DRAINING), pod("c", WARM))
    assert len(audit.broken) == 1


def test_a_pod_that_serves_is_not_to_be_deleted_and_others_may_be() -> None:
    audit = Watched()
    for stage in (WARM, DRAINING, ADOPTED, ""):
        audit.see(pod("fine", stage), pod("fine", stage, leaving=True))
    assert audit.broken == []
    audit.see(pod("w", BRIDGED), pod("w", BRIDGED, leaving=True))
    audit.see(pod("w", BRIDGED, leaving=True), pod("w", BRIDGED, leaving=True))
    assert audit.broken == ["w was deleted while it served"]
