"""The ScaledJobs of the simulator, beside KEDA's: at every poll, as many Jobs for the same lists and the same Jobs."""

from collections.abc import Callable

import pytest

from tests.cluster.truth.jobs import JOB_CASES, JobCase, simulated
from tests.cluster.truth.objects import END
from tests.cluster.truth.play import Played

pytestmark = [pytest.mark.requires("cluster", "redis"), pytest.mark.timeout(400)]


@pytest.mark.parametrize("case", JOB_CASES, ids=lambda case: case.name)
def test_as_many_jobs_are_started_at_every_poll(played: Played, case: JobCase) -> None:
    """Where a list changed about when it was read, either length may have counted."""
    wrong = [
        f"{poll}, and {list(simulated(case, poll))} simulated"
        for poll in played.jobs[case.name]
        if poll.created not in simulated(case, poll)
    ]
    assert wrong == []


def test_the_scaled_jobs_were_worth_it(played: Played, measured: Callable[[str], None]) -> None:
    """Polls that start nothing, or could start anything, compare nothing."""
    polled = [(case, poll) for case in JOB_CASES for poll in played.jobs[case.name]]
    created = sum(poll.created for _, poll in polled)
    unsure = sum(len(set(simulated(case, poll))) > 1 for case, poll in polled)
    unequal = sum(poll.created not in simulated(case, poll) for case, poll in polled)
    measured(
        f"{len(JOB_CASES)} ScaledJobs, {len(polled)} polls, {created} Jobs created: "
        f"{unequal} polls unequal, {unsure} unsure"
    )
    assert len(polled) >= len(JOB_CASES) * END / 4
    assert created >= 10 * len(JOB_CASES)
    assert unsure <= len(polled) / 4
