"""One document over another, and one key varied."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.errors import ConfigError
from simulations.model import World
from simulations.scenario import Scenario, known_keys, load, varied, world
from simulations.scenario.merging import merged

TEXT = """
duration: 10m
functions:
  - {name: a, arrivals: {poisson: {rate: 1/s}}}
  - {name: b, arrivals: {poisson: {rate: 1/s}}, scaledObject: {cooldownPeriod: 7}}
"""
POOL = "pools: {p: {functions: {namespace: n, deployment: a}, size: {auto: {ceiling: 4}}}}\n"
JOBS = TEXT.replace("scaledObject: {cooldownPeriod: 7}", "scaledJob: {maxReplicaCount: 3}").replace(
    "name: a,", "name: c,"
)


def asked(tmp_path: Path, text: str) -> Scenario:
    file = tmp_path / "asked.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file)


@pytest.mark.parametrize(
    ("base", "upper", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": {"x": 1}}, {"a": None}, {}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"size": {"fixed": 2}}, {"size": {"auto": {}}}, {"size": {"auto": {}}}),
        (
            {"functions": [{"name": "a", "x": 1}, {"name": "b"}]},
            {"functions": [{"name": "b", "x": 2}]},
            {"functions": [{"name": "a", "x": 1}, {"name": "b", "x": 2}]},
        ),
        (
            {"functions": [{"name": "a-1"}, {"name": "b"}]},
            {"functions": [{"x": 2}, {"name": "a-*", "x": 3}]},
            {"functions": [{"name": "a-1", "x": 3}, {"name": "b", "x": 2}]},
        ),
    ],
    ids=["new", "deep", "out", "list", "one of several", "by name", "all, then some"],
)
def test_what_the_upper_one_says_holds(
    base: dict[str, object], upper: dict[str, object], result: dict[str, object]
) -> None:
    assert merged(base, upper) == result


KEYS = st.sampled_from(["a", "b", "size"])
DOCUMENTS = st.recursive(
    st.dictionaries(KEYS, st.integers(), max_size=3),
    lambda inner: st.dictionaries(KEYS, inner | st.integers(), max_size=3),
)


@given(base=DOCUMENTS, upper=DOCUMENTS)
def test_merging_is_settled_by_once_and_leaves_the_rest(base: dict[str, object], upper: dict[str, object]) -> None:
    once = merged(base, upper)
    assert merged(once, upper) == once
    assert merged(base, {}) == base
    assert set(once) == set(base) | set(upper)


@pytest.mark.parametrize(
    ("key", "value", "seen"),
    [
        ("cooldownPeriod", "30", lambda w: [f.scaled.cooldown for f in w.functions] == [30.0, 30.0]),
        ("pollingInterval", 5, lambda w: [f.scaled.polling_interval for f in w.functions] == [5.0, 5.0]),
        ("maxReplicaCount", 3, lambda w: [f.hpa.max_replicas for f in w.functions] == [3, 3]),
        ("target", 2.5, lambda w: [f.scaled.triggers[0].metric.target for f in w.functions] == [2500, 2500]),
        ("behavior", "{}", lambda w: all(f.hpa.behavior is not None for f in w.functions)),
        ("behavior.scaleDown.stabilizationWindowSeconds", 9, lambda w: w.functions[0].hpa.behavior.down.window == 9),
        ("service", "3s", lambda w: set(w.functions[0].work.service.tolist()) == {3_000_000}),
        ("pods.start", "9s", lambda w: set(w.functions[1].starts.start.tolist()) == {9_000_000}),
        ("concurrency", 8, lambda w: [f.concurrency for f in w.functions] == [8, 8]),
        ("functions.b.memory", "1Gi", lambda w: [f.memory for f in w.functions] == [2**28, 2**30]),
        ("functions.b.cooldownPeriod", 9, lambda w: [f.scaled.cooldown for f in w.functions] == [300.0, 9.0]),
        ("duration", "5m", lambda w: w.end == 300_000_000),
        ("kubernetes.tolerance", 0.3, lambda w: w.functions[0].hpa.tolerance_up == 0.3),
        ("pool.size", 3, lambda w: [w.pools[f.pool].section.size.fixed for f in w.functions] == [3, 3]),
        ("pool.missRatio", 0.2, lambda w: w.pools["warm"].section.size.auto.miss_ratio == 0.2),
        ("pool.refill.rate", 7.0, lambda w: w.pools["warm"].section.refill.rate == 7.0),
    ],
)
def test_a_key_is_varied_wherever_it_belongs(tmp_path: Path, key: str, value: object, seen: object) -> None:
    assert callable(seen)
    assert seen(world(varied(asked(tmp_path, TEXT), key, value), 1))


def test_a_pool_that_is_there_is_varied_and_keeps_the_rest(tmp_path: Path) -> None:
    found = asked(tmp_path, TEXT + POOL)

    def auto(drawn: World) -> tuple[float, int]:
        section = drawn.pools["p"].section.size.auto
        assert section is not None
        return section.miss_ratio, section.ceiling

    assert auto(world(varied(found, "pool.missRatio", 0.3), 1)) == (0.3, 4)
    assert world(varied(found, "pool.size", 2), 1).pools["p"].section.size.fixed == 2
    assert world(varied(found, "pools.p.surge", 0), 1).pools["p"].section.surge == 0


def test_what_is_varied_holds_under_the_policies_that_do_not_speak_of_it(tmp_path: Path) -> None:
    policies = "policies: {cool: {functions: [{scaledObject: {cooldownPeriod: 5}}]}, polled: {use: keda-poll}}\n"
    found = varied(varied(asked(tmp_path, TEXT + policies), "cooldownPeriod", 99), "duration", "2m")
    drawn = {name: world(each, 1) for name, each in {"present": found, **found.policies}.items()}
    assert {name: each.end for name, each in drawn.items()} == dict.fromkeys(drawn, 120_000_000)
    assert {name: each.functions[0].scaled.cooldown for name, each in drawn.items()} == {
        "present": 99.0,
        "cool": 5.0,
        "polled": 99.0,
    }


def test_a_policy_that_a_scenario_uses_is_kept_when_a_key_is_varied(tmp_path: Path) -> None:
    found = varied(asked(tmp_path, TEXT + "use: keda-poll\n"), "cooldownPeriod", 99)
    assert not world(found, 1).functions[0].scaled.triggers[0].push


def test_of_a_scaled_job_the_same_keys_are_its_own(tmp_path: Path) -> None:
    text = TEXT.replace(", scaledObject: {cooldownPeriod: 7}", "").replace("}}}", "}}, scaledJob: {}}")
    found = world(varied(asked(tmp_path, text), "maxReplicaCount", 4), 1)
    assert [each.job.max_replicas for each in found.functions if each.job is not None] == [4, 4]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("cooldwnPeriod", 3, "unknown key 'cooldwnPeriod', did you mean 'cooldownPeriod'?"),
        ("pool.sise", 3, "unknown key 'pool.sise', did you mean 'pool.size'?"),
        ("functions.x.memory", "1Gi", "no function 'x'; there are a, b"),
        ("cooldownPeriod", "soon", "cooldownPeriod=soon: functions[0].scaledObject.cooldownPeriod: 'soon' must be a"),
        ("duration", 5, "duration=5: duration: 5 needs a unit, such as 500ms, 30s or 10m"),
    ],
)
def test_what_is_unknown_or_wrong_is_said(tmp_path: Path, key: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        varied(asked(tmp_path, TEXT), key, value)
    assert said in str(caught.value)


def test_the_keys_that_are_listed_are_those_that_people_vary() -> None:
    assert {"pool.size", "pool.missRatio", "cooldownPeriod", "pollingInterval", "target", "service"} <= {*known_keys()}
