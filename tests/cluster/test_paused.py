"""KEDA's annotations that pause scaling, on functions of each source."""

import pytest

from tests.cluster.api import SCALED_OBJECTS
from tests.cluster.functions import Group, Stage
from tests.cluster.keda import Keda

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")


def test_a_paused_object_lets_go_of_its_streams_and_wakes_when_it_is_resumed(stage: Stage) -> None:
    functions = stage.wait_followed(stage.each())
    _annotate(functions, "paused", "true")
    stage.wait_streams(0, within=20.0)
    functions.push(7)
    assert set(stage.most(3.0).values()) == {0}
    _annotate(functions, "paused", None)
    functions.wait_replicas(2, within=30.0)


def test_a_number_of_replicas_is_kept_while_it_is_annotated(stage: Stage) -> None:
    functions = stage.wait_followed(stage.each())
    _annotate(functions, "paused-replicas", "2")
    functions.wait_replicas(2, within=20.0)
    stage.wait_streams(0, within=20.0)
    functions.push(20)
    assert set(stage.most(3.0).values()) == {2}
    functions.drain()
    _annotate(functions, "paused-replicas", None)
    functions.wait_replicas(0, within=30.0)


def test_only_one_direction_may_be_paused(stage: Stage, keda: Keda) -> None:
    if keda.release < (2, 18):
        pytest.skip("KEDA pauses one direction since 2.18")
    functions = stage.wait_followed(stage.each())
    functions.push(7)
    functions.wait_replicas(2, within=30.0)
    _annotate(functions, "paused-scale-in", "true")
    functions.drain()
    assert set(stage.fewest(6.0).values()) == {2}, "longer than the cooldown and the autoscaler's patience"
    _annotate(functions, "paused-scale-in", None)
    functions.wait_replicas(0, within=30.0)
    _annotate(functions, "paused-scale-out", "true")
    functions.push(7)
    assert set(stage.most(3.0).values()) == {0}
    _annotate(functions, "paused-scale-out", None)
    functions.wait_replicas(2, within=30.0)


def _annotate(functions: Group, what: str, value: str | None) -> None:
    change = {"metadata": {"annotations": {f"autoscaling.keda.sh/{what}": value}}}
    for each in functions:
        each.api.patch(SCALED_OBJECTS, each.name, each.namespace, change)
