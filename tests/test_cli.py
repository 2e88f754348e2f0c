"""The command line: what it prints where, and what it exits with."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from scaler import cli

Run = Callable[..., "Said"]


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``warmscaler`` in this process."""

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["warmscaler", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return Said(code=int(end.value.code or 0), out=said.out, err=said.err)

    return run


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("", "a verb is missing (try: warmscaler --help)", id="nothing"),
        pytest.param("simulate", "a verb is missing (try: warmscaler simulate --help)", id="half a verb"),
        pytest.param("bogus", "No such command 'bogus'. (try: warmscaler --help)", id="no verb"),
        pytest.param("srve", "No such command 'srve'.", id="a misspelt verb"),
        pytest.param("--bogus", "No such option: --bogus", id="no option"),
        pytest.param("serve --bogus", "No such option: --bogus (try: warmscaler serve --help)", id="no option of it"),
        pytest.param("serve extra", "unexpected extra argument", id="one argument too many"),
        pytest.param("serve --config", "requires an argument", id="an option without its value"),
        pytest.param("serve --log-level loud", "'loud' is not one of 'debug', 'info'", id="no level"),
        pytest.param("serve --dev --listen 0.0.0.0:1", "--dev listens on loopback only", id="dev for everybody"),
        pytest.param(
            "serve --dev --listen=127.0.0.1.example.com:5", "--dev listens on loopback only", id="looks like it"
        ),
        pytest.param("serve --dev --http localhost.evil:5", "--dev listens on loopback only", id="looks like it, too"),
        pytest.param("serve --dev --listen 127.0.0.1", "--dev listens on loopback only", id="dev without a port"),
        pytest.param("serve --tls-cert x", "--tls-cert and --tls-key go together", id="half a certificate"),
        pytest.param(
            "serve --config configmap:a/b", "configmap:a/b needs the Kubernetes API: run in a pod", id="no API"
        ),
        pytest.param("serve --config configmap:a", "is not configmap:NAMESPACE/NAME, such as", id="no namespace"),
        pytest.param("serve --config configmap:a/B", "'B' is not the name of a Kubernetes object", id="no name"),
        pytest.param("serve --dev --config /nowhere", "/nowhere: cannot be read: No such file", id="no configuration"),
        pytest.param("pool", "Missing option '--scaler'", id="a pool of no scaler"),
        pytest.param("pool --scaler a:1 --tls-ca x --tls-key x", "go together", id="a key without its certificate"),
        pytest.param("pool --scaler a:1 --tls-cert x", "--tls-cert and --tls-key go together", id="half of a pair"),
        pytest.param("pool --scaler a:1 --tls-cert x --tls-key x", "need --tls-ca", id="a pair for plain text"),
        pytest.param("pool --scaler a:1 --lease Pool", "--lease 'Pool' is not a name such as", id="no Lease"),
        pytest.param(
            "pool --scaler a:1 --dev --http 0.0.0.0:8080", "leave out --http, or name 127.0.0.1", id="pages for all"
        ),
        pytest.param("probe", "Missing argument 'kind'", id="nothing to probe"),
        pytest.param("probe jar", "'jar' is not one of", id="no kind"),
        pytest.param("probe memory", "probe memory: 'key' is required (try: warmscaler probe --help)", id="no key"),
        pytest.param("probe memory key", "'key' is not key=value; 'key' is required", id="a key without a value"),
        pytest.param("probe memory =x", "'' is not key=value", id="a value without a key"),
        pytest.param("probe memory key=a kye=b", "unknown key 'kye', did you mean 'key'?", id="an unknown key"),
        pytest.param("probe memory keyFromEnv=NOT_SET_AT_ALL", "no variable 'NOT_SET_AT_ALL'", id="no variable"),
        pytest.param("probe memory key=a -o xml", "'xml' is not one of 'table', 'json', 'yaml'", id="no format"),
        pytest.param("explain kafak", "there is no kind and no key 'kafak', did you mean 'kafka'?", id="no topic"),
        pytest.param("lint", "Missing argument 'files'", id="nothing to lint"),
        pytest.param("lint /nowhere", "/nowhere: cannot be read: No such file or directory", id="no file to lint"),
        pytest.param("schema -o table", "a schema is no table", id="a table of a schema"),
    ],
)
def test_a_wrong_command_line_is_one_line_on_standard_error_with_a_hint(run: Run, line: str, said: str) -> None:
    answer = run(*line.split())
    assert answer.code == 2
    assert said in answer.err
    assert (answer.err.count("\n"), answer.err.endswith("--help)\n")) == (1, True)


