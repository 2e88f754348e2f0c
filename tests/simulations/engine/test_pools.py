"""Warm pods in a simulated world: what they save, what they cost, and what they never do."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.figures import Cause, Figures
from simulations.kernel import Kernel
from simulations.model import SECOND, Feed, Function, Happening, Sizer, World, micros
from simulations.run import Engine, simulate
from simulations.stock import Stock
from simulations.world import lived
from tests.simulations.engine.worlds import function, pool, run, scaled, work

GIB = 2**30


def pooled(load: Function, size: Mapping[str, Any], seconds: float = 900.0, **fields: Any) -> Figures:
    """Run a function with a pool."""
    return run(replace(load, pool="p"), seconds=seconds, pools={"p": pool(size, **fields)})


def test_a_warm_pod_serves_as_soon_as_it_is_claimed() -> None:
    figures = pooled(function(work([101.0])), {"fixed": 1})
    assert figures.waits.tolist() == [25_000]  # 5 ms until the source is read, 20 ms for the claim
    assert (figures.hits, figures.missed) == (1, 0)
    changes = [move.cause for move in figures.moves if move.cause in {Cause.CLAIM, Cause.ADOPT, Cause.DRAIN}]
    assert changes == [Cause.CLAIM, Cause.ADOPT]  # the cold pod that was starting goes


def test_an_adopted_pod_is_a_replica_like_any_other() -> None:
    figures = pooled(function(work([101.0])), {"fixed": 1})
    assert [(move.before, move.after) for move in figures.moves if move.cause is Cause.KEDA_SLEEPS] == [(1, 0)]
    assert figures.starting_time == 20_000  # the cold one, until it was given up
    assert figures.warmed == 2


def test_a_bridge_serves_until_its_cold_replica_is_settled() -> None:
    figures = pooled(function(work([101.0], service=60.0)), {"fixed": 1}, handoff="bridge")
    drains = [move.at for move in figures.moves if move.cause is Cause.DRAIN]
    assert drains == [101_005_000 + 20_000 + 15 * SECOND]  # it lingers for a sync of the HPA at least
    assert figures.waits.tolist() == [25_000]


def test_whoever_finds_none_starts_cold() -> None:
    figures = pooled(function(work([101.0] * 5, service=60.0)), {"fixed": 2})
    assert (figures.hits, figures.missed) == (2, 3)
    assert sorted(figures.waits.tolist())[:2] == [25_000, 25_000]


def test_a_size_that_is_measured_grows_with_misses() -> None:
    bursts = work([at + each * 0.001 for at in (100.0, 1000.0, 1900.0, 2800.0) for each in range(4)], service=5.0)
    figures = pooled(function(bursts, rules=scaled(cooldown=30.0)), {"auto": {"ceiling": 10}}, seconds=3600.0)
    missed = [sum(step.missed for step in figures.steps if at <= step.at / SECOND < at + 900) for at in (100, 2800)]
    assert missed[0] > missed[1]


def test_a_schedule_follows_the_calendar_of_the_world() -> None:
    window = {"cron": "10 0 * * *", "duration": "10m", "size": 3}
    figures = run(
        replace(function(work([])), pool="p"), seconds=1800.0, pools={"p": pool({"schedule": [window]})}, bins=6
    )
    assert figures.timeline is not None
    assert figures.timeline.warm.tolist() == [0, 0, 3, 3, 0, 0]


@pytest.mark.parametrize("who", [Sizer.REACTIVE, Sizer.HISTOGRAM, Sizer.FORECAST, Sizer.SEASONAL])
def test_every_sizer_keeps_a_pool(who: Sizer) -> None:
    bursts = work([600.0 * n + 0.01 * each for n in range(1, 20) for each in range(3)], service=5.0)
    load = replace(function(bursts, rules=scaled(cooldown=30.0)), pool="p")
    figures = run(load, seconds=12_000.0, pools={"p": replace(pool({"auto": {}}), sizer=who)})
    assert figures.warmed > 0
    assert figures.hits > 0
    assert figures.arrived == figures.served == 57


def test_functions_that_share_a_budget_stay_within_it() -> None:
    load = work([at + 0.01 * n for at in range(60, 3000, 120) for n in range(3)], service=5.0)
    rules = scaled(cooldown=30.0)
    many = tuple(replace(function(load, rules=rules, name=f"f{n}"), pool="p", memory=GIB) for n in range(4))
    shared = pool({"auto": {"ceiling": 10, "budget": "5Gi"}})
    outcome = simulate(World(functions=many, end=micros(3600.0), pools={"p": shared}, bins=360), Engine.REFERENCE)
    warm = np.sum([each.timeline.warm for each in outcome.figures if each.timeline is not None], axis=0)
    assert 4 <= warm.max() <= 5 + len(many)  # each may have one more while an old pod is replaced
    assert sum(each.hits for each in outcome.figures) > 0


def test_what_one_has_finished_arrives_at_another() -> None:
    front = function(work([10.0, 20.0], service=2.0), name="front", replicas=1, rules=scaled(min_replicas=1))
    back = function(work([], service=1.0), name="back")
    back = replace(back, work=replace(back.work, service=np.asarray([SECOND])))
    world = World(functions=(back, front), end=micros(60.0), feeds=(Feed(source="front", sink="back", after=SECOND),))
    figures = simulate(world, Engine.REFERENCE).figures
    assert [each.name for each in figures] == ["back", "front"]
    assert figures[0].arrived == 2
    assert figures[0].done.tolist()[0] == 13 * SECOND + 5_000 + 8 * SECOND + SECOND


def test_requests_that_go_round_in_a_circle_are_refused() -> None:
    pair = (function(work([1.0]), name="a"), function(work([1.0]), name="b"))
    feeds = (Feed(source="a", sink="b"), Feed(source="b", sink="a"))
    with pytest.raises(ValueError, match="in a circle among function a, function b"):
        simulate(World(functions=pair, end=SECOND, feeds=feeds))


# -- what never happens ------------------------------------------------------------------------------------------------

arrivals = st.lists(st.floats(0.0, 1800.0), max_size=60).map(sorted)
incidents = st.dictionaries(st.floats(0.0, 1700.0), st.sampled_from([Happening.ROLLOUT]), max_size=2).map(
    lambda found: dict(sorted(found.items()))
)


@settings(max_examples=30)
@given(arrivals, incidents, st.floats(0.1, 60.0), st.floats(0.5, 40.0))
def test_an_empty_pool_changes_nothing(at: list[float], what: dict[float, Any], service: float, start: float) -> None:
    load = function(work(at, service=service), start=start, rules=scaled(cooldown=60.0), incidents=what)
    without, empty = run(load, seconds=2400.0), pooled(load, {"fixed": 0}, seconds=2400.0)
    assert (empty.moves, empty.waits.tolist(), empty.blamed) == (without.moves, without.waits.tolist(), without.blamed)
    assert (empty.ready_time, empty.starting_time, empty.warm_time) == (
        without.ready_time,
        without.starting_time,
        0,
    )


@settings(max_examples=40)
@given(arrivals, incidents, st.integers(0, 5), st.sampled_from(["auto", "bridge"]), st.integers(0, 2))
def test_there_are_never_more_warm_pods_than_size_and_surge(
    at: list[float], what: dict[float, Any], size: int, handoff: str, surge: int
) -> None:
    load = replace(function(work(at, service=20.0), rules=scaled(cooldown=60.0), incidents=what), pool="p")
    sections = {"p": pool({"fixed": size}, handoff=handoff, surge=surge)}
    most: list[int] = []

    class Watchful(Kernel):
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "warm":
                most.append(value)
            super().__setattr__(name, value)

    world = World(functions=(load,), end=micros(2400.0), pools=sections)
    outcome = lived(world, lambda each, w: Watchful(each, end=w.end, pooled=True))
    figures = outcome.figures[0]
    assert max(most) <= size + surge
    assert figures.arrived == figures.served + figures.serving + figures.waiting
    asked = [move.after for move in figures.moves if move.cause not in {Cause.CLAIM, Cause.ADOPT, Cause.DRAIN}]
    assert all(each >= 0 for each in asked)


def test_a_stock_does_nothing_while_nothing_is_wanted() -> None:
    load = replace(function(work([])), pool="p")
    kernel = Kernel(load, end=micros(600.0), pooled=True)
    stock = Stock(kernel, load, pool({"fixed": 2}), 0)
    stock.size = 2
    stock.act()
    kernel.run(micros(600.0))
    stock.act()
    assert stock.figures().warm_time == 2 * 600 * SECOND
    assert stock.figures().warmed == 2
