"""Laws of a sync, and random lives compared with a second, plainer telling of the same rules."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.hpa import (
    SCALE_DOWN,
    SCALE_UP,
    Behavior,
    Edge,
    HpaSpec,
    HpaState,
    MetricSpec,
    Outcome,
    Policy,
    PolicyKind,
    ScalingRules,
    Seen,
    Select,
    TargetKind,
    Why,
    reconcile,
)
from tests.simulations.hpa.plain import PlainHpa

TARGET = 10_000

policies = st.builds(
    Policy,
    kind=st.sampled_from(PolicyKind),
    value=st.sampled_from([1, 4, 10, 20, 55, 100]),
    period=st.sampled_from([15.0, 30.0, 60.0, 180.0]),
)


def rules(windows: st.SearchStrategy[float | None]) -> st.SearchStrategy[ScalingRules]:
    return st.builds(
        ScalingRules,
        policies=st.lists(policies, min_size=1, max_size=3).map(tuple),
        window=windows,
        select=st.sampled_from(Select),
    )


behaviors = st.none() | st.builds(
    Behavior,
    up=st.just(SCALE_UP) | rules(st.sampled_from([0.0, 15.0, 60.0])),
    down=st.just(SCALE_DOWN) | rules(st.sampled_from([None, 0.0, 60.0, 300.0])),
)
kinds = st.sampled_from(TargetKind)
specs = st.builds(
    HpaSpec,
    metrics=st.lists(
        st.builds(MetricSpec, target=st.sampled_from([1, TARGET, 2_222]), kind=kinds), min_size=1, max_size=3
    ).map(tuple),
    min_replicas=st.integers(0, 5),
    max_replicas=st.integers(5, 200),
    behavior=behaviors,
    edge=st.sampled_from(Edge),
    downscale_window=st.sampled_from([0.0, 60.0, 300.0]),
)
totals = st.none() | st.sampled_from([0, 9_000, 10_999, 11_000, 11_001]) | st.integers(0, 3_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A sync: ``pause`` seconds after the last, with what somebody ``wrote`` before it, and not all pods there."""

    pause: float
    wrote: int | None
    missing: int
    ready: float
    totals: tuple[int | None, ...]

    def look(self, replicas: int) -> Seen:
        pods = max(0, replicas - self.missing)
        series = tuple(None if total is None else (total,) for total in self.totals)
        return Seen(replicas=replicas, pods=pods, ready=int(pods * self.ready), series=series)


