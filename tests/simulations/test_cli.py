"""``warmscaler simulate hpa``: what it prints, and how it ends."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from simulations.cli import app

GOLDEN = Path(__file__).parent / "hpa_cases.json"


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["hpa", *map(str, words)])


@pytest.fixture
def tampered(tmp_path: Path) -> Path:
    """Return the golden timelines, one a line, compressed, with one answer changed twice."""
    rows: list[dict[str, Any]] = json.loads(GOLDEN.read_text(encoding="utf-8"))["timelines"]
    rows[2]["expected"]["desired"][4:6] = [19, 19]
    rows[3]["seed"] = 7
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return file


def test_the_golden_rows_agree() -> None:
    result = run(GOLDEN)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "section       rows   agree  differ",
        "unit            73      73       0",
        "reconcile       80      80       0",
        "timelines       15      15       0",
        "168 of 168 rows agree",
    ]
    assert result.stderr == ""


def test_a_tampered_row_is_named_and_fails(tampered: Path) -> None:
    result = run(tampered)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "section       rows   agree  differ",
        "timelines       15      14       1",
        "T05 desired: expected 19, came 20 at t=60 s (sync 5, 1 more differ)",
        "14 of 15 rows agree",
    ]
    assert result.stderr == "not compared: seed (1 rows)\n"


def test_the_same_for_machines(tampered: Path) -> None:
    result = run(tampered, "-o", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "agrees": False,
        "rows": 15,
        "agree": 14,
        "sections": {"timelines": {"rows": 15, "agree": 14}},
        "disagreements": [
            {
                "id": "T05",
                "section": "timelines",
                "differences": [{"what": "desired", "expected": 19, "came": 20, "step": 4, "t": 60.0, "count": 2}],
            }
        ],
        "not_compared": {"seed": 1},
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param('{"timelines": [{"id": "T1"}', "line 1: not JSON", id="broken"),
        pytest.param('{"timelines": [{"id": "T1"}]}', "timelines[0] (T1): config: missing", id="not of the schema"),
    ],
)
def test_a_file_that_is_none_ends_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "rows.json"
    file.write_text(content, encoding="utf-8")
    result = run(file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {file}: {said}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["a", "b"], [GOLDEN, "-o", "xml"]])
def test_wrong_use(words: list[object]) -> None:
    assert run(*words).exit_code == 2


def test_help_has_an_example() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "Example: warmscaler simulate hpa" in result.stdout
