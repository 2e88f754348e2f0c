"""Each hazard in two rows: settings that have it, and settings that just have not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scaler.config.pools import PoolSection
from scaler.model import Rules
from simulations.hazards import hazards, of_function
from simulations.hazards.load import load
from simulations.hpa import Behavior, HpaSpec, MetricSpec, Policy, PolicyKind, ScalingRules, Select, TargetKind
from simulations.keda import Fallback, FallbackBehavior, ScaledObject, TriggerSpec, hpa_spec
from simulations.model import (
    SECOND,
    Backlog,
    Counts,
    Function,
    Job,
    KnativeRules,
    Phases,
    Pool,
    Series,
    Sizer,
    Starts,
    Trigger,
    Work,
    World,
)

NONE = np.zeros(0, np.int64)
STEEP = ScalingRules(policies=(Policy(kind=PolicyKind.PODS, value=100, period=15.0),))


def work(*bursts: tuple[float, int], service: float = 1.0) -> Work:
    """Return requests: so many at so many seconds, for each burst, each of so many seconds."""
    arrivals = np.concatenate([np.full(count, round(at * SECOND), np.int64) for at, count in bursts] or [NONE])
    return Work(arrivals=arrivals, service=np.full(len(arrivals), round(service * SECOND), np.int64))


def function(scaled: dict[str, Any] | None = None, **others: Any) -> Function:
    """Return a function that has no hazard, but for what is said: fields of its ScaledObject, and its own."""
    made = ScaledObject(**({"triggers": (TriggerSpec(metric=MetricSpec(target=5000)),)} | (scaled or {})))
    ours: dict[str, Any] = {
        "name": "orders",
        "scaled": made,
        "hpa": others.pop("hpa", hpa_spec(made)),
        "triggers": tuple(Trigger(source=Backlog()) for _ in made.triggers),
        "work": work((10, 100), (4000, 100)),
        "starts": Starts(schedule=NONE, pull=NONE, start=NONE, ready=NONE),
        "phases": Phases(check=0, sync=0, gaps=NONE),
    }
    return Function(**(ours | others))


def triggers(target: float, **spec: Any) -> dict[str, Any]:
    kind = spec.pop("kind", TargetKind.AVERAGE_VALUE)
    return {"triggers": (TriggerSpec(metric=MetricSpec(target=round(1000 * target), kind=kind), **spec),)}


def up(**rules: Any) -> dict[str, Any]:
    return {"behavior": Behavior(up=replace(STEEP, **rules))}


def pool(**section: Any) -> Pool:
    return Pool(section=PoolSection.model_validate({"functions": {"namespace": "shop", "deployment": "a"}} | section))


def found(function: Function, pool: Pool | None = None) -> list[str]:
    return [each.key for each in of_function(function, pool)]


def test_what_has_no_hazard_has_none() -> None:
    assert found(function(), pool(size={"fixed": 9})) == []
    assert found(function(work=work())) == []


TINY = [(PolicyKind.PERCENT, 10, 60.0)]

ROWS: list[tuple[str, Callable[..., Function], Any, Any]] = [
    ("cooldown-below-memory", lambda it: function({"cooldown": it}), 299.0, 300.0),
    ("cooldown-below-memory", lambda it: function({"cooldown": 60.0, "behavior": it}), None, Behavior()),
    ("cooldown-below-memory", lambda it: function({"cooldown": 60.0, "min_replicas": it}), 0, 1),
    (
        "cooldown-below-memory",
        lambda it: function(hpa=HpaSpec(metrics=(MetricSpec(target=5000),), max_replicas=9, downscale_window=it)),
        301.0,
        60.0,
    ),
    ("poll-above-cooldown", lambda it: function({"polling_interval": it}), 301.0, 300.0),
    ("poll-above-cooldown", lambda it: function({"polling_interval": 600.0, "min_replicas": it}), 0, 1),
    ("poll-above-cooldown", lambda it: function({"polling_interval": 600.0, **triggers(5, push=it)}), False, True),
    ("target-below-tolerance", lambda it: function(triggers(it)), 0.05, 0.1),
    ("target-below-tolerance", lambda it: function({"max_replicas": it, **triggers(1)}), 9, 10),
    ("target-below-tolerance", lambda it: function(triggers(it, kind=TargetKind.VALUE)), 9, 10),
    ("target-above-load", lambda it: function(triggers(it)), 95, 90),
    ("target-above-load", lambda it: function(triggers(95), work=work((10, it))), 61, 60),
    ("min-above-max", lambda it: function({"min_replicas": it, "max_replicas": 10}), 11, 10),
    ("max-below-peak", lambda it: function({"max_replicas": it}), 1, 2),
    ("max-below-peak", lambda it: function({"max_replicas": 1}, concurrency=it), 1, 2),
    ("max-below-peak", lambda it: function(job=Job(max_replicas=it)), 1, 2),
    ("idle-replicas", lambda it: function({"min_replicas": 2, "idle_replicas": it}), 1, 0),
    ("fallback-zero", lambda it: function({"fallback": Fallback(replicas=it, failure_threshold=3)}), 0, 1),
    (
        "fallback-unreachable",
        lambda it: function({"fallback": Fallback(replicas=2, failure_threshold=3), **triggers(5, push=it)}),
        True,
        False,
    ),
    ("scale-up-disabled", lambda it: function(up(select=it)), Select.DISABLED, Select.MIN),
    (
        "scale-down-disabled",
        lambda it: function({"behavior": Behavior(up=STEEP, down=replace(STEEP, select=it))}),
        Select.DISABLED,
        Select.MIN,
    ),
    (
        "scale-up-slow",
        lambda it: function(
            up(select=it, policies=(*STEEP.policies, Policy(kind=PolicyKind.PODS, value=4, period=15)))
        ),
        Select.MIN,
        Select.MAX,
    ),
    ("scale-up-stabilised", lambda it: function(up(window=it)), 30.0, 0.0),
    ("scale-up-stabilised", lambda it: function({"min_replicas": it, **up(window=30.0)}), 1, 2),
    ("value-from-zero", lambda it: function(triggers(50, kind=it)), TargetKind.VALUE, TargetKind.AVERAGE_VALUE),
    ("value-from-zero", lambda it: function({"min_replicas": it, **triggers(50, kind=TargetKind.VALUE)}), 0, 1),
    ("cached-metrics-old", lambda it: function({"polling_interval": it, **triggers(5, cached=True)}), 16.0, 15.0),
    ("cached-metrics-old", lambda it: function(triggers(5, cached=it)), True, False),
    (
        "activation-above-target",
        lambda it: function(triggers=(Trigger(source=Backlog(), rules=Rules(activation=it)),)),
        5.1,
        5.0,
    ),
    (
        "accurate-counts-running",
        lambda it: function(job=Job(strategy="accurate"), triggers=(Trigger(source=Backlog(counts=it)),)),
        Counts.UNFINISHED,
        Counts.WAITING,
    ),
    (
        "default-misses-waiting",
        lambda it: function(job=Job(strategy="default"), triggers=(Trigger(source=Backlog(counts=it)),)),
        Counts.WAITING,
        Counts.UNFINISHED,
    ),
]


@pytest.mark.parametrize(
    ("key", "made", "with_it", "without"), ROWS, ids=[f"{row[0]}-{i}" for i, row in enumerate(ROWS)]
)
def test_a_hazard_is_found_where_it_is_and_not_just_beside_it(
    key: str, made: Callable[[Any], Function], with_it: Any, without: Any
) -> None:
    assert key in found(made(with_it))
    assert key not in found(made(without))


@pytest.mark.parametrize(
    ("key", "with_it", "without"),
    [
        ("pool-below-step", {"size": {"fixed": 6}}, {"size": {"fixed": 7}}),
        ("pool-below-step", {"size": {"auto": {"ceiling": 6}}}, {"size": {"auto": {"ceiling": 7}}}),
        (
            "pool-below-step",
            {"size": {"schedule": [{"cron": "0 8 * * *", "duration": "1h", "size": 6}], "otherwise": 2}},
            {"size": {"schedule": [{"cron": "0 8 * * *", "duration": "1h", "size": 7}]}},
        ),
        ("refill-below-wakes", {"refill": {"rate": 0.0019}}, {"refill": {"rate": 0.002}}),
        ("refill-below-wakes", {"refill": {"rate": 0.0019}}, {"size": {"fixed": 0}, "refill": {"rate": 0.0019}}),
    ],
)
def test_a_hazard_of_the_pool_is_found(key: str, with_it: dict[str, Any], without: dict[str, Any]) -> None:
    assert key in found(function(), pool(**with_it))
    assert key not in found(function(), pool(**without))


def _world(budget: str, sizer: Sizer = Sizer.CONFIGURED) -> World:
    kept = replace(pool(size={"auto": {"floor": 1, "budget": budget}}), sizer=sizer)
    functions = [replace(function(), name=name, pool="shop") for name in ("a", "b")]
    return World(functions=(*functions, replace(function(), name="c")), end=SECOND, pools={"shop": kept})


def test_a_budget_below_the_floors_of_all_functions_is_found() -> None:
    assert [(each.key, each.of) for each in hazards(_world("511Mi"))] == [("budget-below-floors", "shop")]
    assert hazards(_world("512Mi")) == ()
    assert hazards(_world("511Mi", Sizer.REACTIVE)) == ()


def test_a_hazard_says_what_happens_in_numbers_and_what_would_be_right() -> None:
    (hazard,) = of_function(function({"cooldown": 60.0}))
    assert hazard.numbers == {"cooldown": 60.0, "memory": 300.0}
    assert "After 60 s of silence KEDA goes to zero, and the HPA remembers for 300 s" in hazard.what
    assert "behavior" in hazard.right


def test_every_hazard_speaks_in_sentences_of_its_function() -> None:
    for _, made, with_it, _ in ROWS:
        for hazard in of_function(made(with_it)):
            assert hazard.of == "orders"
            assert hazard.what.endswith(".")
            assert hazard.right.endswith(".")


def test_a_behaviour_of_the_fallback_does_not_help_against_zero() -> None:
    fallback = Fallback(replicas=0, failure_threshold=3, behavior=FallbackBehavior.CURRENT)
    assert found(function({"fallback": fallback})) == ["fallback-zero"]


def test_what_another_controller_scales_has_no_hazards_of_keda() -> None:
    assert found(function({"cooldown": 1.0}, knative=KnativeRules())) == []
    assert found(function({"cooldown": 1.0}, job=Job())) == []


def test_a_series_says_nothing_of_the_requests() -> None:
    series = Series(times=NONE, values=NONE, active=NONE)
    assert found(function(triggers(0.05), triggers=(Trigger(source=series),))) == []


# -- the load ----------------------------------------------------------------------------------------------------------


def test_the_busiest_minute_is_measured() -> None:
    measured = load(function(work=work((30, 60), (90, 120), (200, 10), service=2.0), concurrency=2))
    assert (measured.busiest, measured.arrivals, measured.service) == (2.0, 120, 2.0)


def test_a_step_is_what_one_sync_wants_more_than_is_there() -> None:
    bursts = work((0, 30), (20, 60), (40, 45), (1000, 30))
    measured = load(function({"cooldown": 300.0}, work=bursts))
    assert (measured.step, measured.rate) == (2, (2 + 2 + 2) / 3600)


def test_pods_are_there_for_the_cooldown() -> None:
    twice = work((0, 15), (295, 15))
    assert load(function({"cooldown": 300.0}, work=twice)).rate == 1 / 3600
    assert load(function({"cooldown": 270.0}, work=twice)).rate == 2 / 3600
