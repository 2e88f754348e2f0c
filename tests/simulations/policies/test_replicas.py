"""Policies without warm pods: whom they are about."""

from dataclasses import replace

import pytest

from simulations.model import Job
from simulations.policies.overlays import OVERLAYS, laid
from tests.simulations.policies.worlds import function, world

JOB = replace(function([1.0, 2.0]), name="job", job=Job())


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_policy_leaves_a_scaled_job_as_it_is(name: str) -> None:
    orders, job = laid(name, world(function([30.0]), JOB)).functions
    assert job == JOB
    assert orders.job is None
