"""What can be named in a plain install, and the name that no policy may have."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations.cli import app

PLAIN = """
import sys
for name in ("numpy", "numba", "joblib", "plotly"):
    sys.modules[name] = None
sys.argv = ["warmscaler", "simulate", *{words!r}]
from scaler.cli import main
main()
"""
TAKEN = """
duration: 5m
functions:
  - {name: orders, arrivals: {poisson: {rate: 12/min}}}
policies:
  present: {use: keda-poll}
"""


@pytest.mark.parametrize("words", [["list"], ["list", "-o", "json"], ["show", "burst-from-zero"]])
def test_shipped_scenarios_are_named_and_shown_in_a_plain_install(words: list[str]) -> None:
    program = PLAIN.format(words=words)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == CliRunner().invoke(app, words).stdout


def test_no_policy_takes_the_place_of_the_scenario_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TAKEN, encoding="utf-8")
    result = CliRunner().invoke(app, ["run", str(file), "--seeds", "1"])
    assert result.exit_code == 2
    assert "a policy cannot be called 'present'" in result.stderr
