"""Tables of one's own: which column is what, in which unit, and what is said of rows that cannot be taken."""

from pathlib import Path
from typing import Any

import pytest

from simulations.traces import Options, Placement, Unit, read_trace
from tests.simulations.traces.reading import arrivals, bad, lines, refusal, services, written

EVENLY = Options(placement=Placement.EQUIDISTANT)


@pytest.mark.parametrize(
    ("content", "expected", "wall"),
    [
        pytest.param(lines("timestamp", "1700000000", "1700000002.5"), [0, 2.5], 1.7e9, id="seconds since 1970"),
        pytest.param(lines("timestamp", "1700000000000", "1700000002500"), [0, 2.5], 1.7e9, id="milliseconds"),
        pytest.param(lines("ts", "1700000000000000", "1700000002500001"), [0, 2.500001], 1.7e9, id="microseconds"),
        pytest.param(
            lines("ts", "1700000000000000000", "1700000002500001999"), [0, 2.500001], 1.7e9, id="nanoseconds"
        ),
        pytest.param(lines("time", "5", "7.25"), [0, 2.25], None, id="seconds from a beginning of its own"),
        pytest.param(lines("start_ms", "5", "7250"), [0, 7.245], None, id="the unit that the column's name ends with"),
        pytest.param(lines("time_s", "1700000000000", "1700000002500"), [0, 2.5], 1.7e9, id="an untrue name"),
        pytest.param(lines("Time (minutes)", "1", "2"), [0, 60], None, id="a unit in brackets"),
        pytest.param(
            lines("when,Timestamp", "x,2023-11-14T22:13:20Z", "y,2023-11-14 22:13:22.5"), [0, 2.5], 1.7e9, id="dates"
        ),
        pytest.param(
            lines("createdAt", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20.1234567+00:00"),
            [0, 0.123456],
            1.7e9,
            id="dates of zones, with more digits than are kept",
        ),
        pytest.param(lines("1700000000", "1700000001"), [0, 1], 1.7e9, id="no header"),
        pytest.param(lines("2023-11-14T22:13:20", "2023-11-14T22:13:21"), [0, 1], 1.7e9, id="no header, dates"),
        pytest.param(lines("timestamp", "3", "1", "2"), [0, 1, 2], None, id="out of order"),
        pytest.param(lines("timestamp", "-3", "1"), [0, 4], None, id="below zero"),
        pytest.param("timestamp\r\n1\r\n\r\n3\r\n", [0, 2], None, id="carriage returns and blank lines"),
        pytest.param("\ufefftimestamp\n1\n3", [0, 2], None, id="a byte order mark, and no last newline"),
        pytest.param(lines("timestamp;what", "1;a", "3;b"), [0, 2], None, id="semicolons"),
        pytest.param(lines("what\ttimestamp", "a,b\t1", "c,d\t3"), [0, 2], None, id="tabs"),
        pytest.param(lines("timestamp, what", " 1 , a", "3 ,b"), [0, 2], None, id="loose cells"),
    ],
)  # fmt: skip
def test_timestamps_are_understood(tmp_path: Path, content: str, expected: list[float], wall: float | None) -> None:
    trace = read_trace(written(tmp_path, content))
    assert (trace.format, arrivals(trace), trace.wall) == ("plain", {"trace": expected}, wall)
    assert (trace.end, trace.bad_rows) == (round(expected[-1] * 1e6) + 1, 0)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(lines("timestamp,duration", "0,1.5", "1,.25"), [1.5, 0.25], id="seconds"),
        pytest.param(lines("timestamp,latency_ms", "0,1500", "1,250"), [1.5, 0.25], id="by the name"),
        pytest.param(lines("timestamp,responseTimeMillis", "0,1500", "1,250"), [1.5, 0.25], id="in camel case"),
        pytest.param(lines("timestamp,elapsed", "0,1500ms", "1,250000us"), [1.5, 0.25], id="each with its own"),
        pytest.param(lines("timestamp,duration", "1,0.25", "0,1.5"), [1.5, 0.25], id="sorted with their arrivals"),
    ],
)
def test_durations_are_understood(tmp_path: Path, content: str, expected: list[float]) -> None:
    assert services(read_trace(written(tmp_path, content))) == {"trace": expected}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lines("function,timestamp", "b,4", "a,1", "b,2"), id="plain cells"),
        pytest.param(lines("topic,timestamp", '"b",4', "a,1", '"b","2"'), id="quoted cells"),
    ],
)
def test_functions_are_told_apart(tmp_path: Path, content: str) -> None:
    trace = read_trace(written(tmp_path, content))
    assert arrivals(trace) == {"b": [1, 3], "a": [0]}
    assert "the rows are not in the order of arrival: they were sorted" in trace.notes


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        pytest.param(
            lines("timestamp,count", "0,2", "60,0", "120,3"), EVENLY, {"trace": [0, 30, 120, 140, 160]}, id="counts"
        ),
        pytest.param(
            lines("time,requests,app", "0,1,a", "0,2,b", "60,0,a", "60,1,b", "120,1,a"),
            EVENLY,
            {"a": [0, 120], "b": [0, 30, 60]},
            id="counts of functions",
        ),
        pytest.param(
            lines("timestamp,count", "100,0", "110,1"), EVENLY, {"trace": [10]}, id="an empty interval is a beginning"
        ),
        pytest.param(
            lines("timestamp,count", "0,2"),
            Options(placement=Placement.EQUIDISTANT, interval=10),
            {"trace": [0, 5]},
            id="an interval that is stated",
        ),
        pytest.param(
            lines("timestamp,count", "0,0.5", "10,0.5", "20,0.5", "30,0.5"),
            EVENLY,
            {"trace": [10, 20]},
            id="broken counts keep their sum",
        ),
    ],
)
def test_counts_are_spread(tmp_path: Path, content: str, options: Options, expected: dict[str, list[float]]) -> None:
    assert arrivals(read_trace(written(tmp_path, content), options=options)) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(Options(zero=0), [1, 2, 4], id="zero is before the first arrival"),
        pytest.param(Options(zero=2), [0, 2], id="zero is after the first arrival"),
        pytest.param(Options(unit=Unit.MINUTES), [0, 60, 180], id="a unit"),
        pytest.param(Options(columns={"timestamp": "other"}), [0, 4, 8], id="another column"),
    ],
)
def test_options_decide(tmp_path: Path, options: Options, expected: list[float]) -> None:
    file = written(tmp_path, lines("timestamp,other", "1,10", "2,14", "4,18"))
    assert arrivals(read_trace(file, options=options)) == {"trace": expected}


