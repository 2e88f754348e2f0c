"""Whatever a table is packed into: the same rows."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simulations.traces import read_trace, text
from tests.simulations.traces.reading import arrivals, bad, lines, refusal, services, written

ROWS = lines("timestamp,function,duration", "1,a,0.5", "2,b,1", "4,a,2")
EXPECTED = ({"a": [0, 3], "b": [1]}, {"a": [0.5, 2], "b": [1]})
OBJECTS = [
    {"timestamp": 1, "function": "a", "duration": 0.5, "tags": ["x"]},
    {"timestamp": 2, "function": "b", "duration": 1, "tags": None},
    {"duration": 2.0, "timestamp": 4.0, "function": "a"},
]


def read(file: Path) -> Any:
    trace = read_trace(file)
    assert trace.bad_rows == 0
    return arrivals(trace), services(trace)


def test_packed(tmp_path: Path) -> None:
    assert read(written(tmp_path, ROWS, "trace.csv.gz")) == EXPECTED


def test_packed_in_several_members(tmp_path: Path) -> None:
    members = [gzip.compress(part.encode()) for part in (ROWS[:20], "", ROWS[20:])]
    assert read(written(tmp_path, b"".join(members), "trace.bin")) == EXPECTED


@pytest.mark.parametrize("chunk", range(1, 12))
def test_wherever_the_file_is_cut(tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "CHUNK", chunk)
    names = {"ä": "a", "b": "b"}
    rows = ROWS.replace("a,0.5", "ä,0.5").replace("a,2", "ä,2").replace("\n", "\r\n")
    for name in ("trace.csv", "trace.csv.gz"):
        found, _ = read(written(tmp_path, rows, name))
        assert {names[function]: at for function, at in found.items()} == EXPECTED[0]


def test_json_lines(tmp_path: Path) -> None:
    assert read(written(tmp_path, lines(*map(json.dumps, OBJECTS)), "trace.jsonl")) == EXPECTED


def test_bad_json_lines(tmp_path: Path) -> None:
    content = lines(
        json.dumps(OBJECTS[0]), "{", "[1]", json.dumps({"timestamp": 3}), '{"timestamp": 4},{"timestamp": 5}'
    )
    trace = read_trace(written(tmp_path, content, "trace.jsonl"))
    assert [row.partition(": ")[2][:16] for row in bad(trace)] == [
        "is not JSON: Exp", "is not an object", "has no function", "is not JSON: Ext"
    ]  # fmt: skip
    assert [row.line for row in trace.bad] == [2, 3, 4, 5]


def test_a_long_number_in_json_keeps_its_digits(tmp_path: Path) -> None:
    content = lines('{"ts": 1700000000000000001}', '{"ts": 1700000000000001999}')
    assert arrivals(read_trace(written(tmp_path, content, "trace.jsonl"))) == {"trace": [0, 1e-6]}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet(tmp_path: Path, unit: str) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    instants = (
        pa.array([1, 2, None, 4], pa.int64()).cast(pa.timestamp("s", tz="UTC")).cast(pa.timestamp(unit, tz="UTC"))
    )
    table = pa.table(
        {
            "function": pa.array(["a", "b", "b", "a"]).dictionary_encode(),
            "timestamp_ms": instants,
            "duration": pa.array([500, 1000, 1, 2000], pa.duration("ms")),
            "tags": pa.array([["x"], [], None, ["y"]]),
        }
    )
    pq.write_table(table, tmp_path / "trace.parquet", row_group_size=2)
    trace = read_trace(tmp_path / "trace.parquet")
    assert (arrivals(trace), services(trace)) == EXPECTED
    assert bad(trace) == ["line 3: has no timestamp_ms"]


def test_parquet_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "pip install 'warmscaler[parquet]'" in refusal(written(tmp_path, b"PAR1...", "trace.parquet"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"PAR1 and no more", "damaged Parquet", id="parquet"),
        pytest.param(gzip.compress(ROWS.encode())[:-20], "damaged gzip", id="gzip that ends too early"),
        pytest.param(gzip.compress(ROWS.encode()) + b"x", "damaged gzip", id="gzip with something behind it"),
        pytest.param(b"\x1f\x8b", "damaged gzip", id="gzip with nothing in it"),
        pytest.param(b"\0\1\2\3", "is of no known format", id="something else"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in refusal(written(tmp_path, content, "trace.bin"))


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "LONGEST_LINE", 1000)
    monkeypatch.setattr(text, "CHUNK", 100)
    assert "line 2 is longer than 1,000 characters" in refusal(written(tmp_path, "timestamp\n" + "1" * 5000))


@pytest.mark.parametrize("name", ["nowhere.csv", "folder"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert refusal(tmp_path / name).startswith(str(tmp_path / name))


HEADERS = st.sampled_from(
    [
        "timestamp,function,duration",
        "time;count",
        "HashOwner,HashApp,HashFunction,Trigger,1,2",
        "app,func,end_timestamp,duration",
        "day,time,0,1",
        "TIMESTAMP,ContextTokens,GeneratedTokens",
        '{"timestamp": 1}',
        '[{"values": [[1, "2"], [3, "4"]]},',
        "1700000000",
        "",
    ]
)
CELLS = st.sampled_from(
    ["1", "-1", "0.5", "1e300", "nan", "", "x", '"', '"a,b"', "2026-01-01", "9" * 25, "250ms", "{", "[1]"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(header=HEADERS, rows=st.lists(st.lists(CELLS, max_size=7), max_size=8), packed=st.booleans())
@example(header="day,time,0,1", rows=[["1", "9" * 25, "1", "1"]], packed=False)
def test_whatever_is_in_a_file_every_row_is_read_or_shown(
    tmp_path: Path, header: str, rows: list[list[str]], *, packed: bool
) -> None:
    content = lines(header, *(",".join(row) for row in rows))
    file = written(tmp_path, content, "trace.gz" if packed else "trace.csv")
    if refusal(file):
        return
    trace = read_trace(file)
    assert trace.bad_rows == len(trace.bad) <= trace.rows
    for function in trace.functions.values():
        assert (np.diff(function.arrivals) >= 0).all()
        assert not len(function.arrivals) or 0 <= function.arrivals[0] <= function.arrivals[-1] < trace.end
        assert function.service is None or len(function.service) == len(function.arrivals)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=300), magic=st.sampled_from([b"", b"PAR1", b"\x1f\x8b", b"{", b"timestamp\n"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, magic: bytes) -> None:
    file = written(tmp_path, magic + content, "trace.bin")
    assert refusal(file) or read_trace(file).functions


def test_a_folder_is_read_in_the_order_of_its_days(tmp_path: Path) -> None:
    for day in (2, 10, 1):
        written(tmp_path, lines("timestamp,function", f"{day},f{day}"), f"day{day}.csv")
    written(tmp_path, "notes of somebody", "README")
    trace = read_trace(tmp_path)
    assert arrivals(trace) == {"f1": [0], "f2": [1], "f10": [9]}
    assert "files that are no such trace: README" in trace.notes
