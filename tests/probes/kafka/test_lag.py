"""Lag equals the native scaler's: its own test tables as rows, and laws that its tables do not say."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.model import Instant
from scaler.probes.base import Amount
from scaler.probes.kafka.lag import (
    PERSISTENT_AFTER,
    Behind,
    Bound,
    Lag,
    Log,
    Partition,
    Standing,
    amount,
    behind,
    even,
    factors,
    marked,
    standing,
)

ASK = Lag(group="g", topic="t")
P0 = Partition("t", 0)

offsets = st.integers(0, 10_000)
logs = st.builds(
    Log, committed=st.none() | offsets, end=st.none() | offsets, start=st.none() | offsets, stuck=st.booleans()
)
asks = st.builds(
    Lag,
    group=st.just("g"),
    topic=st.just("t"),
    earliest=st.booleans(),
    zero_unread=st.booleans(),
    threshold=st.integers(1, 500),
    bound=st.sampled_from(Bound),
    even=st.booleans(),
)


@pytest.mark.parametrize(
    ("log", "options", "lag"),
    [
        pytest.param(
            Log(end=None), {"earliest": True, "zero_unread": True}, 0, id="earliest, no commit, no end, to zero"
        ),
        pytest.param(Log(end=None), {"earliest": True}, 0, id="earliest, no commit, no end"),
        pytest.param(Log(committed=100, end=None), {"earliest": True}, 0, id="a commit and no end"),
        pytest.param(Log(committed=100, end=150), {}, 50, id="the plain case"),
        pytest.param(Log(end=150), {"zero_unread": True}, 0, id="latest, no commit, to zero"),
        pytest.param(Log(end=150), {}, 1, id="latest, no commit, counts 1 whatever the end"),
        pytest.param(Log(end=None), {}, 1, id="latest, no commit, no end"),
        pytest.param(Log(end=150), {"earliest": True, "zero_unread": True}, 0, id="earliest, no commit, to zero"),
        pytest.param(
            Log(end=150, start=120), {"earliest": True}, 30, id="earliest, no commit, from the log's beginning"
        ),
        pytest.param(Log(end=150), {"earliest": True}, 150, id="earliest, no commit, beginning unknown"),
        pytest.param(
            Log(committed=100, end=150, start=120), {"earliest": True}, 50, id="a commit before the beginning"
        ),
        pytest.param(Log(committed=100, end=40), {}, -60, id="a log made anew"),
        pytest.param(Log(committed=0, end=5), {}, 5, id="a commit of zero is a commit"),
    ],
)
def test_lag_of_a_partition(log: Log, options: Mapping[str, bool], lag: int) -> None:
    assert behind(log, replace(ASK, **options)) == Behind(lag, lag)  # type: ignore[arg-type] # rows of a table


def test_persistent_lag_counts_for_activity_only() -> None:
    assert behind(Log(committed=100, end=150, stuck=True), ASK) == Behind(0, 50)


@pytest.mark.parametrize(
    ("number", "divisors"),
    [
        (10, [1, 2, 5, 10]),
        (13, [1, 13]),
        (25, [1, 5, 25]),
        (50, [1, 2, 5, 10, 25, 50]),
        (1, [1]),
        (0, []),
        (-3, []),
    ],
)
def test_factors(number: int, divisors: list[int]) -> None:
    assert factors(number) == divisors


@pytest.mark.parametrize(
    ("lag", "consumers"), [(10, 1), (20, 2), (40, 4), (50, 5), (99, 10), (100, 10), (101, 20), (0, 1)]
)
def test_even_distribution(lag: int, consumers: int) -> None:
    assert even(lag, partitions=100, threshold=10) == consumers


def _logs(*lags: int) -> list[Log]:
    return [Log(committed=0, end=lag) for lag in lags]


@pytest.mark.parametrize(
    ("lags", "options", "value"),
    [
        pytest.param((100, 0), {}, 20, id="no more than one replica a partition"),
        pytest.param((100, 0), {"bound": Bound.NONE}, 100, id="idle consumers allowed"),
        pytest.param((100, 0), {"bound": Bound.LAGGING}, 10, id="one replica a partition that lags"),
        pytest.param((29, 0), {}, 29, id="less than one threshold over the bound is not cut"),
        pytest.param((30, 0), {}, 20, id="a whole threshold over the bound is"),
        pytest.param((0, 0, 0), {"even": True}, 10, id="even distribution asks for one replica at rest"),
        pytest.param((25, 0, 0, 0), {"even": True}, 40, id="even distribution rounds up to a divisor"),
        pytest.param((900, 0, 0, 0), {"even": True}, 40, id="even distribution stops at the partitions"),
        pytest.param((5, -20), {}, 0, id="a sum below zero is zero"),
        pytest.param((), {}, 0, id="no partitions"),
    ],
)
def test_the_metric(lags: tuple[int, ...], options: Mapping[str, object], value: float) -> None:
    found = amount(_logs(*lags), replace(ASK, **options))  # type: ignore[arg-type] # rows of a table
    assert found == Amount(value=value, activity=sum(lags))


def test_a_partition_that_the_broker_left_out_counts_nowhere() -> None:
    assert amount([Log(committed=3, end=None), *_logs(35)], ASK) == Amount(value=10, activity=35)


def test_partitions_that_count() -> None:
    ask = Lag(group="g", topic="t", only=((1, 4), (8, 8)))
    assert [number for number in range(12) if ask.counts(number)] == [1, 2, 3, 4, 8]
    assert all(ASK.counts(number) for number in range(12))


@given(st.lists(logs), asks)
def test_activity_is_the_plain_sum_and_the_metric_is_never_negative(some: list[Log], ask: Lag) -> None:
    found = amount(some, ask)
    assert found.activity == sum(behind(log, ask).activity for log in some if log.end is not None)
    assert found.value >= 0


def _useful(lags: list[int], ask: Lag) -> float:
    return {Bound.NONE: inf, Bound.PARTITIONS: len(lags), Bound.LAGGING: sum(lag > 0 for lag in lags)}[ask.bound]


@given(st.lists(st.integers(0, 10_000), min_size=1), asks)
def test_the_metric_asks_for_at_most_one_replica_more_than_are_of_use(lags: list[int], ask: Lag) -> None:
    assert amount(_logs(*lags), ask).value < (_useful(lags, ask) + 1) * ask.threshold


@given(st.lists(st.integers(0, 10_000), min_size=1), st.integers(0, 50), asks)
def test_more_lag_never_asks_for_fewer_replicas_than_are_of_use(lags: list[int], more: int, ask: Lag) -> None:
    first, *rest = lags
    less = amount(_logs(*lags), ask).value
    assert amount(_logs(first + more, *rest), ask).value >= min(less, _useful(lags, ask) * ask.threshold)


@given(st.integers(0, 10_000), st.integers(1, 200), st.integers(1, 500))
def test_even_consumers_divide_the_partitions_and_are_enough_or_all(lag: int, partitions: int, threshold: int) -> None:
    consumers = even(lag, partitions, threshold)
    assert partitions % consumers == 0
    assert consumers * threshold >= lag or consumers == partitions


@given(st.integers(1, 5_000))
def test_factors_are_the_divisors(number: int) -> None:
    assert factors(number) == [each for each in range(1, number + 1) if number % each == 0]


History = list[tuple[float, int, int]]
"""When a partition was read, and its committed offset and end then."""


def _stuck(history: History) -> list[bool]:
    stands: dict[Partition, Standing] = {}
    told = []
    for at, committed, end in history:
        seen = {P0: Log(committed=committed, end=end)}
        stands = standing(stands, seen, Instant(at))
        told.append(marked(seen, stands, Instant(at))[0].stuck)
    return told


@pytest.mark.parametrize(
    ("history", "stuck"),
    [
        pytest.param([(0, 5, 9), (29.9, 5, 9), (30, 5, 9)], [False, False, True], id="standing for 30 s"),
        pytest.param(
            [(0, 5, 9), (20, 6, 9), (45, 6, 9), (50, 6, 9)], [False, False, False, True], id="it moved between"
        ),
        pytest.param([(0, 9, 9), (100, 9, 10), (129, 9, 11)], [False, False, False], id="idle is not stuck"),
        pytest.param([(0, 9, 9), (100, 9, 10), (130, 9, 11)], [False, False, True], id="but then it is"),
        pytest.param([(0, 5, 9), (30, 5, 9), (31, 7, 9)], [False, True, False], id="progress ends it"),
        pytest.param([(0, 5, 9), (30, 5, 9), (31, 2, 9)], [False, True, False], id="so does a reset backwards"),
        pytest.param([(0, 5, 9), (20, 5, 5), (40, 5, 9)], [False, False, False], id="nothing waiting starts it over"),
    ],
)
def test_lag_is_persistent(history: History, stuck: list[bool]) -> None:
    assert _stuck(history) == stuck


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 1_000))
def test_how_often_it_is_read_does_not_matter(instants: list[float], last: float) -> None:
    history = [(at, 5, 9) for at in sorted(instants)]
    end = history[-1][0] + last
    assert _stuck([*history, (end, 5, 9)])[-1] == _stuck([history[0], (end, 5, 9)])[-1]
    assert _stuck([*history, (end, 5, 9)])[-1] == (end - history[0][0] >= PERSISTENT_AFTER)


def test_a_partition_without_a_commit_is_never_persistent() -> None:
    seen = {P0: Log(committed=None, end=9)}
    assert standing({}, seen, Instant(0)) == {}
