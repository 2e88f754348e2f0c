"""The one rule for missing toolchains, tried on a machine that has none."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

Run = Callable[..., subprocess.CompletedProcess[str]]

SUITE = """
import pytest

def test_by_fixture(redis_server): ...
@pytest.mark.requires("redis", "kafka")
def test_by_marker(): ...
def test_without(): ...
"""


@pytest.fixture
def bare_machine(tmp_path: Path) -> Run:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.toml").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.servers.plugin", f"--rootdir={tmp_path}"]

    def run(*options: str, ci: str = "") -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PATH": "/nowhere", "PYTHONPATH": str(ROOT), "CI": ci}
        return subprocess.run(
            [*command, *options, "."], env=env, capture_output=True, text=True, cwd=tmp_path, check=False
        )

    return run


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_a_missing_server_needs_is_skipped_and_named_once(bare_machine: Run, processes: str) -> None:
    done = bare_machine("-n", processes)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 2 skipped" in done.stdout
    for line in ("not tested: redis: redis-server is not on PATH", "not tested: kafka: java is not on PATH"):
        assert done.stdout.count(line) == 1


def test_in_ci_it_is_a_failure(bare_machine: Run) -> None:
    done = bare_machine(ci="true")
    assert done.returncode == 1
    assert "2 errors" in done.stdout
    assert "skipped" not in done.stdout
