"""The cases that the simulated cluster must pass as well, asked of the real control plane: it is always right."""

import pytest

from scaler.net.kube import running_kube
from tests.cluster.control_plane import ControlPlane
from tests.conformance import reads, workloads, writes
from tests.conformance.asking import Asked, Case

pytestmark = pytest.mark.requires("cluster")


@pytest.mark.parametrize("case", [*writes.CASES, *reads.CASES, *workloads.CASES], ids=lambda case: case.__name__)
async def test_the_real_one(control_plane: ControlPlane, namespace: str, case: Case) -> None:
    async with running_kube(control_plane.kubeconfig) as kube:
        assert kube is not None
        await case(Asked(kube, namespace))
