from pathlib import Path

import pytest

from simulations.cases.reading import Case, read
from simulations.cases.replay import differences

CASES = read(Path(__file__).parent.parent / "hpa_cases.json")


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.label} {case.row.name}") for case in CASES])
def test_the_model_answers_as_the_controller_did(case: Case) -> None:
    assert differences(case.row) == []


def test_every_recorded_row_is_compared_in_full() -> None:
    assert len(CASES) == 168
    assert [case.label for case in CASES if case.remarks] == []
