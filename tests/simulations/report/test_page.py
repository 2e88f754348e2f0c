import json
import re
import sys
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from simulations.report import page
from tests.simulations.report.sample import HOSTILE, case, full, lived, outcome, study, summed

pytestmark = pytest.mark.filterwarnings("error")


class _Read(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "action"}]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        else:
            self.words.append(data)


def test_a_page_needs_nothing_but_itself() -> None:
    text = page(full())
    read = _Read(text)
    assert (read.links, read.handlers) == ([], [])
    assert not {"img", "iframe", "link", "object", "form"} & set(read.tags)
    assert len(text.encode()) < 6_000_000


def test_only_its_own_scripts_may_run() -> None:
    text = page(full())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    allowed = set(re.findall(r"sha256-[^']+", policy[1]))
    _, *scripts = _Read(text).scripts
    assert {f"sha256-{b64encode(sha256(each.encode()).digest()).decode()}" for each in scripts} == allowed
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")


def test_what_a_user_wrote_is_shown_and_not_obeyed() -> None:
    text = page(full())
    assert HOSTILE not in text
    read = _Read(text)
    assert "img" not in read.tags
    assert "".join(read.words).count(HOSTILE) > 10


def test_the_pictures_are_plain_data_in_the_page() -> None:
    views = json.loads(_Read(page(full())).scripts[0])
    assert list(views) == ["pareto", "timeline", "waits", "regret", "sensitivity"]
    assert all(set(plot) == {"data", "layout"} for plots in views.values() for plot in plots)


def test_the_answer_is_at_the_top_and_no_number_parts_from_its_unit() -> None:
    text = page(study(case("a", (2.0,))))
    assert '<p class="answer">Of 100 requests 99 wait 2.00\u00a0s or less' in text


@pytest.mark.parametrize(
    "made",
    [
        study(*(case(f"p{n}", (1.0 + n, 2.0 + n)) for n in range(200))),
        study(case("a", functions=[replace(summed(), name=f"f{n}") for n in range(1000)])),
        study(outcome=outcome(*(lived(f"f{n}", bins=1000) for n in range(20)))),
    ],
    ids=["two hundred cases", "a thousand functions", "long timelines"],
)
def test_a_large_study_is_a_page_of_a_bearable_size(made: object) -> None:
    assert len(page(made).encode()) < 6_000_000  # type: ignore[arg-type]


def test_without_plotly_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs plotly: pip install 'warmscaler\[simulate\]'"):
        page(study())


def test_the_numbers_at_the_top_say_whose_they_are() -> None:
    made = study(case("a", (9.0,)), case("b", (1.0,), 3.0), present="a", recommended="b")
    text = page(made)
    assert (
        '<p class="note">With b</p><dl class="tiles"><div><dt>p99 wait</dt><dd>1.00 s<small>at present 9.00 s (-88.9 %)'
        in text
    )
    assert 'b<span class="tag recommended">recommended</span>' in text


def test_a_policy_called_by_its_role_is_not_tagged_with_it() -> None:
    assert 'class="tag' not in page(study(case("present"), present="present"))
