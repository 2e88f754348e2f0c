"""ScaledObjects and KEDA's operator come and go; nothing of them stays behind, and nothing is forgotten.

All by Redis: what is opened and closed here are KEDA's streams and our triggers, whatever they read.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster import manifests
from tests.cluster.api import DEPLOYMENTS, SCALED_OBJECTS, Document
from tests.cluster.functions import Stage
from tests.cluster.keda import Keda
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")

OBJECTS, ROUNDS = 40, 5
FORGETS = "version: 1\nlimits: {forgetAfter: 10s}\n"


def test_a_restarted_operator_finds_everything_as_it_was(stage: Stage, keda: Keda) -> None:
    functions = list(stage.pushed(5, cooldownPeriod=60))
    stage.fill(functions[:3])
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


@pytest.mark.timeout(240)
def test_nothing_is_left_of_two_hundred_objects_that_came_and_went(
    stage: Stage, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    # Each has a name of its own: KEDA 2.21.0 may start two followers for an object that is made again, and its operator
    # ends in a panic when both of them close the channel of targets (external_scaler.go), whoever the scaler is.
    config = tmp_path / "config.yaml"
    config.write_text(FORGETS)
    targets = [f"f{number}" for number in range(OBJECTS)]
    with Warmscaler(tmp_path / "scaler", flags=[f"--config={config}"]) as scaler:
        own = replace(stage, scaler=scaler)
        for target in targets:
            own.api.apply(manifests.deployment(own.namespace, target))
        sizes = []
        for turn in range(ROUNDS):
            for target in targets:
                own.follow(f"{target}-{turn}", scaleTargetRef={"name": target}, pollingInterval=30)
            own.wait_streams(OBJECTS, within=60.0)
            own.api.delete(SCALED_OBJECTS, None, own.namespace)
            own.wait_streams(0, within=60.0)
            sizes.append(_kibibytes(scaler))
        wait_until(lambda: scaler.triggers(own.namespace) == [], within=30.0, what="the triggers forgotten")
        assert scaler.streams("StreamMetricSpec") == 0
        measured(
            f"{OBJECTS * ROUNDS} objects came and went: resident {sizes[0]} -> {sizes[-1]} KiB, {_files(scaler)} files"
        )
        assert sizes[-1] < sizes[0] + 4096
        assert _files(scaler) < 40


def _kibibytes(scaler: Warmscaler) -> int:
    """Return what is resident."""
    pages = int(Path(f"/proc/{scaler.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _files(scaler: Warmscaler) -> int:
    """Return how many files and sockets are open."""
    return len(list(Path(f"/proc/{scaler.pid}/fd").iterdir()))
