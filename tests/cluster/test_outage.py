"""Sources that are gone, seen from the Deployments: nothing is scaled down, however KEDA asks meanwhile."""

from collections.abc import Callable

import pytest

from tests.cluster.functions import Group, Stage

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")

OUTAGE = 20.0  # s: twenty polls of KEDA and twenty looks of the autoscaler at each object; a benchmark takes longer
EACH = 3  # functions of each source


@pytest.mark.timeout(240)
def test_nothing_is_scaled_down_while_the_sources_are_dead(stage: Stage, measured: Callable[[str], None]) -> None:
    names = {f"{kind}-{number}": kind for kind in stage.sources for number in range(EACH)}
    functions = stage.wait_followed(Group(stage.function(name, source=kind) for name, kind in names.items()))
    stage.fill(functions)
    for source in stage.sources.values():
        source.server.kill()
    seen = stage.fewest(OUTAGE)
    down = sorted(name for name, count in seen.items() if count < 2)
    measured(f"{', '.join(stage.sources)} dead for {OUTAGE:.0f} s: {len(down)} of {len(functions)} scaled down")
    assert not down
    for source in stage.sources.values():
        source.server.start()
    drained = Group(stage.at(f"{kind}-0", kind) for kind in stage.sources)
    drained.drain()
    drained.wait_replicas(0, within=60.0)
    others = Group(stage.at(name, kind) for name, kind in names.items() if not name.endswith("-0"))
    others.wait_replicas(2, within=1.0)


@pytest.mark.timeout(240)
def test_a_fallback_counts_once_an_outage_outlasts_what_may_be_held(stage: Stage) -> None:
    fallback = {"failureThreshold": 1, "replicas": 4}
    words = {"holdFor": "2s", "onUnknown": "error"}
    functions = stage.wait_followed(stage.each(words=words, fallback=fallback))
    stage.fill(functions)
    for source in stage.sources.values():
        source.server.kill()
    functions.wait_replicas(4, within=60.0)
    for source in stage.sources.values():
        source.server.start()
    functions.wait_replicas(2, within=60.0)
