"""What is taken for recorded rows, and what is said of everything else."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulations.cases.reading import MOST_PROBLEMS, Unreadable, read
from simulations.cases.schema import Section

SYNC: dict[str, Any] = {
    "id": "R1",
    "config": {"maxReplicas": 10, "targetMilli": 1000},
    "specReplicas": 1,
    "steps": [{"t": 0.0, "metricMilli": [1000]}],
    "expected": {"desiredReplicas": 1},
}
SERIES: dict[str, Any] = {**SYNC, "id": "T1", "expected": {"desired": [1]}}
UNIT = {"id": "U1", "unit": "scale_up_limit", "currentReplicas": 1, "scaleUp": {}, "expected": {"result": 5}}
DOCUMENT = {"meta": {}, "unit": [UNIT], "reconcile": [SYNC], "timelines": [SERIES]}


def lines(*rows: object) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def changed(row: dict[str, Any], path: str, value: object = None) -> dict[str, Any]:
    """Return ``row`` with the value at ``path`` set, or the key removed if there is no value."""
    copy: dict[str, Any] = json.loads(json.dumps(row))
    *parents, last = path.split(".")
    inner: Any = copy
    for parent in parents:
        inner = inner[int(parent) if parent.isdigit() else parent]
    inner.pop(last) if value is None else inner.__setitem__(last, value)
    return copy


def refusal(file: Path) -> str:
    try:
        read(file)
    except Unreadable as refused:
        return str(refused)
    return ""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows"


@pytest.mark.parametrize(
    ("content", "sections"),
    [
        pytest.param(json.dumps(DOCUMENT, indent=1).encode(), list(Section), id="a document"),
        pytest.param(json.dumps({"timelines": [SERIES]}).encode(), [Section.TIMELINES], id="a part of one"),
        pytest.param(
            lines(SERIES, UNIT, SYNC).encode(), ["timelines", "unit", "reconcile"], id="a row a line, of any kind"
        ),
        pytest.param(b"\n" + lines(SERIES).encode() + b"\r\n\n", [Section.TIMELINES], id="blank lines"),
        pytest.param(json.dumps(SERIES, indent=1).encode(), [Section.TIMELINES], id="a single row"),
        pytest.param(gzip.compress(lines(SERIES, SERIES).encode()), [Section.TIMELINES] * 2, id="compressed"),
        pytest.param(b"\xef\xbb\xbf" + lines(SERIES).encode(), [Section.TIMELINES], id="with a byte order mark"),
        pytest.param(
            lines({**SERIES, "name": "a\u2028b"}).encode(), [Section.TIMELINES], id="a line separator inside a string"
        ),
    ],
)
def test_rows_are_found(file: Path, content: bytes, sections: list[str]) -> None:
    file.write_bytes(content)
    assert [case.section for case in read(file)] == sections


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("", "no rows", id="empty"),
        pytest.param("{}", "no rows", id="an empty object"),
        pytest.param("[]", "neither an object with rows nor one row a line", id="a list"),
        pytest.param('{"unit": [', "line 1: not JSON: Expecting value", id="half a document"),
        pytest.param("nonsense", "line 1: not JSON: Expecting value", id="no JSON"),
        pytest.param("[" * 100_000, "nested too deeply", id="endless nesting"),
        pytest.param(
            '{"timeline": [], "unit": {}, "reconcile": [3]}',
            "unknown key 'timeline', did you mean 'timelines'?; unit: not a list; reconcile[0]: not an object",
            id="sections that are none",
        ),
        pytest.param(
            lines(SERIES) + '\n{"t": NaN}\n[]\n{"id',
            "line 2: NaN is not JSON; line 3: not an object; line 4: not JSON: Unterminated string starting at",
            id="lines that are no rows",
        ),
        pytest.param(
            lines(changed(SERIES, "config.maxReplicas"), changed(SERIES, "steps.0.t", "now")),
            "line 1 (T1): config.maxReplicas: missing; line 2 (T1): steps[0].t: Input should be a valid number",
            id="several rows",
        ),
        pytest.param(
            lines(changed(SERIES, "config.minReplica", 2)),
            "line 1 (T1): config.minReplica: unknown key 'minReplica', did you mean 'minReplicas'?",
            id="an input misspelt",
        ),
        pytest.param(
            lines(changed(SERIES, "config.colour", 2)),
            "line 1 (T1): config.colour: unknown key 'colour'",
            id="an input unheard of",
        ),
        pytest.param(
            lines(changed(SERIES, "hystory", {})),
            "line 1 (T1): hystory: unknown key 'hystory', did you mean 'history'?",
            id="a part of the row misspelt",
        ),
        pytest.param(
            lines({**SERIES, "expected": {"desired": [1], "propsal": [1]}}),
            "line 1 (T1): expected.propsal: unknown key 'propsal', did you mean 'proposal'?",
            id="an answer misspelt",
        ),
        pytest.param(
            lines({**SERIES, "id": None, "expected": {"desired": [1, 2]}}),
            "line 1: expected.desired: 2 answers for 1 steps",
            id="an answer too many",
        ),
        pytest.param(
            lines(
                {**SERIES, "steps": [*SERIES["steps"], {"t": -1, "metricMilli": None}], "expected": {"desired": [1, 1]}}
            ),
            "line 1 (T1): steps: t goes backwards",
            id="time goes backwards",
        ),
        pytest.param(
            json.dumps({"reconcile": [{**SYNC, "steps": SYNC["steps"] * 2}]}),
            "reconcile[0] (R1): steps: List should have at most 1 item after validation, not 2",
            id="two syncs for one answer",
        ),
        pytest.param(
            lines(changed(SERIES, "config.toleranceMode", "both")),
            "line 1 (T1): config.toleranceMode: Input should be 'range' or 'abs'",
            id="a word unheard of",
        ),
        pytest.param(
            lines(changed(SERIES, "config.targetMilli", 0)),
            "line 1 (T1): config.targetMilli: Input should be greater than 0",
            id="a target of zero",
        ),
        pytest.param(
            lines(changed(UNIT, "scaleUp")), "line 1 (U1): scale_up_limit needs scaleUp", id="a rule without its input"
        ),
        pytest.param(
            lines({**UNIT, "expected": {}}), "line 1 (U1): expected: nothing to compare", id="a rule without answer"
        ),
    ],
)
def test_everything_wrong_is_said_in_one_line(file: Path, content: str, said: str) -> None:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(Unreadable) as refused:
        read(file)
    assert str(refused.value) == f"{file}: {said}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(bytes(range(256)), "not UTF-8 at byte 128", id="not text"),
        pytest.param(gzip.compress(b"{}" * 1000)[:-9], "damaged gzip", id="half a gzip file"),
        pytest.param(b"\x1f\x8b" + b"x" * 100, "Unknown compression method", id="no gzip behind its first bytes"),
    ],
)
def test_what_is_no_text_is_said(file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    with pytest.raises(Unreadable, match=said):
        read(file)


def test_a_file_that_is_not_there(file: Path) -> None:
    with pytest.raises(Unreadable, match="No such file or directory"):
        read(file)


def test_a_message_ends_before_a_person_does(file: Path) -> None:
    file.write_text(lines(*[{"id": number} for number in range(100)]), encoding="utf-8")
    with pytest.raises(Unreadable) as refused:
        read(file)
    assert str(refused.value).count(";") == MOST_PROBLEMS
    assert str(refused.value).endswith("; and 380 more")


def test_remarks_on_a_row_are_set_aside_and_remembered(file: Path) -> None:
    file.write_text(lines({**SERIES, "seed": 1, "expected": {"desired": [1], "wall": 2}}), encoding="utf-8")
    assert [case.remarks for case in read(file)] == [("seed", "expected.wall")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from([*SERIES, *DOCUMENT, *UNIT]), inner),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([SYNC, SERIES, UNIT]), st.data())
def test_whatever_a_row_holds_it_is_read_or_refused(file: Path, row: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(row)))
    file.write_text(json.dumps({**row, key: data.draw(json_values)}), encoding="utf-8")
    assert "\n" not in refusal(file)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.text().map(str.encode) | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_file_holds_it_is_read_or_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(Unreadable):
        read(file)
