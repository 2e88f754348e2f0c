"""``warmscaler simulate replay``: what it takes, prints and writes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from simulations.cli import app
from tests.simulations.recording.written import decision, end, header, scaled_object, trigger, wrote


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["replay", *map(str, words)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    burst = [decision(at, value) for at, value in [(0, 0.0), (40, 3.0), (50, 31.0), (100, 5.0), (150, 0.0)]]
    return wrote(tmp_path, [header(), trigger(), scaled_object(cooldownPeriod=60), *burst, end(600)])


def warm_wait(folder: Path, *settings: str) -> float:
    said = [word for each in settings for word in ("--set", each)]
    result = run(folder, "--seeds", 1, "-o", "json", *said)
    assert result.exit_code == 0, result.stderr
    wait: float = json.loads(result.stdout)["study"]["cases"][0]["mean"]["wait_mean"]["mean"]
    return wait


def test_what_is_assumed_is_told_and_what_is_said_is_not(folder: Path) -> None:
    said = [line for line in run(folder, "--seeds", 1).stderr.splitlines() if line.startswith("assumed: ")]
    keys = [line.rpartition("(")[2] for line in said]
    assert keys == ["service)", "pods)", "memory)", "concurrency)"]
    chosen = ["--set", "service=1s", "--set", "pods.start=1s", "--set", "memory=1Gi", "--set", "concurrency=2"]
    assert run(folder, "--seeds", 1, *chosen).stderr == ""


def test_keys_of_the_function_change_what_comes_out(folder: Path) -> None:
    slow = warm_wait(folder, "service=2s")
    assert warm_wait(folder, "service=2s", "concurrency=4") < slow
    assert warm_wait(folder, "service=2s", "target=50") > slow
    assert warm_wait(folder, "service=2s", "pods.start=60s") > slow


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_the_page_has_a_timeline_however_it_is_printed(folder: Path, output: str) -> None:
    page = folder / "report.html"
    assert run(folder, "--seeds", 1, "-o", output, "--html", page).exit_code == 0
    assert "What happened when, and why" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("replicas=3", "a recording says it, or has none; possible are service, pods,"),
        ("cooldownPeriod=3", "a recording says it, or has none; possible are service, pods,"),
        ("service=[1", "--set service: '[1' is no value"),
        ("service", "is not KEY=VALUE, such as service=1s"),
        ("pods.stat=1s", "did you mean 'start'"),
        ("memory=lots", "memory"),
    ],
)
def test_a_wrong_setting_is_one_error(folder: Path, setting: str, said: str) -> None:
    result = run(folder, "--set", setting)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
