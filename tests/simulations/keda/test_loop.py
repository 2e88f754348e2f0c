"""KEDA's loop over one ScaledObject, scene by scene; the laws are in test_loop_laws.py."""

from dataclasses import replace
from math import inf

import pytest

from simulations.hpa import MetricSpec
from simulations.keda import (
    Action,
    Check,
    Checked,
    Event,
    Failed,
    Fallback,
    Keep,
    LoopState,
    OpenStream,
    Pushed,
    Queried,
    Ready,
    Scale,
    ScaledObject,
    Serve,
    Status,
    StreamEnded,
    Tick,
    Told,
    TriggerSpec,
    Why,
    cached,
    due,
    start,
    step,
)

POLLED = TriggerSpec(metric=MetricSpec(target=5_000))
PUSHED = replace(POLLED, push=True)
ONE = ScaledObject(triggers=(POLLED,))
PUSH = ScaledObject(triggers=(PUSHED,))
TWO = ScaledObject(triggers=(POLLED, POLLED))
FALLBACK = replace(ONE, fallback=Fallback(replicas=6, failure_threshold=2))

BUSY, QUIET = Told(value=7_000, active=True), Told(value=0, active=False)
DOWN, GONE = Failed(), Failed(unspecified=True)


def begun(scaled: ScaledObject, at: float = 0.0) -> LoopState:
    """Return the state with a check under way and all streams open."""
    state, _ = step(scaled, start(scaled, Status(created=at), at), Tick(), at)
    return state


def checked(*answers: Told | Failed, replicas: int = 2) -> Checked:
    return Checked(answers=answers, replicas=replicas, ready=replicas)


def queried(*answers: Told | Failed, trigger: int = 0, replicas: int = 2) -> Queried:
    return Queried(trigger=trigger, answers=answers, replicas=replicas, ready=replicas)


def live(scaled: ScaledObject, state: LoopState, *events: Event, at: float = 1.0) -> tuple[LoopState, list[Action]]:
    """Take several events at one instant, and return all that followed."""
    followed: list[Action] = []
    for event in events:
        state, actions = step(scaled, state, event, at)
        followed += actions
    return state, followed


# --- when it checks ---------------------------------------------------------------------------------------------------


def test_the_first_check_is_at_once_and_then_the_rate_is_fixed() -> None:
    state = start(ONE, Status(created=0.0), 100.0)
    starts = []
    for _ in range(4):
        at = due(ONE, state)
        state, actions = step(ONE, state, Tick(), at)
        assert actions == (Check(),)
        starts.append(at)
        state, _ = step(ONE, state, checked(BUSY), at + 7.0)
    assert starts == [100.0, 130.0, 160.0, 190.0]


def test_there_is_one_check_at_a_time_and_one_that_overruns_is_followed_at_once() -> None:
    state = begun(ONE)
    assert due(ONE, state) == inf
    assert step(ONE, state, Tick(), 30.0) == (state, ())
    state, _ = step(ONE, state, checked(BUSY), 70.0)
    assert due(ONE, state) == 30.0
    state, actions = step(ONE, state, Tick(), 70.0)
    assert (actions, state.check_at) == ((Check(),), 100.0)


def test_nothing_is_due_early() -> None:
    state, _ = step(ONE, begun(ONE), checked(BUSY), 1.0)
    assert step(ONE, state, Tick(), 29.999) == (state, ())


@pytest.mark.parametrize("paused", [replace(PUSH, paused=True), replace(PUSH, paused_replicas=3)])
def test_a_paused_object_is_left_alone(paused: ScaledObject) -> None:
    state = start(paused, Status(created=0.0), 0.0)
    assert due(paused, state) == inf
    assert step(paused, state, Tick(), 1e6) == (state, ())


# --- what a check comes to --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "action"),
    [
        pytest.param((QUIET, BUSY), Keep(why=Why.ACTIVE), id="one active trigger is enough"),
        pytest.param((QUIET, QUIET), Scale(replicas=0, why=Why.ASLEEP), id="quiet means all of them"),
        pytest.param((BUSY, DOWN), Keep(why=Why.PARTLY_FAILED, ready=Ready.UNKNOWN), id="active, another failed"),
        pytest.param((QUIET, DOWN), Keep(why=Why.FAILED, ready=Ready.FALSE), id="quiet, another failed: held"),
        pytest.param((GONE, GONE), Keep(why=Why.FAILED, ready=Ready.FALSE), id="the scaler is gone: held"),
    ],
)
def test_a_check(answers: tuple[Told | Failed, ...], action: Action) -> None:
    assert step(TWO, begun(TWO), checked(*answers), 1.0)[1] == (action,)


