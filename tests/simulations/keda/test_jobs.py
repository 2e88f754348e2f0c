"""How many Jobs are started: every strategy, several triggers, minimum and maximum.

Rows without a word of their own are those of KEDA's tests (keda 2.21, scale_jobs_test.go, scaledjob/metrics.go).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.hpa import MetricSpec, TargetKind
from simulations.keda.jobs import Demand, Jobs, JobSpec, JobWhy, Several, Strategy, demand, started
from simulations.keda.model import Answer, Failed, Told

DEFAULT, CUSTOM, ACCURATE, EAGER = Strategy.DEFAULT, Strategy.CUSTOM, Strategy.ACCURATE, Strategy.EAGER
PLENTY = 1000  # waits, so that the queue limits nothing


def count(spec: JobSpec, jobs: int, running: int, pending: int, queue: int = PLENTY) -> int:
    return started(spec, Demand(active=True, queue=queue, jobs=jobs), Jobs(unfinished=running, pending=pending)).count


@pytest.mark.parametrize(
    ("strategy", "most", "state", "expected"),
    [
        (DEFAULT, 5, (3, 2, 0), 1),
        (DEFAULT, 5, (2, 0, 0), 2),
        pytest.param(DEFAULT, 5, (2, 4, 0), 0, id="default: more run than are wanted"),
        (ACCURATE, 5, (3, 2, 0), 3),
        (ACCURATE, 5, (5, 2, 0), 3),
        (ACCURATE, 10, (3, 4, 2), 1),
        (ACCURATE, 5, (5, 4, 2), 1),
        (ACCURATE, 5, (3, 3, 3), 0),
        (ACCURATE, 20, (15, 15, 15), 0),
        (ACCURATE, 15, (10, 10, 10), 0),
        (ACCURATE, 20, (20, 15, 10), 5),
        (EAGER, 10, (4, 3, 0), 4),
        (EAGER, 10, (4, 0, 3), 4),
        (EAGER, 10, (4, 7, 0), 3),
        (EAGER, 10, (4, 1, 6), 3),
        (EAGER, 10, (15, 0, 0), 10),
    ],
)
def test_strategies(strategy: Strategy, most: int, state: tuple[int, int, int], expected: int) -> None:
    """The ``state`` is of Jobs that are asked for, that are not finished, and that have no running pod."""
    assert count(JobSpec(strategy=strategy, max_replicas=most), *state) == expected


@pytest.mark.parametrize(
    ("deduction", "percentage", "most", "state", "expected"),
    [
        (1, 0.5, 5, (3, 2, 0), 1),
        (1, 0.5, 10, (10, 0, 0), 9),
        (0, 0.5, 100, (10, 2, 0), 9),
        (0, 0.5, 100, (10, 0, 0), 10),
        (-2, 0.0, 4, (3, 2, 0), 4),
        pytest.param(0, 0.5, 100, (10, 5, 0), 8, id="half of five is two"),
        pytest.param(7, None, 5, (3, 2, 0), 1, id="without a percentage it is default"),
    ],
)
def test_custom(
    deduction: int, percentage: float | None, most: int, state: tuple[int, int, int], expected: int
) -> None:
    spec = JobSpec(strategy=CUSTOM, deduction=deduction, percentage=percentage, max_replicas=most)
    assert count(spec, *state) == expected


@pytest.mark.parametrize(
    ("bounds", "jobs", "running", "expected", "why"),
    [
        pytest.param((2, 10), 0, 0, 2, JobWhy.BELOW_MIN, id="up to the minimum"),
        pytest.param((2, 10), 0, 1, 1, JobWhy.BELOW_MIN, id="what runs counts"),
        pytest.param((2, 10), 2, 2, 2, JobWhy.QUEUE, id="the minimum runs beside what waits"),
        pytest.param((2, 10), 2, 4, 0, JobWhy.ENOUGH, id="the others count"),
        pytest.param((5, 3), 0, 0, 3, JobWhy.BELOW_MIN, id="a minimum above the maximum is the maximum"),
    ],
)
def test_the_minimum(bounds: tuple[int, int], jobs: int, running: int, expected: int, why: JobWhy) -> None:
    spec = JobSpec(min_replicas=bounds[0], max_replicas=bounds[1])
    found = started(spec, Demand(active=True, queue=jobs, jobs=jobs), Jobs(unfinished=running, pending=0))
    assert (found.count, found.why) == (expected, why)


def test_no_more_jobs_than_wait_are_started_but_eagerly() -> None:
    lazy, eager = (JobSpec(strategy=each, max_replicas=10) for each in (DEFAULT, EAGER))
    assert count(lazy, jobs=9, running=0, pending=0, queue=2) == 2
    assert count(eager, jobs=9, running=0, pending=0, queue=2) == 9


def test_nothing_is_started_without_activity() -> None:
    found = started(JobSpec(), Demand(active=False, queue=5, jobs=5), Jobs(unfinished=0, pending=0))
    assert (found.count, found.why) == (0, JobWhy.QUIET)


# -- what the triggers ask for -----------------------------------------------------------------------------------------


def told(value: float, *, active: bool = True) -> Told:
    return Told(value=round(value * 1000), active=active)


def asked(answers: list[Answer], targets: list[float], **more: object) -> tuple[bool, int, int, bool]:
    metrics = [MetricSpec(target=round(each * 1000)) for each in targets]
    found = demand(JobSpec(max_replicas=100, **more), answers, metrics)  # type: ignore[arg-type]  # as each row says
    return found.active, found.queue, found.jobs, found.failed


@pytest.mark.parametrize(
    ("several", "expected"),
    [
        (Several.MAX, (True, 20, 7, False)),
        (Several.MIN, (True, 4, 4, False)),
        (Several.AVG, (True, 12, 6, False)),
        (Several.SUM, (True, 24, 11, False)),
    ],
)
def test_several_triggers(several: Several, expected: tuple[bool, int, int, bool]) -> None:
    answers: list[Answer] = [told(20), told(4), told(90, active=False)]
    assert asked(answers, [3, 1, 1], several=several) == expected


@pytest.mark.parametrize(
    ("answers", "targets", "expected"),
    [
        pytest.param([told(11)], [5], (True, 11, 3, False), id="rounded up"),
        pytest.param([told(0.5)], [1], (True, 1, 1, False), id="a part of one is one"),
        pytest.param([told(5000)], [1], (True, 5000, 100, False), id="no more Jobs than the maximum"),
        pytest.param([told(0)], [1], (False, 0, 0, False), id="activity alone starts nothing"),
        pytest.param([told(9, active=False)], [1], (False, 0, 0, False), id="what is inactive does not count"),
        pytest.param([Failed()], [1], (False, 0, 0, True), id="a failure is no work"),
        pytest.param([Failed(), told(3)], [1, 1], (True, 3, 3, True), id="the other trigger goes on"),
        pytest.param([told(7), told(7)], [7, 1], (True, 7, 1, False), id="of equal queues the first"),
    ],
)
def test_demand(answers: list[Answer], targets: list[float], expected: tuple[bool, int, int, bool]) -> None:
    assert asked(answers, targets) == expected


def test_the_least_queue_is_not_an_empty_one() -> None:
    assert asked([told(5), told(0), told(3)], [1, 1, 1], several=Several.MIN) == (True, 3, 3, False)


def test_a_minimum_is_activity_enough() -> None:
    assert asked([told(0, active=False)], [1], min_replicas=1) == (True, 0, 0, False)


def test_a_target_of_kind_value_asks_for_no_job() -> None:
    metric = MetricSpec(target=1000, kind=TargetKind.VALUE)
    found = demand(JobSpec(), [told(9)], [metric])
    assert (found.active, found.queue, found.jobs) == (True, 9, 0)


def test_the_default_maximum_does_not_count_the_minimum_in() -> None:
    assert (JobSpec(min_replicas=5).most, JobSpec(min_replicas=5, max_replicas=100).most) == (100, 95)


@given(
    st.sampled_from([DEFAULT, ACCURATE, EAGER]),
    st.integers(1, 50),
    st.integers(0, 200),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_there_are_never_more_jobs_than_the_maximum(
    strategy: Strategy, most: int, queue: int, unfinished: int, pending: int
) -> None:
    jobs = Jobs(unfinished=unfinished, pending=min(pending, unfinished))
    spec = JobSpec(strategy=strategy, max_replicas=most)
    found = demand(spec, [told(queue)], [MetricSpec(target=1000)])
    assert unfinished + started(spec, found, jobs).count <= max(most, unfinished)
