"""The cases that the real control plane passes, asked of the simulated cluster."""

import pytest

from scaler.testing.clocks import in_jumping_time
from simulations.cluster.api import SimulatedApi
from simulations.cluster.cluster import running_cluster
from tests.conformance import reads, workloads, writes
from tests.conformance.asking import Asked, Case


@pytest.mark.parametrize("case", [*writes.CASES, *reads.CASES, *workloads.CASES], ids=lambda case: case.__name__)
@in_jumping_time
async def test_the_simulated_one(case: Case) -> None:
    async with running_cluster(SimulatedApi()) as cluster:
        await case(Asked(cluster.client("tests"), "test"))
