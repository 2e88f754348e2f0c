"""ScaledJobs by each source, with jobs that go on running while their events still wait."""

import pytest

from tests.cluster import manifests
from tests.cluster.api import JOBS, SCALED_JOBS
from tests.cluster.control_plane import condition
from tests.cluster.functions import Stage
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")

EVENTS, MOST = 3, 7  # a Kafka group counts no more events than it has partitions


def test_jobs_are_started_as_the_strategy_counts_them(stage: Stage) -> None:
    """``default`` takes running jobs from what waits, ``accurate`` means that a running job's event waits no longer."""
    for strategy in _JOBS:
        for kind in stage.sources:
            _deploy(stage, f"{kind}-{strategy}", kind, strategy)
    wait_until(
        lambda: _ready(stage) == 2 * len(stage.sources), within=30.0, what="all ready"
    )  # KEDA looks twice at first
    for strategy in _JOBS:
        for kind in stage.sources:
            stage.at(f"{kind}-{strategy}", kind).push(EVENTS)
    wanted = {f"{kind}-{strategy}": most for kind in stage.sources for strategy, most in _JOBS.items()}
    try:
        wait_until(lambda: _jobs(stage) == wanted, within=60.0, what=f"{wanted}")
    except TimeoutError as why:
        why.add_note(f"but {_jobs(stage)}")
        raise
    for name in wanted:
        stage.at(name, name.rpartition("-")[0]).drain()


_JOBS = {"default": EVENTS, "accurate": MOST}


def _deploy(stage: Stage, name: str, kind: str, strategy: str) -> None:
    queue = stage.at(name, kind)
    queue.source.make(queue.queue)
    trigger = stage.trigger(name, source=kind, push=False, target=1)
    # KEDA must have seen the jobs that it has started before it counts again.
    wanted = {"scalingStrategy": {"strategy": strategy}, "maxReplicaCount": MOST, "pollingInterval": 3}
    stage.api.apply(manifests.scaled_job(stage.namespace, name, [trigger], lasts=600.0, **wanted))


def _ready(stage: Stage) -> int:
    return sum(condition(each, "Ready") == "True" for each in stage.api.all(SCALED_JOBS, stage.namespace))


def _jobs(stage: Stage) -> dict[str, int]:
    owners = [each["metadata"]["ownerReferences"][0]["name"] for each in stage.api.all(JOBS, stage.namespace)]
    return {name: owners.count(name) for name in owners}
