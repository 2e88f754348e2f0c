"""The books: what waits, how long the first after zero waited, and what an outage did to the replicas."""

import pytest

from simulations.demo.clock import Moment
from simulations.demo.latency import Activation, Cause
from simulations.demo.ledger import RELAPSE, SIGHT, Ledger, Move


def at(seconds: float) -> Moment:
    return Moment(at=seconds, wall=seconds)


class Books(Ledger):
    """A ledger with less to type."""

    def __init__(self) -> None:
        super().__init__(target=5)

    def publish(self, *numbers: int, seconds: float, kept: bool = False) -> None:
        for number in numbers:
            self.published(number, at(seconds), kept=kept)

    def scale(self, before: int, after: int, seconds: float, asked: float = 0.0, cause: Cause = Cause.PUSH) -> None:
        self.moved(Move(before=before, after=after, asked=at(asked), at=at(seconds), cause=cause))


def waits(books: Ledger) -> list[Activation]:
    return [
        Activation(waited=round(each.waited, 6), cause=each.cause, kept=each.kept) for each in books.asked.activations
    ]


def test_the_first_event_after_zero_is_the_one_that_waits() -> None:
    books = Books()
    books.publish(1, seconds=10.0)
    books.publish(2, seconds=11.0)
    books.scale(0, 1, seconds=30.0, asked=30.0, cause=Cause.CHECK)
    books.publish(3, seconds=31.0)
    assert waits(books) == [Activation(waited=20.0, cause=Cause.CHECK)]
    assert (books.asked.pending, books.waiting, books.most_replicas) == (None, 3, 1)


def served(books: Ledger, before: int, after: int, seconds: float, ready: float) -> None:
    books.serve(Move(before=before, after=after, asked=at(ready), at=at(seconds), cause=Cause.CLAIM))


def test_a_ready_pod_is_waited_for_apart_from_the_replica() -> None:
    books = Books()
    books.publish(1, seconds=10.0)
    books.scale(0, 1, seconds=10.5, asked=10.5)
    assert (books.asked.pending, books.ready.pending is not None) == (None, True)
    served(books, 0, 1, seconds=18.0, ready=18.0)
    books.publish(2, seconds=19.0)
    assert (books.ready.pending, [each.waited for each in books.ready.activations]) == (None, [8.0])


def test_what_a_warm_pod_was_waited_for_is_real_time_and_no_simulated_one() -> None:
    books = Books()
    books.published(1, Moment(at=100.0, wall=10.0), kept=False)
    ready, led = Moment(at=50.0, wall=5.0), Moment(at=100.2, wall=10.02)
    books.serve(Move(before=0, after=1, asked=ready, at=led, cause=Cause.CLAIM))
    assert [each.waited for each in books.ready.activations] == [pytest.approx(0.02)]


def test_who_was_served_by_a_pod_on_its_way_out_waits_for_none() -> None:
    books = Books()
    books.publish(1, seconds=1.0)
    books.done(1, at(1.5))
    served(books, 0, 1, seconds=60.0, ready=60.0)
    assert books.ready.activations == []


def test_the_hpa_activates_nobody() -> None:
    books = Books()
    books.publish(1, seconds=1.0)
    books.scale(0, 1, seconds=2.0)
    books.scale(1, 4, seconds=3.0, cause=Cause.HPA)
    assert (len(books.asked.activations), books.most_replicas) == (1, 4)


def test_who_is_put_to_sleep_with_work_waits_from_then_on() -> None:
    books = Books()
    books.publish(1, seconds=1.0)
    books.scale(0, 1, seconds=1.0)
    books.scale(1, 0, seconds=20.0)
    books.scale(0, 1, seconds=22.0, asked=20.5)
    assert [each.waited for each in books.asked.activations] == [0.0, 2.0]


def test_an_event_that_could_not_be_published_waited_for_nothing() -> None:
    books = Books()
    books.publish(1, seconds=1.0)
    books.withdrawn(1, at(2.0))
    assert (books.asked.pending, books.waiting) == (None, 0)
    books.publish(1, seconds=9.0, kept=True)
    books.scale(0, 1, seconds=9.5)
    assert waits(books) == [Activation(waited=0.5, cause=Cause.PUSH, kept=True)]


def test_events_that_were_kept_back_are_a_matter_of_recovery() -> None:
    books = Books()
    books.publish(1, seconds=1.0, kept=True)
    books.scale(0, 1, seconds=3.0)
    assert (books.asked.latencies().count, books.asked.recovery()) == (0, 2.0)


def test_an_event_that_comes_twice_counts_once() -> None:
    books = Books()
    books.publish(1, seconds=1.0)
    books.done(1, at(2.0))
    books.done(1, at(3.0))
    books.publish(1, seconds=4.0)  # stored the first time, though the producer was not told
    assert (books.served, books.waiting) == (1, 0)


@pytest.mark.parametrize(
    ("backlog", "after", "counted"),
    [
        pytest.param(12, 0, (1, 0), id="to zero with work waiting is the outage's doing"),
        pytest.param(12, 2, (1, 0), id="to fewer than the backlog needs, too"),
        pytest.param(12, 3, (0, 1), id="to what the backlog had asked for was due anyway"),
        pytest.param(0, 0, (0, 1), id="to zero after all was done was due anyway"),
    ],
)
def test_scale_downs_in_an_outage(backlog: int, after: int, counted: tuple[int, int]) -> None:
    books = Books()
    books.publish(*range(backlog), seconds=1.0)
    books.scale(0, 5, seconds=2.0)
    books.outage_begins(60.0)
    books.scale(5, after, seconds=70.0)
    assert (books.scale_downs, books.foreseen) == counted


def test_scaling_up_and_scaling_down_afterwards_are_no_ones_doing() -> None:
    books = Books()
    books.publish(1, seconds=1.0)
    books.scale(0, 1, seconds=1.0)
    books.outage_begins(10.0)
    books.scale(1, 4, seconds=15.0, cause=Cause.HPA)
    books.outage_ends(20.0)
    books.scale(4, 1, seconds=30.0, cause=Cause.HPA)
    assert (books.scale_downs, books.foreseen) == (0, 0)


@pytest.mark.parametrize(
    ("ago", "counted"),
    [
        pytest.param(SIGHT - 0.1, (0, 1), id="the scaler may not have read it yet"),
        pytest.param(SIGHT + 0.1, (1, 0), id="the scaler must have read it"),
    ],
)
def test_what_came_right_before_the_end_may_not_have_been_read(ago: float, counted: tuple[int, int]) -> None:
    books = Books()
    books.scale(0, 2, seconds=0.0)
    books.publish(*range(9), seconds=60.0 - ago)
    books.outage_begins(60.0)
    books.scale(2, 1, seconds=70.0, cause=Cause.HPA)
    assert (books.scale_downs, books.foreseen) == counted


@pytest.mark.parametrize(
    ("pause", "counted"),
    [
        pytest.param(RELAPSE - 0.1, (0, 1), id="right after an outage it may know what was before that"),
        pytest.param(RELAPSE + 0.1, (1, 0), id="later it knows better"),
    ],
)
def test_a_second_outage(pause: float, counted: tuple[int, int]) -> None:
    books = Books()
    books.scale(0, 1, seconds=0.0)
    books.outage_begins(50.0)
    books.outage_ends(60.0)
    books.publish(1, seconds=60.0)
    books.outage_begins(60.0 + pause)
    books.scale(1, 0, seconds=90.0)
    assert (books.scale_downs, books.foreseen) == counted
