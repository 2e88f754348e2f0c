"""The cases that the simulated cluster must pass as well, asked of the real control plane: it is always right."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from scaler.net.kube import Kube, running_kube
from tests.cluster.control_plane import ControlPlane
from tests.conformance import reads, workloads, writes
from tests.conformance.asking import Asked, Case

# One loop for all: a watch that is left takes a moment to close its connection, and a loop of its own would be gone.
pytestmark = [pytest.mark.requires("cluster"), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kube(control_plane: ControlPlane) -> AsyncIterator[Kube]:
    """Yield a client with all rights."""
    async with running_kube(control_plane.kubeconfig) as connected:
        assert connected is not None
        yield connected


@pytest.mark.parametrize("case", [*writes.CASES, *reads.CASES, *workloads.CASES], ids=lambda case: case.__name__)
async def test_the_real_one(kube: Kube, namespace: str, case: Case) -> None:
    await case(Asked(kube, namespace))
