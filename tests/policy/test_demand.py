"""What the pool expects to be asked for is what KEDA and the HPA ask for, by the emulated HPA's own arithmetic."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.policy.demand import Bounds, Signal, wanted
from simulations.hpa import Edge, HpaSpec, HpaState, MetricSpec, Seen, propose, reconcile
from simulations.keda.numbers import milli

NAN = float("nan")


def busy(value: float, target: float = 10.0) -> Signal:
    return Signal(active=True, value=value, target=target)


def quiet(value: float = 0.0, target: float = 10.0) -> Signal:
    return Signal(active=False, value=value, target=target)


@pytest.mark.parametrize(
    ("signals", "bounds", "replicas", "asked"),
    [
        pytest.param([busy(35)], Bounds(), 0, 4, id="a part of a target needs a whole replica"),
        pytest.param([busy(0)], Bounds(), 0, 1, id="active with nothing to do is one replica"),
        pytest.param([busy(0)], Bounds(least=3), 3, 3, id="never below minReplicaCount"),
        pytest.param([busy(5000)], Bounds(most=20), 0, 20, id="never above maxReplicaCount"),
        pytest.param([busy(0.3, 0.1)], Bounds(), 0, 3, id="0.3 / 0.1 is 3 in milli units, and 2.9999 in doubles"),
        pytest.param([busy(0.7, 0.1)], Bounds(), 0, 7, id="0.7 / 0.1 is 7 in milli units"),
        pytest.param([busy(3.3000001, 1.1)], Bounds(), 0, 3, id="what KEDA does not write counts for nothing"),
        pytest.param([busy(3.0006, 1.0)], Bounds(), 0, 4, id="KEDA rounds to thousandths, up"),
        pytest.param([busy(3.0004, 1.0)], Bounds(), 0, 3, id="and down"),
        pytest.param([busy(101)], Bounds(), 10, 10, id="1 % more is within the tolerance"),
        pytest.param([busy(110)], Bounds(), 10, 11, id="10 % more is what only some versions ask for"),
        pytest.param([busy(109.999)], Bounds(), 10, 10, id="just below 10 % more"),
        pytest.param([busy(90)], Bounds(), 10, 10, id="10 % less is within the tolerance"),
        pytest.param([busy(89)], Bounds(), 10, 9, id="11 % less is not"),
        pytest.param([busy(20), busy(30)], Bounds(), 0, 3, id="the largest of several"),
        pytest.param([busy(20), quiet(50)], Bounds(), 1, 5, id="the HPA asks every trigger, active or not"),
        pytest.param([quiet(50)], Bounds(), 5, 0, id="inactive asks for nothing"),
        pytest.param([quiet()], Bounds(least=2), 2, 0, id="what KEDA leaves is not asked for"),
        pytest.param([quiet(), quiet()], Bounds(least=2, idle=0), 2, 0, id="all inactive"),
        pytest.param([None], Bounds(), 3, None, id="nothing is known"),
        pytest.param([], Bounds(), 3, None, id="nobody says anything"),
        pytest.param([quiet(), None], Bounds(), 3, None, id="who is not heard may be active"),
        pytest.param([busy(20), None], Bounds(), 5, 5, id="the HPA does not scale down with a metric missing"),
        pytest.param([busy(80), None], Bounds(), 5, 8, id="but it scales up"),
        pytest.param([busy(20), None], Bounds(most=4), 5, 4, id="nor does a missing one lift maxReplicaCount"),
        pytest.param([busy(NAN)], Bounds(), 0, 1, id="what is no number is nothing"),
        pytest.param([busy(float("inf"))], Bounds(), 2, 1, id="nor is what is not finite"),
        pytest.param([busy(1e300)], Bounds(), 2, 100, id="the largest numbers"),
        pytest.param([busy(5, 0)], Bounds(), 0, 100, id="a target is at least a thousandth"),
    ],
)
def test_what_will_be_asked_for(signals: list[Signal | None], bounds: Bounds, replicas: int, asked: int | None) -> None:
    assert wanted(signals, bounds, replicas) == asked


@pytest.mark.parametrize(("bounds", "rest"), [(Bounds(), 0), (Bounds(least=2), 2), (Bounds(least=2, idle=0), 0)])
def test_what_keda_leaves_when_nothing_is_active(bounds: Bounds, rest: int) -> None:
    assert bounds.rest == rest


# -- laws ------------------------------------------------------------------------------------------------------

VALUES = st.one_of(st.integers(0, 5000).map(float), st.floats(0, 1e6), st.floats())
TARGETS = st.one_of(st.integers(1, 100).map(float), st.floats(0.001, 1e4))
SIGNALS = st.builds(Signal, active=st.booleans(), value=VALUES, target=TARGETS)
REPLICAS = st.integers(0, 300)


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    most = draw(st.integers(1, 200))
    return Bounds(least=draw(st.integers(0, most)), most=most)


@given(st.lists(st.one_of(SIGNALS, st.none()), max_size=4), bounds(), REPLICAS)
def test_it_is_never_above_what_is_allowed_and_known_only_if_somebody_is_heard(
    signals: list[Signal | None], bounds: Bounds, replicas: int
) -> None:
    asked = wanted(signals, bounds, replicas)
    active = any(signal is not None and signal.active for signal in signals)
    assert asked is None or 0 <= asked <= bounds.most
    assert (asked is None) == (not active and (None in signals or not signals))
    assert not active or (asked is not None and asked >= max(1, bounds.least))


@given(st.lists(SIGNALS, min_size=1, max_size=3), VALUES, bounds(), REPLICAS)
def test_more_work_never_asks_for_less(signals: list[Signal], other: float, bounds: Bounds, replicas: int) -> None:
    heard = replace(signals[0], active=True)
    less, more = sorted((milli(heard.value), milli(other)))
    few = wanted([replace(heard, value=less / 1000), *signals[1:]], bounds, replicas)
    many = wanted([replace(heard, value=more / 1000), *signals[1:]], bounds, replicas)
    assert few is not None
    assert many is not None
    assert few <= many


@given(st.lists(st.one_of(SIGNALS, st.none()), min_size=1, max_size=3), bounds(), REPLICAS, st.sampled_from(Edge))
def test_the_emulated_autoscaler_never_asks_for_more(
    others: list[Signal | None], bounds: Bounds, replicas: int, edge: Edge
) -> None:
    signals = [busy(35.0), *others]
    asked = wanted(signals, bounds, replicas)
    spec = HpaSpec(
        metrics=tuple(MetricSpec(target=max(1, milli(each.target)) if each else 1) for each in signals),
        min_replicas=max(1, bounds.least),
        max_replicas=bounds.most,
        edge=edge,
    )
    series = tuple((milli(each.value),) if each else None for each in signals)
    seen = Seen(replicas=replicas, pods=replicas, ready=replicas, series=series)
    _, outcome = reconcile(spec, HpaState(recommendations=()), seen, 0.0)
    assert asked is not None
    assert replicas == 0 or replicas > bounds.most or asked >= outcome.replicas
    proposal = propose(spec, seen)
    assert proposal is None or asked >= min(bounds.most, proposal)


@given(SIGNALS, REPLICAS)
def test_it_is_exactly_what_is_proposed_where_all_versions_agree(signal: Signal, replicas: int) -> None:
    spec = HpaSpec(metrics=(MetricSpec(target=max(1, milli(signal.target))),), max_replicas=2**31, edge=Edge.ABS)
    seen = Seen(replicas=replicas, pods=replicas, ready=replicas, series=((milli(signal.value),),))
    proposed = propose(spec, seen)
    assert proposed is not None
    assert wanted([replace(signal, active=True)], Bounds(most=2**31 - 1), replicas) == max(1, proposed)
