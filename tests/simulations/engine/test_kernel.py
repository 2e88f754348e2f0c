"""What one function lives through, told by its moves and waits; each number can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from simulations.figures import Blame, Cause, Figures
from simulations.hpa import Behavior, MetricSpec
from simulations.keda import ScaledObject, TriggerSpec
from simulations.model import SECOND, Backlog, Counts, Happening, KnativeRules, Series
from simulations.run import Engine
from tests.simulations.engine.worlds import BEHAVED, function, ints, phases, pool, run, scaled, work

HOUR = 3600.0


def moved(figures: Figures, *causes: Cause) -> list[tuple[float, int, int]]:
    """Return the moves of some causes: seconds, before, after."""
    return [(each.at / SECOND, each.before, each.after) for each in figures.moves if each.cause in causes]


def test_a_push_wakes_when_the_source_tells() -> None:
    figures = run(function(work([101.0])))
    assert moved(figures, Cause.KEDA_WAKES) == [(101.005, 0, 1)]
    assert figures.waits.tolist() == [8_005_000]
    assert figures.cold == 1
    assert (figures.blamed[Blame.POLL], figures.blamed[Blame.START]) == (5_000, 8_000_000)


def test_without_push_the_next_check_wakes() -> None:
    figures = run(function(work([101.0]), rules=scaled(push=False)))
    assert moved(figures, Cause.KEDA_WAKES) == [(130.0, 0, 1)]  # the checks are at 10, 40, 70, 100, 130
    assert figures.blamed[Blame.POLL] == 29 * SECOND


def test_what_the_source_cannot_tell_is_read_at_the_next_reading() -> None:
    figures = run(function(work([101.0]), watch=None))
    assert moved(figures, Cause.KEDA_WAKES) == [(102.0, 0, 1)]


def test_it_sleeps_at_the_first_check_after_the_cooldown() -> None:
    figures = run(function(work([101.0], service=5.0)))
    # Active from 101.005 to the reading of 116, so last at the beat of 111.005; the checks are at 400, 430.
    assert moved(figures, Cause.KEDA_SLEEPS) == [(430.0, 1, 0)]
    assert figures.ready_time == 430_000_000 - 109_005_000


@pytest.mark.parametrize(("behavior", "steps"), [(None, [4, 8, 16, 20]), (BEHAVED, [5, 10, 20])])
def test_the_hpa_climbs_as_it_does(behavior: Behavior | None, steps: list[int]) -> None:
    figures = run(function(work([0.0] * 20, service=300.0), rules=scaled(behavior=behavior)), seconds=120.0)
    assert [after for _, _, after in moved(figures, Cause.HPA_UP)] == steps
    assert figures.most == 20
    assert figures.limit_time == 0


def test_whoever_waits_knows_for_what() -> None:
    figures = run(function(work([1.0] * 20, service=300.0), start=1.0), seconds=120.0)
    polled, started, rated, synced, queued, cut = figures.blamed
    assert polled == 20 * 5_000
    assert rated > 0 < synced
    assert (queued, cut) == (0, 0)
    assert sum(figures.blamed) == int(figures.waits.sum())
    assert started > 0


def test_requests_are_kept_count_of() -> None:
    figures = run(function(work([1.0, 2.0, 3.0, 590.0, 599.9], service=20.0)))
    assert (figures.arrived, figures.served, figures.serving, figures.waiting) == (5, 3, 1, 1)


def test_what_comes_before_the_warm_up_is_not_counted() -> None:
    figures = run(function(work([10.0, 305.0])), warmup=300 * SECOND)
    assert (figures.arrived, figures.served, figures.started, figures.wakes) == (1, 1, 0, 0)
    assert figures.waits.tolist() == [0]
    assert figures.ready_time == figures.busy_time + 299 * SECOND == 300 * SECOND


@pytest.mark.parametrize(("counts", "most"), [(Counts.UNFINISHED, 4), (Counts.WAITING, 3)])
def test_a_source_counts_what_it_counts(counts: Counts, most: int) -> None:
    load = work([0.0] * 4, service=500.0)
    figures = run(function(load, source=Backlog(counts=counts), replicas=1, rules=scaled(target=1.0)), seconds=14.0)
    assert figures.most == most


def test_what_waits_at_the_limit_waits_in_the_queue() -> None:
    load = work([0.0] * 3, service=500.0)
    figures = run(function(load, rules=scaled(max_replicas=1), replicas=1), seconds=100.0, bins=1)
    assert figures.timeline is not None
    assert figures.timeline.backlog.tolist() == [2]
    assert figures.blamed[Blame.QUEUE] == 2 * 100 * SECOND
    assert figures.limit_time == 100 * SECOND


def test_an_outage_puts_nothing_to_sleep_and_nothing_into_service() -> None:
    incidents = {50.0: Happening.SOURCE_DOWN, 450.0: Happening.SOURCE_UP}
    figures = run(function(work([1.0, 60.0], service=100.0), incidents=incidents), seconds=900.0)
    assert figures.waits.tolist()[1] == 390 * SECOND
    assert figures.blamed[Blame.SOURCE] == 390 * SECOND
    assert [at for at, _, _ in moved(figures, Cause.KEDA_SLEEPS)] == [850.0]  # 550 done, found at 550, 300 s later


def test_a_scaler_that_restarts_holds_what_is_there() -> None:
    incidents = {60.0: Happening.SCALER_DOWN, 120.0: Happening.SCALER_UP}
    figures = run(function(work([1.0], service=400.0), incidents=incidents), seconds=500.0)
    assert moved(figures, Cause.KEDA_SLEEPS, Cause.HPA_DOWN) == []
    assert figures.served == 1


def test_a_paused_object_is_left_alone() -> None:
    figures = run(function(work([100.0]), incidents={50.0: Happening.PAUSE, 200.0: Happening.RESUME}), seconds=400.0)
    assert moved(figures, Cause.KEDA_WAKES) == [(200.0, 0, 1)]


def test_a_rollout_keeps_the_number_that_serves() -> None:
    load = work(np.arange(0.0, 120.0, 0.5).tolist(), service=1.0)
    rules = scaled(min_replicas=4, max_replicas=4)
    figures = run(function(load, rules=rules, replicas=4, incidents={60.0: Happening.ROLLOUT}), seconds=120.0)
    assert figures.started == 4
    assert figures.ready_time == 4 * 120 * SECOND
    assert figures.starting_time == 4 * 8 * SECOND  # one at a time: a quarter of four


def test_a_series_drives_what_a_backlog_would() -> None:
    series = Series(times=ints([0.0, 100.0, 200.0]), values=np.asarray([0, 5000, 0]), active=np.asarray([0, 1, 0]))
    figures = run(function(work([]), source=series, rules=scaled(cooldown=60.0)), seconds=400.0)
    assert moved(figures, Cause.KEDA_WAKES) == [(100.0, 0, 1)]
    assert moved(figures, Cause.KEDA_SLEEPS) == [(280.0, 5, 0)]
    assert [after for _, _, after in moved(figures, Cause.HPA_UP)] == [4, 5]


def test_two_triggers_are_two_metrics() -> None:
    spec = ScaledObject(triggers=(TriggerSpec(metric=MetricSpec(target=1000), push=True),) * 2)
    one = function(work([0.0] * 3, service=60.0), rules=spec)
    series = Series(times=ints([0.0]), values=np.asarray([6000]), active=np.asarray([0]))
    both = replace(one, triggers=(*one.triggers, replace(one.triggers[0], source=series)))
    assert run(both, seconds=60.0).most == 6


def test_knative_looks_at_once_at_zero_and_every_two_seconds_then() -> None:
    figures = run(
        function(work([100.5], service=1.0), start=2.0, knative=KnativeRules(target=1.0, utilization=1.0)),
        seconds=300.0,
    )
    assert figures.waits.tolist() == [2 * SECOND]
    ups = [move for move in moved(figures, Cause.KNATIVE) if move[2] > move[1]]
    downs = [move for move in moved(figures, Cause.KNATIVE) if move[2] == 0]
    assert ups[0] == (100.5, 0, 1)
    assert 130.0 < downs[0][0] < 200.0  # the stable window, and 30 s of grace
    assert (figures.wakes, figures.sleeps, figures.ups, figures.downs) == (1, 1, 0, 0)


def test_samples_are_taken_at_equal_distances() -> None:
    figures = run(function(work([100.0, 101.0]), at=phases()), seconds=HOUR, bins=6)
    assert figures.timeline is not None
    assert figures.timeline.at.tolist() == [600 * SECOND * number for number in range(1, 7)]
    assert figures.timeline.arrivals.tolist() == [2, 0, 0, 0, 0, 0]


def test_an_outage_is_nothing_to_a_timetable() -> None:
    open_at = Series(
        times=ints([0.0, 300.0, 900.0]),
        values=np.asarray([0, 2000, 0]),
        active=np.asarray([0, 1, 0]),
        remote=False,
    )
    incidents = {200.0: Happening.SOURCE_DOWN, 800.0: Happening.SOURCE_UP}
    figures = run(function(work([]), source=open_at, incidents=incidents))
    assert moved(figures, Cause.KEDA_WAKES) == [(300.0, 0, 1)]


def test_a_request_with_a_warm_pod_at_hand_does_not_start_cold() -> None:
    load = replace(function(work([101.0])), pool="p")
    assert [run(load, pools={"p": pool({"fixed": size})}).cold for size in (0, 1)] == [1, 0]


@pytest.mark.parametrize("engine", Engine)
def test_gaps_that_end_too_early_are_refused(engine: Engine) -> None:
    with pytest.raises(ValueError, match="gaps between syncs end before the run does: orders"):
        run(function(work([]), at=phases(syncs=3)), engine=engine)


def test_a_rollout_counts_its_surge() -> None:
    """The HPA divides by all pods of the Deployment: five while the fifth replaces one of four."""
    load = work([0.0] * 17, service=500.0)
    rules = scaled(target=4.0, min_replicas=4, max_replicas=10)
    still = function(load, rules=rules, replicas=4)
    rolled = function(load, rules=rules, replicas=4, incidents={10.0: Happening.ROLLOUT})
    assert [run(each, seconds=22.0).most for each in (still, rolled)] == [4, 5]  # 17 of 4 * 4, and of 5 * 4
