"""What else a ScaledObject may say, with our triggers in it."""

import pytest

from tests.cluster import manifests
from tests.cluster.api import DEPLOYMENTS, HPAS, JOBS, SCALED_OBJECTS, Document
from tests.cluster.functions import Stage
from tests.cluster.keda import Keda
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until
from tests.servers.redis import Redis

pytestmark = pytest.mark.requires("cluster", "redis")


def test_of_two_triggers_the_one_that_asks_for_more_counts(stage: Stage) -> None:
    stage.api.apply(manifests.deployment(stage.namespace, "f"))
    function = stage.scale("f", [stage.trigger("a"), stage.trigger("b")])
    stage.wait_streams(2)
    stage.at("a").push(3)
    stage.at("b").push(12)
    function.wait_replicas(3, within=30.0)
    stage.at("b").drain()
    function.wait_replicas(1, within=30.0)


def test_a_formula_is_computed_from_our_values(stage: Stage) -> None:
    stage.api.apply(manifests.deployment(stage.namespace, "f"))
    named: list[Document] = [{**stage.trigger(name), "name": name} for name in ("a", "b")]
    formula = {"scalingModifiers": {"formula": "a + b", "target": "5", "metricType": "AverageValue"}}
    function = stage.scale("f", named, advanced=formula)
    stage.wait_streams(2)
    stage.at("a").push(7)
    stage.at("b").push(8)
    function.wait_replicas(3, within=30.0)


def test_cached_metrics_are_followed(stage: Stage) -> None:
    stage.api.apply(manifests.deployment(stage.namespace, "f"))
    function = stage.scale("f", [{**stage.trigger("f"), "useCachedMetrics": True}])
    stage.wait_streams(1)
    function.push(12)
    function.wait_replicas(3, within=30.0)


def test_values_are_totals_where_the_metric_type_says_so(stage: Stage) -> None:
    stage.api.apply(manifests.deployment(stage.namespace, "f"))
    function = stage.scale("f", [{**stage.trigger("f"), "metricType": "Value"}], maxReplicaCount=4)
    stage.wait_streams(1)
    function.push(10)
    function.wait_replicas(4, within=60.0)


def test_the_most_replicas_are_never_exceeded(stage: Stage) -> None:
    (function,) = stage.pushed(1, maxReplicaCount=3, minReplicaCount=1)
    function.wait_replicas(1, within=30.0)
    function.push(500)
    function.wait_replicas(3, within=30.0)


def test_a_paused_object_lets_go_of_its_stream_and_wakes_when_it_is_resumed(stage: Stage) -> None:
    (function,) = stage.pushed(1)
    _annotate(stage, function.name, "true")
    stage.wait_streams(0, within=20.0)
    function.push(7)
    assert stage.fewest(5.0) == {function.name: 0}
    _annotate(stage, function.name, None)
    function.wait_replicas(2, within=30.0)


def _annotate(stage: Stage, name: str, paused: str | None) -> None:
    change = {"metadata": {"annotations": {"autoscaling.keda.sh/paused": paused}}}
    stage.api.patch(SCALED_OBJECTS, name, stage.namespace, change)


def test_its_fallback_counts_once_an_outage_outlasts_what_it_may_be_held(stage: Stage, redis_server: Redis) -> None:
    fallback = {"failureThreshold": 1, "replicas": 6}
    (function,) = stage.pushed(1, words={"holdFor": "2s", "onUnknown": "error"}, fallback=fallback)
    stage.fill([function])
    redis_server.kill()
    function.wait_replicas(6, within=60.0)
    redis_server.start()
    function.wait_replicas(2, within=60.0)


@pytest.mark.parametrize("strategy", ["default", "accurate"])
def test_a_scaled_job_starts_a_job_for_each_event(stage: Stage, strategy: str) -> None:
    wanted = {"scalingStrategy": {"strategy": strategy}, "maxReplicaCount": 10}
    trigger = stage.trigger("jobs", push=False, listLength="1")
    stage.at("jobs").push(3)
    stage.api.apply(manifests.scaled_job(stage.namespace, "jobs", [trigger], **wanted))
    wait_until(lambda: len(stage.api.all(JOBS, stage.namespace)) >= 3, within=30.0, what="three jobs")
    stage.at("jobs").drain()


def test_new_defaults_reach_the_autoscaler_without_a_touch_of_the_object(
    stage: Stage, keda: Keda, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if keda.release < (2, 21):
        pytest.skip("KEDA follows an external scaler's targets since 2.21")
    home = tmp_path_factory.mktemp("configured")
    config = home / "config.yaml"
    config.write_text(_defaults(target=50))
    with Warmscaler(home, flags=[f"--config={config}"]) as scaler:
        words = {"address": stage.address, "listName": f"{stage.namespace}:f"}
        stage.api.apply(manifests.deployment(stage.namespace, "f"))
        stage.scale("f", [manifests.trigger(scaler.address, "redis", words)], pollingInterval=60)
        wait_until(lambda: _target(stage) == "50", within=30.0, what="the old target in the HPA")
        wait_until(lambda: scaler.streams("StreamMetricSpec") == 1, within=30.0, what="specs followed")
        config.write_text(_defaults(target=7))
        wait_until(lambda: _target(stage) == "7", within=20.0, what="the new target in the HPA")


def _defaults(*, target: int) -> str:
    return f"version: 1\ndefaults: {{kinds: {{redis: {{listLength: {target}}}}}}}\n"


def _target(stage: Stage) -> str:
    hpa = stage.api.find(HPAS, "keda-hpa-f", stage.namespace)
    return str(hpa["spec"]["metrics"][0]["external"]["target"]["averageValue"]) if hpa else ""


def test_nothing_is_left_of_two_hundred_objects_that_came_and_went(stage: Stage) -> None:
    names = [f"f{number}" for number in range(40)]
    for name in names:
        stage.api.apply(manifests.deployment(stage.namespace, name))
    for _ in range(5):
        for name in names:
            stage.follow(name)
        stage.wait_streams(len(names), within=60.0)
        stage.api.delete(SCALED_OBJECTS, None, stage.namespace)
        stage.wait_streams(0, within=60.0)
    assert stage.scaler.streams("StreamMetricSpec") == 0
    assert len(stage.scaler.triggers(stage.namespace)) <= len(names)
    assert len(stage.api.all(DEPLOYMENTS, stage.namespace)) == len(names)
