"""``external``, without streams, through the real KEDA."""

import pytest

from tests.cluster.functions import Stage

pytestmark = pytest.mark.requires("cluster", "redis")


def test_a_polled_trigger_wakes_grows_and_sleeps_without_a_stream(stage: Stage) -> None:
    function = stage.function("polled", push=False)
    function.push(12)
    function.wait_replicas(3, within=30.0)
    stage.wait_streams(0)
    function.drain()
    function.wait_replicas(0, within=30.0)
