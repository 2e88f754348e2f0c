"""The validation page: every row of it with few requests, what it prints, and that it notices what is outside."""

import json
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from simulations.cases.reading import Unreadable
from simulations.run import Engine
from simulations.statistics import Interval
from simulations.validation import page, platforms, queues, sleeping, stocks
from simulations.validation.page import Sizes, Validation, validate
from simulations.validation.references import PLATFORMS
from simulations.validation.rows import Row, Task, Verdict, exact

GOLDEN = Path(__file__).parent.parent / "hpa_cases.json"
SEEDS = range(10)
WAY = Engine.FAST


def row(expected: float = 1.0, margin: float | None = 0.1, mean: float = 1.15, half: float = 0.1) -> Row:
    simulated = Interval(mean=mean, half=half, count=10)
    return Row(section="Queues", name="a <case>", expected=expected, margin=margin, simulated=simulated)


def outside(task: Task, seeds: Sequence[int] = SEEDS) -> list[Row]:
    return [each for each in task(seeds) if each.verdict is Verdict.OUTSIDE]


@pytest.mark.parametrize("number", range(len(PLATFORMS) + 1))
def test_the_platform_agrees_with_simfaas_and_with_lambda(number: int) -> None:
    assert outside(platforms.tasks()[number]) == []


@pytest.mark.parametrize("task", queues.tasks(1_500, Engine.FAST))
def test_queues_agree_with_their_formulas(task: Task) -> None:
    assert outside(task) == []


@pytest.mark.parametrize("task", sleeping.tasks(60, Engine.FAST))
def test_sleepers_agree_with_their_formula(task: Task) -> None:
    assert outside(task) == []


@pytest.mark.parametrize("task", stocks.tasks(150, 150))
def test_stocks_agree_with_their_formulas(task: Task) -> None:
    assert outside(task) == []


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        pytest.param(row(mean=1.2), Verdict.AGREES, id="no further apart than both uncertainties"),
        pytest.param(row(mean=1.21), Verdict.OUTSIDE, id="further above"),
        pytest.param(row(mean=0.79), Verdict.OUTSIDE, id="further below"),
        pytest.param(row(margin=0.0, mean=1.0, half=0.0), Verdict.AGREES, id="exactly, where nothing is uncertain"),
        pytest.param(row(margin=0.0, mean=1.001, half=0.0), Verdict.OUTSIDE, id="not exactly"),
        pytest.param(row(margin=None, mean=1.2), Verdict.AGREES, id="a closed form is exact, the half-width twice"),
        pytest.param(row(margin=None, mean=1.21), Verdict.OUTSIDE, id="further above a closed form"),
        pytest.param(row(mean=1.0, half=0.11), Verdict.UNDECIDED, id="an interval too wide to tell"),
        pytest.param(row(mean=1.3, half=0.11), Verdict.OUTSIDE, id="outside even of a wide one"),
        pytest.param(row(expected=0.0, mean=0.0, half=0.0), Verdict.AGREES, id="exactly nothing"),
        pytest.param(row(expected=0.0, mean=0.0, half=1e-9), Verdict.UNDECIDED, id="nothing, more or less"),
        pytest.param(row(expected=-1.0, mean=-1.0), Verdict.AGREES, id="below zero"),
    ],
)
def test_what_a_row_comes_to(seen: Row, verdict: Verdict) -> None:
    assert (seen.verdict, seen.agrees) == (verdict, verdict is Verdict.AGREES)


def test_a_closed_form_is_written_as_exact() -> None:
    exactly = exact("Queues", "a case", 2.0, [1.9, 2.0, 2.1])
    page = Validation(rows=(exactly, replace(exactly, name="large", expected=2000.0)), hpa=None, seeds=(), engine=WAY)
    assert [" ".join(line.split()) for line in page.lines()][1:] == [
        "a case 2 2 ± 0.25 undecided",
        "large 2,000 2 ± 0.25 OUTSIDE",
        "0 of 2 rows agree, 0 seeds, fast engine; 1 undecided, known no better than to 10% by so few requests",
    ]
    assert not page.agrees


def test_an_undecided_row_is_not_agreement() -> None:
    vague = Validation(rows=(row(), row(mean=1.0, half=0.2)), hpa=None, seeds=(3, 4), engine=WAY)
    assert not vague.agrees
    assert [each["verdict"] for each in json.loads(json.dumps(vague.document()))["rows"]] == ["agrees", "undecided"]
    assert "class=undecided" in vague.html()


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
    monkeypatch.setitem(page.SIZES, Engine.FAST, Sizes(queued=200, slept=20, kept=20, awaited=20))
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
