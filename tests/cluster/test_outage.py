"""A source that is gone, seen from the Deployments: nothing is scaled down, however KEDA asks meanwhile."""

from collections.abc import Callable

import pytest

from tests.cluster.functions import Stage
from tests.servers.redis import Redis

pytestmark = pytest.mark.requires("cluster", "redis")

OUTAGE = 60.0  # s: thirty polls of KEDA and thirty looks of the autoscaler at each object


@pytest.mark.timeout(240)
def test_nothing_is_scaled_down_while_redis_is_dead(
    stage: Stage, redis_server: Redis, measured: Callable[[str], None]
) -> None:
    functions = stage.pushed(10)
    stage.fill(functions)
    redis_server.kill()
    seen = stage.fewest(OUTAGE)
    redis_server.start()
    down = sorted(name for name, count in seen.items() if count < 2)
    measured(f"Redis dead for {OUTAGE:.0f} s: {len(down)} of {len(functions)} scaled down")
    assert not down
    functions[0].drain()
    functions[0].wait_replicas(0, within=60.0)
    assert set(stage.replicas().values()) == {0, 2}, "what was drained sleeps after the outage, the others go on"
