"""Rows that disagree, and what is said of them: a comparison that cannot fail proves nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulations.cases.reading import read
from simulations.cases.replay import Difference, differences

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent.parent / "hpa_cases.json").read_text(encoding="utf-8"))
ROWS = {row["id"]: row for section in ("unit", "reconcile", "timelines") for row in GOLDEN[section]}


Differing = Callable[[str, str, object], list[Difference]]


@pytest.fixture
def differing(tmp_path: Path) -> Differing:
    """Return what differs in a golden row once its answer is changed."""

    def of(name: str, answer: str, value: object) -> list[Difference]:
        row = {**ROWS[name], "expected": {**ROWS[name]["expected"], answer: value}}
        file = tmp_path / "row.jsonl"
        file.write_text(json.dumps(row), encoding="utf-8")
        [case] = read(file)
        return differences(case.row)

    return of


@pytest.mark.parametrize(
    ("row", "answer", "value", "came"),
    [
        pytest.param("U006", "result", 5, 4, id="a rule's result"),
        pytest.param("U006", "reason", "TooManyReplicas", "ScaleUpLimit", id="a rule's reason"),
        pytest.param("U051", "logLength", 2, 3, id="the length of a log"),
        pytest.param("U062", "log", [10, 4, 5, 9], [10, 4, 5, 3], id="the order of a log"),
        pytest.param("U072", "outdated", [False] * 4, [False, False, True, False], id="the marks in a log"),
        pytest.param("U070", "changeInPeriod", 0, 7, id="the change in a period"),
        pytest.param("R057", "desiredReplicas", 7, 6, id="the replicas of a sync"),
        pytest.param("R057", "proposal", 99, 100, id="the proposal of a sync"),
        pytest.param("R057", "rescaled", False, True, id="whether it wrote"),
        pytest.param("R074", "ableToScale", "True:ReadyForNewScale", "True:ScaleDownStabilized", id="one condition"),
        pytest.param(
            "R074", "scalingLimited", "False:DesiredWithinRange", "True:ScaleUpLimit", id="the other condition"
        ),
        pytest.param("R074", "recommendationsAfter", [1, 1], [1, 20], id="what is remembered"),
        pytest.param("R017", "note", "above max", "FailedGetExternalMetric", id="why nothing was done"),
        pytest.param("R002", "note", "below min", None, id="a reason for doing nothing, where something was done"),
        pytest.param("T03", "recommendationsAfter", [1], [1, *[100] * 27], id="what a series remembers"),
    ],
)
def test_a_changed_answer_is_noticed(differing: Differing, row: str, answer: str, value: object, came: object) -> None:
    assert differing(row, answer, value) == [Difference(what=answer, expected=value, came=came)]


@pytest.mark.parametrize("answer", ["desired", "proposal"])
def test_a_series_tells_where_it_first_differs_and_how_often(differing: Differing, answer: str) -> None:
    recorded = ROWS["T01"]["expected"][answer]
    changed = [value + 1 if step in {3, 5} else value for step, value in enumerate(recorded)]
    assert differing("T01", answer, changed) == [
        Difference(what=answer, expected=recorded[3] + 1, came=recorded[3], step=3, t=45.0, count=2)
    ]


@pytest.mark.parametrize(
    ("row", "answer", "value"),
    [
        pytest.param("R063", "recommendationsAfter", [4, 2], id="the order in which slots are kept is not recorded"),
        pytest.param("R063", "note", "the proposal is the status", id="a note that no sync makes is a remark"),
        pytest.param("T01", "rescaled", [True] * 6 + [False] * 3, id="more may be recorded of a series"),
        pytest.param("T01", "proposal", None, id="what was not recorded"),
    ],
)
def test_what_is_no_contradiction(differing: Differing, row: str, answer: str, value: object) -> None:
    assert differing(row, answer, value) == []
