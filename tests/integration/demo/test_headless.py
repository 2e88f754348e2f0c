"""``warmscaler demo --headless`` as CI runs it: a real NATS server, killed for 20 s, and one document on stdout."""

import json
import re
import signal
import subprocess
import time
from typing import Any

import pytest
import yaml

from tests.integration.demo.processes import WARMSCALER, left_behind, marked

pytestmark = [pytest.mark.requires("nats"), pytest.mark.timeout(150)]

QUICK = ("--speed", "10x", "--duration", "40s")


def run(*options: str, within: float = 100.0) -> subprocess.CompletedProcess[str]:
    with marked() as (environment, mark):
        done = subprocess.run(
            [*WARMSCALER, "demo", *options],
            capture_output=True,
            text=True,
            timeout=within,
            env=environment,
            check=False,
        )
        assert left_behind(mark) == []
    return done


@pytest.fixture(scope="module")
def killed() -> dict[str, Any]:
    """Do the run that the documentation shows."""
    began = time.monotonic()
    options = ["--duration", "30s", "--seed", "1", "--compare", "poll", "--outage", "5s+20s", "-o", "json"]
    done = run("--headless", *options)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began <= 60.0
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_stdout_is_one_object_with_all_that_was_promised(killed: dict[str, Any]) -> None:
    assert (killed["seed"], killed["duration_s"], killed["source"]) == (1, 30.0, "nats-jetstream")
    assert killed["events"] > 0
    for lane in ("push", "poll", "pool"):
        assert killed[lane].keys() >= {"activations", "latency_ms"}
        assert killed[lane]["latency_ms"].keys() == killed[lane]["ready_ms"].keys() == {"p50", "p95", "max"}
    assert killed["poll"].keys() == killed["push"].keys()
    assert killed["pool"].keys() == killed["push"].keys() | {"hits", "misses", "idle_pod_seconds", "broken"}
    assert killed["outage"].keys() >= {"seconds", "scale_downs"}
    assert killed["replicas"].keys() == {"final", "expected", "max"}
    assert killed["keda_calls"].keys() == {
        "GetMetricSpec",
        "GetMetrics",
        "IsActive",
        "StreamIsActive",
        "StreamMetricSpec",
    }


def test_push_beats_polling(killed: dict[str, Any]) -> None:
    assert killed["push"]["activations"] >= 1
    assert killed["poll"]["activations"] >= 1
    assert killed["push"]["latency_ms"]["p95"] < killed["poll"]["latency_ms"]["p95"]
    assert killed["push"]["latency_ms"]["p95"] < 1_000.0


def test_a_warm_pod_serves_before_a_cold_one_could(killed: dict[str, Any]) -> None:
    assert killed["pool"]["hits"] >= 1
    assert killed["pool"]["broken"] == []
    assert killed["pool"]["idle_pod_seconds"] > 0.0
    assert killed["pool"]["latency_ms"]["p95"] < 1_000.0 < killed["push"]["ready_ms"]["p50"]


def test_twenty_seconds_without_a_broker_bring_no_replica_down(killed: dict[str, Any]) -> None:
    assert killed["outage"]["seconds"] == pytest.approx(20.0, abs=1.0)
    assert killed["outage"]["scale_downs"] == 0
    assert killed["outage"]["events_kept"] > 0


def test_the_final_replicas_are_exactly_those_of_the_pure_model(killed: dict[str, Any]) -> None:
    assert killed["replicas"]["final"] == killed["replicas"]["expected"]
    for lane in ("poll", "pool"):
        assert killed[lane]["replicas"]["final"] == killed[lane]["replicas"]["expected"]


def test_no_event_is_lost_in_an_outage() -> None:
    done = run("--headless", *QUICK[:2], "--duration", "60s", "--outage", "3s+20s", "-o", "json")
    found = json.loads(done.stdout)
    assert found["push"]["served"] > 0
    assert found["outage"]["events_kept"] > 0
    assert done.returncode == 0


def test_yaml_and_the_table_say_the_same_as_json() -> None:
    said = yaml.safe_load(run("--headless", *QUICK, "-o", "yaml").stdout)
    table = run("--headless", *QUICK).stdout
    assert said["seed"] == 1
    assert said["events"] > 0
    assert re.search(r"\d+ events in 40 s, nats-jetstream", table)  # another run: its last event may come too late
    assert "warmscaler serve --dev" in table


def test_without_a_pool_there_is_no_third_lane() -> None:
    done = run("--headless", *QUICK, "--source", "memory", "--pool", "0", "-o", "json")
    assert (done.returncode, json.loads(done.stdout)["pool"]) == (0, None)


def test_without_a_terminal_it_prints_lines() -> None:
    done = run(*QUICK, "--source", "memory")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("warmscaler demo: starting")
    assert any("push 0→1 by push" in line for line in lines)
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--outage", "5s"], "--outage: '5s' is not START+LENGTH, like 5s+20s"),
        (["--duration", "30"], "--duration: '30' is not a time like"),
        (["--speed", "fast"], "--speed: 'fast' is not a factor like 5x"),
        (["--source", "kafka"], "--source: 'kafka' is not one of nats, memory"),
        (["--pool", "11"], "--pool: 11 is not between 0 and 10"),
        (["--output", "json"], "--output json needs --headless"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(options: list[str], said: str) -> None:
    done = run(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_no_signal_leaves_a_process_behind(how: signal.Signals) -> None:
    with marked() as (environment, mark):
        running = subprocess.Popen(
            [*WARMSCALER, "demo", "--headless", "--duration", "60s", "-o", "json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        deadline = time.monotonic() + 30.0
        while len(left_behind(mark, patience=0.0)) < 2:  # itself and its server
            assert time.monotonic() < deadline, "the server did not come"
            time.sleep(0.05)
        running.send_signal(how)
        out, _ = running.communicate(timeout=30.0)
        assert out == b""
        assert running.returncode in {130, -how}
        assert left_behind(mark) == []
