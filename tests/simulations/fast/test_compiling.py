"""Machine code is kept where it may be, and done without a place to keep it where it may not."""

import heapq
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulations.fast.engine
import simulations.validation.instances
from simulations.fast import heap
from simulations.fast.arrays import ints
from simulations.fast.compiling import cache_directory, compiled, fingerprint, ready, sources

ROOT = Path(simulations.fast.engine.__file__).parents[2]


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


@pytest.mark.parametrize(
    "module",
    [
        "simulations/pods.py",
        "simulations/controllers.py",
        "simulations/figures.py",
        "simulations/model.py",
        "simulations/hpa/model.py",
        "simulations/keda/loop.py",
        "simulations/validation/instances.py",
        "scaler/model.py",
    ],
)
def test_a_constant_that_changes_anywhere_is_another_version(module: str, tmp_path: Path) -> None:
    for path in sources(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    before = fingerprint(tmp_path)
    assert before == fingerprint(ROOT) == cache_directory().name.removeprefix("compiled-")
    with (tmp_path / module).open("a", encoding="utf-8") as file:
        file.write("SETTLE = 1\n")
    assert fingerprint(tmp_path) != before


def test_whatever_compiled_code_takes_a_constant_from_is_a_source() -> None:
    known = set(sources(ROOT))
    fast = [each for name, each in sys.modules.items() if name.startswith("simulations.fast.")]
    plain = {simulations.fast.engine}  # calls what is compiled
    found = {origin for each in [*fast, simulations.validation.instances] if each not in plain for origin in used(each)}
    assert ROOT / "simulations/pods.py" in found <= known


def used(module: ModuleType) -> Iterator[Path]:
    """Yield the files of the modules that a module has its names from."""
    for line in Path(str(module.__file__)).read_text(encoding="utf-8").splitlines():
        if line.startswith(("from simulations", "from scaler")):
            yield Path(str(sys.modules[line.split()[1]].__file__))


def test_versions_that_nobody_used_for_a_month_go(home: Path) -> None:
    folder, month = home / "warmscaler", 30 * 86_400
    for name, age in (("compiled-old", month + 60), ("compiled-recent", month - 60), ("other", 2 * month)):
        (folder / name / "inside").mkdir(parents=True)
        os.utime(folder / name, (time.time() - age,) * 2)
    cache_directory().mkdir()
    os.utime(cache_directory(), (0, 0))
    compiled(heap.pop)
    assert {path.name for path in folder.iterdir()} == {"compiled-recent", "other", cache_directory().name}
    assert time.time() - cache_directory().stat().st_mtime < month


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
