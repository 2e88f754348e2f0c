"""A scenario's file: what it means, and everything that is wrong with it in one message."""

from dataclasses import replace
from pathlib import Path

import pytest

from scaler.errors import ConfigError
from simulations.keda import Fallback, FallbackBehavior
from simulations.model import SECOND, Backlog, Counts, Happening, Job, Series
from simulations.run import Engine, simulate
from simulations.scenario import Scenario, doubts, laid_over, load, world

LEAST = """
duration: 10m
functions:
  - name: orders
    arrivals: {poisson: {rate: 2/s}}
"""


def scenario(tmp_path: Path, text: str) -> Scenario:
    file = tmp_path / "asked.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def problems(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        scenario(tmp_path, text)
    return str(caught.value)


def test_the_least_scenario_is_kedas_defaults_with_push(tmp_path: Path) -> None:
    drawn = world(scenario(tmp_path, LEAST), seed=1)
    [function] = drawn.functions
    assert drawn.end == 600 * SECOND
    assert (function.scaled.min_replicas, function.scaled.max_replicas) == (0, 100)
    assert (function.scaled.cooldown, function.scaled.polling_interval) == (300.0, 30.0)
    assert (function.scaled.triggers[0].push, function.scaled.triggers[0].metric.target) == (True, 10_000)
    assert (function.hpa.behavior, function.memory, function.concurrency) == (None, 256 * 2**20, 1)
    assert function.triggers[0].source == Backlog(counts=Counts.UNFINISHED)
    assert function.work.arrivals.size == function.work.service.size > 1000


EVERYTHING = """
duration: 10m
kubernetes: {version: "1.32", syncPeriod: 5s, drift: 0s, tolerance: 0.2, downscaleStabilization: 60s}
functions:
  - name: orders
    arrivals: {poisson: {rate: 2/s}}
    concurrency: 4
    memory: 1Gi
    claim: 50ms
    source: {counts: waiting, watch: 0s, interval: 5s}
    scaledObject:
      annotations: {autoscaling.keda.sh/paused-scale-in: "true"}
      pollingInterval: 10
      cooldownPeriod: 60
      initialCooldownPeriod: 20
      minReplicaCount: 2
      idleReplicaCount: 0
      maxReplicaCount: 9
      fallback: {failureThreshold: 3, replicas: 4, behavior: currentReplicasIfHigher}
      advanced:
        horizontalPodAutoscalerConfig:
          behavior: {scaleUp: {policies: [{type: Pods, value: 3, periodSeconds: 60}]}}
      triggers:
        - {type: external, useCachedMetrics: true, metricType: Value, metadata: {kind: kafka, lagThreshold: "7"}}
        - metadata: {kind: cron, timezone: UTC, start: 5 0 * * *, end: 8 0 * * *, desiredReplicas: 3}
"""


def test_every_field_of_keda_is_heard(tmp_path: Path) -> None:
    [function] = world(scenario(tmp_path, EVERYTHING), seed=1).functions
    scaled, hpa = function.scaled, function.hpa
    assert (scaled.polling_interval, scaled.cooldown, scaled.initial_cooldown) == (10.0, 60.0, 20.0)
    assert (scaled.min_replicas, scaled.idle_replicas, scaled.max_replicas) == (2, 0, 9)
    assert scaled.scale_in_paused
    higher = FallbackBehavior.CURRENT_IF_HIGHER
    assert scaled.fallback == Fallback(replicas=4, failure_threshold=3, behavior=higher)
    first, second = scaled.triggers
    assert (first.push, first.cached, first.metric.kind, first.metric.target) == (False, True, "Value", 7000)
    assert (second.push, second.metric.target) == (True, 1000)
    assert (hpa.edge, hpa.tolerance_up, hpa.downscale_window) == ("abs", 0.2, 60.0)
    assert hpa.behavior is not None
    assert (hpa.behavior.up.policies[0].value, hpa.behavior.down.select) == (3, "Disabled")
    assert set(function.phases.gaps.tolist()) == {5 * SECOND}
    assert (function.concurrency, function.memory, function.claim, function.replicas) == (4, 2**30, 50_000, 2)
    assert function.triggers[0].source == Backlog(counts=Counts.WAITING)
    assert (function.triggers[0].watch, function.triggers[0].interval) == (None, 5 * SECOND)
    window = function.triggers[1].source
    assert isinstance(window, Series)
    assert [each / SECOND for each in window.times.tolist()] == [0, 300, 480]
    assert window.values.tolist() == [0, 3000, 0]


