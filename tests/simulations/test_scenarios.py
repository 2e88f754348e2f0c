"""The shipped scenarios: what they print, by either engine, and that each answers its question."""

from collections.abc import Mapping

import pytest

from simulations.figures import Outcome
from simulations.run import Engine, simulate
from simulations.scenario import Scenario, load, world
from simulations.statistics import Summary, overall, summaries
from simulations.verbs.opening import shipped
from tests.simulations.golden import GOLDEN, printed

NAMES = sorted(shipped())


def cases(scenario: Scenario) -> Mapping[str, Scenario]:
    return {"present": scenario, **scenario.policies}


def test_every_scenario_has_its_table_and_every_table_its_scenario() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.txt")) == NAMES


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_it_prints_what_it_printed(name: str) -> None:
    assert printed(name) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_both_engines_come_to_the_same(name: str) -> None:
    scenario = load(shipped()[name])
    for policy, each in cases(scenario).items():
        drawn = world(each, scenario.document.seed)
        fast, reference = simulate(drawn, Engine.FAST), simulate(drawn, Engine.REFERENCE)
        assert (policy, told(fast)) == (policy, told(reference))


def told(outcome: Outcome) -> tuple[Summary, ...]:
    return (overall(outcome), *summaries(outcome))


# -- what each of them is to show --------------------------------------------------------------------------------------


def under(name: str, *policies: str) -> list[Summary]:
    scenario = load(shipped()[name])
    every = cases(scenario)
    return [overall(simulate(world(every[policy], scenario.document.seed))) for policy in policies]


def test_push_and_a_pool_take_the_wait_of_a_burst_away() -> None:
    poll, push, pool = under("burst-from-zero", "keda-poll", "present", "pool-3")
    assert poll.wait_p99 > push.wait_p99 + 20 > pool.wait_p99 + 20


def test_without_a_behavior_single_events_bring_the_pods_of_the_burst_back() -> None:
    hazard, behavior, cooldown = under("hpa-memory-hazard", "present", "behavior", "cooldown-300")
    assert hazard.cold_pods > 2 * behavior.cold_pods
    assert cooldown.cold_pods == cooldown.most == hazard.most
    assert cooldown.pod_hours > 2 * hazard.pod_hours


def test_an_outage_takes_replicas_away_only_where_a_fallback_of_nothing_says_so() -> None:
    held, failing, trapped = under("broker-outage", "present", "hold-60s", "fallback-0")
    assert (held.sleeps, failing.sleeps) == (0, 0)
    assert held.downs == failing.downs < trapped.downs
    assert held.cold_pods == failing.cold_pods < trapped.cold_pods


def test_a_rollout_starts_pods_anew() -> None:
    rolled, quiet = under("deploy-during-burst", "present", "no-rollout")
    assert rolled.cold_pods > quiet.cold_pods


def test_a_rare_function_is_warm_for_a_third_of_the_price_when_its_next_request_is_foreseen() -> None:
    pool, histogram = under("rare-cron-like", "pool-1", "histogram")
    assert histogram.hits >= 0.95 * pool.hits
    assert histogram.idle_gib_s < 0.33 * pool.idle_gib_s
