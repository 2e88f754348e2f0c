"""Every policy laid over a world: what it changes, and that each of them lives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.errors import ConfigError
from simulations.model import SECOND, Job, KnativeRules, Pool, Series, Sizer
from simulations.policies.clairvoyant import bursts
from simulations.policies.overlays import OVERLAYS, laid
from simulations.policies.pools import POOL
from simulations.policies.timetable import spans
from simulations.run import simulate
from tests.simulations.policies.worlds import HOUR, function, pool, seconds, world

RARE = world(function([30.0, 900.0, 901.0, 2000.0]))


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_policy_serves_every_request(name: str) -> None:
    outcome = simulate(laid(name, RARE))
    assert outcome.figures[0].served == 4


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_policy_refuses_what_it_does_not_have(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: unknown option 'tea'"):
        laid(name, RARE, {"tea": 1})
    assert laid(name, RARE, OVERLAYS[name].options).functions


def test_a_policy_that_there_is_not() -> None:
    with pytest.raises(ConfigError, match="unknown policy 'keda-pull', did you mean 'keda-poll'"):
        laid("keda-pull", RARE)


def test_whoever_foresees_waits_for_nothing_and_the_others_do() -> None:
    waits = {name: int(simulate(laid(name, RARE)).figures[0].waits.max()) for name in ("foreseen", "keda-push")}
    assert waits["foreseen"] <= SECOND
    assert waits["keda-push"] >= 8 * SECOND


def test_fixed_replicas_follow_from_the_busiest_five_minutes() -> None:
    """300 requests of 2.1 s within five minutes are 2.1 pods, three at 70 %."""
    busy = world(function(list(np.linspace(600, 899, 300)), service=2.1))
    assert [laid("fixed-replicas", busy, o).functions[0].replicas for o in ({}, {"replicas": 7})] == [3, 7]
    fixed = laid("fixed-replicas", busy).functions[0]
    assert (fixed.scaled.min_replicas, fixed.scaled.max_replicas) == (3, 3)
    assert (fixed.hpa.min_replicas, fixed.hpa.max_replicas) == (3, 3)


def test_poll_and_push() -> None:
    polled, pushed = (laid(name, RARE).functions[0] for name in ("keda-poll", "keda-push"))
    assert (polled.scaled.triggers[0].push, polled.triggers[0].watch) == (False, None)
    assert (pushed.scaled.triggers[0].push, pushed.triggers[0].watch) == (True, 5_000)


def test_cooldowns() -> None:
    """A start takes 8 s, and a second of waiting is worth 60 of idling."""
    assert laid("keep-alive", RARE, {"seconds": 90}).functions[0].scaled.cooldown == 90
    assert laid("ski-rental", RARE).functions[0].scaled.cooldown == 480
    assert 0 < laid("ski-rental", RARE, {"randomised": 1}).functions[0].scaled.cooldown < 480


def test_knative_has_the_pods_own_concurrency_for_a_target() -> None:
    two = replace(RARE, functions=(replace(RARE.functions[0], concurrency=2),))
    assert laid("knative", two).functions[0].knative == KnativeRules(target=2.0)
    assert laid("knative", two, {"target": 50, "tick": 1}).functions[0].knative == KnativeRules(target=50, tick=1)


def test_pools_keep_what_is_configured_beside_the_size() -> None:
    budgeted = pool({"auto": {"budget": "1Gi"}})
    kept = replace(RARE, functions=(replace(RARE.functions[0], pool="own"),), pools={"own": budgeted})
    laid_over = laid("pool-auto", kept, {"missRatio": 0.01, "ceiling": 4}).pools["own"].section
    assert laid_over.size.auto is not None
    assert (laid_over.size.auto.miss_ratio, laid_over.size.auto.ceiling, laid_over.size.auto.budget) == (0.01, 4, "1Gi")
    assert laid_over.functions == budgeted.section.functions


def test_sizers_get_their_own_options_and_the_section_the_others() -> None:
    made = laid("openwhisk-reactive", RARE, {"maxCount": 3, "ceiling": 5}).pools[POOL]
    assert made == Pool(section=made.section, sizer=Sizer.REACTIVE, options={"maxCount": 3})
    assert made.section.size.auto is not None
    assert made.section.size.auto.ceiling == 5


def test_a_scaled_job_has_no_warm_pods() -> None:
    jobs = world(replace(function([1.0]), job=Job()))
    for name in ("pool-fixed", "pool-scheduled"):
        assert laid(name, jobs).functions[0].pool is None


def test_a_schedule_covers_the_busy_hours_of_the_calendar() -> None:
    """Busy from the third hour of the run to the fifth; the run begins at six in the morning."""
    busy = world(function(list(np.arange(2 * HOUR, 5 * HOUR, 60.0))), span=24 * HOUR, wall=6 * HOUR)
    size = laid("pool-scheduled", busy, {"size": 3}).pools["orders"].section.size
    assert size.schedule is not None
    assert [(each.cron, each.duration, each.size) for each in size.schedule] == [("0 8 * * *", 3 * HOUR, 3)]
    even = world(function(list(np.arange(0, 24 * HOUR, 60.0))), span=24 * HOUR)
    assert laid("pool-scheduled", even, {"size": 3}).pools["orders"].section.size.fixed == 3


@given(st.lists(st.booleans(), min_size=24, max_size=24).filter(lambda hours: not all(hours)))
def test_windows_cover_busy_hours_and_no_others(busy: list[bool]) -> None:
    covered = [(begin + hour) % 24 for begin, length in spans(busy) for hour in range(length)]
    assert sorted(covered) == [hour for hour in range(24) if busy[hour]]


@given(st.lists(st.integers(0, 200), max_size=30), st.integers(1, 30))
def test_every_request_is_foreseen_and_no_gap_longer_than_a_start_is_kept(arrivals: list[int], lead: int) -> None:
    times = np.array(sorted(arrivals), dtype=np.int64)
    found = bursts(times, lead)
    assert all(any(begin <= max(0, at - lead) and at <= end for begin, end in found) for at in times)
    assert all(found[1:, 0] > found[:-1, 1])


def test_what_is_foreseen_is_a_series_that_ends_with_each_burst() -> None:
    series = laid("foreseen", world(function([30.0, 900.0, 901.0]))).functions[0].triggers[-1].source
    assert isinstance(series, Series)
    assert list(series.times) == list(seconds(20, 30.000001, 890, 901.000001))
    assert list(series.active) == [1, 0, 1, 0]
