"""How fast pods may be created, and when none may."""

from scaler.model import Instant
from scaler.pool.refill import FIRST, LONGEST, REFUSED, TOLERATED, Refill

T0 = Instant(100.0)


def after(seconds: float) -> Instant:
    return Instant(T0 + seconds)


def test_a_burst_at_once_and_then_the_rate() -> None:
    refill = Refill(T0, rate=0.5, burst=3)
    assert refill.tokens(T0, 0) == 3
    for _ in range(3):
        refill.take(T0)
    assert refill.tokens(T0, 0) == 0
    assert refill.token_at(T0) == after(2)
    assert (refill.tokens(after(1.9), 0), refill.tokens(after(2), 0)) == (0, 1)
    assert refill.tokens(after(1000), 0) == 3


def test_never_more_than_burst_and_rate_together() -> None:
    refill, made = Refill(T0, rate=2.0, burst=4), 0
    for tick in range(1000):
        now = after(tick / 100)
        while refill.tokens(now, 0):
            refill.take(now)
            made += 1
        assert made <= 4 + 2.0 * tick / 100 + 1e-6
    assert made >= 4 + 19


def test_another_rate_counts_from_now_on() -> None:
    refill = Refill(T0, rate=1.0, burst=10)
    refill.adjust(T0, rate=1.0, burst=2)
    assert refill.tokens(T0, 0) == 2
    refill.adjust(T0, rate=1.0, burst=10)
    assert refill.tokens(T0, 0) == 2
    assert refill.tokens(after(1), 0) == 3


def failed(number: int) -> Refill:
    refill = Refill(T0, rate=10.0, burst=10)
    for _ in range(number):
        refill.failed(T0, "CrashLoopBackOff")
    return refill


def test_a_few_failures_are_tolerated() -> None:
    refill = failed(TOLERATED - 1)
    assert (refill.hold(T0), refill.open, refill.tokens(T0, 5)) == ("", False, 10)


def test_then_nothing_is_created_for_ever_longer() -> None:
    for more in range(12):
        refill = failed(TOLERATED + more)
        lasts = min(LONGEST, FIRST * 2**more)
        assert "CrashLoopBackOff" in refill.hold(after(lasts - 0.1))
        assert refill.again_at(T0) == after(lasts)
        assert refill.hold(after(lasts)) == ""
        assert refill.again_at(after(lasts)) is None


def test_afterwards_one_has_to_prove_itself_and_no_other_comes_beside_it() -> None:
    refill, now = failed(TOLERATED), after(FIRST)
    assert refill.tokens(now, 0) == 1
    assert refill.tokens(now, 1) == 0
    assert refill.tokens(now, 7) == 0
    assert refill.open


def test_one_that_starts_ends_it() -> None:
    refill = failed(TOLERATED)
    refill.succeeded()
    assert (refill.hold(T0), refill.open, refill.failures, refill.tokens(T0, 3)) == ("", False, 0, 10)


def test_what_the_cluster_refuses_is_not_asked_for_a_while() -> None:
    refill = Refill(T0, rate=1.0, burst=1)
    refill.refused(T0, "exceeded quota")
    assert refill.hold(after(REFUSED - 0.1)) == "exceeded quota"
    assert refill.hold(after(REFUSED)) == ""
    assert not refill.open


def test_a_refusal_makes_no_longer_hold_shorter() -> None:
    refill = failed(TOLERATED + 3)
    refill.refused(T0, "exceeded quota")
    assert refill.again_at(T0) == after(FIRST * 8)
