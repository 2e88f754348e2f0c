"""Machine code is kept where it may be, and done without a place to keep it where it may not."""

import heapq
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.fast import heap
from simulations.fast.arrays import ints
from simulations.fast.compiling import cache_directory, compiled, ready


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep caches in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache_directory.cache_clear()
    yield tmp_path
    cache_directory.cache_clear()


def test_machine_code_is_kept_under_the_users_cache(home: Path) -> None:
    assert not ready(heap.pop)
    assert compiled(heap.pop)(ints([3, 5, 0, 2], compiled=True)) == 3
    assert ready(heap.pop)
    assert [path.suffix for path in (home / "warmscaler").rglob("*.nbi")] == [".nbi"]


def test_a_cache_that_cannot_be_written_is_done_without(home: Path) -> None:
    (home / "warmscaler").write_text("in the way")
    cache_directory.cache_clear()
    assert compiled(heap.pop)(ints([3, 5, 0, 2], compiled=True)) == 3
    assert not ready(heap.pop)


@given(st.lists(st.none() | st.integers(-(2**40), 2**40)))
def test_an_array_is_as_good_a_heap_as_a_list(steps: list[int | None]) -> None:
    """``None`` takes the smallest out."""
    array, listed = [0] * (len(steps) + 1), list[int]()
    for step in steps:
        if step is not None:
            heap.push(array, step)
            heapq.heappush(listed, step)
        elif listed:
            assert heap.pop(array) == heapq.heappop(listed)
        assert array[-1] == len(listed)
        assert not listed or array[0] == listed[0]