def test_activity_restarts_the_cooldown() -> None:
    state, _ = step(ONE, begun(ONE), checked(BUSY), 50.0)
    for at, action in ((350.0, Keep(why=Why.COOLING)), (350.1, Scale(replicas=0, why=Why.ASLEEP))):
        state, _ = step(ONE, state, Tick(), at)
        assert step(ONE, replace(state, checking=True), checked(QUIET), at)[1] == (action,)


# --- pushes -----------------------------------------------------------------------------------------------------------


def test_a_push_wakes_at_once_without_a_check() -> None:
    state, _ = step(PUSH, begun(PUSH), checked(QUIET, replicas=0), 1.0)
    state, actions = step(PUSH, state, Pushed(trigger=0, active=True, replicas=0), 2.0)
    assert actions == (Scale(replicas=1, why=Why.WOKEN),)
    assert state.status.last_active == 2.0


def test_a_push_at_work_counts_as_activity() -> None:
    state, _ = step(PUSH, begun(PUSH), checked(QUIET, replicas=0), 1.0)
    state, actions = step(PUSH, state, Pushed(trigger=0, active=True, replicas=5), 2.0)
    assert (actions, state.status.last_active) == ((Keep(why=Why.ACTIVE),), 2.0)


@pytest.mark.parametrize("checking", [True, False])
def test_a_pushed_false_is_ignored(*, checking: bool) -> None:
    state = replace(begun(PUSH), checking=checking)
    assert step(PUSH, state, Pushed(trigger=0, active=False, replicas=5), 1e6) == (state, ())


@pytest.mark.parametrize(
    ("status", "replicas", "actions"),
    [
        pytest.param(
            Status(created=0.0),
            0,
            [Keep(why=Why.QUIET), Scale(replicas=1, why=Why.WOKEN)],
            id="the check finds nothing, the push wakes",
        ),
        pytest.param(
            Status(created=0.0, last_active=-1e6),
            5,
            [Scale(replicas=0, why=Why.ASLEEP), Scale(replicas=1, why=Why.WOKEN)],
            id="the check puts to sleep what the push wakes again",
        ),
    ],
)
def test_a_push_waits_for_the_check_under_way(status: Status, replicas: int, actions: list[Action]) -> None:
    state = replace(begun(PUSH), status=status)
    pushed = Pushed(trigger=0, active=True, replicas=replicas)
    state, followed = live(PUSH, state, pushed, pushed, checked(QUIET, replicas=replicas))
    assert followed == actions
    assert not state.pushed


# --- streams ----------------------------------------------------------------------------------------------------------


def test_only_push_triggers_have_streams_and_they_open_at_once() -> None:
    both = replace(PUSH, triggers=(POLLED, PUSHED))
    _, actions = step(both, start(both, Status(created=0.0), 5.0), Tick(), 5.0)
    assert actions == (Check(), OpenStream(trigger=1))


@pytest.mark.parametrize(
    ("ends", "waits"),
    [
        pytest.param([False] * 8, [2, 4, 8, 16, 32, 60, 60, 60], id="failures double the wait up to a minute"),
        pytest.param([True] * 3, [2, 2, 2], id="clean ends wait two seconds"),
        pytest.param([False, False, True, False, False], [2, 4, 2, 4, 8], id="a clean end starts the doubling anew"),
    ],
)
def test_a_stream_is_opened_again(ends: list[bool], waits: list[float]) -> None:
    """Hours of healthy streaming in between change nothing: the wait is not reset by them."""
    state, at, waited = replace(begun(PUSH), check_at=inf), 0.0, []
    for clean in ends:
        at += 10_000.0
        state, _ = step(PUSH, state, StreamEnded(trigger=0, clean=clean), at)
        reopens = due(PUSH, state)
        assert step(PUSH, state, Tick(), reopens - 0.001)[1] == ()
        state, actions = step(PUSH, state, Tick(), reopens)
        assert actions == (OpenStream(trigger=0),)
        waited.append(reopens - at)
    assert waited == waits


