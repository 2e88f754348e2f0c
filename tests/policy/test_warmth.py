"""How many pods are to be warm, and the reason that an operator reads."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.model import Instant
from scaler.policy.erlang import miss_ratio
from scaler.policy.warmth import (
    LONGEST,
    STABLE,
    Auto,
    Fixed,
    Measured,
    Period,
    Scheduled,
    Warmth,
    begun,
    step,
)

NOW = Instant(1000.0)
NEW = begun(0, NOW)
BUSY = Measured(rate=0.5, lead_time=8.2)


def at(seconds: float) -> Instant:
    return Instant(NOW + seconds)


@pytest.mark.parametrize(
    ("rules", "measured", "why"),
    [
        pytest.param(Fixed(size=3), BUSY, "3: fixed", id="fixed"),
        pytest.param(
            Auto(),
            BUSY,
            "8: Erlang-B of 0.5 wake-ups a second * 8.2 s lead time = load 4.1 at 5 % misses",
            id="base stock",
        ),
        pytest.param(
            Auto(miss_ratio=0.01, ceiling=50),
            Measured(rate=0.0125, lead_time=10, step_p95=4),
            "8: Erlang-B of 0.0125 wake-ups a second * 10 s lead time = load 0.125 of 4 pods each at 1 % misses",
            id="batches",
        ),
        pytest.param(
            Auto(ceiling=5),
            BUSY,
            "5: ceiling; Erlang-B of 0.5 wake-ups a second * 8.2 s lead time = load 4.1 at 5 % misses",
            id="the ceiling",
        ),
        pytest.param(
            Auto(floor=9),
            BUSY,
            "9: floor; Erlang-B of 0.5 wake-ups a second * 8.2 s lead time = load 4.1 at 5 % misses",
            id="the floor",
        ),
        pytest.param(Auto(), Measured(), "1: one, until a lead time is measured", id="nothing measured"),
        pytest.param(
            Auto(floor=3), Measured(rate=9), "3: floor; one, until a lead time is measured", id="no lead time"
        ),
        pytest.param(Auto(), Measured(lead_time=3), "0: no wake-ups", id="nobody wakes"),
        pytest.param(Auto(floor=2), Measured(lead_time=3), "2: floor; no wake-ups", id="nobody wakes, with a floor"),
        pytest.param(Auto(), Measured(lead_time=3, due=True), "1: a wake-up is due", id="due"),
        pytest.param(Auto(), Measured(lead_time=3, misses=2), "2: 2 started cold with 0 kept warm", id="misses"),
        pytest.param(
            Auto(), Measured(lead_time=3, misses=99), "10: ceiling; 99 started cold with 0 kept warm", id="many misses"
        ),
        pytest.param(Auto(), Measured(rate=float("nan"), lead_time=3), "0: no wake-ups", id="a rate that is no number"),
    ],
)
def test_a_size_has_a_reason(rules: Fixed | Auto, measured: Measured, why: str) -> None:
    warmth = step(NEW, rules, measured, NOW)
    assert (warmth.why, f"{warmth.size}") == (why, why.partition(":")[0])


def test_a_size_falls_only_to_the_most_that_was_wanted_lately() -> None:
    calm = Measured(rate=0.01, lead_time=8.2)
    state = step(NEW, Auto(), BUSY, NOW)
    state = step(state, Auto(), replace(calm, rate=0.2), at(60))
    assert state.why.startswith("8: wanted within the last 10 min; now 5: Erlang-B of 0.2 wake-ups")
    assert state.changes_at == at(60 + STABLE)
    state = step(state, Auto(), calm, at(120))
    assert (state.size, state.since) == (8, NOW)
    state = step(state, Auto(), calm, at(59 + STABLE))
    assert state.size == 8
    state = step(state, Auto(), calm, at(60 + STABLE))
    assert (state.size, state.changes_at, state.since) == (5, at(120 + STABLE), at(60 + STABLE))
    state = step(state, Auto(), calm, at(120 + STABLE))
    assert (state.size, state.changes_at) == (2, None)


def test_what_nobody_looked_at_for_long_was_wanted_until_now() -> None:
    state = step(NEW, Auto(), BUSY, NOW)
    state = step(state, Auto(), Measured(lead_time=8.2), at(10 * STABLE))
    assert (state.size, state.changes_at) == (8, at(11 * STABLE))


def test_where_pods_start_slowly_a_size_is_kept_for_longer() -> None:
    for p95, kept in ((120.0, 1200.0), (59.0, STABLE), (1e6, LONGEST)):
        slow = Measured(lead_time=60, lead_time_p95=p95)
        state = step(begun(4, NOW), Auto(), slow, NOW)
        assert (state.size, state.changes_at) == (4, at(kept))


def test_a_miss_is_answered_at_once_and_forgotten_slowly() -> None:
    rare = Measured(lead_time=3)
    state = step(NEW, Auto(), replace(rare, misses=1), NOW)
    assert state.size == 1
    state = step(state, Auto(), replace(rare, misses=2), at(10))
    assert (state.size, state.why) == (3, "3: 2 started cold with 1 kept warm")
    state = step(state, Auto(), rare, at(20))
    assert (state.size, state.why, state.changes_at) == (
        3,
        "3: wanted within the last 10 min; now 0: no wake-ups",
        at(20 + STABLE),
    )
    assert step(state, Auto(), rare, at(20 + STABLE)).size == 0


def test_a_controller_that_starts_gives_none_up_for_having_measured_nothing() -> None:
    found = begun(6, NOW)
    assert (found.size, found.why) == (6, "6: found")
    state = step(found, Auto(), Measured(), NOW)
    assert state.why == "6: wanted within the last 10 min; now 1: one, until a lead time is measured"
    assert step(state, Auto(ceiling=4), Measured(), at(1)).size == 4
    assert step(state, Auto(), Measured(), at(STABLE)).size == 1
    assert step(found, Fixed(size=2), Measured(), NOW).size == 2


def timetable(*periods: tuple[float, float, int], otherwise: int = 1) -> Scheduled:
    listed = tuple(Period(begin=at(begin), end=at(end), size=size) for begin, end, size in periods)
    return Scheduled(periods=listed, otherwise=otherwise, until=at(1000))


@pytest.mark.parametrize(
    ("seconds", "why", "changes"),
    [
        pytest.param(0, "1: outside of the schedule", 10, id="before"),
        pytest.param(10, "5: scheduled", 20, id="it begins on the instant"),
        pytest.param(20, "7: scheduled", 30, id="of two the larger"),
        pytest.param(29.999, "7: scheduled", 30, id="to the end"),
        pytest.param(30, "5: scheduled", 40, id="it ends on the instant"),
        pytest.param(40, "1: outside of the schedule", 50, id="between"),
        pytest.param(50, "0: scheduled", 60, id="a window may be smaller than outside"),
        pytest.param(60, "1: outside of the schedule", 1000, id="known until the end of the timetable"),
        pytest.param(1000, "3: held, the timetable ends here", None, id="then nothing is known"),
    ],
)
def test_a_timetable_is_followed_to_the_instant(seconds: float, why: str, changes: float | None) -> None:
    rules = timetable((10, 40, 5), (20, 30, 7), (50, 60, 0))
    warmth = step(begun(3, NOW), rules, Measured(), at(seconds))
    assert (warmth.why, warmth.changes_at) == (why, None if changes is None else at(changes))


# -- histories that a person can review ------------------------------------------------------------------------

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts" / "warmth").glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_replays_to_itself(path: Path) -> None:
    """A line is an instant, what was measured then, and behind the arrow the size and its reason."""
    text = path.read_text()
    assert "\n".join(replayed(text.splitlines())) + "\n" == text


def replayed(lines: list[str]) -> Iterator[str]:
    state, rules = NEW, Auto()
    for line in lines:
        match line.partition("->")[0].split():
            case [] | ["#", *_]:
                yield line
            case ["rules", *settings]:
                numbers = dict(each.split("=") for each in settings)
                rules = Auto(floor=int(numbers["floor"]), ceiling=int(numbers["ceiling"]))
                yield line
            case [clock, *seen]:
                minutes, seconds = clock.split(":")
                state = step(state, rules, measured_of(seen), at(60 * int(minutes) + float(seconds)))
                yield f"{clock}  {' '.join(seen):<26} -> {state.why}"
            case _:
                raise AssertionError(line)


def measured_of(seen: list[str]) -> Measured:
    numbers = dict(each.split("=") for each in seen)
    return Measured(
        rate=float(numbers.get("rate", 0)),
        lead_time=float(numbers["lead"]) if "lead" in numbers else None,
        step_p95=int(numbers.get("pods", 1)),
        misses=int(numbers.get("misses", 0)),
    )


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 2


# -- laws ------------------------------------------------------------------------------------------------------

RATES = st.one_of(st.just(0.0), st.floats(1e-6, 20))
MEASURED = st.builds(
    Measured,
    rate=RATES,
    lead_time=st.one_of(st.none(), st.floats(0.1, 300)),
    lead_time_p95=st.one_of(st.none(), st.floats(0.1, 300)),
    step_p95=st.integers(1, 20),
    misses=st.one_of(st.just(0), st.integers(0, 30)),
    due=st.booleans(),
)
GAPS = st.integers(1, 1600).map(lambda quarters: quarters / 4)
HISTORIES = st.lists(st.tuples(GAPS, MEASURED), min_size=1, max_size=25)


@st.composite
def autos(draw: st.DrawFn) -> Auto:
    ceiling = draw(st.integers(1, 60))
    return Auto(
        miss_ratio=draw(st.sampled_from([0.01, 0.05, 0.5])), floor=draw(st.integers(0, ceiling)), ceiling=ceiling
    )


def told(rules: Auto, history: list[tuple[float, Measured]], start: Warmth = NEW) -> list[tuple[Instant, Warmth]]:
    states, when = [(NOW, start)], NOW
    for gap, measured in history:
        when = Instant(when + gap)
        states.append((when, step(states[-1][1], rules, measured, when)))
    return states[1:]


@given(autos(), HISTORIES)
def test_it_stays_between_floor_and_ceiling_and_its_reason_begins_with_it(
    rules: Auto, history: list[tuple[float, Measured]]
) -> None:
    for _, warmth in told(rules, history):
        assert rules.floor <= warmth.size <= rules.ceiling
        assert warmth.why.startswith(f"{warmth.size}: ")
        sizes = [each.size for each in warmth.wanted]
        assert sizes == sorted(set(sizes), reverse=True)


@given(autos(), HISTORIES, st.integers(-(2**20), 2**20))
def test_shifting_all_instants_changes_nothing(rules: Auto, history: list[tuple[float, Measured]], by: int) -> None:
    shifted = begun(0, at(by))
    here, there = told(rules, history), []
    when, state = Instant(NOW + by), shifted
    for gap, measured in history:
        when = Instant(when + gap)
        state = step(state, rules, measured, when)
        there.append(state)
    assert [(each.size, each.why) for _, each in here] == [(each.size, each.why) for each in there]


@given(autos(), HISTORIES)
def test_it_never_falls_within_the_time_that_a_size_is_kept(rules: Auto, history: list[tuple[float, Measured]]) -> None:
    states = told(rules, history)
    for number, (when, warmth) in enumerate(states):
        recent = [
            step(begun(0, then), rules, replace(measured, misses=0), then).size
            for (then, _), (_, measured) in zip(states[: number + 1], history, strict=False)
            if then > when - STABLE
        ]
        assert warmth.size >= max(recent)


@given(autos(), MEASURED)
def test_what_it_settles_at_misses_no_more_than_allowed_unless_the_ceiling_forbids(
    rules: Auto, measured: Measured
) -> None:
    rules, measured = replace(rules, floor=0), replace(measured, misses=0)
    size = step(NEW, rules, measured, NOW).size
    if measured.lead_time is not None and measured.rate > 0 and size < rules.ceiling:
        assert miss_ratio(size, measured.rate * measured.lead_time, measured.step_p95) <= rules.miss_ratio


@given(autos(), HISTORIES)
def test_without_news_nothing_changes_before_it_says_so(rules: Auto, history: list[tuple[float, Measured]]) -> None:
    states = told(rules, history)
    when, warmth = states[-1]
    quiet = replace(history[-1][1], misses=0)
    warmth = step(warmth, rules, quiet, when)
    later = at(1e6) if warmth.changes_at is None else Instant(max(when, warmth.changes_at - 0.125))
    assert step(warmth, rules, quiet, later).size == warmth.size


@given(autos(), HISTORIES, st.integers(1, 30))
def test_a_miss_raises_it_in_the_same_step(rules: Auto, history: list[tuple[float, Measured]], misses: int) -> None:
    when, warmth = told(rules, history)[-1]
    missed = step(warmth, rules, replace(history[-1][1], misses=misses), at(when - NOW + 0.25))
    assert missed.size >= min(rules.ceiling, warmth.size + misses)
