"""The platform of SimFaaS: small histories by hand, a scan of all instances, and the compiled twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.validation.instances import LONGEST, Counted, Load, Platform, observe


def load(*requests: tuple[int, int, int]) -> Load:
    arrivals, warm, cold = (np.array(each, dtype=np.int64) for each in zip(*requests, strict=True))
    return Load(arrivals=arrivals, warm=warm, cold=cold)


@pytest.mark.parametrize(
    ("requests", "platform", "counted"),
    [
        pytest.param(
            [(0, 1, 5), (10, 1, 5)],
            Platform(expiry=10),
            Counted(requests=2, cold=1, rejected=0, busy=6, idle=15, ended=1, lived=21, span=100),
            id="idle until the next request, then until it expires",
        ),
        pytest.param(
            [(0, 1, 5), (15, 1, 5)],
            Platform(expiry=10),
            Counted(requests=2, cold=2, rejected=0, busy=10, idle=20, ended=2, lived=30, span=100),
            id="at the very end of its expiry it is gone",
        ),
        pytest.param(
            [(0, 1, 5), (5, 2, 5)],
            Platform(expiry=10),
            Counted(requests=2, cold=1, rejected=0, busy=7, idle=10, ended=1, lived=17, span=100),
            id="what finishes as a request arrives is idle already",
        ),
        pytest.param(
            [(0, 1, 5), (1, 1, 9), (20, 3, 9), (21, 2, 9)],
            Platform(expiry=100),
            Counted(requests=4, cold=2, rejected=0, busy=19, idle=93 + 87, ended=0, lived=0, span=100),
            id="the newest idle one is taken first, and the end cuts",
        ),
        pytest.param(
            [(0, 1, 5), (1, 1, 5), (2, 1, 5), (5, 1, 5)],
            Platform(expiry=10, most=2),
            Counted(requests=4, cold=2, rejected=1, busy=11, idle=20, ended=2, lived=31, span=100),
            id="with as many running as allowed it is turned away",
        ),
        pytest.param(
            [(100, 1, 1)],
            Platform(expiry=10),
            Counted(requests=0, cold=0, rejected=0, busy=0, idle=0, ended=0, lived=0, span=100),
            id="what arrives at the end does not count",
        ),
    ],
)
def test_small_histories(requests: list[tuple[int, int, int]], platform: Platform, counted: Counted) -> None:
    assert observe(load(*requests), platform, 0, 100) == counted


def test_what_comes_before_the_beginning_is_not_counted() -> None:
    seen = observe(load((0, 1, 5), (8, 4, 5), (30, 1, 2)), Platform(expiry=10), 10, 40)
    # One serves until 12 and is idle until 22; another begins at 30.
    assert seen == Counted(requests=1, cold=1, rejected=0, busy=4, idle=18, ended=1, lived=22, span=30)


def test_more_than_a_key_can_tell_apart_is_said() -> None:
    with pytest.raises(ValueError, match="divide the time into several runs"):
        observe(load((0, 1, 1), (1, 1, 1)), Platform(expiry=1), 0, LONGEST // 4)


REQUESTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 12)), max_size=40)


@given(REQUESTS, st.integers(1, 12), st.integers(1, 6), st.integers(0, 30))
def test_the_same_as_a_scan_of_all_instances(
    gaps: list[tuple[int, int, int]], expiry: int, most: int, begin: int
) -> None:
    requests, now = [], 0
    for gap, warm, cold in gaps:
        now += gap
        requests.append((now, warm, cold))
    end = begin + 60
    asked = load(*requests) if requests else Load(arrivals=EMPTY, warm=EMPTY, cold=EMPTY)
    platform = Platform(expiry=expiry, most=most)
    compiled = observe(asked, platform, begin, end)
    assert compiled == observe(asked, platform, begin, end, compiled=False)
    assert compiled == scanned(requests, platform, begin, end)


EMPTY = np.zeros(0, dtype=np.int64)


def scanned(requests: list[tuple[int, int, int]], platform: Platform, begin: int, end: int) -> Counted:
    """Keep every instance as the list of its services, and look through all of them at each request."""
    instances: list[list[tuple[int, int]]] = []
    cold = rejected = counted = 0
    for now, warm, first in requests:
        if now >= end:
            break
        inside = now >= begin
        counted += inside
        if sum(each[-1][1] > now for each in instances) >= platform.most:
            rejected += inside
            continue
        idle = [each for each in instances if each[-1][1] <= now < each[-1][1] + platform.expiry]
        if idle:
            idle[-1].append((now, now + warm))
        else:
            cold += inside
            instances.append([(now, now + first)])
    lives = [(each[0][0], each[-1][1] + platform.expiry) for each in instances]
    ended = [gone - born for born, gone in lives if begin <= gone < end]
    busy = sum(within(*service, begin, end) for each in instances for service in each)
    alive = sum(within(*life, begin, end) for life in lives)
    return Counted(
        requests=counted,
        cold=cold,
        rejected=rejected,
        busy=busy,
        idle=alive - busy,
        ended=len(ended),
        lived=sum(ended),
        span=end - begin,
    )


def within(first: int, last: int, begin: int, end: int) -> int:
    return max(0, min(last, end) - max(first, begin))
