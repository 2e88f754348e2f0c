"""A hundred thousand contended claims: no pod is claimed twice, and none is deleted while it is claimed."""

import logging

import pytest
import structlog

from scaler.net.kube import Kube
from scaler.pool.claims import Outcome
from scaler.testing.clocks import in_jumping_time
from simulations.cluster.api import SimulatedApi
from simulations.cluster.client import Faults, SimulatedKube
from simulations.cluster.store import Change, Kind
from tests.pool.contended import Contest, contend

ATTEMPTS = 25_000  # of each of four contests


def contest_on(api: SimulatedApi, *, attempts: int, conditions: bool = True) -> Contest:
    """Return a contest whose every change of a pod is looked at as it happens; caches are late, answers get lost."""

    def connect(who: str) -> Kube:
        faults = (
            Faults(unanswered=0.02, unheard=0.02, interleave=0.25, watch_lag=(0.0, 0.08))
            if who != "setting"
            else Faults()
        )
        return SimulatedKube(api, who, faults=faults)

    contest = Contest(connect=connect, namespace="default", attempts=attempts, conditions=conditions, seed=api.seed)

    def changed(kind: Kind, change: Change) -> None:
        if kind.kind == "Pod":
            before = change.before.document if change.before else None
            contest.saw(before, change.after.document, gone=change.gone)

    api.on_change(changed)
    return contest


@pytest.mark.parametrize("seed", range(4))
@in_jumping_time
async def test_no_pod_is_claimed_twice_or_deleted_while_claimed(seed: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # answers get lost
    contest = contest_on(SimulatedApi(seed=seed, recorded=1, kept=2000), attempts=ATTEMPTS)
    await contend(contest)
    assert (contest.twice, contest.deleted) == ([], [])
    assert contest.tried >= ATTEMPTS
    assert contest.lives > 30, "nobody was killed"
    assert contest.outcomes[Outcome.DONE] > ATTEMPTS / 10
    assert contest.outcomes[Outcome.CHANGED] > ATTEMPTS / 10, "there was no contention"


@in_jumping_time
async def test_without_the_conditions_of_a_claim_there_are_double_ones() -> None:
    contest = contest_on(SimulatedApi(seed=7, recorded=1), attempts=2_000, conditions=False)
    await contend(contest)
    assert contest.twice, "the test above would see none"
