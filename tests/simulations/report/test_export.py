import csv
import json
from dataclasses import asdict
from io import StringIO

import pytest

from simulations.report import as_csv, as_json
from simulations.statistics import NUMBERS
from tests.simulations.report.sample import HOSTILE, case, full, study


def test_json_has_every_number_of_every_seed() -> None:
    made = full()
    read = json.loads(as_json(made))
    assert (read["version"], read["question"], read["seeds"]) == (1, made.question, [1, 2])
    for told, known in zip(read["cases"], made.cases, strict=True):
        assert told["seeds"] == [asdict(each) for each in known.seeds]
        assert told["settings"] == known.settings
        assert set(told["mean"]) == set(NUMBERS)
    assert [each["recommended"] for each in read["cases"]] == [False] * 4 + [True, False]
    assert read["hazards"][0]["key"] == "fallback-zero"
    assert read["dropped"] == [{"rows": 12, "why": f"not a number: {HOSTILE}", "lines": [4, 9]}]
    assert read["statistics"]["wait_p99"] == {"title": "wait p99", "unit": "s"}


def test_json_has_no_infinity() -> None:
    mean = json.loads(as_json(study(case("a", (2.0,)))))["cases"][0]["mean"]["wait_p99"]
    assert mean == {"mean": 2.0, "low": None, "high": None}


def test_json_sets_every_policy_beside_the_present_one_seed_by_seed() -> None:
    made = study(case("a", (1.0, 5.0)), case("b", (2.0, 6.0)), present="a")
    ours, theirs = json.loads(as_json(made))["cases"]
    assert ours["against_present"] is None
    assert theirs["against_present"]["wait_p99"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert json.loads(as_json(study()))["cases"][0]["against_present"] is None


def test_equal_studies_are_equal_bytes() -> None:
    assert as_json(full()) == as_json(full())
    assert as_csv(full()) == as_csv(full())


def test_csv_has_a_row_for_each_case_and_seed() -> None:
    made = full()
    rows = list(csv.DictReader(StringIO(as_csv(made))))
    assert len(rows) == 2 * len(made.cases)
    assert [row["seed"] for row in rows[:3]] == ["1", "2", "1"]
    assert (rows[4]["policy"], rows[4]["pool.size"], rows[4]["cooldown"]) == (made.cases[2].policy, "1", "30")
    assert float(rows[5]["wait_p99"]) == made.cases[2].seeds[1].wait_p99
    assert set(NUMBERS) <= set(rows[0])


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-2", "@SUM", "\tx"])
def test_a_name_is_no_formula(name: str) -> None:
    assert next(csv.DictReader(StringIO(as_csv(study(case(name))))))["policy"] == f"'{name}"
