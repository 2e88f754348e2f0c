"""A stock alone against wake-ups: rows to compute by hand, laws, and the whole run that it stands for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.config.pools import RefillSection
from simulations.model import SECOND
from simulations.policies.overlays import laid
from simulations.recommend.measuring import needs
from simulations.recommend.replay import Span, Supply, WakeUp, replayed
from simulations.run import simulate
from tests.simulations.policies.worlds import HOUR, function, section, world

SUPPLY = Supply(lead=8.0, refill=RefillSection())
WAKE_UPS = st.lists(st.tuples(st.floats(0.0, 500.0), st.integers(1, 6)), max_size=25).map(
    lambda rows: [WakeUp(at=at, pods=pods) for at, pods in sorted(rows)]
)


def woken(*rows: tuple[float, int]) -> list[WakeUp]:
    return [WakeUp(at=at, pods=pods) for at, pods in rows]


@pytest.mark.parametrize(
    ("wake_ups", "spans", "missed", "warm"),
    [
        pytest.param([(7.9, 1)], [(0, 1)], 1, 100.0, id="before the first pod is there"),
        pytest.param([(8.0, 1)], [(0, 1)], 0, 100.0, id="as soon as it is there"),
        pytest.param([(20, 1), (27, 1)], [(0, 1)], 1, 100.0, id="before it was replaced"),
        pytest.param([(20, 1), (28, 1)], [(0, 1)], 0, 100.0, id="after it was replaced"),
        pytest.param([(20, 3)], [(0, 2)], 1, 200.0, id="more than there are"),
        pytest.param([(20, 1), (70, 1)], [(0, 0), (50, 1)], 1, 50.0, id="nothing before a window"),
        pytest.param([(20, 1), (70, 1)], [(0, 1), (50, 0)], 1, 50.0, id="nothing after it"),
        pytest.param([], [(0, 0)], 0, 0.0, id="nothing at all"),
    ],
)
def test_rows(wake_ups: list[tuple[float, int]], spans: list[tuple[float, int]], missed: int, warm: float) -> None:
    sizes = [Span(begin=begin, size=size) for begin, size in spans]
    lived = replayed(woken(*wake_ups), sizes, SUPPLY, 100.0)
    assert lived.missed == missed
    assert lived.warm == pytest.approx(warm)


def test_a_refill_is_limited() -> None:
    """Five at once and then one a second: of ten that were taken at 100 s four are there at 109.5 s, so 6 and 3."""
    wake_ups = woken((100.0, 10), (109.5, 10))
    lived = replayed(wake_ups, [Span(begin=0.0, size=10)], SUPPLY, 200.0)
    assert lived.missed == 10 - 6
    slow = replace(SUPPLY, refill=RefillSection(rate=0.1, burst=1))
    assert replayed(wake_ups, [Span(begin=0.0, size=10)], slow, 200.0).missed > lived.missed


@given(WAKE_UPS, st.integers(0, 8))
def test_one_more_pod_never_misses_more_nor_costs_less(wake_ups: list[WakeUp], size: int) -> None:
    few, more = (replayed(wake_ups, [Span(begin=0.0, size=each)], SUPPLY, 600.0) for each in (size, size + 1))
    assert more.missed <= few.missed
    assert more.warm >= few.warm - 1e-6
    assert few.warm <= 600.0 * size + 1e-6


@given(WAKE_UPS)
def test_a_change_to_the_same_size_changes_nothing(wake_ups: list[WakeUp]) -> None:
    whole = replayed(wake_ups, [Span(begin=0.0, size=3)], SUPPLY, 600.0)
    parted = replayed(wake_ups, [Span(begin=0.0, size=3), Span(begin=250.0, size=3)], SUPPLY, 600.0)
    assert (parted.wanted, parted.missed) == (whole.wanted, whole.missed)
    assert parted.warm == pytest.approx(whole.warm)


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_a_run_misses_as_many(size: int) -> None:
    """Replicas are wanted one by one, so misses do not change what is wanted next."""
    arrivals = np.sort(np.random.default_rng(3).uniform(30.0, HOUR, 120))
    one = function(list(arrivals), service=0.2, cooldown=5.0)
    asked = world(replace(one, scaled=replace(one.scaled, polling_interval=2.0)))
    laid_over = laid("pool-fixed", asked, {"size": size})
    outcome = simulate(laid_over)
    measured = needs(laid_over.functions[0], outcome.figures[0], section({"fixed": size}))
    lived = replayed(measured.wake_ups, [Span(begin=0.0, size=size)], measured.supply, HOUR)
    figures = outcome.figures[0]
    assert lived.wanted == figures.hits + figures.missed
    assert lived.missed == pytest.approx(figures.missed, abs=2)
    assert lived.warm == pytest.approx(figures.warm_time / SECOND, rel=0.05, abs=200.0)
