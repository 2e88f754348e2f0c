"""The validation page: every row of it with few requests, what it prints, and that it notices what is outside."""

import json
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from simulations.cases.reading import Unreadable
from simulations.run import Engine
from simulations.statistics import Interval, interval
from simulations.validation import page, platforms, queues, sleeping, stocks
from simulations.validation.page import Sizes, Validation, validate
from simulations.validation.references import PLATFORMS
from simulations.validation.rows import Row, Task, exact

GOLDEN = Path(__file__).parent.parent / "hpa_cases.json"
SEEDS = range(10)


def row(expected: float = 1.0, margin: float = 0.1, mean: float = 1.15, half: float = 0.1) -> Row:
    simulated = Interval(mean=mean, half=half, count=10)
    return Row(section="Queues", name="a <case>", expected=expected, margin=margin, simulated=simulated)


def disagreeing(task: Task, seeds: Sequence[int] = SEEDS) -> list[Row]:
    return [each for each in task(seeds) if not each.agrees]


@pytest.mark.parametrize("number", range(len(PLATFORMS) + 1))
def test_the_platform_agrees_with_simfaas_and_with_lambda(number: int) -> None:
    assert disagreeing(platforms.tasks()[number]) == []


@pytest.mark.parametrize("task", queues.tasks(1_500, Engine.FAST))
def test_queues_agree_with_their_formulas(task: Task) -> None:
    assert disagreeing(task) == []


@pytest.mark.parametrize("task", sleeping.tasks(60, Engine.FAST))
def test_sleepers_agree_with_their_formula(task: Task) -> None:
    assert disagreeing(task) == []


@pytest.mark.parametrize("task", stocks.tasks(150))
def test_stocks_agree_with_their_formulas(task: Task) -> None:
    assert disagreeing(task) == []


@pytest.mark.parametrize(
    ("outside", "agrees"),
    [
        pytest.param(row(mean=1.2), True, id="no further apart than both uncertainties"),
        pytest.param(row(mean=1.21), False, id="further above"),
        pytest.param(row(mean=0.79), False, id="further below"),
        pytest.param(row(margin=0.0, mean=1.0, half=0.0), True, id="exactly, where nothing is uncertain"),
        pytest.param(row(margin=0.0, mean=1.001, half=0.0), False, id="not exactly"),
    ],
)
def test_what_is_outside(outside: Row, agrees: bool) -> None:
    assert outside.agrees is agrees


def test_a_formula_has_the_uncertainty_of_the_simulation() -> None:
    drawn = [1.0, 2.0, 3.0]
    assert exact("Queues", "a case", 2.0, drawn).margin == interval(drawn).half


WRONG = Validation(rows=(row(), replace(row(), expected=2.0)), hpa=None, seeds=(3, 4), engine=Engine.FAST)


def test_one_row_outside_spoils_the_page() -> None:
    assert not WRONG.agrees
    assert [" ".join(line.split()) for line in WRONG.lines()] == [
        "Queues expected simulated",
        "a <case> 1 ± 0.1 1.15 ± 0.1 agrees",
        "a <case> 2 ± 0.1 1.15 ± 0.1 OUTSIDE",
        "1 of 2 rows agree, 2 seeds, fast engine",
    ]


def test_the_same_for_machines() -> None:
    document = json.loads(json.dumps(WRONG.document()))
    assert (document["agrees"], document["seeds"], document["hpa"]) == (False, [3, 4], None)
    assert [each["agrees"] for each in document["rows"]] == [True, False]
    assert document["rows"][0]["simulated"] == {"mean": 1.15, "half": 0.1, "count": 10}


class Cells(HTMLParser):
    """Reads the texts of a page, and notes whatever would have to be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [tag for name, _ in attrs if name in {"src", "href"}]

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def test_the_same_for_a_browser() -> None:
    cells = Cells()
    cells.feed(WRONG.html())
    assert cells.fetched == []
    assert [text for text in cells.texts if text in {"a <case>", "agrees", "OUTSIDE"}] == [
        "a <case>",
        "agrees",
        "a <case>",
        "OUTSIDE",
    ]


def test_everything_on_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(page.SIZES, Engine.FAST, Sizes(queued=200, slept=20, kept=20))
    monkeypatch.setattr(platforms, "tasks", lambda: ())
    seen = validate(seeds=2, first=7, hpa=GOLDEN)
    assert (seen.seeds, seen.engine, seen.hpa is not None and seen.hpa.agree) == ((7, 8), Engine.FAST, 168)
    assert [*dict.fromkeys(each.section.partition(",")[0] for each in seen.rows)] == [
        "Erlang C",
        "Pollaczek-Khinchine",
        "M/G/inf",
        "Little's law",
        "Scale to zero by KEDA's cooldown",
        "Erlang B",
    ]
    assert validate(seeds=2, first=7, hpa=GOLDEN) == seen


@pytest.mark.parametrize("seeds", [0, 1])
def test_an_interval_needs_two_seeds(seeds: int) -> None:
    with pytest.raises(ValueError, match="at least two seeds"):
        validate(seeds=seeds)


def test_a_file_that_holds_no_decisions_is_said_before_anything_runs(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(Unreadable, match="not JSON"):
        validate(hpa=file)
