"""The policy step: tables whose rows are whole histories, and laws for every history."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scaler.errors import Cause
from scaler.model import Decision, Instant, Outage, Reading, Rules, Snapshot, Standing, Undecided, Verdict, Why
from scaler.policy.step import State, step

DOWN = "down"


def history(*seen: tuple[float, float | str]) -> list[Reading]:
    """Make readings of (instant, number or DOWN); an outage goes on since its first reading."""
    readings: list[Reading] = []
    for at, what in seen:
        before = readings[-1] if readings else None
        if isinstance(what, str):
            since = before.since if isinstance(before, Outage) else Instant(at)
            readings.append(Outage(at=Instant(at), since=since, cause=Cause.UNREACHABLE, detail="refused"))
        else:
            readings.append(Snapshot(at=Instant(at), value=what, activity=what))
    return readings


def verdicts(readings: Sequence[Reading], rules: Rules, state: State | None = None) -> list[Verdict]:
    """Replay ``readings`` from ``state`` on, by default from nothing."""
    state = state or State()
    told = []
    for reading in readings:
        state, verdict = step(state, reading, rules)
        told.append(verdict)
    return told


def activity(told: Sequence[Verdict]) -> str:
    """Write verdicts as letters: A active, i inactive, ? undecided."""
    return "".join("?" if isinstance(each, Undecided) else "A" if each.active else "i" for each in told)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param([(0, 0)], "i", id="an empty source is inactive at the first reading"),
        pytest.param([(0, 0), (1, 0), (2, 5)], "iiA", id="the first event wakes it"),
        pytest.param([(0, 5), (1, 0)], "Ai", id="without an outage one zero is believed"),
        pytest.param([(0, DOWN), (1, DOWN)], "??", id="an outage from the start says nothing"),
        pytest.param([(0, DOWN), (1, 5)], "?A", id="the first reading after an outage from the start wakes it"),
        pytest.param(
            [(0, DOWN), (1, 0), (2, 0)], "??i", id="the first zero after an outage from the start is confirmed"
        ),
        pytest.param([(0, 5), (1, DOWN), (9999, DOWN)], "AAA", id="an outage of hours holds it active"),
        pytest.param([(0, 0), (1, DOWN), (9999, DOWN)], "iii", id="an outage of hours holds it inactive"),
        pytest.param([(0, 5), (1, DOWN), (2, 0), (3, 0)], "AAAi", id="after an outage the second zero is believed"),
        pytest.param([(0, 5), (1, DOWN), (2, 0), (2.9, 0), (3, 0)], "AAAAi", id="a zero too soon is no second opinion"),
        pytest.param(
            [(0, 5), (1, DOWN), (2, 0), (2.5, DOWN), (3, 0), (4, 0)],
            "AAAAAi",
            id="another outage starts the confirmation again",
        ),
        pytest.param(
            [(0, 5), (1, DOWN), (2, 0), (3, 7), (4, 0)],
            "AAAAi",
            id="an event in between ends all doubt, also of the next zero",
        ),
        pytest.param([(0, 0), (1, DOWN), (2, 0)], "iii", id="what was quiet before an outage needs no confirmation"),
        pytest.param([(0, 0), (1, DOWN), (2, 5)], "iiA", id="an event right after an outage wakes it"),
    ],
)
def test_histories(seen: list[tuple[float, float | str]], expected: str) -> None:
    assert activity(verdicts(history(*seen), Rules())) == expected


@pytest.mark.parametrize(
    ("activation", "seen", "expected"),
    [
        pytest.param(0, [(0, 0), (1, 0.001)], "iA", id="anything above zero wakes by default"),
        pytest.param(5, [(0, 5), (1, 5.1)], "iA", id="active is strictly more than the threshold"),
        pytest.param(5, [(0, 9), (1, 5)], "Ai", id="at the threshold is quiet again"),
        pytest.param(-1, [(0, 0)], "A", id="below zero every reading is active"),
    ],
)
def test_activation(activation: float, seen: list[tuple[float, float | str]], expected: str) -> None:
    assert activity(verdicts(history(*seen), Rules(activation=activation))) == expected


def test_activation_looks_at_activity_and_the_metric_at_value() -> None:
    capped = Snapshot(at=Instant(0), value=0, activity=7)
    _, verdict = step(State(), capped, Rules())
    assert isinstance(verdict, Decision)
    assert (verdict.active, verdict.value) == (True, 0)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param([(0, 5), (1, DOWN), (10.9, DOWN)], "AAA", id="just before its bound it is held"),
        pytest.param([(0, 5), (1, DOWN), (11, DOWN)], "AA?", id="at its bound exactly it is not"),
        pytest.param([(0, 5), (1, DOWN), (11, DOWN), (99, DOWN)], "AA??", id="and never again while the outage lasts"),
        pytest.param(
            [(0, 5), (1, DOWN), (10, DOWN), (10.5, 6), (11, DOWN), (20.9, DOWN)], "AAAAAA", id="each outage counts anew"
        ),
        pytest.param(
            [(0, 5), (1, DOWN), (11, DOWN), (12, 6), (13, DOWN), (22, DOWN), (23, DOWN)],
            "AA?AAA?",
            id="again after recovery",
        ),
        pytest.param(
            [(0, 5), (1, DOWN), (11, DOWN), (12, 0), (13, 0)],
            "AA??i",
            id="what has expired is not told while zero is confirmed",
        ),
        pytest.param(
            [(0, 5), (1, DOWN), (11, DOWN), (12, 0), (12.5, DOWN)],
            "AA???",
            id="nor in a new outage before anything is believed",
        ),
        pytest.param([(0, DOWN), (99, DOWN)], "??", id="there is nothing to expire where nothing was read"),
        pytest.param([(0, 0), (1, DOWN), (11, DOWN)], "ii?", id="an inactive trigger expires as well"),
    ],
)
def test_hold_for(seen: list[tuple[float, float | str]], expected: str) -> None:
    assert activity(verdicts(history(*seen), Rules(hold_for=10))) == expected


@pytest.mark.parametrize(
    ("seen", "why", "standing"),
    [
        ([(0, 5)], Why.BACKLOG, Standing.FRESH),
        ([(0, 0)], Why.QUIET, Standing.FRESH),
        ([(0, 5), (1, DOWN)], Why.HELD, Standing.HELD),
        ([(0, 5), (1, DOWN), (2, 0)], Why.CONFIRMING, Standing.HELD),
    ],
)
def test_a_decision_knows_why(seen: list[tuple[float, float | str]], why: Why, standing: Standing) -> None:
    verdict = verdicts(history(*seen), Rules())[-1]
    assert isinstance(verdict, Decision)
    assert (verdict.why, verdict.standing) == (why, standing)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ([(0, DOWN)], Why.NEVER_READ),
        ([(0, DOWN), (1, 0)], Why.CONFIRMING),
        ([(0, 5), (1, DOWN), (11, DOWN)], Why.EXPIRED),
    ],
)
def test_what_is_undecided_knows_why(seen: list[tuple[float, float | str]], why: Why) -> None:
    verdict = verdicts(history(*seen), Rules(hold_for=10))[-1]
    assert isinstance(verdict, Undecided)
    assert verdict.why == why
    assert verdict.detail == ("" if why is Why.CONFIRMING else "unreachable: refused")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_no_reading(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Snapshot(at=Instant(0), value=number, activity=0)
    with pytest.raises(ValueError, match="finite"):
        Snapshot(at=Instant(0), value=0, activity=number)


# -- laws ------------------------------------------------------------------------------------------------------
# Instants are multiples of an eighth: their sums are exact, so that a law holds to the digit.

QUIET_AND_BUSY = st.sampled_from([0, 0, 0, 1, 2.5, 5, 1e15, -3])
GAPS = st.integers(1, 64).map(lambda eighths: eighths / 8)


@st.composite
def histories(draw: st.DrawFn, most: int = 30) -> list[Reading]:
    steps = draw(st.lists(st.tuples(GAPS, st.one_of(QUIET_AND_BUSY, st.just(DOWN))), max_size=most))
    at, seen = draw(st.integers(-1000, 1000)) / 8, []
    for gap, what in steps:
        at += gap
        seen.append((at, what))
    return history(*seen)


def rule_sets() -> st.SearchStrategy[Rules]:
    return st.builds(
        Rules,
        activation=st.sampled_from([0.0, 1.0, 2.5]),
        hold_for=st.one_of(st.none(), GAPS),
        zero_confirm=st.integers(1, 4),
        confirm_spacing=st.sampled_from([0.125, 1.0, 2.0]),
    )


def shifted(reading: Reading, by: float) -> Reading:
    at = Instant(reading.at + by)
    if isinstance(reading, Outage):
        return replace(reading, at=at, since=Instant(reading.since + by))
    return replace(reading, at=at)


def moved(verdict: Verdict, by: float) -> Verdict:
    if isinstance(verdict, Undecided):
        return verdict
    changes_at = None if verdict.changes_at is None else Instant(verdict.changes_at + by)
    return replace(verdict, read_at=Instant(verdict.read_at + by), changes_at=changes_at)


@given(histories(), rule_sets())
def test_a_replay_gives_the_same_decisions(readings: list[Reading], rules: Rules) -> None:
    assert verdicts(readings, rules) == verdicts(readings, rules)


@given(histories(), rule_sets(), st.integers(-(2**20), 2**20))
def test_shifting_all_instants_changes_nothing(readings: list[Reading], rules: Rules, by: int) -> None:
    later = verdicts([shifted(each, by) for each in readings], rules)
    assert later == [moved(each, by) for each in verdicts(readings, rules)]


@given(histories(), rule_sets())
def test_an_outage_of_any_length_never_turns_active_into_inactive(readings: list[Reading], rules: Rules) -> None:
    for (before, after), reading in zip(pairwise(verdicts(readings, rules)), readings[1:], strict=False):
        if isinstance(reading, Outage) and isinstance(before, Decision):
            if isinstance(after, Undecided):
                assert rules.hold_for is not None
                assert reading.at - reading.since >= rules.hold_for
            else:
                assert (after.active, after.value) == (before.active, before.value)


@given(histories(), rule_sets())
def test_without_hold_for_a_decision_is_never_taken_back(readings: list[Reading], rules: Rules) -> None:
    told = activity(verdicts(readings, replace(rules, hold_for=None)))
    assert "?" not in told.lstrip("?")


@given(histories(), rule_sets())
def test_only_what_was_never_read_or_has_expired_is_undecided(readings: list[Reading], rules: Rules) -> None:
    told = verdicts(readings, rules)
    for number, verdict in enumerate(told):
        if isinstance(verdict, Undecided):
            believed = [each for each in told[:number] if isinstance(each, Decision)]
            expired = [each for each in told[: number + 1] if each.why is Why.EXPIRED]
            assert expired or not believed
            assert isinstance(readings[number], Outage) or verdict.why is Why.CONFIRMING


@given(histories(), rule_sets(), st.lists(GAPS, min_size=1, max_size=12), GAPS)
def test_after_an_outage_quiet_is_believed_when_it_was_seen_often_and_apart_enough(
    before: list[Reading], rules: Rules, gaps: list[float], outage: float
) -> None:
    assume(not before or isinstance(before[-1], Snapshot))
    at = before[-1].at if before else 0.0
    seen: list[tuple[float, float | str]] = [(at + 1, 5.0), (at + 1 + outage, DOWN)]
    for gap in gaps:
        seen.append((seen[-1][0] + gap, 0.0))
    told = activity(verdicts([*before, *history(*seen)], rules))[-len(gaps) :]
    counted, last = 0, float("-inf")
    for number, (when, _) in enumerate(seen[2:]):
        if when - last >= rules.confirm_spacing:
            counted, last = counted + 1, when
        assert (told[number] == "i") == (counted >= rules.zero_confirm)


@given(histories(), rule_sets(), QUIET_AND_BUSY, st.integers(1, 40))
def test_constant_readings_cause_at_most_one_change(
    before: list[Reading], rules: Rules, number: float, times: int
) -> None:
    start = before[-1].at if before else 0.0
    same = [Snapshot(at=Instant(start + 1 + each), value=number, activity=number) for each in range(times)]
    told = activity(verdicts([*before, *same], rules))[len(before) :]
    changes = [pair for pair in pairwise(told) if pair[0] != pair[1]]
    assert len(changes) <= 1


@given(histories(), rule_sets(), st.floats(0, 1e300, exclude_min=True))
def test_an_event_above_the_threshold_wakes_in_the_same_step(
    before: list[Reading], rules: Rules, excess: float
) -> None:
    number = rules.activation + excess
    assume(number > rules.activation)
    event = Snapshot(at=Instant((before[-1].at if before else 0.0) + 0.125), value=number, activity=number)
    verdict = verdicts([*before, event], rules)[-1]
    assert isinstance(verdict, Decision)
    assert (verdict.active, verdict.value, verdict.standing) == (True, number, Standing.FRESH)


@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.booleans()), max_size=20), rule_sets())
def test_a_value_is_finite_and_never_negative(numbers: list[tuple[float, bool]], rules: Rules) -> None:
    seen = [(float(at), DOWN if down else number) for at, (number, down) in enumerate(numbers)]
    for verdict in verdicts(history(*seen), rules):
        if isinstance(verdict, Decision):
            assert isfinite(verdict.value)
            assert verdict.value >= 0


@given(histories(), rule_sets())
def test_a_verdict_changes_by_itself_exactly_when_it_says(readings: list[Reading], rules: Rules) -> None:
    state = State()
    for reading in readings:
        state, verdict = step(state, reading, rules)
        if isinstance(reading, Outage) and isinstance(verdict, Decision) and verdict.changes_at is not None:
            just_before = replace(reading, at=Instant(max(reading.at, verdict.changes_at - 0.0625)))
            assert step(state, just_before, rules)[1] == verdict
            later = step(state, replace(reading, at=verdict.changes_at), rules)[1]
            assert isinstance(later, Undecided)
        elif isinstance(reading, Outage):
            assert step(state, replace(reading, at=Instant(reading.at + 1e6)), rules)[1] == verdict
