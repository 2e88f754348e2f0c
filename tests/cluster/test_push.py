"""``external-push`` through the real KEDA and the real autoscaler, by a list in a real Redis."""

import time
from collections.abc import Callable

import pytest

from tests.cluster.api import DEPLOYMENTS, SCALED_OBJECTS, Document
from tests.cluster.functions import Stage, quantile
from tests.cluster.keda import Keda
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "redis")


def test_the_first_event_wakes_a_deployment_at_once(stage: Stage, measured: Callable[[str], None]) -> None:
    functions = stage.pushed(20, pollingInterval=60, cooldownPeriod=300)
    latencies = [1_000 * stage.wake(each.name, each.push) for each in functions]
    p50, p95 = quantile(latencies, 0.5), quantile(latencies, 0.95)
    measured(
        f"LPUSH -> spec.replicas 1, {len(latencies)} times: p50 {p50:.0f} p95 {p95:.0f} max {max(latencies):.0f} ms"
    )
    assert max(latencies) < 2_000, "far below the polling interval, however busy the machine is"


def test_replicas_follow_the_backlog_and_end_at_zero_after_the_cooldown(
    stage: Stage, measured: Callable[[str], None]
) -> None:
    (function,) = stage.pushed(1, cooldownPeriod=6)
    begun = time.monotonic()
    function.push(50)
    function.wait_replicas(10, within=60.0)
    measured(f"backlog of 50 at target 5 -> 10 replicas after {time.monotonic() - begun:.1f} s")
    begun = time.monotonic()
    function.drain()
    function.wait_replicas(0, within=60.0)
    took = time.monotonic() - begun
    measured(f"drained -> 0 replicas after {took:.1f} s at a cooldown of 6 s")
    assert took > 3.0, "it was active at most one polling interval before it was drained"


def test_a_backlog_up_to_the_activation_threshold_wakes_nobody(stage: Stage) -> None:
    (function,) = stage.pushed(1, words={"activationListLength": "3"})
    function.push(3)
    wait_until(lambda: _value(stage) == 3, within=10.0, what="three events seen")
    with stage.api.watch(DEPLOYMENTS, stage.namespace, within=5.0) as deployments, pytest.raises(TimeoutError):
        deployments.until(lambda deployment: deployment["spec"]["replicas"] > 0)
    function.push()
    function.wait_replicas(1, within=5.0)


def _value(stage: Stage) -> float:
    return max((float(each["value"] or 0) for each in stage.scaler.triggers(stage.namespace)), default=0.0)


def test_streams_end_with_their_scaled_objects(stage: Stage) -> None:
    functions = stage.pushed(5)
    for function in functions[:2]:
        stage.api.delete(SCALED_OBJECTS, function.name, stage.namespace)
    stage.wait_streams(3, within=10.0)
    for function in functions[2:]:
        stage.api.delete(SCALED_OBJECTS, function.name, stage.namespace)
    stage.wait_streams(0, within=10.0)


def test_a_restarted_operator_finds_everything_as_it_was(stage: Stage, keda: Keda) -> None:
    functions = stage.pushed(5, cooldownPeriod=60)
    for function in functions[:3]:
        function.push(7)
        function.wait_replicas(2, within=30.0)
    with stage.api.watch(DEPLOYMENTS, stage.namespace, within=120.0) as deployments:
        keda.operator.kill()
        stage.wait_streams(0)
        keda.operator.start()
        stage.wait_streams(5)
        functions[4].push()
        deployments.until(lambda deployment: _is_awake(deployment, "f4"))
    assert stage.replicas() == {"f0": 2, "f1": 2, "f2": 2, "f3": 0, "f4": 1}


def _is_awake(deployment: Document, name: str) -> bool:
    assert deployment["metadata"]["name"] in ("f3", "f4") or deployment["spec"]["replicas"] == 2, "scaled down"
    return deployment["metadata"]["name"] == name and deployment["spec"]["replicas"] > 0