def test_what_was_before_the_stated_zero_is_said(tmp_path: Path) -> None:
    file = written(tmp_path, lines("timestamp", "1", "5"))
    assert "what arrived before the stated zero was left out" in read_trace(file, options=Options(zero=2)).notes


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            lines("timestamp", "1", "soon", "3"), ["line 3: timestamp 'soon' is not a number, as"], id="a word"
        ),
        pytest.param(
            lines("timestamp", "1", "nan", "inf"), ["line 3: timestamp 'nan'", "line 4: timestamp 'inf'"], id="NaN"
        ),
        pytest.param(lines("timestamp", "1", "1e300"), ["line 3: timestamp '1e300'"], id="beyond all times"),
        pytest.param(
            lines("timestamp", "1", "9" * 30), ["line 3: timestamp '9999"], id="more digits than a number has"
        ),
        pytest.param(lines("timestamp", "2026-01-01", "2026-02-30"), ["line 3: timestamp '2026-02-30'"], id="no date"),
        pytest.param(lines("timestamp", "2026-01-01", "5"), ["line 3: timestamp '5'"], id="a number among dates"),
        pytest.param(lines("timestamp,duration", "1,", "2,1"), ["line 2: has no duration"], id="nothing"),
        pytest.param(
            lines("timestamp,duration", "1,-1", "2,1"), ["line 2: duration '-1' is not a duration"], id="negative"
        ),
        pytest.param(
            lines("timestamp,duration", "x,y", "2,1"), ["line 2: timestamp 'x'"], id="two faults are one bad row"
        ),
        pytest.param(lines("timestamp,function", "1,", "2,f"), ["line 2: has no function"], id="no name"),
        pytest.param(
            lines("timestamp,count", "0,1", "1,-1", "2,x", "3,2"),
            ["line 3: count '-1'", "line 4: count 'x'"],
            id="counts",
        ),
        pytest.param(
            lines("timestamp,function", "1,a", "2", "3,b,c", "4,b"),
            ["line 3: has 1 columns instead of 2: '2'", "line 4: has 3 columns instead of 2: '3,b,c'"],
            id="cells too few and too many",
        ),
        pytest.param(
            lines("timestamp,function", '1,"a', "2,b"),
            ["line 2: is not CSV: unexpected end"],
            id="an open quotation mark",
        ),
    ],
)
def test_bad_rows_are_shown_and_the_others_are_read(tmp_path: Path, content: str, expected: list[str]) -> None:
    trace = read_trace(written(tmp_path, content))
    said = bad(trace)
    assert [text[: len(start)] for text, start in zip(said, expected, strict=True)] == expected
    read = sum(len(function.arrivals) for function in trace.functions.values())
    assert trace.bad_rows == len(expected)
    assert read == trace.rows - trace.bad_rows or "count" in content


