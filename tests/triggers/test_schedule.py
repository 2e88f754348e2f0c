"""When schedules fire: against the answers of the native library, and against a clock watched minute by minute."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.triggers.schedule import schedule, time_zone

ROWS = [
    pytest.param(*(cell.replace(r"\t", "\t") for cell in line.split(" | ")), id=line.replace(" | ", "  "))
    for line in (Path(__file__).parent / "cron_firings.txt").read_text().splitlines()
    if line and not line.startswith("#")
]

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("zone", "text", "now", "firing"), ROWS)
def test_it_fires_when_the_native_library_fires(zone: str, text: str, now: str, firing: str) -> None:
    if firing == "error":
        with pytest.raises(ValueError, match=r"has|no known time zone"):
            schedule(text, zone)
        return
    found = schedule(text, zone).after(datetime.fromisoformat(now))
    assert (found.astimezone(ZoneInfo(zone)).isoformat(sep=" ") if found else "never") == firing


@pytest.mark.parametrize("fraction", [0, 1, 999_999])
def test_now_itself_is_past(fraction: int) -> None:
    noon = datetime(2024, 6, 1, 12, tzinfo=UTC)
    daily = schedule("0 12 * * *", "UTC")
    assert daily.after(noon - timedelta(microseconds=1)) == noon
    assert daily.after(noon + timedelta(microseconds=fraction)) == noon + timedelta(days=1)


# -- the rule itself: whatever the zone does, a clock on the wall is watched -----------------------------------------

CHANGES = [
    pytest.param("Europe/Berlin", "2024-03-31 01:00", id="Berlin skips an hour"),
    pytest.param("Europe/Berlin", "2024-10-27 01:00", id="Berlin repeats an hour"),
    pytest.param("America/New_York", "2024-03-10 07:00", id="New York skips an hour"),
    pytest.param("America/New_York", "2024-11-03 06:00", id="New York repeats an hour"),
    pytest.param("Australia/Lord_Howe", "2024-10-05 15:30", id="Lord Howe skips half an hour"),
    pytest.param("Australia/Lord_Howe", "2024-04-06 15:00", id="Lord Howe repeats half an hour"),
    pytest.param("America/Sao_Paulo", "2018-11-04 03:00", id="Sao Paulo has no midnight"),
    pytest.param("America/Sao_Paulo", "2018-02-18 02:00", id="Sao Paulo has an hour before midnight twice"),
    pytest.param("Asia/Beirut", "2024-03-30 22:00", id="Beirut has no midnight"),
    pytest.param("America/Havana", "2024-11-03 05:00", id="Havana has the hour after midnight twice"),
    pytest.param("Africa/Casablanca", "2024-04-14 02:00", id="Casablanca after Ramadan"),
    pytest.param("Antarctica/Troll", "2024-10-27 01:00", id="Troll repeats two hours"),
    pytest.param("Pacific/Apia", "2011-12-30 10:00", id="Apia skips a day"),
    pytest.param("Asia/Pyongyang", "2018-05-04 15:00", id="Pyongyang skips half an hour for good"),
    pytest.param("Asia/Kolkata", "2024-03-31 01:00", id="Kolkata does nothing"),
]

TEXTS = [
    "* * * * *",
    "0 * * * *",
    "*/20 */2 * * *",
    "30 1,2 * * *",
    "0 0 * * *",
    "15 0 * * *",
    "59 23 * * *",
    "0 2-3 * * sun",
    "30 2 31 3 *",
    "45 1 */2 * *",
    "0 12 29-31 * fri",
    "5-10 0-3 * * *",
]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_it_fires_when_a_clock_on_the_wall_shows_it(zone: str, change: str) -> None:
    start = datetime.fromisoformat(change).replace(tzinfo=UTC) - timedelta(hours=26)
    minutes = [start + number * MINUTE for number in range(52 * 60)]
    shown = {minute: minute.astimezone(ZoneInfo(zone)) for minute in minutes}
    for text in TEXTS:
        expected = [minute for minute, clock in shown.items() if minute > start and _matches(text, clock)]
        assert list(_firings(text, zone, start, minutes[-1])) == expected


def _firings(text: str, zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    understood = schedule(text, zone)
    at = understood.after(start)
    while at is not None and at <= end:
        yield at
        at = understood.after(at)


def _matches(text: str, clock: datetime) -> bool:
    """Tell whether ``clock`` shows what ``text`` asks for, by a second reading of the grammar that shares nothing."""
    minute, hour, date, month, day = text.split()
    dated = _holds(date, clock.day, first=1)
    weekly = _holds(day.replace("sun", "0").replace("fri", "5"), clock.isoweekday() % 7)
    days = dated and weekly if "*" in {date, day} else dated or weekly
    return days and _holds(minute, clock.minute) and _holds(hour, clock.hour) and _holds(month, clock.month)


def _holds(field: str, value: int, first: int = 0) -> bool:
    if field == "*":
        return True
    if field.startswith("*/"):
        return (value - first) % int(field[2:]) == 0
    if "-" in field:
        low, high = map(int, field.split("-"))
        return low <= value <= high
    return value in map(int, field.split(","))


@given(
    now=st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001 - given its zone below
    zone=st.sampled_from(["Europe/Berlin", "Asia/Beirut", "Australia/Lord_Howe", "America/Santiago", "UTC"]),
    text=st.sampled_from(TEXTS),
)
def test_nothing_fires_between_now_and_the_next_firing(now: datetime, zone: str, text: str) -> None:
    understood = schedule(text, zone)
    here = now.replace(tzinfo=UTC)
    found = understood.after(here)
    assert found is not None
    assert found > here
    between = here + (found - here) / 2
    assert understood.after(between) == found
    assert understood.after(found - timedelta(microseconds=1)) == found


# -- what is wrong with an expression --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("0 0 * * 7", "has '7' as day of the week, which goes from 0 to 6", id="Sunday is 0"),
        pytest.param("60 * * * *", "has '60' as minute, which goes from 0 to 59", id="too large"),
        pytest.param("* * * * fri-sun", "has 'fri-sun' as day of the week", id="backwards"),
        pytest.param("0 0 0 * * *", "has 6 fields instead of 5: minute, hour", id="seconds"),
        pytest.param("@every 1h", "has a word such as @hourly", id="a word"),
        pytest.param("TZ=Europe/Berln 0 0 * * *", "did you mean 'Europe/Berlin'?", id="a zone misspelt"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        schedule(text, "UTC")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("europe/berlin", "did you mean 'Europe/Berlin'?", id="small letters"),
        pytest.param("America/NewYork", "did you mean 'America/New_York'?", id="a missing underscore"),
        pytest.param("Europe", "'Europe' is no known time zone", id="a folder"),
        pytest.param("../etc/passwd", "'../etc/passwd' is no known time zone", id="a way out"),
        pytest.param("/etc/localtime", "'/etc/localtime' is no known time zone", id="a path"),
        pytest.param("zone.tab", "'zone.tab' is no known time zone", id="a file that is no zone"),
        pytest.param("a\0b", "is no known time zone", id="a zero byte"),
        pytest.param("Ümlaut/Ö", "is no known time zone", id="letters that no zone has"),
        pytest.param("x" * 5000, "is no known time zone", id="a long name"),
    ],
)
def test_an_unknown_zone_names_the_nearest(name: str, said: str) -> None:
    with pytest.raises(ValueError, match="no known time zone") as error:
        time_zone(name)
    assert said in str(error.value)
    assert len(str(error.value)) < 200
