"""A function whose requests are served by Jobs: when they start, what they take, when they end."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.figures import Cause, Figures
from simulations.hpa import HpaSpec, MetricSpec
from simulations.jobs import spec_of
from simulations.keda import ScaledObject, TriggerSpec
from simulations.keda.jobs import JobWhy
from simulations.model import (
    SECOND,
    Backlog,
    Counts,
    Function,
    Happening,
    Incident,
    Ints,
    Job,
    KnativeRules,
    Phases,
    Series,
    Starts,
    Trigger,
    Work,
    World,
)
from simulations.run import simulate

S = SECOND


def ints(*values: float) -> Ints:
    return np.asarray([round(each * S) for each in values], dtype=np.int64)


def function(arrivals: list[float], job: Job, *, service: float = 60.0, counts: Counts = Counts.UNFINISHED) -> Function:
    """Poll at 5, 15, 25, … s; a pod runs 2 s after its Job is there, and takes work a second later."""
    metric = MetricSpec(target=1000)
    limit = spec_of(job).limit
    scaled = ScaledObject(triggers=(TriggerSpec(metric=metric),), polling_interval=10.0, max_replicas=limit)
    return Function(
        name="jobs",
        scaled=scaled,
        hpa=HpaSpec(metrics=(metric,), max_replicas=limit),
        triggers=(Trigger(source=Backlog(counts=counts), interval=S, first=0, watch=None),),
        work=Work(arrivals=ints(*arrivals), service=ints(*[service] * len(arrivals))),
        starts=Starts(schedule=ints(0.5), pull=ints(1.5), start=ints(1.0), ready=ints(99.0)),
        phases=Phases(check=5 * S, sync=0, gaps=ints()),
        job=job,
    )


def ran(one: Function, end: float = 600.0) -> Figures:
    (figures,) = simulate(World(functions=(one,), end=round(end * S))).figures
    return figures


def jobs(figures: Figures) -> list[tuple[float, int]]:
    assert {each.cause for each in figures.moves} <= {Cause.JOB}
    return [(each.at / S, each.after - each.before) for each in figures.moves]


def test_each_request_has_a_job_from_the_next_poll_on() -> None:
    figures = ran(function([0.1, 0.2, 12.0], Job()))
    assert jobs(figures) == [(5.0, 2), (15.0, 1)]
    assert figures.moves[0].why == JobWhy.QUEUE
    assert (figures.waits / S).tolist() == pytest.approx([7.9, 7.8, 6.0])
    assert (figures.done / S).tolist() == [68.0, 68.0, 78.0]
    assert (figures.served, figures.started, figures.most) == (3, 3, 3)
    assert figures.starts == (round(1.5 * S), round(4.5 * S), 3 * S, 0)
    assert figures.ready_time == figures.busy_time == 180 * S


@pytest.mark.parametrize(
    ("strategy", "counts", "expected"),
    [
        pytest.param("default", Counts.UNFINISHED, [(5.0, 3)], id="default, and a queue that counts what is worked on"),
        pytest.param("default", Counts.WAITING, [(5.0, 3)], id="default, and one that forgets what was taken"),
        pytest.param("accurate", Counts.WAITING, [(5.0, 3)], id="accurate, and one that forgets"),
        pytest.param("accurate", Counts.UNFINISHED, [(5.0, 3), (15.0, 3), (25.0, 3)], id="accurate counts twice"),
        pytest.param("eager", Counts.UNFINISHED, [(5.0, 3), (15.0, 3), (25.0, 3)], id="eager takes what there is"),
    ],
)
def test_strategies_go_with_what_a_queue_counts(
    strategy: str, counts: Counts, expected: list[tuple[float, int]]
) -> None:
    """As on a cluster: ``accurate`` over a queue that counts what is worked on starts Jobs that find nothing."""
    figures = ran(function([1.0, 1.0, 1.0], Job(strategy=strategy, max_replicas=7), counts=counts), end=30.0)
    assert jobs(figures) == expected


def test_a_job_that_finds_nothing_ends_at_once() -> None:
    figures = ran(function([1.0], Job(min_replicas=3, max_replicas=5), service=30.0), end=40.0)
    assert jobs(figures) == [(5.0, 3), (15.0, 2), (25.0, 2), (35.0, 2)]
    assert figures.moves[0].why == JobWhy.BELOW_MIN
    assert figures.busy_time == 30 * S


def test_a_job_takes_as_many_as_it_serves_at_once_and_ends_with_the_last() -> None:
    one = function([0.1, 0.2, 0.3, 0.4, 0.5], Job())
    scaled = replace(one.scaled, triggers=(TriggerSpec(metric=MetricSpec(target=3000)),))
    work = replace(one.work, service=ints(10, 20, 30, 10, 10))
    figures = ran(replace(one, scaled=scaled, work=work, concurrency=3))
    assert jobs(figures) == [(5.0, 2)]
    assert (figures.done / S).tolist() == [18.0, 18.0, 18.0, 28.0, 38.0]
    assert figures.ready_time == 40 * S  # 30 s of the first, 10 s of the second


def test_no_more_jobs_than_the_maximum() -> None:
    figures = ran(function([1.0] * 5, Job(max_replicas=2), service=7.0))
    assert figures.most == 2
    assert jobs(figures) == [(5.0, 2), (15.0, 2), (25.0, 1)]


def test_without_a_maximum_a_hundred_jobs_run_beside_the_least() -> None:
    bounds = (
        ran(function([1.0] * 300, Job(min_replicas=5)), end=30.0),
        ran(function([1.0] * 300, Job(min_replicas=5, max_replicas=100)), end=30.0),
    )
    assert [each.most for each in bounds] == [105, 100]


@pytest.mark.parametrize(
    ("percentage", "expected"),
    [
        pytest.param(None, [(5.0, 3), (15.0, 1)], id="none: as default, what runs is taken from what is asked"),
        pytest.param(0.5, [(5.0, 1), (15.0, 2), (25.0, 1)], id="a half of what runs, and two"),
    ],
)
def test_custom(percentage: float | None, expected: list[tuple[float, int]]) -> None:
    job = Job(strategy="custom", running_deduction=2, running_percentage=percentage)
    assert jobs(ran(function([1.0, 1.0, 1.0, 12.0], job), end=30.0)) == expected


@pytest.mark.parametrize(("several", "expected"), [("max", 6), ("min", 2), ("avg", 4), ("sum", 8)])
def test_several_triggers(several: str, expected: int) -> None:
    """Six requests wait: the first trigger asks for a Job each, of the second, which counts a third, two are wanted."""
    one = function([1.0] * 6, Job(several=several))
    third = Series(times=ints(0), values=np.asarray([2000]), active=np.asarray([1]))
    second = replace(one.triggers[0], source=third)
    scaled = replace(one.scaled, triggers=one.scaled.triggers * 2)
    figures = ran(replace(one, scaled=scaled, triggers=(*one.triggers, second)), end=10.0)
    assert jobs(figures) == [(5.0, expected)]


def test_a_scaled_job_is_not_knatives() -> None:
    with pytest.raises(ValueError, match="jobs is a ScaledJob, and Knative's"):
        replace(function([], Job()), knative=KnativeRules())


def test_a_source_that_does_not_answer_starts_no_more_and_what_is_up_waits() -> None:
    one = function([1.0], Job())
    outage = (Incident(at=6 * S, what=Happening.SOURCE_DOWN), Incident(at=100 * S, what=Happening.SOURCE_UP))
    figures = ran(replace(one, incidents=outage))
    assert jobs(figures) == [(5.0, 1)]
    assert (figures.waits / S).tolist() == [99.0]


def test_a_paused_scaled_job_starts_nothing_and_then_at_once() -> None:
    pause = (Incident(at=2 * S, what=Happening.PAUSE), Incident(at=33 * S, what=Happening.RESUME))
    figures = ran(replace(function([1.0], Job()), incidents=pause))
    assert jobs(figures) == [(33.0, 1)]


def test_a_rollout_leaves_jobs_alone() -> None:
    rollout = (Incident(at=20 * S, what=Happening.ROLLOUT),)
    figures = ran(replace(function([1.0], Job()), incidents=rollout))
    assert (figures.served, figures.started) == (1, 1)


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 200), max_size=30).map(sorted),
    st.sampled_from(["default", "accurate", "eager", "custom"]),
    st.sampled_from(list(Counts)),
    st.integers(1, 6),
    st.integers(1, 3),
)
def test_every_request_is_served_once_and_jobs_are_for_all(
    arrivals: list[int], strategy: str, counts: Counts, most: int, concurrency: int
) -> None:
    one = function(
        [float(at) for at in arrivals], Job(strategy=strategy, max_replicas=most), service=11.0, counts=counts
    )
    figures = ran(replace(one, concurrency=concurrency), end=4000.0)
    assert figures.arrived == figures.served == len(arrivals)
    assert figures.most <= most
    assert figures.busy_time == 11 * S * len(arrivals) == figures.service_time
    assert figures.started * concurrency >= len(arrivals)
    assert (figures.waits >= 0).all()