def test_a_function_that_has_only_bad_rows_is_none(tmp_path: Path) -> None:
    file = written(tmp_path, lines("timestamp,function", "x,a", "1,b"))
    assert arrivals(read_trace(file)) == {"b": [0]}


def test_a_million_bad_rows_are_counted_and_a_thousand_kept(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, lines("timestamp", "1", *["x"] * 5_000)))
    assert (trace.bad_rows, len(trace.bad), trace.rows) == (5_000, 1_000, 5_001)


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        pytest.param("", Options(), "is of no known format: its first line has ''", id="nothing"),
        pytest.param(
            lines("a,b", "1,2"), Options(), "its first line has 'a', 'b'. Known are", id="unknown"
        ),
        pytest.param(
            lines("timestamp", "x", "y"),
            Options(),
            "no good row among 2; trace.csv:2: timestamp 'x' is not a time",
            id="no good row",
        ),
        pytest.param(lines("timestamp"), Options(), "no good row among 0", id="a header alone"),
        pytest.param(
            lines("timestamp,count", "0,5"), Options(), "interval: there is one time only", id="a single interval"
        ),
        pytest.param(
            lines("timestamp,count", "0,5e9", "1,1"), Options(), "at most 500,000,000 can be simulated", id="too many"
        ),
        pytest.param(
            lines("timestamp,when", "0,1"),
            Options(columns={"timestamp": "wen", "colour": "when"}),
            "columns: 'colour' is none of timestamp, count, function, duration; "
            "columns: there is no column 'wen', did you mean 'when'?",
            id="columns that are not there",
        ),
        pytest.param(
            lines("timestamp", "1700000000000"),
            Options(unit=Unit.SECONDS),
            "unit: 1.7e+12 s since 1970 is thousands of years from now",
            id="a unit that cannot be true",
        ),
        pytest.param(lines("timestamp", "1"), Options(zero=5), "zero: all of the trace is before it", id="a late zero"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_one_message(tmp_path: Path, content: str, options: Options, said: str) -> None:
    file = written(tmp_path, content)
    message = refusal(file, options=options)
    assert message.startswith(f"{file}: ")
    assert said in message


def test_an_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, lines("timestamp", "1")), "huawei")
    assert "format: there is no 'huawei', did you mean 'huawei-2023'? Known are azure-functions-2019" in message


def test_a_stated_format_reads_what_would_not_be_recognised(tmp_path: Path) -> None:
    file = written(tmp_path, lines("a,b", "1,2", "3,4"))
    trace = read_trace(file, "plain", Options(columns={"timestamp": "b"}))
    assert arrivals(trace) == {"trace": [0, 2]}


def test_a_timestamp_far_from_the_others_is_said(tmp_path: Path) -> None:
    file = written(tmp_path, lines("timestamp", "2025-03-01", "2026-01-01", "2026-01-02"))
    assert "nothing arrives for 306 days: is a timestamp wrong?" in read_trace(file).notes


@pytest.mark.parametrize("header", ["timestamp", "timestamp,count"])
def test_a_span_of_decades_is_one_error_that_names_the_ends(tmp_path: Path, header: str) -> None:
    rows = (f"{day},1" if "count" in header else day for day in ("2026-01-01", "1970-01-01", "2026-01-02"))
    message = refusal(written(tmp_path, lines(header, *rows)), options=Options(interval=60.0))
    assert message.startswith(f"{tmp_path / 'trace.csv'}: its requests span 490,")
    assert "h (the first is trace.csv:3, the last trace.csv:4), and at most 8784h can be simulated: " in message


@pytest.mark.parametrize("wrong", ["120,many", "never,5"])
def test_a_count_that_is_left_out_does_not_make_intervals_longer(tmp_path: Path, wrong: str) -> None:
    file = written(tmp_path, lines("timestamp,count", "0,1", "60,1", wrong, "180,2"))
    assert arrivals(read_trace(file, options=EVENLY)) == {"trace": [0, 60, 180, 210]}


def test_what_was_recognised_is_said(tmp_path: Path) -> None:
    notes: Any = read_trace(written(tmp_path, lines("ts,took_ms,colour", "1700000000,5,red"))).notes
    assert notes == (
        "columns: timestamp is 'ts'; left aside: 'took_ms', 'colour'",
        "ts: taken as s since 1970",
    )
