"""The cron probe. The rows of parameters are those of KEDA 2.21, cron_scaler_test.go."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scaler.errors import ConfigError
from scaler.model import Instant
from scaler.probes.base import Amount, Surroundings
from scaler.probes.cron import probe
from scaler.probes.cron.probe import Edges, Window, edges
from tests.probes.cron_world import (
    BERLIN,
    EVEN_HOURS,
    KOLKATA,
    QUARTERS,
    THURSDAYS,
    UTC_ZONE,
    Wall,
    opened,
    read,
    understand,
    window_of,
)


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        pytest.param(THURSDAYS, "cron-Etc-UTC-00xxThu-5923xxThu", id="every Thursday"),
        pytest.param(EVEN_HOURS, "cron-Etc-UTC-0xSl2xxx-01-23Sl2xxx", id="every even hour"),
        pytest.param(QUARTERS, "cron-Etc-UTC-0Cm30xxxx-15Cm45xxxx", id="the first and third quarter of each hour"),
        pytest.param(
            KOLKATA | {"start": "30-33 * * * *"}, "cron-Asia-Kolkata-30-33xxxx-45xxxx", id="a range of starts"
        ),
        pytest.param(KOLKATA | {"end": "45-50 * * * *"}, "cron-Asia-Kolkata-30xxxx-45-50xxxx", id="a range of ends"),
        pytest.param(KOLKATA | {"end": "45 ? * ? *"}, "cron-Asia-Kolkata-30xxxx-45QmxQmx", id="question marks"),
    ],
)
def test_metric_names_are_the_native_ones(metadata: dict[str, str], name: str) -> None:
    metric = understand(metadata).ask.metric
    assert (metric.name, metric.target) == (name, 1)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        pytest.param(
            {}, ["'timezone' is req", "'start' is req", "'end' is req", "'desiredReplicas' is req"], id="none"
        ),
        pytest.param(KOLKATA | {"desiredReplicas": ""}, ["'desiredReplicas' is required"], id="no replicas"),
        pytest.param(KOLKATA | {"timezone": ""}, ["'timezone' is required"], id="no zone"),
        pytest.param(
            KOLKATA | {"start": "-30 * * * *"}, ["'start': '-30 * * * *' has '-30' as minute"], id="start -30"
        ),
        pytest.param(KOLKATA | {"end": "-50 * * * *"}, ["'end': '-50 * * * *' has '-50' as minute"], id="end -50"),
        pytest.param(KOLKATA | {"end": "50 * * -3 *"}, ["'end': '50 * * -3 *' has '-3' as month"], id="month -3"),
        pytest.param(KOLKATA | {"end": "30 * * * *"}, ["'start' and 'end' must differ"], id="start is end"),
        pytest.param(KOLKATA | {"desiredReplicas": "0"}, ["'desiredReplicas': '0'"], id="0 replicas"),
        pytest.param(
            KOLKATA | {"desiredReplicas": "2.0"}, ["'desiredReplicas': '2.0' is not a whole"], id="a fraction"
        ),
        pytest.param(
            KOLKATA | {"timezone": "Asia/Calcuta", "start": "60 * * * *", "end": "@daily"},
            [
                "'Asia/Calcuta' is no known time zone, did you mean 'Asia/Calcutta'?",
                "'start': '60",
                "'end': '@daily' has",
            ],
            id="several mistakes at once",
        ),
        pytest.param(KOLKATA | {"zone": "UTC"}, ["unknown key 'zone'"], id="an unknown key"),
    ],
)
def test_what_is_wrong_is_said_at_once(metadata: dict[str, str], said: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        understand(metadata)
    assert [text for text in said if text not in str(refused.value)] == []


# -- open or not -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "now", "is_open"),
    [
        pytest.param(THURSDAYS, "2024-06-06 00:00", True, id="the start itself is inside"),
        pytest.param(THURSDAYS, "2024-06-05 23:59:59.999", False, id="just before it is not"),
        pytest.param(THURSDAYS, "2024-06-06 23:58:59.999", True, id="just before the end is inside"),
        pytest.param(THURSDAYS, "2024-06-06 23:59", False, id="the end itself is not"),
        pytest.param(EVEN_HOURS, "2024-06-06 14:30", True, id="an even hour"),
        pytest.param(EVEN_HOURS, "2024-06-06 15:30", False, id="an odd hour"),
        pytest.param(QUARTERS, "2024-06-06 15:40", True, id="a third quarter"),
        pytest.param(UTC_ZONE | {"start": "0 22 * * *", "end": "0 6 * * *"}, "2024-06-06 03:00", True, id="overnight"),
        pytest.param(
            UTC_ZONE | {"start": "0 8 * * *", "end": "0 */4 * * *"}, "2024-06-06 03:00", True, id="an end only"
        ),
        pytest.param(
            UTC_ZONE | {"start": "0 0 * * *", "end": "0 0 * * 0-6"}, "2024-06-06 03:00", True, id="edges that coincide"
        ),
        pytest.param(
            UTC_ZONE | {"start": "0 8 * * *", "end": "0 0 30 2 *"},
            "2024-06-06 09:00",
            False,
            id="it never closes again",
        ),
        pytest.param(
            UTC_ZONE | {"start": "0 0 30 2 *", "end": "0 8 * * *"}, "2024-06-06 09:00", True, id="it never opens again"
        ),
        pytest.param(BERLIN | {"start": "0 8 * * *", "end": "0 9 * * *"}, "2024-06-06 06:30", True, id="summer time"),
        pytest.param(BERLIN | {"start": "0 8 * * *", "end": "0 9 * * *"}, "2024-12-06 06:30", False, id="winter time"),
        pytest.param(
            BERLIN | {"start": "TZ=Asia/Tokyo 0 8 * * *", "end": "0 9 * * *"}, "2024-06-06 00:00", True, id="two zones"
        ),
        pytest.param(
            BERLIN | {"start": "30 2 * * *", "end": "0 4 * * *"},
            "2024-10-27 01:15",
            False,
            id="of a start that comes twice the second counts",
        ),
        pytest.param(
            UTC_ZONE | {"start": "0,30 8 * * *", "end": "0 9 * * *"}, "2024-06-06 08:10", False, id="so does any second"
        ),
        pytest.param(
            BERLIN | {"start": "0 2 * * *", "end": "30 2 * * *"}, "2024-10-27 00:45", False, id="closed between both"
        ),
        pytest.param(
            BERLIN | {"start": "30 2 * * *", "end": "0 4 * * *"},
            "2024-03-30 12:00",
            True,
            id="open before a lost start",
        ),
        pytest.param(
            BERLIN | {"start": "30 2 * * *", "end": "0 4 * * *"}, "2024-03-31 02:30", False, id="closed by its end"
        ),
    ],
)
async def test_a_window_is_open_or_not(metadata: dict[str, str], now: str, *, is_open: bool) -> None:
    source = await opened(Wall(datetime.fromisoformat(now).replace(tzinfo=UTC)))
    wanted = int(metadata["desiredReplicas"])
    expected = Amount(value=wanted, activity=1) if is_open else Amount(value=0, activity=0)
    assert await read(source, window_of(metadata)) == expected


async def test_edges_are_remembered_until_one_is_reached_or_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed = []

    def counted(window: Window, now: datetime) -> Edges:
        computed.append(now)
        return edges(window, now)

    monkeypatch.setattr(probe, "edges", counted)
    wall, window = Wall(datetime(2024, 6, 6, 12, tzinfo=UTC)), window_of(EVEN_HOURS)
    source = await opened(wall)
    told = []
    for minutes in (0, 30, 59, 60, 90, 119, 120, 60):
        wall.now = datetime(2024, 6, 6, 12, tzinfo=UTC) + timedelta(minutes=minutes)
        told.append((await read(source, window)).value)
    assert told == [10, 10, 10, 0, 0, 0, 10, 0]
    assert len(computed) == 4


def test_windows_over_a_year_are_never_double_and_never_missed() -> None:
    """Walk a year in Berlin: a working day has one window, of the length that the clocks leave."""
    window = window_of(BERLIN | {"start": "0 1 * * *", "end": "0 4 * * *"})
    at, end, opened_at, lengths = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC), None, []
    while at < end:
        ahead = edges(window, at)
        if ahead.open and opened_at is None:
            opened_at = at
        if not ahead.open and opened_at is not None:
            lengths.append(
                (opened_at.astimezone(ZoneInfo("Europe/Berlin")).date(), (at - opened_at) / timedelta(hours=1))
            )
            opened_at = None
        at = ahead.next
    days = dict(lengths)
    assert len(lengths) == len(days) == 366
    assert {date: hours for date, hours in lengths if hours != 3} == {
        datetime(2024, 3, 31, tzinfo=UTC).date(): 2,
        datetime(2024, 10, 27, tzinfo=UTC).date(): 4,
    }


async def test_thousands_of_windows_leave_the_loop_alive() -> None:
    source = await opened(Wall())
    windows = [window_of(UTC_ZONE | {"start": f"{n % 60} {n // 60} * * *", "end": "0 0 1 1 *"}) for n in range(1000)]
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert len(await source.read(windows)) == 1000
    ticking.cancel()
    assert ticks >= 4


async def test_the_wall_clock_is_the_systems_unless_said_otherwise() -> None:
    surroundings = Surroundings(clock=lambda: Instant(0.0))
    assert abs(surroundings.wall() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_bad_number_of_replicas_hides_no_other_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        understand({"timezone": "Mars", "start": "x", "end": "y", "desiredReplicas": "many"})
    named = [problem.split("'")[1] for problem in caught.value.problems]
    assert sorted(named) == ["desiredReplicas", "end", "start", "timezone"]
