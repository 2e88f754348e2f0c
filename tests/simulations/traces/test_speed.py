"""A person waits for a trace to be read: a million rows in four seconds, of which this is a fifth."""

from pathlib import Path
from time import process_time

import pytest

from simulations.traces import read_trace
from tests.simulations.traces.reading import lines, written

ROWS = 200_000
ENOUGH = 4.0 * ROWS / 1e6  # s of one processor


@pytest.mark.parametrize(
    ("header", "row"),
    [
        pytest.param("timestamp,function,duration", "17000{:05}.{:06},f{:02},0.25", id="seconds"),
        pytest.param("time;function;duration_ms", "2026-01-01T00:00:{1:02.0f}.{0:06};f{2:02};250", id="dates"),
    ],
)
def test_rows_are_read_at_once(tmp_path: Path, header: str, row: str) -> None:
    rows = [row.format(number // 4, number % 60, number % 40) for number in range(ROWS)]
    file = written(tmp_path, lines(header, *rows))
    read_trace(file)
    began = process_time()
    trace = read_trace(file)
    assert process_time() - began < ENOUGH
    assert (len(trace.functions), trace.bad_rows) == (40, 0)
