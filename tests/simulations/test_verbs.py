"""The verbs of ``warmscaler simulate`` that simulate: what they print, say and write, and how they end."""

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from scaler.config.document import Document
from simulations.cli import app
from simulations.scenario import load
from simulations.verbs.opening import SHIPPED, shipped

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
VERBS = ("run", "compare", "sweep", "recommend", "replay", "validate", "list", "show", "hpa")

SMALL = """
question: Does it answer?
duration: 5m
functions:
  - {name: orders, arrivals: {poisson: {rate: 12/min}}, scaledObject: {cooldownPeriod: 30}}
policies:
  poll: {use: keda-poll}
"""


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL, encoding="utf-8")
    return file


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Return a CSV of bursts, ten minutes apart, with one row that is none."""
    file = tmp_path / "requests.csv"
    stamps = [f"{1767600000 + 600 * burst + 0.2 * number:.1f}" for burst in range(30) for number in range(4)]
    file.write_text("\n".join(["timestamp", *stamps[:50], "never", *stamps[50:]]) + "\n", encoding="utf-8")
    return file


def test_run_simulates_a_scenario_beside_its_policies(small: Path) -> None:
    result = run("run", small, "--seeds", 2)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "Does it answer?"
    assert [line.split()[1] for line in lines if line.startswith(("= ", "* ")) and "±" in line] != []
    assert "hazard cooldown-below-memory in orders" in result.stdout
    assert "seeds 1, 2" in result.stdout


def test_the_same_for_programs(small: Path) -> None:
    found = json.loads(run("run", small, "--seeds", 2, "-o", "json").stdout)
    assert [case["policy"] for case in found["cases"]] == ["present", "poll"]
    assert found["cases"][1]["mean"]["wait_p99"]["mean"] > found["cases"][0]["mean"]["wait_p99"]["mean"]
    assert yaml.safe_load(run("run", small, "--seeds", 2, "-o", "yaml").stdout) == found
    rows = list(csv.DictReader(StringIO(run("run", small, "--seeds", 2, "-o", "csv").stdout)))
    assert [(row["policy"], row["seed"]) for row in rows] == [
        ("present", "1"), ("present", "2"), ("poll", "1"), ("poll", "2"),
    ]  # fmt: skip


def test_either_engine_prints_the_same(small: Path) -> None:
    fast, reference = (run("run", small, "--seeds", 1, "--engine", each).stdout for each in ("fast", "reference"))
    assert fast == reference


def test_the_report_is_one_page(small: Path, tmp_path: Path) -> None:
    assert run("run", small, "--seeds", 1, "--html", tmp_path / "report.html").exit_code == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Does it answer?" in page
    assert page.rstrip().endswith("</html>")


def test_set_and_until_change_the_scenario(small: Path) -> None:
    result = run("run", small, "--seeds", 1, "--set", "pool.size=2", "--set", "cooldownPeriod=300", "--until", "3m")
    assert result.exit_code == 0
    assert "3 min simulated" in result.stdout
    assert "hazard" not in result.stdout


def test_a_trace_alone_is_answered_and_says_what_it_assumes_and_leaves_out(trace: Path) -> None:
    result = run("run", trace, "--seeds", 1)
    assert result.exit_code == 0
    assert "121 rows" in result.stderr
    assert ":52: timestamp 'never'" in result.stderr
    assert "assumed: a request takes 200ms (service)" in result.stderr
    assert "left out: 1 rows" in result.stdout


def test_compare_takes_policies_by_name_and_by_file(small: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("functions: [{scaledObject: {cooldownPeriod: 300}}]\n", encoding="utf-8")
    result = run("compare", small, "--policies", "keda-poll", tmp_path / "mine.yaml", "pool-fixed", "--seeds", 1)
    assert result.exit_code == 0
    assert all(f" {name} " in result.stdout for name in ("present", "keda-poll", "mine", "pool-fixed"))


def test_sweep_runs_every_combination(small: Path) -> None:
    words = ("--vary", "pool.size=0..2", "cooldownPeriod=30,300", "--seeds", 1, "--jobs", 1, "-o", "csv")
    rows = list(csv.DictReader(StringIO(run("sweep", small, *words).stdout)))
    assert [(row["pool.size"], row["cooldownPeriod"]) for row in rows] == [
        (size, cooldown) for size in "012" for cooldown in ("30", "300")
    ]


def test_recommend_prints_a_change_of_the_configuration_that_the_service_reads(trace: Path) -> None:
    result = run("recommend", trace, "--miss-ratio", 0.1, "--set", "cooldownPeriod=60", "--seeds", 2)
    assert result.exit_code == 0
    assert "+pools:" in result.stdout
    assert "recommended" in result.stdout
    pools = yaml.safe_load(run("recommend", trace, "--set", "cooldownPeriod=60", "-o", "yaml", "--seeds", 1).stdout)
    assert Document.model_validate({"version": 1, **pools}).pools


OWN = """
version: 1
pools:
  api: {functions: {namespace: shop, deployment: orders}, size: {fixed: 3}}
  other: {functions: {namespace: shop, deployment: elsewhere}}
