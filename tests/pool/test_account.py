"""What a pool has lived through: its book, its account, and the size that follows."""

from collections.abc import Iterator
from typing import Any

import pytest

from scaler.config.pools import PoolSection
from scaler.model import Instant
from scaler.policy.warmth import Measured
from scaler.pool.account import Account
from scaler.pool.book import BIN, Book
from scaler.pool.refill import TOLERATED, Refill
from scaler.pool.sizes import Sizes, Stand
from scaler.pool.view import PoolView, Rules, Stage, WarmPod
from tests.pool.seeing import function, section, service, sight_of, template, workload
from tests.pool.views import pod, view

T0 = Instant(1000.0)
RULES = Rules(size=2)
W, A, F, B, D = Stage.WARMING, Stage.AVAILABLE, Stage.FAILED, Stage.BRIDGED, Stage.DRAINING


def at(seconds: float) -> Instant:
    return Instant(T0 + seconds)


# -- the book --------------------------------------------------------------------------------------------------------


def test_an_empty_book() -> None:
    measured = Book(begun=T0).measured(at(100))
    assert (measured.rate, measured.lead_time, measured.lead_time_p95, measured.step_p95, measured.misses) == (
        0.0, None, None, 1, 0)  # fmt: skip


def test_misses_are_told_once() -> None:
    book = Book(begun=T0)
    book.stepped(T0, pods=4, missed=3)
    assert (book.measured(T0).misses, book.measured(T0).misses) == (3, 0)


def test_a_rate_is_one_of_steps_not_of_pods() -> None:
    book = Book(begun=T0)
    for second in range(0, 300, 30):
        book.stepped(at(second), pods=5, missed=0)
    measured = book.measured(at(299))
    assert measured.rate == pytest.approx(10 / 299)
    assert measured.step_p95 == 5


def test_the_busiest_bin_but_one_in_ten_counts_for_an_hour() -> None:
    book = Book(begun=T0)
    for number in range(60):
        book.stepped(at(number), pods=1, missed=0)
    assert book.measured(at(BIN * 3)).rate == pytest.approx(60 / BIN)
    assert book.measured(at(BIN * 30)).rate == 0.0


def test_a_lead_time_is_from_the_claim_to_the_next_pod() -> None:
    book = Book(begun=T0)
    for _ in range(2):
        book.taken(T0)
    assert book.refilled(at(8)) == 8
    assert book.refilled(at(12)) == 12
    assert book.refilled(at(13)) is None
    assert book.measured(at(20)).lead_time == 10
    assert book.measured(at(20)).lead_time_p95 == 12


def test_places_that_are_filled_otherwise_are_no_gaps() -> None:
    book = Book(begun=T0)
    for _ in range(2):
        book.taken(T0)
    book.vacant(1)
    book.vacant(-1)
    assert book.refilled(at(8)) is None


# -- the account -----------------------------------------------------------------------------------------------------


@pytest.fixture
def account() -> Iterator[Account]:
    """Return an account that was begun at :data:`T0`."""
    pods = template({"app": "orders"})
    pods["spec"]["containers"][0]["resources"] = {"requests": {"memory": "1Mi"}}
    sight = sight_of(workload(pods), service("orders", {"app": "orders"}))
    made = Account(function(sight), T0)
    yield made
    made.close()


def refill() -> Refill:
    return Refill(T0, rate=1.0, burst=5)


def seen(now: float, *pods: WarmPod, **said: Any) -> PoolView:
    return view(*pods, now=at(now), **said)


def test_a_pod_that_was_seen_to_start_is_measured(account: Account) -> None:
    account.look(seen(1, pod(stage=W, born=at(0))), RULES, refill())
    account.look(seen(8, pod(stage=A, born=at(0))), RULES, refill())
    assert account.book.measured(at(9)).lead_time == 8


def test_one_that_was_there_before_us_tells_nothing(account: Account) -> None:
    old: dict[str, Any] = {"born": Instant(T0 - 40_000), "ready": True}
    account.look(seen(1, pod(stage=W, **old)), RULES, refill())
    account.look(seen(2, pod(stage=A, **old)), RULES, refill())
    assert account.book.measured(at(9)).lead_time is None