Life = tuple[HpaSpec, list[Moment]]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Draw a spec and its syncs."""
    spec = draw(specs)
    moment = st.builds(
        Moment,
        pause=st.sampled_from([5.0, 15.0, 15.005, 60.0, 150.0, 300.0]),
        wrote=st.none() | st.none() | st.none() | st.integers(0, 210),
        missing=st.sampled_from([0, 0, 0, 1, 5]),
        ready=st.sampled_from([1.0, 1.0, 0.5, 0.0]),
        totals=st.tuples(*(totals for _ in spec.metrics)),
    )
    return spec, draw(st.lists(moment, min_size=1, max_size=40))


def seen(replicas: int, *totals: int | None) -> Seen:
    """Return a look at a cluster where all pods exist and are ready."""
    series = tuple(None if total is None else (total,) for total in totals)
    return Seen(replicas=replicas, pods=replicas, ready=replicas, series=series)


def lived(life: Life, shift: float = 0.0) -> list[tuple[HpaState, Outcome]]:
    """Live through all syncs with the model."""
    spec, moments = life
    at, replicas, state, past = shift, 5, HpaState(), []
    for moment in moments:
        at, replicas = at + moment.pause, replicas if moment.wrote is None else moment.wrote
        state, outcome = reconcile(spec, state, moment.look(replicas), at)
        replicas = outcome.replicas
        past.append((state, outcome))
    return past


def plainly_lived(life: Life) -> list[int]:
    """Live through all syncs with the plain telling."""
    spec, moments = life
    plain = PlainHpa(
        {
            "min": spec.min_replicas,
            "max": spec.max_replicas,
            "edge": spec.edge,
            "tolerance": spec.tolerance_up,
            "downscale": spec.downscale_window,
            "behavior": None if spec.behavior is None else (_plain(spec.behavior.up), _plain(spec.behavior.down)),
        }
    )
    now, replicas, past = 0, 5, []
    for moment in moments:
        now, replicas = now + round(moment.pause * 1000), replicas if moment.wrote is None else moment.wrote
        look = moment.look(replicas)
        metrics = [
            (metric.kind, metric.target, total) for metric, total in zip(spec.metrics, moment.totals, strict=True)
        ]
        replicas = plain.sync(now, replicas, (look.pods, look.ready), metrics)
        past.append(replicas)
    return past


def _plain(rules: ScalingRules) -> dict[str, Any]:
    return {
        "window": rules.window,
        "select": rules.select,
        "policies": [(policy.kind, policy.value, policy.period) for policy in rules.policies],
    }


# --- laws -------------------------------------------------------------------------------------------------------------


@settings(max_examples=400)
@given(lives())
def test_two_tellings_of_the_rules_agree(life: Life) -> None:
    assert [outcome.replicas for _, outcome in lived(life)] == plainly_lived(life)


@given(lives(), st.integers(-10_000, 1_000_000))
def test_shifting_all_instants_changes_nothing(life: Life, shift: int) -> None:
    assert [outcome for _, outcome in lived(life, float(shift))] == [outcome for _, outcome in lived(life)]


@given(lives())
def test_what_a_sync_leaves_is_in_bounds_unless_it_is_off(life: Life) -> None:
    spec, _ = life
    for _, outcome in lived(life):
        off = outcome.why is Why.DISABLED
        assert off or spec.min_replicas <= outcome.replicas <= spec.max_replicas


@given(lives(), st.integers(0, 3_000_000), st.integers(0, 3_000_000))
def test_more_metric_never_means_fewer_replicas(life: Life, total: int, more: int) -> None:
    """As long as all pods are ready: for a Value metric, the controller multiplies the ready ones only."""
    spec, _ = life
    state, outcome = lived(life)[-1]
    looks = [seen(outcome.replicas, *(amount for _ in spec.metrics)) for amount in (total, total + more)]
    less, greater = (reconcile(spec, state, look, 1e6)[1].replicas for look in looks)
    assert less <= greater


@given(lives())
def test_a_metric_that_is_missing_never_costs_a_replica(life: Life) -> None:
    spec, _ = life
    state, outcome = lived(life)[-1]
    look = seen(outcome.replicas, None, *(0 for _ in spec.metrics[1:]))
    after, missed = reconcile(spec, state, look, 1e6)
    assert missed.replicas >= outcome.replicas or missed.why is Why.ABOVE_MAX
    assert missed.rescaled or after == state


@given(lives())
def test_without_behavior_no_sync_more_than_doubles(life: Life) -> None:
    spec, moments = life
    for _, outcome in lived((replace(spec, behavior=None), moments)):
        assert outcome.replicas <= max(2 * outcome.before, 4, spec.min_replicas)


@given(lives())
def test_a_state_forgets(life: Life) -> None:
    """No log outgrows what its windows can hold, however long the life."""
    spec, moments = life
    state, _ = lived((spec, moments * 10))[-1]
    assert len(state.recommendations or ()) <= 2 + 300 / 5
    assert len(state.ups) + len(state.downs) <= 2 * (2 + 180 / 5)


# --- what people should know ------------------------------------------------------------------------------------------

STEADY = HpaSpec(metrics=(MetricSpec(target=TARGET),), max_replicas=100)


@pytest.mark.parametrize(
    ("spec", "look", "why"),
    [
        pytest.param(STEADY, seen(4, 60_000), Why.MORE, id="more load"),
        pytest.param(STEADY, seen(4, 40_000), Why.SETTLED, id="just the load for these"),
        pytest.param(STEADY, seen(4, 10_000), Why.DOWN_STABILIZED, id="less load, but not for long enough"),
        pytest.param(
            replace(STEADY, behavior=Behavior(down=replace(SCALE_DOWN, window=0.0))),
            seen(4, 10_000),
            Why.FEWER,
            id="less load, and nobody to hold it",
        ),
        pytest.param(STEADY, seen(4, 900_000), Why.SCALE_UP_LIMIT, id="more load than may be followed at once"),
        pytest.param(STEADY, seen(80, 9_000_000), Why.TOO_MANY, id="more load than pods are allowed for"),
        pytest.param(STEADY, seen(0, 10_000), Why.DISABLED, id="asleep"),
        pytest.param(STEADY, seen(101, None), Why.ABOVE_MAX, id="somebody wrote too many"),
        pytest.param(replace(STEADY, min_replicas=3), seen(2, None), Why.BELOW_MIN, id="somebody wrote too few"),
        pytest.param(STEADY, seen(4, None), Why.NO_METRIC, id="the query failed"),
        pytest.param(STEADY, replace(seen(4, 0), series=((),)), Why.NO_METRIC, id="the query found no series"),
    ],
)
def test_every_outcome_has_a_reason(spec: HpaSpec, look: Seen, why: Why) -> None:
    assert reconcile(spec, HpaState(), look, 0.0)[1].why is why


@pytest.mark.parametrize(
    ("behavior", "expected"),
    [
        pytest.param(None, [4, 8, 16, 30], id="without behavior the old burst comes back"),
        pytest.param(Behavior(), [1, 1, 1, 1], id="with any behavior it stays at one"),
    ],
)
def test_one_event_soon_after_a_burst_and_a_sleep(behavior: Behavior | None, expected: list[int]) -> None:
    """The hazard of a cooldown shorter than 300 s: KEDA went to zero and back to one, the HPA remembers thirty."""
    spec, state = replace(STEADY, behavior=behavior), HpaState()
    state, _ = reconcile(spec, state, seen(30, 300_000), 0.0)
    replicas, found = 1, []
    for sync in range(4):
        state, outcome = reconcile(spec, state, seen(replicas, TARGET), 200.0 + 15.005 * sync)
        replicas = outcome.replicas
        found.append(replicas)
    assert found == expected


@pytest.mark.parametrize(
    ("totals", "replicas"),
    [
        pytest.param((50_000, 20_000), 5, id="the largest proposal counts"),
        pytest.param((50_000, None), 5, id="one is missing, the other asks for more"),
        pytest.param((10_000, None), 3, id="one is missing, the other would scale down"),
        pytest.param((None, None), 3, id="all are missing"),
    ],
)
def test_several_metrics(totals: tuple[int | None, ...], replicas: int) -> None:
    spec = replace(STEADY, metrics=STEADY.metrics * 2, behavior=Behavior(down=replace(SCALE_DOWN, window=0.0)))
    assert reconcile(spec, HpaState(), seen(3, *totals), 0.0)[1].replicas == replicas


def test_a_missing_metric_does_not_spoil_what_asks_for_no_less() -> None:
    """The sync counts: its recommendation is remembered."""
    spec = replace(STEADY, metrics=STEADY.metrics * 2)
    state, outcome = reconcile(spec, HpaState(recommendations=()), seen(3, 30_000, None), 0.0)
    assert outcome.why is Why.SETTLED
    assert len(state.recommendations or ()) == 1


def test_a_direction_may_have_its_own_tolerance_since_the_range_rule() -> None:
    tight = replace(STEADY, behavior=Behavior(up=replace(SCALE_UP, tolerance=0.01)))
    look = seen(10, 105_000)
    assert reconcile(tight, HpaState(), look, 0.0)[1].replicas == 11
    assert reconcile(replace(tight, edge=Edge.ABS), HpaState(), look, 0.0)[1].replicas == 10


@pytest.mark.parametrize("kind", TargetKind)
def test_a_number_beyond_all_replicas_stays_at_the_maximum(kind: TargetKind) -> None:
    spec = replace(STEADY, metrics=(MetricSpec(target=1, kind=kind),))
    look = replace(seen(60), series=((2**62, 2**62, 2**62),))
    assert reconcile(spec, HpaState(), look, 0.0)[1].replicas == 100
