from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.report import Study, table
from simulations.report.table import shortened
from tests.simulations.report.sample import case, full, study, summed


def _rows(text: str, first: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(first)]


def test_the_whole_report_of_one_case() -> None:
    text = table(study(case("push", (2.0,)), command="warmscaler simulate run burst"))
    assert text.startswith("Does push pay?\n\nOf 100 requests 99 wait 2.00 s or less")
    assert "  push     2.00   2.00   2.00       0       -   2.00        1.00           0\n" in text
    assert "  wait p99                                            2.00 s\n" in text
    assert text.endswith("60 min simulated, SLO 1.00 s, seed 1\nagain: warmscaler simulate run burst\n")


@pytest.mark.parametrize(
    "asked",
    [
        full(),
        study(*(case(f"{'long ' * 40}{n}", (1.5e8 + n, 9e8)) for n in range(9))),
        study(case("a", functions=[replace(summed(), name=f"{'x' * 90}{n}") for n in range(1000)])),
    ],
    ids=["everything", "long names and numbers", "a thousand functions"],
)
def test_a_table_fits_into_a_hundred_columns(asked: Study) -> None:
    lines = table(asked).splitlines()
    assert [line for line in lines if len(line) > 100 and not line.startswith(("again:", "left out:", "Which"))] == []


def test_what_is_unfinished_has_a_column_where_there_is_any() -> None:
    assert "unfinished" not in table(study(case("a"), case("b"))).split("\n\n")[2]
    text = table(study(case("a"), case("b", serving=3)))
    assert [line.split()[-6] for line in _rows(text, "*  a") + _rows(text, "   b")] == ["0", "3"]


def test_hundreds_of_cases_are_said_to_be_more() -> None:
    text = table(study(*(case(f"p{n}", (1.0 + n,), 1.0 + n) for n in range(200))))
    assert "160 more cases, all of them beaten by one of these" in text
    assert len(_rows(text, "   p")) - len(["the header"]) + len(_rows(text, "*  p")) == 40


def test_the_functions_that_let_most_wait_come_first() -> None:
    functions = [replace(summed(float(n)), name=f"f{n}") for n in range(1000)]
    lines = table(study(case("a", functions=functions))).splitlines()
    assert [line.split()[0] for line in lines if line.startswith("f9")][:3] == ["f999", "f998", "f997"]
    assert "960 more functions wait less; -o json has all" in lines


def test_recommended_present_and_unbeaten_are_marked() -> None:
    text = table(
        study(case("a", (9.0,), 1.0), case("b", (1.0,), 5.0), case("c", (2.0,), 3.0), present="c", recommended="b")
    )
    assert [line[:4] for line in text.splitlines() if line[3:4] in {"a", "b", "c"} and line[4:5] == " "] == [
        "*  a",
        ">  b",
        "=  c",
    ]
    assert "> recommended.  = at present.  * beaten by none" in text


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b[1m" in table(study(), colour=True)
    assert "\x1b" not in table(full())


def test_a_sweep_shows_what_it_varied() -> None:
    assert "pool.size  cooldown  p50 s" in table(full())


def test_what_was_left_out_of_a_trace_is_said() -> None:
    assert "left out: 12 rows: not a number: </script>" in table(full())
    assert "(line 4, 9, …)" in table(full())


@pytest.mark.parametrize(("value", "written"), [(nan, "  -  "), (inf, "  ∞  ")])
def test_what_is_no_number_is_shown_as_such(value: float, written: str) -> None:
    broken = case("a")
    broken = replace(broken, seeds=(replace(broken.seeds[0], wait_p99=value),))
    (row,) = _rows(table(study(broken)), "  a ")
    assert written in row.replace("1.00", "    ")


@given(st.text(max_size=60))
def test_a_name_neither_acts_nor_overflows(name: str) -> None:
    shown = shortened(name)
    assert len(shown) <= 26
    assert shown.isprintable()
