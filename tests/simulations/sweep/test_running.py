"""Sweeps: the same wherever they run, and their ends."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest

from scaler.errors import ConfigError
from simulations.model import Work
from simulations.sweep import Backend, Sweep, Where, read_grid, spread, sweep
from tests.simulations.policies.worlds import function, world
from tests.simulations.sweep.runs import cooled, shared

ROOT = Path(__file__).parents[3]
GRID = read_grid(["cooldown=10,13,600"])
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def alone() -> Sweep:
    return sweep(cooled, GRID, SEEDS, Where(jobs=1))


def test_what_goes_wrong_in_one_point_is_that_points_error(alone: Sweep) -> None:
    assert [each.values["cooldown"] for each in alone.errors] == [13]
    assert alone.errors[0].error == "ValueError with seed 1: thirteen"
    assert [len(each.seeds) for each in alone.points] == [3, 0, 3]


def test_seeds_are_paired(alone: Sweep) -> None:
    short, _, long = alone.points
    assert [each.arrived for each in short.seeds] == [each.arrived for each in long.seeds]
    fewer = long.against(short)["cold"]
    assert fewer.certain
    assert fewer.high < 0
    assert short.intervals["cold"].count == len(SEEDS)


def test_processes_come_to_the_same(alone: Sweep) -> None:
    assert sweep(cooled, GRID, SEEDS, Where(jobs=2)) == alone


def test_large_arrays_are_shared_by_the_processes() -> None:
    many = np.zeros(200_000, np.int64)
    base = world(replace(function([]), work=Work(arrivals=many, service=many)), span=1.0)
    found = sweep(partial(shared, base), {"x": [1, 2]}, [7], Where(jobs=2))
    assert [each.seeds[0].name for each in found.points] == ["memmap 1 7", "memmap 2 7"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupt_ends_it_at_once(jobs: int) -> None:
    command = [sys.executable, "-m", "tests.simulations.sweep.runs", str(jobs)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"sleeping\n"
        began = monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.wait(timeout=10.0) != 0
        assert monotonic() - began < 5.0
        assert _ended(process.pid)
    finally:
        if not _ended(process.pid, patience=0.0):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _ended(group: int, patience: float = 5.0) -> bool:
    """Say whether a group has no process any more, or soon."""
    until = monotonic() + patience
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        if monotonic() >= until:
            return False
        sleep(0.05)


def test_two_workers_of_dask_come_to_the_same() -> None:
    pytest.importorskip("distributed")
    command = [sys.executable, "-m", "tests.simulations.sweep.on_dask"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert (run.returncode, run.stdout) == (0, "3 points, equal\n"), run.stderr


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        pytest.param(Backend.DASK, "the backend dask needs the address of its cluster: tcp://HOST:8786", id="dask"),
        pytest.param(Backend.RAY, "'ray' is not installed: pip install ray", id="ray, which the tests do not have"),
    ],
)
def test_a_backend_that_cannot_be_used(backend: Backend, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        sweep(cooled, GRID, SEEDS, Where(backend=backend))


@pytest.mark.parametrize("jobs", [0, -2])
def test_numbers_of_processes_that_are_none_are_refused(jobs: int) -> None:
    with pytest.raises(ConfigError, match=f"--jobs {jobs}: at least 1 process, or -1 for all cores"):
        Where(jobs=jobs)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no scheduler answers there"),
        ("tcp://127.0.0.1:1", "no scheduler answers there"),
        ("127.0.0.1", "is not tcp://HOST:8786"),
        ("127.0.0.1:many", "is not tcp://HOST:8786"),
    ],
)
def test_a_cluster_that_is_not_there_is_told_at_once(address: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        spread(abs, [(1,), (2,)], Where(backend=Backend.DASK, address=address), doing="trying")
