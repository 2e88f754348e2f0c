"""Laws of KEDA's loop over random lives of a ScaledObject with one push trigger."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from simulations.hpa import MetricSpec
from simulations.keda import (
    Action,
    Answer,
    Check,
    Checked,
    Event,
    Failed,
    Keep,
    Pushed,
    Queried,
    Scale,
    ScaledObject,
    Status,
    StreamEnded,
    Tick,
    Told,
    TriggerSpec,
    Why,
    start,
    step,
)

PUSH = ScaledObject(triggers=(TriggerSpec(metric=MetricSpec(target=5_000), push=True),))
Life = list[tuple[int, Event]]

failures: st.SearchStrategy[Answer] = st.sampled_from([Failed(), Failed(unspecified=True)])
answers: st.SearchStrategy[Answer] = failures | st.sampled_from(
    [Told(value=7_000, active=True), Told(value=0, active=False)]
)


def events(said: st.SearchStrategy[Answer]) -> st.SearchStrategy[Event]:
    replies, replicas = st.tuples(said), st.integers(0, 9)
    return st.one_of(
        st.just(Tick()),
        st.just(Tick()),
        st.builds(Checked, answers=replies, replicas=replicas, ready=replicas),
        st.builds(Queried, trigger=st.just(0), answers=replies, replicas=replicas, ready=replicas),
        st.builds(Pushed, trigger=st.just(0), active=st.booleans(), replicas=replicas),
        st.builds(StreamEnded, trigger=st.just(0), clean=st.booleans()),
    )


def lived(scaled: ScaledObject, moments: Life, shift: float = 0.0) -> list[tuple[Event, tuple[Action, ...]]]:
    """Live through events that come whole seconds after each other; a check that is not under way is not done."""
    at, state, past = shift, start(scaled, Status(created=shift), shift), []
    for pause, event in moments:
        at += pause
        if isinstance(event, Checked) and not state.checking:
            continue
        state, actions = step(scaled, state, event, at)
        past.append((event, actions))
    return past


def lives(said: st.SearchStrategy[Answer]) -> st.SearchStrategy[Life]:
    return st.lists(st.tuples(st.integers(0, 200), events(said)), max_size=40)


@given(lives(answers), st.integers(-1000, 100_000))
def test_shifting_all_instants_changes_nothing(moments: Life, shift: int) -> None:
    assert lived(PUSH, moments, float(shift)) == lived(PUSH, moments)


@given(lives(failures))
def test_an_outage_of_any_length_never_puts_to_sleep_where_keda_keeps_its_word(
    moments: Life,
) -> None:
    kept = replace(PUSH, closes_cache=False)
    assert not [action for _, actions in lived(kept, moments) for action in actions if _sleeps(action)]


@given(lives(answers))
def test_a_push_is_answered_at_once_or_right_after_the_check(moments: Life) -> None:
    waiting = checking = False
    for event, actions in lived(PUSH, moments):
        checking = (checking or Check() in actions) and not isinstance(event, Checked)
        if isinstance(event, Pushed) and event.active:
            waiting = waiting or checking
            assert checking or _woken(actions)
        if isinstance(event, Checked) and waiting:
            assert _woken(actions)
            waiting = False


@given(lives(answers))
def test_a_check_never_overlaps_another(moments: Life) -> None:
    checking = False
    for event, actions in lived(PUSH, moments):
        checking = checking and not isinstance(event, Checked)
        assert not (checking and Check() in actions)
        checking = checking or Check() in actions


def _sleeps(action: Action) -> bool:
    return isinstance(action, Scale) and action.replicas == 0


def _woken(actions: tuple[Action, ...]) -> bool:
    return isinstance(actions[-1], Scale | Keep) and actions[-1].why in {Why.WOKEN, Why.ACTIVE}