def test_incidents_happen_to_those_that_are_meant(tmp_path: Path) -> None:
    text = """
duration: 10m
functions:
  - {name: a, arrivals: {poisson: {rate: 1/s}}}
  - {name: b, copies: 2, arrivals: {poisson: {rate: 1/s}}}
incidents:
  - {outage: {from: 2m, to: 20m}, functions: ["b-*"]}
  - rollout: 1m
"""
    every = {each.name: each.incidents for each in world(scenario(tmp_path, text), seed=1).functions}
    assert [(each.at // SECOND, each.what) for each in every["a"]] == [(60, Happening.ROLLOUT)]
    assert [(each.at // SECOND, each.what) for each in every["b-2"]] == [
        (60, Happening.ROLLOUT),
        (120, Happening.SOURCE_DOWN),
        (600, Happening.SOURCE_UP),
    ]


def test_the_same_seed_is_the_same_world_and_functions_do_not_share_chance(tmp_path: Path) -> None:
    one = scenario(tmp_path, LEAST)
    more = scenario(tmp_path, LEAST + "  - {name: other, arrivals: {poisson: {rate: 9/s}}}\n")
    first, again, beside, otherwise = world(one, 3), world(one, 3), world(more, 3), world(one, 4)
    assert first.functions[0].work.arrivals.tolist() == again.functions[0].work.arrivals.tolist()
    assert first.functions[0].starts.total.tolist() == beside.functions[0].starts.total.tolist()
    assert first.functions[0].work.service.tolist() == beside.functions[0].work.service.tolist()
    assert first.functions[0].work.arrivals.tolist() != otherwise.functions[0].work.arrivals.tolist()
    assert first.functions[0].phases != otherwise.functions[0].phases


def test_policies_meet_the_same_requests(tmp_path: Path) -> None:
    text = LEAST + "policies:\n  slow: {functions: [{scaledObject: {cooldownPeriod: 900}}]}\n  poll: {use: keda-poll}\n"
    asked = scenario(tmp_path, text)
    present, slow, poll = (world(each, 1).functions[0] for each in (asked, *asked.policies.values()))
    assert (present.scaled.cooldown, slow.scaled.cooldown, poll.scaled.triggers[0].push) == (300.0, 900.0, False)
    for name in ("work", "starts"):
        for key in ("arrivals", "service") if name == "work" else ("schedule", "start"):
            assert getattr(getattr(present, name), key).tolist() == getattr(getattr(slow, name), key).tolist()
            assert getattr(getattr(present, name), key).tolist() == getattr(getattr(poll, name), key).tolist()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("functions: []\n", "functions: must not be empty", id="no function"),
        pytest.param(
            LEAST + "    servce: 1s\n",
            "6:5: unknown key 'servce' in 'functions[0]', did you mean 'service'?",
            id="typo",
        ),
        pytest.param(
            LEAST + "    scaledObject: {coolDownPeriod: 3, maxReplicaCount: ten}\n",
            "unknown key 'coolDownPeriod' in 'functions[0].scaledObject', did you mean 'cooldownPeriod'?",
            id="of KEDA",
        ),
        pytest.param(
            LEAST + "    scaledObject: {triggers: [{metadata: {kind: kafka, lagTreshold: 5}}]}\n",
            "function orders: trigger 0: unknown key 'lagTreshold', did you mean 'lagThreshold'?",
            id="of a trigger",
        ),
        pytest.param(
            LEAST + "    scaledObject: {triggers: [{type: kafak, metadata: {}}]}\n", "did you mean 'kafka'?", id="type"
        ),
        pytest.param(LEAST + "    pool: warm\n", "function orders: no pool 'warm'; there is none", id="no such pool"),
        pytest.param(LEAST + "feeds: [{from: order, to: orders}]\n", "did you mean 'orders'?", id="feed"),
        pytest.param(LEAST + "feeds: [{from: orders, to: orders}]\n", "in a circle: orders → orders", id="circle"),
        pytest.param(LEAST + "incidents: [{rollout: 1m, functions: [x]}]\n", "no function 'x'", id="incident"),
        pytest.param(LEAST + "incidents: [{}]\n", "names exactly one of 'outage', 'scalerDown'", id="no incident"),
        pytest.param(
            LEAST + "policies: {bad: {functions: [{name: x}]}}\n", "policies.bad: functions: no function", id="policy"
        ),
        pytest.param(LEAST + "use: keda-pol\n", "use: unknown policy 'keda-pol', did you mean 'keda-poll'?", id="use"),
        pytest.param(LEAST.replace("duration: 10m", ""), "'duration' is required", id="endless"),
        pytest.param(LEAST + "question: a\nquestion: b\n", "'question' is there twice", id="twice"),
        pytest.param("apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n", "is a manifest: name it in", id="manifest"),
        pytest.param(LEAST + "    scaledObject: nowhere.yaml\n", "nowhere.yaml cannot be read", id="no manifest"),
        pytest.param(LEAST + "    trace: {path: nowhere.csv}\n", "names 'arrivals' or a 'trace', not both", id="both"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    assert said in problems(tmp_path, text)


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    said = problems(tmp_path, LEAST + "    servce: 1s\n    concurrency: 0\nsed: 4\n")
    assert all(each in said for each in ("'servce'", "functions[0].concurrency", "'sed'"))


def test_a_policy_of_a_file_says_what_differs(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("functions: [{scaledObject: {cooldownPeriod: 5}}]\n", encoding="utf-8")
    asked = scenario(tmp_path, LEAST)
    assert world(laid_over(asked, str(tmp_path / "other.yaml")), 1).functions[0].scaled.cooldown == 5.0
    assert not world(laid_over(asked, "keda-poll"), 1).functions[0].scaled.triggers[0].push
    with pytest.raises(ConfigError, match="did you mean 'keda-poll'"):
        laid_over(asked, "keda-pol")


PAUSED = """
duration: 10m
functions:
  - name: orders
    arrivals: {poisson: {rate: 2/s}}
    scaledObject:
      annotations: {autoscaling.keda.sh/paused-replicas: "COUNT"}
incidents:
  - pause: {from: 5m, to: 6m}
"""


@pytest.mark.parametrize("engine", Engine)
@pytest.mark.parametrize(("count", "expected"), [("3", [(0, 3)]), ("0", []), ("some", [])])
def test_a_pause_at_a_number_of_replicas_scales_to_them_once(
    tmp_path: Path, engine: Engine, count: str, expected: list[tuple[int, int]]
) -> None:
    paused = scenario(tmp_path, PAUSED.replace("COUNT", count))
    [figures] = simulate(replace(world(paused, seed=1), end=350 * SECOND), engine).figures
    assert [(each.before, each.after) for each in figures.moves] == expected


JOBS = """
duration: 10m
functions:
  - name: orders
    scaledJob:
      minReplicaCount: 5
"""


@pytest.mark.parametrize(
    ("said", "limit", "job"),
    [
        pytest.param("", 105, Job(min_replicas=5), id="what is not said stays so"),
        pytest.param("maxReplicaCount: 100", 100, Job(min_replicas=5, max_replicas=100), id="a maximum holds all"),
        pytest.param("maxReplicaCount: 3", 6, Job(min_replicas=5, max_replicas=3), id="a minimum above the maximum"),
        pytest.param("scalingStrategy: {strategy: custom}", 105, Job(min_replicas=5, strategy="custom"), id="custom"),
        pytest.param(
            "scalingStrategy: {strategy: custom, customScalingRunningJobPercentage: '0.5', "
            "customScalingQueueLengthDeduction: 2, multipleScalersCalculation: sum}",
            105,
            Job(min_replicas=5, strategy="custom", several="sum", running_deduction=2, running_percentage=0.5),
            id="everything",
        ),
    ],
)
def test_a_scaled_job_is_what_keda_makes_of_it(tmp_path: Path, said: str, limit: int, job: Job) -> None:
    [function] = world(scenario(tmp_path, f"{JOBS}      {said}\n"), seed=1).functions
    assert (function.job, function.scaled.max_replicas) == (job, limit)
    assert function.scaled.min_replicas == min(5, job.max_replicas or 5)


def test_a_scaled_job_has_no_warm_pods_and_policies_leave_it_as_it_is(tmp_path: Path) -> None:
    pools = "pools: {warm: {functions: {namespace: n, openFunction: true}, size: {fixed: 1}}}\n"
    jobs = scenario(tmp_path, JOBS + pools)
    present = world(jobs, seed=1)
    assert present.functions[0].pool is None
    assert "orders: a ScaledJob stays as it is under every policy" in next(doubts(jobs.document, jobs.folder))
    assert "pool 'warm': a ScaledJob has no warm pods" in problems(tmp_path, f"{JOBS}    pool: warm\n{pools}")


def test_more_than_can_be_simulated_is_refused_before_it_is_drawn(tmp_path: Path) -> None:
    text = LEAST.replace("rate: 2/s", "rate: 10000/s").replace("name: orders", "name: orders\n    copies: 1000")
    with pytest.raises(ConfigError, match="some 6,000,000,000 requests of all functions together, and at most 500,000"):
        world(scenario(tmp_path, text), seed=1)
