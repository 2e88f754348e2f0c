"""The report in a real browser: everything is drawn, nothing is fetched, and no name of a user acts."""

import re
from pathlib import Path

import pytest

from simulations.report import Study, page
from simulations.report.pictures import pictures
from tests.servers import chromium
from tests.simulations.report.sample import case, full, lived, outcome, study, summed

pytestmark = pytest.mark.requires("chromium")

STUDIES = {
    "everything": full(),
    "one case": study(case("push", (2.0,))),
    "one case with an empty timeline": study(outcome=outcome(lived(bins=1))),
    "two hundred cases": study(
        *(case(f"p{n}", (1.0 + n, 2.0 + n)) for n in range(200)), present="p3", recommended="p0"
    ),
    "a thousand functions": study(case("a", functions=tuple(summed(float(n)) for n in range(1000)))),
}


def _saved(folder: Path, text: str) -> Path:
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("made", STUDIES.values(), ids=STUDIES)
def test_every_picture_is_drawn_and_nothing_is_complained_of(made: Study, tmp_path: Path) -> None:
    seen = chromium.look(_saved(tmp_path, page(made)))
    drawn = len(pictures(made))
    assert f'data-drawn="{drawn}"' in seen.text
    assert len(re.findall(r'<div class="picture js-plotly-plot" id="\w+"', seen.text)) == drawn
    assert seen.console == ""


def test_no_name_of_a_user_acts(tmp_path: Path) -> None:
    assert "data-hacked" not in chromium.look(_saved(tmp_path, page(full()))).text


def test_where_a_name_would_act_the_page_forbids_it(tmp_path: Path) -> None:
    planted = page(study()).replace("</h1>", '<img src=x onerror="document.body.dataset.hacked=1"></h1>')
    seen = chromium.look(_saved(tmp_path, planted))
    assert "data-hacked" not in seen.text
    assert "Content Security Policy" in seen.console


def _driven(made: Study, script: str) -> str:
    """Return a page that a person works with, which its own policy would not let a script do."""
    free = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page(made))
    return free.replace("</body>", f"<script>setTimeout(() => {{ {script} }}, 3000)</script></body>")


def test_another_view_is_chosen(tmp_path: Path) -> None:
    made = study(case("a", (9.0,)), case("b", (1.0,), 3.0))
    script = (
        "const box = document.querySelector('select'); box.selectedIndex = 1; box.dispatchEvent(new Event('change'));"
    )
    assert ">wait mean, s<" in chromium.look(_saved(tmp_path, _driven(made, script))).text


def test_rows_are_sorted_by_what_is_clicked_and_filtered_by_what_is_typed(tmp_path: Path) -> None:
    made = study(*(case(f"p{n:02}", (1.0 + n * 7 % 20,), 1.0 + n) for n in range(20)))
    script = (
        "[...document.querySelectorAll('th')].find(head => head.textContent === 'wait p99').click();"
        "const box = document.querySelector('input'); box.value = 'P1'; box.dispatchEvent(new Event('input'));"
    )
    text = chromium.look(_saved(tmp_path, _driven(made, script))).text
    rows = re.findall(r'<tr( hidden="")?><td data-v="(p\d\d)"', text)
    assert [name for _, name in rows] == sorted((name for _, name in rows), key=lambda name: int(name[1:]) * 7 % 20)
    assert {name for hidden, name in rows if not hidden} == {f"p{n}" for n in range(10, 20)}


def test_it_is_seen_by_day_and_by_night(tmp_path: Path) -> None:
    path, day, night = _saved(tmp_path, page(full())), tmp_path / "day.png", tmp_path / "night.png"
    chromium.photograph(path, day)
    chromium.photograph(path, night, dark=True)
    assert min(day.stat().st_size, night.stat().st_size) > 30_000
    assert day.read_bytes() != night.read_bytes()
