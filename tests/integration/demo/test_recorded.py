"""A live demo is recorded (scaler, pool and simulated API), read back, and replayed as it was."""

from pathlib import Path

import pytest

from simulations.demo.lane import COOLDOWN, DOWN_WINDOW, MAX_REPLICAS, PUSH_INTERVAL, TARGET
from simulations.demo.options import POOL as WARM
from simulations.recording import Scaled, read, reconstructed
from simulations.replay import Asked, replay
from tests.integration.demo.live import Step, lived

pytestmark = pytest.mark.timeout(120)

DURATION = 45.0
SEEN = 2.5  # s until the recording has seen a change: it looks at a pool every second, and at an object every two
MANIFEST = f"""
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: orders-pool}}
spec:
  scaleTargetRef: {{name: orders-pool}}
  maxReplicaCount: {MAX_REPLICAS}
  pollingInterval: {PUSH_INTERVAL:.0f}
  cooldownPeriod: {COOLDOWN:.0f}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior: {{scaleDown: {{stabilizationWindowSeconds: {DOWN_WINDOW:.0f}}}}}
  triggers:
  - type: external-push
    metadata: {{kind: memory, key: demo-pool, target: "{TARGET}", scalerAddress: "x:6000"}}
"""


def test_what_a_demo_recorded_is_what_it_did_and_replays(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    run = ("--seed", "2", "--speed", "1", "--duration", f"{DURATION}", "--alone", "--record", f"{folder}")
    live = lived(*run, within=100.0)["pool"]
    recorded = next(each for each in read(folder).scaled if each.name == live.name)
    assert (recorded.pool, recorded.hits, recorded.pool_size) == (live.name, live.report["hits"], WARM)
    _check_replicas(recorded, live.steps)
    assert 0 < reconstructed(recorded.triggers[0]).size <= live.report["served"]  # a lower bound
    _check_replay(folder, tmp_path, len(live.steps))


def _check_replicas(recorded: Scaled, steps: list[Step]) -> None:
    """See that replicas changed as KEDA and the HPA changed them, each seen soon."""
    assert recorded.asked is not None
    values = recorded.asked.values.tolist()
    changed = [index for index in range(1, len(values)) if values[index] != values[index - 1]]
    assert [(values[index - 1], values[index]) for index in changed] == [(each.before, each.after) for each in steps]
    begins = [recorded.asked.times[index] / 1e6 - each.at for index, each in zip(changed, steps, strict=True)]
    assert max(begins) - min(begins) <= SEEN


def _check_replay(folder: Path, tmp_path: Path, steps: int) -> None:
    """See that the recorded metric alone leads to the recorded replicas, when KEDA's checks come at any instant."""
    manifest = tmp_path / "mine.yaml"
    manifest.write_text(MANIFEST)
    found = replay(folder, {"keda-poll": {}}, Asked(manifests=manifest, only=("demo/orders-pool",)))
    (fidelity,) = found.fidelity
    assert len(fidelity.recorded.wakes) + len(fidelity.recorded.sleeps) == steps >= 3
    for what in ("wakes", "sleeps"):
        count = len(getattr(fidelity.recorded, what))
        assert fidelity.apart(what)[0] == len(getattr(fidelity.typical, what)) == count
    assert fidelity.apart("wakes")[1] <= SEEN
    assert fidelity.apart("sleeps")[1] <= PUSH_INTERVAL + SEEN
    assert fidelity.error <= 100.0 * (PUSH_INTERVAL + SEEN) * steps / DURATION
    assert found.study is not None