def test_one_that_recovers_tells_nothing(account: Account) -> None:
    for now, stage in ((1, W), (5, A), (100, W), (120, A)):
        account.look(seen(now, pod(stage=stage, born=at(0))), RULES, refill())
    assert account.book.measured(at(130)).lead_time == 5


def test_a_pod_so_fast_that_nobody_saw_it_warm_is_measured(account: Account) -> None:
    account.look(seen(2, pod(stage=A, born=at(1))), RULES, refill())
    assert account.book.measured(at(9)).lead_time == 1


def test_only_pods_that_never_started_open_the_breaker(account: Account) -> None:
    breaker = refill()
    for number in range(2 * TOLERATED):
        name = f"served {number}"
        for stage in (A, B, F):
            account.look(seen(number, pod(name, stage)), RULES, breaker)
    assert not breaker.open
    for number in range(TOLERATED):
        for stage in (W, F):
            account.look(seen(20 + number, pod(f"broken {number}", stage)), RULES, breaker)
    assert breaker.open
    account.look(seen(30, pod("good", W)), RULES, breaker)
    account.look(seen(31, pod("good", A)), RULES, breaker)
    assert not breaker.open


def test_what_waits_costs(account: Account) -> None:
    account.look(seen(0, pod("a"), pod("b", W), pod("c", B), pod("d", leaving=True)), RULES, refill())
    account.look(seen(10), RULES, refill())
    account.look(seen(20), RULES, refill())
    assert account.idle_pod_seconds == 20


def test_a_miss_that_lasts_is_one(account: Account) -> None:
    for missing in (2, 2, 1, 3, 0):
        account.wanted(seen(1, wanted=3), RULES, claims=0, missing=missing)
    assert (account.hits, account.misses) == (0, 4)


def test_what_is_not_known_for_a_moment_is_no_new_miss(account: Account) -> None:
    for wanted, missing in ((2, 2), (None, 0), (2, 2)):
        account.wanted(seen(1, wanted=wanted), RULES, claims=0, missing=missing)
    assert account.misses == 2


def test_a_hit_is_a_claim_that_was_done_and_a_step_a_rise_of_what_is_wanted(account: Account) -> None:
    """A claim that is refused and planned again, however often, is neither a hit nor another wake-up."""
    for _ in range(15):
        account.wanted(seen(1, wanted=3), RULES, claims=3, missing=0)
    assert (account.hits, account.book.measured(at(1)).step_p95) == (0, 3)
    account.claimed(at(1))
    account.refused()
    assert (account.hits, account.misses) == (1, 1)
    assert account.book.measured(at(299)).rate == pytest.approx(1 / 299)


# -- sizes -----------------------------------------------------------------------------------------------------------


def stand(said: PoolSection, **about: Any) -> Stand:
    measured = Measured(rate=0.0, lead_time=None, lead_time_p95=None, step_p95=1, misses=0)
    base: dict[str, Any] = {"pool": "p", "retired": False, "added": False, "memory": 2**20, "held": 0}
    return Stand(section=said, **{"measured": measured, **base, **about})


def test_a_fixed_size() -> None:
    sizes = Sizes()
    sizes.decide({"u": stand(section(size={"fixed": 3}), held=3)}, T0)
    size, why = sizes.of("u")
    assert size == 3
    assert why


def test_one_that_is_retired_has_none_in_the_end() -> None:
    sizes = Sizes()
    said = section(size={"fixed": 3})
    sizes.decide({"u": stand(said, held=3)}, T0)
    for tick in range(600):
        sizes.decide({"u": stand(said, held=3, retired=True)}, at(tick))
    assert sizes.of("u")[0] == 0


def test_a_budget_is_never_exceeded() -> None:
    sizes = Sizes()
    auto = section(size={"auto": {"floor": 4, "ceiling": 9, "budget": "6Mi"}})
    sizes.decide({name: stand(auto) for name in "abc"}, T0)
    assert sum(sizes.of(name)[0] for name in "abc") <= 6


def test_one_that_is_gone_is_forgotten() -> None:
    sizes = Sizes()
    sizes.decide({"u": stand(section())}, T0)
    sizes.decide({}, T0)
    with pytest.raises(KeyError):
        sizes.of("u")
