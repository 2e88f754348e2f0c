"""Each source on its real server, all of them side by side: from nothing to many and back, by push and by poll.

Every function is named after its source's kind, so what a failure shows names the source.
"""

from collections.abc import Callable

import pytest

from tests.cluster.functions import Group, Stage
from tests.cluster.sources import PARTITIONS
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")

MOST = PARTITIONS + 1
CALLS = "warmscaler_grpc_duration_seconds_count"


@pytest.mark.timeout(240)
def test_the_first_event_wakes_at_once_more_of_them_add_replicas_and_none_put_it_to_sleep(
    stage: Stage, measured: Callable[[str], None]
) -> None:
    functions = stage.wait_followed(stage.each(pollingInterval=60, cooldownPeriod=3, maxReplicaCount=MOST))
    for each in functions:
        took = stage.wake(each.name, each.push)
        measured(f"{each.name}: event, with its connection -> spec.replicas 1: {1_000 * took:.0f} ms")
        assert took < 2.0, f"{each.name}: the polling interval is 60 s"
    functions.push(11)
    functions.wait_replicas(3, within=30.0)
    functions.push(100)
    ceilings = {each.name: each.source.most or MOST for each in functions}
    functions.wait_replicas(ceilings, within=60.0)
    assert stage.most(3.0) == ceilings, "no more than may be used"
    functions.drain()
    for each in functions:
        stage.follow(each.name, source=each.name, maxReplicaCount=MOST)  # polled every second again: polls put to sleep
    functions.wait_replicas(0, within=60.0)


def test_a_backlog_up_to_the_activation_threshold_wakes_nobody(stage: Stage) -> None:
    threshold = {kind: {source.activation: "3"} for kind, source in stage.sources.items()}
    functions = stage.wait_followed(
        Group(stage.function(kind, source=kind, words=words) for kind, words in threshold.items())
    )
    functions.push(3)
    wait_until(lambda: _values(stage) == dict.fromkeys(stage.sources, 3.0), within=10.0, what="three events seen")
    assert stage.most(4.0) == dict.fromkeys(stage.sources, 0)
    functions.push()
    functions.wait_replicas(1, within=5.0)


def _values(stage: Stage) -> dict[str, float]:
    return {each["kind"]: float(each["value"] or 0) for each in stage.scaler.triggers(stage.namespace)}


def test_a_polled_trigger_wakes_grows_and_sleeps_without_a_stream(stage: Stage) -> None:
    functions = stage.each(push=False)
    functions.push(12)
    functions.wait_replicas(3, within=30.0)
    stage.wait_streams(0)
    functions.drain()
    functions.wait_replicas(0, within=30.0)


def test_cached_metrics_are_followed_and_values_are_totals_where_the_trigger_says_so(stage: Stage) -> None:
    cached = stage.wait_followed(stage.each(pollingInterval=4, trigger={"useCachedMetrics": True}))
    cached.push(12)
    cached.wait_replicas(3, within=30.0)
    before = stage.scaler.metric(CALLS, method="GetMetrics")
    stage.extremes(8.0)
    asked = stage.scaler.metric(CALLS, method="GetMetrics") - before
    assert asked <= 3 * len(cached), (
        "two or three polls; the autoscaler looks eight times, and is told what the poll saw"
    )
    for each in cached:
        stage.follow(each.name, source=each.name, trigger={"metricType": "Value"}, maxReplicaCount=MOST)
    cached.wait_replicas(MOST, within=60.0)


def test_another_target_counts_at_once(stage: Stage) -> None:
    functions = stage.wait_followed(stage.each(words={"target": 50}))
    functions.push(12)
    functions.wait_replicas(1, within=10.0)
    for each in functions:
        stage.follow(each.name, source=each.name, words={"target": 4})
    functions.wait_replicas(3, within=60.0)
    stage.wait_streams(len(functions), within=10.0)
