"""How each sizer sizes a pool: histories as tables, and what must hold for every history."""

from collections.abc import Mapping
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.config.pools import AutoSection, FunctionsSection, PoolSection, SizeSection
from scaler.errors import ConfigError
from scaler.policy.warmth import Measured
from simulations.model import Pool, Sizer
from simulations.policies import SizerRule, sizer
from simulations.policies.forecast import ForecastRules, HoltWinters

DAY = 86_400.0
MEASURED = Measured(rate=0.001, lead_time=8.0, lead_time_p95=10.0, step_p95=2)
FEW = (1, "1: base stock")


def sized(kind: Sizer, options: Mapping[str, float] | None = None, ceiling: int = 10) -> SizerRule:
    section = PoolSection(
        functions=FunctionsSection(namespace="shop", deployment="orders"),
        size=SizeSection(auto=AutoSection(ceiling=ceiling)),
    )
    made = sizer(Pool(section=section, sizer=kind, options=options or {}), "orders", 0.0)
    assert made is not None
    return made


def decided(rule: SizerRule, now: float) -> int:
    return rule.decide(now, FEW, MEASURED)[0]


def test_a_configured_pool_has_no_sizer_and_wrong_options_are_told_together() -> None:
    section = PoolSection(functions=FunctionsSection(namespace="shop", deployment="orders"))
    assert sizer(Pool(section=section), "orders", 0.0) is None
    with pytest.raises(ConfigError) as told:
        sized(Sizer.REACTIVE, {"minCont": 1, "ttl": -1, "tea": 3})
    assert told.value.problems == (
        "unknown option 'minCont', did you mean 'minCount'?",
        "unknown option 'tea', there are minCount, maxCount, ttl, threshold, increment, interval",
        "'ttl' is -1, it must be a number of at least 0",
    )


@pytest.mark.parametrize(
    ("colds", "options", "sizes"),
    [
        pytest.param([(10, 3)], {}, {0: 1, 599: 1, 600: 3, 1199: 3, 1200: 1}, id="raised for one interval"),
        pytest.param([(10, 9)], {}, {600: 4}, id="up to maxCount"),
        pytest.param([(10, 5)], {"threshold": 2, "maxCount": 9}, {600: 2}, id="whole thresholds only"),
        pytest.param([(10, 2)], {"increment": 2}, {600: 4}, id="in increments"),
        pytest.param([(10, 3)], {"interval": 60}, {60: 3, 120: 3, 179: 3, 180: 1}, id="kept until it is ttl old"),
        pytest.param([(650, 2)], {}, {600: 1, 1200: 2, 100_000: 1}, id="long after, the minimum"),
    ],
)
def test_reactive(colds: list[tuple[float, int]], options: dict[str, float], sizes: dict[float, int]) -> None:
    rule = sized(Sizer.REACTIVE, options)
    events = sorted([(at, missed, -1) for at, missed in colds] + [(at, 0, size) for at, size in sizes.items()])
    for at, missed, size in events:
        if missed:
            rule.woke(at, missed, missed)
        else:
            assert decided(rule, at) == size


def test_reactive_sleeps_while_nothing_can_change() -> None:
    rule = sized(Sizer.REACTIVE)
    assert rule.next_at(5.0) == inf
    rule.woke(700.0, 1, 1)
    assert rule.next_at(700.0) == 1200.0


def woken(rule: SizerRule, gap: float, times: int) -> float:
    for number in range(times):
        rule.woke(number * gap, 1, 0)
    return gap * (times - 1)


@pytest.mark.parametrize(
    ("gap", "warm"),
    [
        # 30 min apart: bin 30. The head is its lower edge less 10 %, the tail its upper edge and 10 % more.
        pytest.param(1800.0, (1620.0, 31 * 66.0), id="every half hour: a little before, a little after"),
        pytest.param(18_000.0, (18_000 * 0.85, 18_000 * 1.15), id="every five hours: beyond the histogram, foreseen"),
    ],
)
def test_histogram_is_warm_around_the_time_that_is_due(gap: float, warm: tuple[float, float]) -> None:
    rule = sized(Sizer.HISTOGRAM)
    last = woken(rule, gap, 10)
    begin, end = (last + each for each in warm)
    assert rule.next_at(last) == begin
    assert rule.next_at(begin) == end
    assert [decided(rule, at) for at in (begin - 1, begin + 1, end - 1, end + 1)] == [0, 2, 2, 0]


def test_an_even_histogram_keeps_pods_for_four_hours() -> None:
    rule = sized(Sizer.HISTOGRAM)
    at = 0.0
    for minute in range(240):
        at += 60.0 * minute
        rule.woke(at, 1, 0)
    assert [decided(rule, at + hours * 3600) for hours in (0, 3.99, 4.01)] == [2, 2, 0]


def test_holt_winters_foresees_what_comes_back_and_knows_how_wrong_it_was() -> None:
    model = HoltWinters(ForecastRules(bin=1.0, season=4.0))
    for day in range(5):
        for count in (0, 0, 8, 0):
            model.saw(count)
        assert model.ready
        assert model.error == (None if day == 0 else pytest.approx(0.0))
    assert [model.ahead(bins) for bins in range(1, 5)] == pytest.approx([0, 0, 8, 0])
    model.saw(4)
    assert model.error == pytest.approx(4 / 17)


@pytest.mark.parametrize("kind", [Sizer.FORECAST, Sizer.SEASONAL])
def test_the_hour_of_the_day_before_is_warm_again_before_it_begins(kind: Sizer) -> None:
    """360 wake-ups from eight to nine: 0.1/s times 8 s, two pods each, want more than one."""
    rule = sized(kind)
    for number in range(360):
        rule.woke(8 * 3600.0 + 10.0 * number, 2, 1)
    assert decided(rule, 20 * 3600.0) == 1
    eight = DAY + 8 * 3600.0
    sizes = [decided(rule, at) for at in (eight - 600.0, eight - 9.0, eight + 1800.0, eight + 3700.0)]
    assert sizes[0] == sizes[3] == 1
    assert min(sizes[1:3]) > 1


@pytest.mark.parametrize("kind", [Sizer.FORECAST, Sizer.SEASONAL])
@given(gaps=st.lists(st.floats(1.0, 90_000.0), max_size=30), base=st.integers(0, 20), ceiling=st.integers(1, 6))
def test_foresight_only_raises_and_stays_below_the_ceiling(
    kind: Sizer, gaps: list[float], base: int, ceiling: int
) -> None:
    rule, now = sized(kind, ceiling=ceiling), 0.0
    for gap in gaps:
        now += gap
        rule.woke(now, 1, 1)
        size, why = rule.decide(now, (base, "base"), MEASURED)
        assert base <= size <= max(base, ceiling)
        assert (size == base) == (why == "base")
        assert rule.next_at(now) > now


@pytest.mark.parametrize("kind", [Sizer.REACTIVE, Sizer.HISTOGRAM, Sizer.FORECAST, Sizer.SEASONAL])
@given(gaps=st.lists(st.floats(0.5, 20_000.0), min_size=1, max_size=20))
def test_a_size_changes_only_when_it_said_it_could(kind: Sizer, gaps: list[float]) -> None:
    asked, silent, now = sized(kind), sized(kind), 0.0
    for gap in gaps:
        now += gap
        asked.woke(now, 1, 1)
        silent.woke(now, 1, 1)
        size = decided(asked, now)
        assert size == decided(silent, now)
        change = min(asked.next_at(now), now + 5 * gap)
        assert decided(asked, now + 0.999 * (change - now)) == size
        now = change