@pytest.mark.parametrize("verb", ["serve", "pool", "probe", "explain", "lint", "schema"])
def test_every_verb_has_help_with_an_example(run: Run, verb: str) -> None:
    answer = run(verb, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert f"Example: warmscaler {verb}" in " ".join(answer.out.split())


def test_a_configuration_with_many_problems_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("version: 1\nlimts: {}\nlimits: {triggers: 0}\n")
    answer = run("serve", "--dev", "--config", str(tmp_path / "config.yaml"))
    assert answer.code == 2
    complaint = answer.err.splitlines()[-1]
    assert "2:1: unknown key 'limts'" in complaint
    assert "3:20: limits.triggers: 0 must be" in complaint


def test_a_port_in_use_is_told_in_one_line(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = run("serve", "--dev", "--http", f"127.0.0.1:{taken.getsockname()[1]}", "--listen", "127.0.0.1:0")
    assert answer.code == 2
    assert "address already in use (try: warmscaler serve --help)" in answer.err.splitlines()[-1]


def test_a_reading_is_printed_for_people(run: Run) -> None:
    answer = run("probe", "memory", "key=nothing")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[:6] == [
        "kind    memory",
        "source  this process",
        "query   number nothing",
        "metric  memory-nothing, target 5",
        "value   0",
        "active  no (0 ≤ 0)",
    ]


@pytest.mark.parametrize(("output", "parse"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_reading_is_printed_for_programs(run: Run, output: str, parse: Callable[[str], dict[str, object]]) -> None:
    answer = run("probe", "memory", "key=nothing", "-o", output)
    found = parse(answer.out)
    assert (answer.code, found["value"], found["active"], found["outage"]) == (0, 0, False, None)


def test_an_outage_is_a_problem_and_its_value_is_unknown(run: Run) -> None:
    answer = run("probe", "redis", "address=127.0.0.1:1", "listName=x", "-o", "json")
    found = json.loads(answer.out)
    assert (answer.code, answer.err) == (1, "")
    assert (found["value"], found["active"], found["read_seconds"]) == (None, None, None)
    assert found["outage"].startswith("unreachable: ")


def test_loopback_can_be_forbidden(run: Run) -> None:
    answer = run("probe", "redis", "address=127.0.0.1:1", "listName=x", "--no-loopback")
    assert answer.code == 1
    assert "forbidden by egress rules" in answer.out


def test_the_environment_fills_what_keda_would_fill(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS", "jobs")
    assert "number jobs" in run("probe", "memory", "keyFromEnv=JOBS").out


def test_lint_prints_what_it_found_and_exits_by_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("version: 1\n")
    answer = run("lint", str(tmp_path))
    assert (answer.code, answer.out) == (0, "1 file, 0 triggers, 1 configuration, 0 other documents, 0 problems\n")
    (tmp_path / "bad.yaml").write_text("version: 1\npols: {}\n")
    answer = run("lint", str(tmp_path), "-o", "json")
    assert (answer.code, [each["line"] for each in json.loads(answer.out)["problems"]]) == (1, [2])
    answer = run("lint", str(tmp_path))
    assert answer.code == 1
    assert f"{tmp_path}/bad.yaml:2:1  document 1  unknown key 'pols'" in answer.out


def test_the_overview_names_every_kind_and_every_key_of_our_own(run: Run) -> None:
    out = run("explain").out
    for word in ("kafka", "redis", "nats-jetstream", "cron", "memory", "holdFor", "zeroConfirm", "limits.forgetAfter"):
        assert f"\n{word}" in out


def test_the_schema_is_json_or_yaml(run: Run) -> None:
    assert json.loads(run("schema").out) == yaml.safe_load(run("schema", "-o", "yaml").out)


def start(*arguments: str, **env: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "scaler.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **env})


def test_who_stops_reading_gets_no_traceback() -> None:
    with start("schema") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_an_interrupt_ends_a_reading_without_a_traceback() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(60)
        with start("probe", "redis", f"address=127.0.0.1:{silent.getsockname()[1]}", "listName=x") as process:
            silent.accept()  # it is connected, and waits for an answer
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"")