"""


def test_the_pool_of_the_users_configuration_is_simulated_and_changed(trace: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(OWN, encoding="utf-8")
    files = (trace, "--manifests", EXAMPLES / "kafka.yaml", "--config", tmp_path / "config.yaml", "--seeds", 1)
    result = run("run", *files, "-o", "json")
    assert json.loads(result.stdout)["cases"][0]["mean"]["hits"]["mean"] > 0
    told = "pool 'other' fits no function: it means the Deployment shop/elsewhere; here is shop/orders"
    assert told in result.stderr
    changed = run("recommend", *files).stdout
    assert re.search(
        r"^   api:\n     functions:\n       namespace: shop\n       deployment: orders\n", changed, re.MULTILINE
    )
    assert "-      fixed: 3" in changed


def test_a_new_pool_names_the_deployment_of_the_manifest(trace: Path) -> None:
    changed = run("recommend", trace, "--manifests", EXAMPLES / "kafka.yaml", "--seeds", 1).stdout
    assert "+      namespace: shop\n+      deployment: orders\n" in changed


def test_what_there_is_is_listed_and_shown() -> None:
    assert "burst-from-zero" in run("list").stdout
    assert "keda-poll" in run("list", "policies").stdout
    assert "pool.missRatio" in [each["name"] for each in json.loads(run("list", "keys", "-o", "json").stdout)]
    assert "azure-functions-2021" in run("list", "formats").stdout
    assert yaml.safe_load(run("show", "burst-from-zero").stdout)["functions"]
    assert json.loads(run("show", "schema").stdout)["properties"]["functions"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "burst-from-zer"), "did you mean 'burst-from-zero'?"),
        (("run", "nowhere.yaml"), "cannot be read: No such file"),
        (("run", "burst-from-zero", "--set", "cooldwn=3"), "unknown key 'cooldwn', did you mean 'cooldownPeriod'?"),
        (("run", "burst-from-zero", "--set", "cooldown"), "'cooldown' is not KEY=VALUE"),
        (("run", "burst-from-zero", "--set", "cooldownPeriod=[1"), "cooldownPeriod: '[1' is not a value in YAML"),
        (("run", "burst-from-zero", "--until", "5"), "needs a unit"),
        (("run", "burst-from-zero", "--manifests", "x.yaml"), "--manifests: goes with a trace"),
        (("compare", "burst-from-zero", "--policies", "keda-pol"), "did you mean 'keda-poll'?"),
        (("sweep", "burst-from-zero", "--vary", "pool.sise=1..3", "target=3..1"), "target: '3..1' falls"),
        (("sweep", "burst-from-zero", "--vary", "pool.sise=1"), "did you mean 'pool.size'?"),
        (("recommend", "burst-from-zero", "--budget", "much"), "--budget 'much' is not an amount of memory"),
        (("recommend", "burst-from-zero", "--miss-ratio", "2"), "the miss ratio is 2"),
        (("list", "things"), "'things' is none of scenarios, policies, keys, formats"),
        (("show", "nothing"), "no scenario 'nothing'"),
        (("replay", "nowhere"), "nowhere"),
        (("hpa", "nowhere.json"), "nowhere.json: No such file"),
        (("validate", "--seeds", "1"), "at least two seeds"),
    ],
)
def test_wrong_use_is_told_in_one_line_and_ends_with_2(words: tuple[str, ...], said: str) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert f"Example: warmscaler simulate {verb}" in result.stdout


README = Path(__file__).parents[2] / "simulations" / "README.md"
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("warmscaler simulate")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_readme_works(line: str, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trace.parent)
    shutil.copy(EXAMPLES / "kafka.yaml", "orders.yaml")
    shutil.copy(EXAMPLES / "pool-config.yaml", "config.yaml")
    shutil.copy(SHIPPED / "burst-from-zero.yaml", "mine.yaml")
    words, _, _ = line.partition(" > ")
    result = run(*shlex.split(words)[2:], *(["--seeds", "1"] if "requests.csv" in words else []))
    assert result.exit_code == 0, result.output


def test_the_scenario_of_the_readme_is_one(tmp_path: Path) -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    assert set(load(file).policies) == {"two-warm", "never-asleep", "knative"}


def test_the_readme_lists_the_shipped_scenarios_with_their_questions() -> None:
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| (.*\?) \|$", README.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == {name: load(path).document.question for name, path in shipped().items()}


WITHOUT = """
import sys
for name in {missing!r}:
    sys.modules[name] = None
sys.argv = ["warmscaler", "simulate", *{words!r}]
from scaler.cli import main
main()
"""


@pytest.mark.parametrize(
    ("missing", "words", "code", "said"),
    [
        (["numpy", "numba", "joblib", "plotly"], ["--help"], 0, ""),
        (["numpy", "numba", "joblib", "plotly"], ["hpa", "tests/simulations/hpa_cases.json"], 0, ""),
        (["numpy"], ["run", "burst-from-zero"], 2, "numpy is not installed: pip install 'warmscaler[simulate]'"),
    ],
)
def test_a_plain_install_lacks_extras_and_says_which(
    missing: list[str], words: list[str], code: int, said: str
) -> None:
    program = WITHOUT.format(missing=missing, words=words)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
