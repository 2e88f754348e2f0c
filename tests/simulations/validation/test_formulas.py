"""Closed forms beside figures that were worked out, and simulated, elsewhere."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.policy.erlang import miss_ratio
from simulations.validation.formulas import Queue, cold_ratio, on_hand, pollaczek_khinchine


@pytest.mark.parametrize(
    ("rate", "lead", "size", "missed", "left"),
    [
        (0.5, 8, 2, 0.615385, 0.461538),
        (0.5, 8, 4, 0.310680, 1.242718),
        (0.5, 8, 6, 0.117162, 2.468650),
        (0.5, 8, 8, 0.030420, 4.121680),
        (0.5, 8, 10, 0.005308, 6.021230),
        (2.0, 3, 10, 0.043142, 4.258851),
        (0.1, 30, 3, 0.346154, 1.038462),
        (5.0, 2, 15, 0.036497, 5.364969),
    ],
)
def test_a_stock_whose_misses_take_none(rate: float, lead: float, size: int, missed: float, left: float) -> None:
    assert miss_ratio(size, rate * lead) == pytest.approx(missed, abs=1e-6)
    assert on_hand(size, rate * lead) == pytest.approx(left, abs=1e-6)


@pytest.mark.parametrize(
    ("queue", "share", "wait", "longer"),
    [
        (Queue(rate=0.8, service=1.0), 0.8, 4.0, 0.654985),
        (Queue(rate=4.0, service=0.9, servers=4), 0.787753, 1.772445, 0.528047),
        (Queue(rate=9.0, service=1.0, servers=10), 0.668732, 0.668732, 0.246013),
        (Queue(rate=18.0, service=1.0, servers=20), 0.550769, 0.275385, 0.074538),
        (Queue(rate=45.0, service=1.0, servers=50), 0.363864, 0.072773, 0.002452),
    ],
)
def test_a_queue_with_several_servers(queue: Queue, share: float, wait: float, longer: float) -> None:
    assert queue.waiting_ratio == pytest.approx(share, abs=1e-6)
    assert queue.wait == pytest.approx(wait, abs=1e-6)
    assert queue.longer_than(queue.service) == pytest.approx(longer, abs=1e-6)


@pytest.mark.parametrize(("rate", "wait"), [(0.5, 0.5), (0.8, 2.0), (0.9, 4.5)])
def test_one_server_that_always_takes_the_same(rate: float, wait: float) -> None:
    assert pollaczek_khinchine(rate, 1.0, 0.0) == pytest.approx(wait)


@pytest.mark.parametrize(
    ("rate", "cooldown", "polling", "cold"),
    [
        (1 / 400, 300, 30, 0.455087),
        (1 / 100, 300, 30, 0.043013),
        (1 / 1000, 300, 30, 0.729816),
        (1 / 60, 30, 30, 0.477302),
        (1 / 60, 30, 5, 0.581946),
        (1 / 600, 60, 10, 0.897339),
    ],
)
def test_a_function_that_sleeps(rate: float, cooldown: float, polling: float, cold: float) -> None:
    assert cold_ratio(rate, cooldown, polling) == pytest.approx(cold, abs=1e-6)


@given(st.floats(0.01, 0.99), st.floats(0.01, 100.0))
def test_the_formulas_meet_where_they_speak_of_the_same_queue(used: float, service: float) -> None:
    rate = used / service
    assert isclose(Queue(rate=rate, service=service).wait, pollaczek_khinchine(rate, service, 1.0), rel_tol=1e-9)


@given(st.floats(0.01, 0.99), st.integers(1, 60))
def test_claims_that_wait_find_the_stock_empty_more_often_than_those_that_do_not(used: float, size: int) -> None:
    waiting = Queue(rate=used * size, service=1.0, servers=size).waiting_ratio
    assert miss_ratio(size, used * size) <= waiting <= 1.0
