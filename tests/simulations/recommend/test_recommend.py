"""What is recommended: the least idle memory within the misses, in the words that the service reads."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scaler.config.pools import PoolSection
from scaler.config.reading import load
from scaler.errors import ConfigError
from simulations.model import Feed, Job, Pool, World
from simulations.recommend import Goal, Recommendation, recommend
from simulations.recommend.document import difference, said, written
from simulations.sweep import Where
from tests.simulations.policies.worlds import HOUR, function, pool, section, world

ALONE = Where(jobs=1)
DAY = 24 * HOUR


def now_and_then(count: int, span: float, seed: int = 1) -> list[float]:
    return list(np.sort(np.random.default_rng(seed).uniform(30.0, span - 60.0, count)))


def asked(asking: World, **goal: Any) -> Recommendation:
    return recommend(asking, Goal(**goal), where=ALONE)


@pytest.fixture(scope="module")
def steady() -> Recommendation:
    return asked(world(function(now_and_then(30, 2 * HOUR), span=2 * HOUR), span=2 * HOUR), miss_ratio=0.05)


def test_an_even_flow_of_wake_ups_gets_a_number(steady: Recommendation) -> None:
    only = steady.advice[0]
    assert only.section.size.fixed == 1
    assert only.met
    assert steady.met
    assert only.recommended.missed_ratio <= 0.05
    assert only.why.startswith("1: of ")
    assert "; with 0, 100 % would" in only.why
    assert "Erlang-B of the busiest hour" in only.why


def test_today_is_told_beside_it(steady: Recommendation) -> None:
    today, then = steady.summaries
    assert (today.hits, today.missed_ratio) == (0, 1.0)
    assert then.wait_p99 < today.wait_p99
    assert then.warm_gib_s > today.warm_gib_s == 0


def test_nobody_beats_the_bound(steady: Recommendation) -> None:
    then = steady.summaries[1]
    for bound in steady.bound:
        assert then.missed > bound.missed or then.warm_gib_s >= bound.gib_s
    assert steady.bound[0].missed == 0
    assert steady.bound[-1].gib_s == 0.0


def test_it_is_the_same_in_several_processes() -> None:
    both = world(function(now_and_then(30, HOUR)), function(now_and_then(9, HOUR, 2), name="invoices"))
    alone, spread = (recommend(both, Goal(), where=Where(jobs=jobs)) for jobs in (1, 2))
    assert alone.advice == spread.advice
    assert [each.pool for each in alone.advice] == ["orders", "invoices"]


def test_a_function_that_nobody_calls_gets_none() -> None:
    assert asked(world(function([]))).advice[0].section.size.fixed == 0


def test_what_is_wanted_before_a_pod_can_be_there_does_not_count() -> None:
    """One of ten: nobody could keep within 5 %."""
    found = asked(world(function([0.0, *range(300, 3000, 300)])), miss_ratio=0.05).advice[0]
    assert found.recommended.missed == 1
    assert found.met
    assert "in a run 0 of 9 started cold" in found.why


def test_day_and_night_become_a_schedule() -> None:
    arrivals = [each for each in now_and_then(300, 2 * DAY) if 8 * HOUR <= each % DAY < 12 * HOUR]
    found = asked(world(function(arrivals, span=2 * DAY), span=2 * DAY)).advice[0]
    assert found.section.size.schedule is not None
    assert [(each.cron, each.duration) for each in found.section.size.schedule] == [("0 8 * * *", 4 * HOUR)]
    assert found.section.size.otherwise == 0
    assert "from 08:00 to 12:00 UTC, else 0" in found.why
    assert found.met


def test_a_budget_bounds_what_may_be_warm() -> None:
    burst = [at + each / 100 for at in range(60, 3600, 300) for each in range(40)]
    wanting = world(function(burst, service=20.0, cooldown=30.0), function(burst, name="b", service=20.0))
    free, bound = asked(wanting, miss_ratio=0.01), asked(wanting, miss_ratio=0.01, budget=2 * 256 * 2**20)
    assert sum(_most(each.section) for each in free.advice) > 2
    assert sum(_most(each.section) for each in bound.advice) <= 2
    assert not bound.met
    assert "more than 1 %; at most" in bound.advice[0].why


def _most(section: PoolSection) -> int:
    return section.size.auto.ceiling if section.size.auto else section.size.fixed or 0


def test_functions_of_one_pool_are_sized_together_and_others_left_out() -> None:
    shared = {"all": pool({"fixed": 3})}
    members = [replace(function(now_and_then(9, HOUR), name=name), pool="all") for name in ("a", "b")]
    job = replace(function([1.0], name="job"), job=Job())
    found = recommend(replace(world(*members, job), pools=shared), Goal(), where=ALONE)
    assert found.left_out == ("job",)
    assert [(each.pool, each.functions) for each in found.advice] == [("all", ("a", "b"))]
    assert found.difference == difference({"all": shared["all"].section}, found.pools)


def test_what_is_handed_on_arrives_as_it_does_today() -> None:
    first, second = function(now_and_then(20, HOUR), name="first"), function([], name="second")
    asking = replace(world(first, second), feeds=(Feed(source="first", sink="second"),))
    found = asked(asking)
    assert [each.recommended.arrived for each in found.advice] == [20, 20]


def test_names_are_made_fit_for_kubernetes() -> None:
    found = asked(world(function([], name="A/b_c"), function([], name="a-B-c"), function([], name="x" * 80)))
    assert [each.pool for each in found.advice] == ["a-b-c", "a-b-c-2", "x" * 63]
    assert load(f"version: 1\n{found.document}".encode(), {}).pools == found.pools


@pytest.mark.parametrize(
    ("goal", "problems"),
    [
        ({"miss_ratio": 0.6, "budget": 0}, ("must be above 0 and at most 0.5", "the budget is 0 bytes")),
        ({"miss_ratio": 0.0}, ("the miss ratio is 0, it must be above 0",)),
    ],
)
def test_goals_that_cannot_be_meant(goal: Mapping[str, Any], problems: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as told:
        asked(world(function([])), **goal)
    assert all(each in str(told.value) for each in problems)


def test_no_function_that_can_have_warm_pods() -> None:
    with pytest.raises(ConfigError, match="each is a ScaledJob"):
        asked(world(replace(function([1.0]), job=Job())))


# -- the document ------------------------------------------------------------------------------------------------------

FULL = {
    "functions": {"namespace": "shop", "selector": {"matchLabels": {"tier": "hot"}}},
    "size": {"schedule": [{"cron": "30 7 * * 1-5", "duration": "90s", "size": 4}], "otherwise": 1},
    "handoff": "bridge",
    "check": {"http": {"port": 8080, "path": "/healthz"}, "interval": "500ms"},
    "refill": {"rate": 0.5, "burst": 2},
    "maxAge": "2h",
    "surge": 0,
}


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(PoolSection.model_validate(FULL), id="everything"),
        pytest.param(section({"fixed": 0}), id="a number"),
        pytest.param(section({"auto": {"missRatio": 0.01, "budget": "8Gi"}}), id="measured"),
    ],
)
def test_the_service_reads_what_is_written(section: PoolSection) -> None:
    assert load(f"version: 1\n{written({'orders': section})}".encode(), {}).pools == {"orders": section}


def test_spans_are_written_with_the_largest_unit() -> None:
    assert said(PoolSection.model_validate(FULL)) == FULL


def test_a_diff_keeps_what_stays() -> None:
    before, after = section({"fixed": 3}), section({"fixed": 1})
    assert difference({"orders": before}, {"orders": after}).splitlines() == [
        "--- config.yaml (today)",
        "+++ config.yaml (recommended)",
        "@@ -1,7 +1,7 @@",
        " pools:",
        "   orders:",
        "     functions:",
        "       namespace: shop",
        "       deployment: orders",
        "     size:",
        "-      fixed: 3",
        "+      fixed: 1",
    ]
    assert difference({"orders": before}, {"orders": before}) == ""


def test_what_a_section_of_today_says_beside_the_size_stays() -> None:
    today = Pool(section=PoolSection.model_validate({**FULL, "confirm": 4}))
    one = replace(function(now_and_then(9, HOUR)), pool="hot")
    found = recommend(replace(world(one), pools={"hot": today}), Goal(), where=ALONE).advice[0]
    assert found.section == today.section.model_copy(update={"size": found.section.size, "confirm": None})
