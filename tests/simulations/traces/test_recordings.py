"""What the service recorded, as a trace like any other."""

from pathlib import Path
from typing import Any

import pytest

from simulations.traces import Options, read_trace
from tests.simulations.recording.written import BEGIN, decision, end, header, trigger, wrote
from tests.simulations.traces.reading import arrivals

SEEN = [decision(0, 0), decision(10, 2), decision(12, 0), decision(20, 1)]
FILES: tuple[list[dict[str, Any] | str], ...] = (
    [header(), trigger(), *SEEN[:2], "nonsense"],
    [header(file=1, lost=3), *SEEN[2:], end(30)],
)


def test_a_folder_of_recordings_is_a_trace(tmp_path: Path) -> None:
    trace = read_trace(wrote(tmp_path, *FILES))
    assert (trace.format, trace.wall, trace.end, trace.bad_rows) == ("recording", BEGIN / 1000, 30_000_000, 1)
    assert arrivals(trace) == {"shop/orders": [9, 10, 20]}
    assert "lines that the service could not write: 3" in trace.notes
    assert [(row.file[:10], row.line, row.what[:15]) for row in trace.bad] == [("recording-", 5, "JSONDecodeError")]


def test_a_line_that_lacks_something_is_told_by_its_instant(tmp_path: Path) -> None:
    trace = read_trace(wrote(tmp_path, [header(), trigger(), *SEEN, decision(21, 5, n=9)]))
    assert trace.bad_rows == 1
    assert str(trace.bad[0]).startswith(f"decision at {BEGIN + 21_000}: KeyError")


def test_one_file_of_it_is_one_too(tmp_path: Path) -> None:
    first = min(wrote(tmp_path, *FILES).iterdir())
    assert arrivals(read_trace(first)) == {"shop/orders": [9, 10]}


@pytest.mark.parametrize(("zero", "expected"), [(BEGIN / 1000 + 15, [5]), (BEGIN / 1000 - 5, [14, 15, 25])])
def test_it_has_the_time_of_the_calendar(tmp_path: Path, zero: float, expected: list[float]) -> None:
    trace = read_trace(wrote(tmp_path, *FILES), options=Options(zero=zero))
    assert arrivals(trace) == {"shop/orders": expected}
    assert trace.wall == zero
