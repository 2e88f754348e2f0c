"""Which pods go first."""

from itertools import permutations

import pytest

from simulations.cluster.patches import Document
from simulations.cluster.ranking import DELETION_COST, victims_first
from simulations.cluster.times import stamp

NOW = 10_000.0


def pod(name: str, **facts: object) -> Document:
    """Return a pod: ``node``, ``phase``, ``ready`` (the age of its readiness), ``cost``, ``restarts``, ``age``."""
    facts = {"node": "n", **facts}
    since = [stamp(NOW - float(str(facts["ready"])))] if "ready" in facts else []
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": each} for each in since]
    return {
        "metadata": {
            "name": name,
            "uid": str(facts.get("uid", name)),
            "creationTimestamp": stamp(NOW - float(str(facts.get("age", 100.0)))),
            "annotations": {DELETION_COST: str(facts["cost"])} if "cost" in facts else {},
        },
        "spec": {"nodeName": facts["node"]} if facts["node"] else {},
        "status": {
            "phase": facts.get("phase", "Running"),
            "conditions": conditions,
            "containerStatuses": [{"restartCount": facts.get("restarts", 0)}],
        },
    }


@pytest.mark.parametrize(
    "pods",
    [
        pytest.param([pod("a", node="", phase="Running", ready=5), pod("b", phase="Pending")], id="without a node"),
        pytest.param([pod("a", phase="Pending"), pod("b", phase="Unknown"), pod("c")], id="by phase"),
        pytest.param([pod("a", cost=1000), pod("b", ready=1)], id="not ready, whatever it costs"),
        pytest.param([pod("a", ready=900, cost=-1), pod("b", ready=1), pod("c", ready=1, cost=5)], id="cheaper"),
        pytest.param([pod("a", ready=99, cost="dear", age=1), pod("b", ready=1, cost=5)], id="no number is 0"),
        pytest.param(
            [pod("a", node="x", ready=999), pod("b", node="x", ready=9999), pod("c", node="y", ready=1)],
            id="with more on its node",
        ),
        pytest.param([pod("z", ready=10), pod("a", ready=1000)], id="ready for a shorter time"),
        pytest.param([pod("a", ready=1000), pod("b", ready=1001)], id="of one magnitude by uid"),
        pytest.param([pod("b", restarts=3), pod("a", restarts=0)], id="restarted more often"),
        pytest.param([pod("z", age=10), pod("a", age=1000)], id="younger"),
    ],
)
def test_goes_first(pods: list[Document]) -> None:
    names = [each["metadata"]["name"] for each in pods]
    for order in permutations(pods):
        assert [each["metadata"]["name"] for each in victims_first(order, NOW)] == names
