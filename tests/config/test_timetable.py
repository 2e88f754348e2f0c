"""Windows of the calendar become instants: to the instant, across changes of the clocks, and without end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.config.timetable import AHEAD, FIRINGS, Timetable, Window
from scaler.model import Instant
from scaler.policy.warmth import Measured, Scheduled, Warmth, begun, step
from scaler.triggers.schedule import schedule

BERLIN = "Europe/Berlin"  # forward at 2026-03-29 01:00 UTC, back at 2026-10-25 01:00 UTC
HOUR = 3600.0
NOW = Instant(5_000.0)


def window(cron: str, hours: float, size: int, zone: str = BERLIN) -> Window:
    return Window(schedule=schedule(cron, zone), duration=hours * HOUR, size=size)


def table(*windows: Window, otherwise: int = 1) -> Timetable:
    return Timetable(windows=windows, otherwise=otherwise)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def decided(timetable: Timetable, at: datetime) -> Warmth:
    return step(begun(99, NOW), timetable.around(at, NOW), Measured(), NOW)


def size(timetable: Timetable, at: datetime) -> int:
    return decided(timetable, at).size


def changes(timetable: Timetable, at: datetime, until: datetime) -> list[tuple[str, int]]:
    """Follow it from one change to the next, as a controller does; tell every new size, and when."""
    told: list[tuple[str, int]] = []
    last = size(timetable, at)
    for _ in range(200):
        later = decided(timetable, at).changes_at
        assert later is not None
        at += timedelta(seconds=later - NOW)
        if at > until:
            return told
        if (found := size(timetable, at)) != last:
            told.append((f"{at:%m-%dT%H:%M}", found))
            last = found
    raise AssertionError(told)


WORK = window("0 8 * * 1-5", 10, 3)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2026-01-05T06:59:59.999", 1, id="just before eight"),
        pytest.param("2026-01-05T07:00:00", 3, id="it begins on the instant"),
        pytest.param("2026-01-05T16:59:59.999", 3, id="to the end"),
        pytest.param("2026-01-05T17:00:00", 1, id="it ends on the instant"),
        pytest.param("2026-01-03T10:00:00", 1, id="not on a Saturday"),
        pytest.param("2026-07-06T06:00:00", 3, id="an hour earlier in summer"),
    ],
)
def test_a_window_is_half_open(at: str, expected: int) -> None:
    assert size(table(WORK), wall(at)) == expected


@pytest.mark.parametrize(
    ("windows", "at", "until", "told"),
    [
        pytest.param(
            (WORK, window("30 9 * * 1", 1, 7)),
            "2026-01-05T00:00",
            "2026-01-06T00:00",
            [("01-05T07:00", 3), ("01-05T08:30", 7), ("01-05T09:30", 3), ("01-05T17:00", 1)],
            id="of two that overlap the larger",
        ),
        pytest.param(
            (window("0 8 * * *", 10, 3), window("0 18 * * *", 1, 5)),
            "2026-01-05T00:00",
            "2026-01-05T22:00",
            [("01-05T07:00", 3), ("01-05T17:00", 5), ("01-05T18:00", 1)],
            id="one begins when the other ends",
        ),
        pytest.param(
            (window("0 0 * * *", 4, 5),),
            "2026-03-28T12:00",
            "2026-03-29T12:00",
            [("03-28T23:00", 5), ("03-29T03:00", 1)],
            id="clocks go forward: four real hours, to five on the wall",
        ),
        pytest.param(
            (window("30 2 * * *", 1, 5),),
            "2026-03-28T12:00",
            "2026-03-30T12:00",
            [("03-30T00:30", 5), ("03-30T01:30", 1)],
            id="clocks go forward over its begin: not that day",
        ),
        pytest.param(
            (window("0 0 * * *", 4, 5),),
            "2026-10-24T12:00",
            "2026-10-25T12:00",
            [("10-24T22:00", 5), ("10-25T02:00", 1)],
            id="clocks go back: four real hours, to three on the wall",
        ),
        pytest.param(
            (window("30 2 * * *", 0.5, 5),),
            "2026-10-24T12:00",
            "2026-10-25T12:00",
            [("10-25T00:30", 5), ("10-25T01:00", 1), ("10-25T01:30", 5), ("10-25T02:00", 1)],
            id="clocks go back over its begin: twice that day",
        ),
        pytest.param((window("0 0 30 2 *", 1, 5),), "2026-01-05T00:00", "2026-02-05T00:00", [], id="never"),
        pytest.param((window("0 0 * * *", 24, 5),), "2026-01-05T00:00", "2026-01-09T00:00", [], id="always"),
        pytest.param(
            (window("* * * * *", 168, 5),), "2026-01-05T00:00", "2026-01-05T03:00", [], id="always, in minutes"
        ),
    ],
)
def test_its_changes(windows: tuple[Window, ...], at: str, until: str, told: list[tuple[str, int]]) -> None:
    assert changes(table(*windows), wall(at), wall(until)) == told


def test_it_reaches_beyond_now_and_not_beyond_a_day() -> None:
    for cron in ("* * * * *", "0 8 * * 1-5", "0 0 1 1 *"):
        for hours in (1 / 60, 1, 168):
            known = table(window(cron, hours, 2)).around(wall("2026-01-05T06:59:59.5"), NOW)
            assert NOW < known.until <= NOW + AHEAD.total_seconds()
            assert len(known.periods) <= FIRINGS


def known_size(known: Scheduled, at: float) -> int:
    return max((each.size for each in known.periods if each.begin <= at < each.end), default=known.otherwise)


CRONS = ["*/7 * * * *", "0 * * * *", "30 2 * * *", "0 8 * * 1-5", "0 0 1,15 * *", "15 0-4 * * 0"]
WINDOWS = st.builds(window, st.sampled_from(CRONS), st.sampled_from([0.05, 0.5, 1, 5, 30, 168]), st.integers(0, 9))


@given(
    st.lists(WINDOWS, min_size=1, max_size=3),
    st.sampled_from(["2026-03-28T20:00", "2026-10-24T20:00", "2026-06-30T23:00"]),
    st.integers(0, 24 * 60 * 60),
    st.floats(0, 1, exclude_max=True),
)
def test_what_it_says_of_later_is_what_is_said_later(
    windows: list[Window], start: str, offset: int, share: float
) -> None:
    timetable, at = table(*windows), wall(start) + timedelta(seconds=offset)
    known = timetable.around(at, NOW)
    later = timedelta(seconds=int((known.until - NOW) * share))
    assert known_size(known, NOW + later.total_seconds()) == size(timetable, at + later)
