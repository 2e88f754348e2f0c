"""Triggers of every source in one ScaledObject, and targets that are no whole number."""

import pytest

from tests.cluster import manifests
from tests.cluster.api import HPAS, Document
from tests.cluster.functions import Function, Group, Stage
from tests.cluster.keda import Keda
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")


def test_of_several_triggers_the_one_that_asks_for_most_counts(stage: Stage) -> None:
    function, queues = _deploy(stage, {})
    for queue in queues:
        queue.push(12)
        function.wait_replicas(3, within=30.0)
        others = Group(each for each in queues if each is not queue)
        others.push(3)
        queue.drain()
        function.wait_replicas(1, within=30.0)
        others.drain()
    function.wait_replicas(0, within=30.0)


def test_a_formula_is_computed_from_our_values(stage: Stage) -> None:
    formula = {"formula": "redis + nats + 2 * kafka", "target": "1.6", "metricType": "AverageValue"}
    function, queues = _deploy(stage, {"scalingModifiers": formula})
    for queue in queues:
        queue.push(2)
    function.wait_replicas(5, within=30.0)  # (2 + 2 + 2 * 2) / 1.6; whatever it has before is not near enough to stay
    for queue in queues:
        queue.drain()
    function.wait_replicas(0, within=30.0)


def _deploy(stage: Stage, advanced: Document) -> tuple[Function, list[Function]]:
    """Deploy one function that waits in a queue of each source."""
    queues = [stage.at(kind, kind) for kind in stage.sources]
    for queue in queues:
        queue.source.make(queue.queue)
    named = [{**stage.trigger(each.name, source=each.name), "name": each.name.split("-")[0]} for each in queues]
    stage.api.apply(manifests.deployment(stage.namespace, "f"))
    function = stage.scale("f", named, advanced=advanced)
    stage.wait_streams(len(queues))
    return function, queues


def test_a_target_may_be_a_fraction_where_its_kind_allows_one(stage: Stage, keda: Keda) -> None:
    """``memory`` does so far; the others count what cannot be halved and refuse one, as KEDA's own scalers do."""
    if keda.release < (2, 17):
        pytest.skip("KEDA reads fractions of external scalers since 2.17")
    memory = manifests.trigger(stage.scaler.address, "memory", {"key": "load", "target": "2.5"})
    stage.api.apply(manifests.deployment(stage.namespace, "f"))
    function = stage.scale("f", [memory])
    wait_until(lambda: _target(stage) == "2.500", within=20.0, what="the fraction in the HPA")
    Group([function]).wait_told("Ready", "True", within=20.0)


def _target(stage: Stage) -> str:
    hpa = stage.api.find(HPAS, "keda-hpa-f", stage.namespace)
    return str(hpa["spec"]["metrics"][0]["external"]["target"]["averageValue"]) if hpa else ""