# --- what the HPA is told ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "series"),
    [
        pytest.param(queried(BUSY, QUIET), (7_000,), id="its value"),
        pytest.param(queried(BUSY, QUIET, trigger=1), (0,), id="zero is a value"),
        pytest.param(queried(DOWN, BUSY), None, id="it failed"),
        pytest.param(queried(BUSY, GONE), None, id="another has no specs, which fails every metric"),
        pytest.param(queried(BUSY, DOWN), (7_000,), id="another's value is not asked for"),
    ],
)
def test_a_query_of_the_hpa(query: Queried, series: tuple[int, ...] | None) -> None:
    assert step(TWO, begun(TWO), query, 1.0)[1] == (Serve(trigger=query.trigger, series=series),)


def test_a_cached_trigger_answers_the_hpa_from_its_last_check() -> None:
    one = replace(ONE, triggers=(replace(POLLED, cached=True),))
    state = begun(one)
    assert cached(one, state, 0) is None
    state, _ = step(one, state, checked(BUSY), 1.0)
    assert cached(one, state, 0) == BUSY
    state, _ = step(one, replace(state, checking=True), checked(DOWN), 31.0)
    assert cached(one, state, 0) == DOWN
    assert cached(ONE, state, 0) is None


def test_the_fallback_begins_after_more_than_the_threshold_of_failures_in_a_row() -> None:
    state, told = begun(FALLBACK), []
    for answer in (DOWN, DOWN, BUSY, DOWN, DOWN, DOWN):
        state, actions = step(FALLBACK, state, queried(answer), 1.0)
        told += [action.series for action in actions if isinstance(action, Serve)]
    assert told == [None, None, (7_000,), None, None, (30_000,)]


def test_checks_count_failures_too_and_a_trigger_on_fallback_counts_as_active() -> None:
    state = begun(FALLBACK)
    state, followed = live(FALLBACK, state, queried(DOWN), queried(DOWN), checked(DOWN, replicas=0))
    assert followed[-1] == Scale(replicas=1, why=Why.WOKEN)


def test_a_scaler_that_is_gone_counts_towards_no_fallback() -> None:
    kept = replace(FALLBACK, closes_cache=False)
    _, followed = live(kept, begun(kept), *[queried(GONE)] * 9, checked(GONE))
    assert followed == [Serve(trigger=0, series=None)] * 9 + [Keep(why=Why.FALLBACK_HOLDS)]


# --- the closed cache -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closes_cache", "action"),
    [
        pytest.param(True, Scale(replicas=0, why=Why.ASLEEP), id="KEDA 2.20 and 2.21: asleep, with work waiting"),
        pytest.param(False, Keep(why=Why.FAILED, ready=Ready.FALSE), id="KEDA as it was meant: held"),
    ],
)
def test_a_query_that_fails_during_a_check_that_fails(*, closes_cache: bool, action: Action) -> None:
    scaled = replace(ONE, closes_cache=closes_cache)
    state, followed = live(scaled, begun(scaled), queried(DOWN), checked(DOWN))
    assert followed[-1] == action
    assert not state.closed


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([checked(DOWN)], id="no query failed"),
        pytest.param([queried(BUSY), checked(DOWN)], id="the query did not fail"),
    ],
)
def test_a_failed_check_alone_holds(events: list[Event]) -> None:
    assert live(ONE, begun(ONE), *events)[1][-1] == Keep(why=Why.FAILED, ready=Ready.FALSE)


def test_a_query_that_failed_between_checks_closes_nothing() -> None:
    state, _ = live(ONE, begun(ONE), checked(BUSY), queried(DOWN))
    state, followed = live(ONE, state, Tick(), checked(DOWN), at=1e6)
    assert followed[-1] == Keep(why=Why.FAILED, ready=Ready.FALSE)


def test_what_answers_during_a_check_is_believed_although_the_cache_was_closed() -> None:
    assert live(ONE, begun(ONE), queried(DOWN), checked(BUSY))[1][-1] == Keep(why=Why.ACTIVE)
