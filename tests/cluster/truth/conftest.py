"""What several tests look at: one play, with a control plane, a KEDA and a service of its own."""

from pathlib import Path

import pytest

from tests.cluster import build
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keda import Keda
from tests.cluster.truth.objects import FLAGS
from tests.cluster.truth.play import Play, Played
from tests.cluster.truth.syncs import ScaleAudit
from tests.cluster.warmscaler import Warmscaler
from tests.servers.redis import Redis


@pytest.fixture(scope="package")
def played(request: pytest.FixtureRequest, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Let all ScaledObjects and ScaledJobs live through their scripts at the same time."""
    home = tmp_path_factory.mktemp("truth")
    version = request.config.getoption("--keda")
    gap = build.missing([build.keda(version)])
    assert not gap, gap
    plane = ControlPlane(home / "plane", hpa=FLAGS)
    audit = plane.api_server.audit = ScaleAudit(home / "plane" / "kube-apiserver")
    with plane, Keda(home / "keda", plane, version=version) as keda, _service(home, plane) as scaler:
        play = Play(plane.api, redis_server, scaler)
        play.deploy()
        play.perform()
        return play.played(audit, keda.operator.log.read_text())


def _service(home: Path, plane: ControlPlane) -> Warmscaler:
    return Warmscaler(home / "warmscaler", flags=[f"--kubeconfig={plane.kubeconfig}"])
