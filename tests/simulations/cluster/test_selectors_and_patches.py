"""Laws of patches and selectors that a table of cases cannot tell."""

import json
from contextlib import suppress
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.cluster.patches import Document, PatchFailed, merged, patched
from simulations.cluster.selectors import label_selector, matches

KEYS = st.sampled_from(["a", "b", "a/b", "c~d"])
LEAVES = st.one_of(st.integers(0, 3), st.sampled_from(["x", "y"]), st.booleans())
NODES = st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=3))
VERBS = st.sampled_from(["add", "remove", "replace", "test", "move", "copy"])
DOCUMENTS = st.dictionaries(KEYS, NODES, max_size=4)


def _pointer(*keys: str) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


@given(DOCUMENTS, DOCUMENTS)
def test_a_merge_changes_neither_side_and_is_the_same_twice(target: Document, patch: Document) -> None:
    before = deepcopy((target, patch))
    once = merged(target, patch)
    assert (target, patch) == before
    assert merged(once, patch) == once


@given(DOCUMENTS, KEYS, NODES)
def test_what_was_added_can_be_tested_and_removed(document: Document, key: str, value: object) -> None:
    before = deepcopy(document)
    added = patched(document, [{"op": "add", "path": _pointer(key), "value": value}])
    assert added == {**document, key: value}
    tested: list[Document] = [
        {"op": "test", "path": _pointer(key), "value": value},
        {"op": "remove", "path": _pointer(key)},
    ]
    assert patched(added, tested) == {other: kept for other, kept in document.items() if other != key}
    assert document == before


@given(DOCUMENTS, st.lists(st.tuples(VERBS, KEYS, KEYS)))
def test_a_patch_that_fails_has_changed_nothing(document: Document, steps: list[tuple[str, str, str]]) -> None:
    before = json.dumps(document)
    operations = [
        {"op": kind, "path": _pointer(one, other), "from": _pointer(other), "value": 1} for kind, one, other in steps
    ]
    with suppress(PatchFailed):
        patched(document, operations)
    assert json.dumps(document) == before


@pytest.mark.parametrize(
    ("path", "items"),
    [
        pytest.param("/l/0", [9, 1, 2], id="before the first"),
        pytest.param("/l/2", [1, 2, 9], id="after the last"),
        pytest.param("/l/-", [1, 2, 9], id="at the end"),
    ],
)
def test_a_list_takes_an_item(path: str, items: list[int]) -> None:
    assert patched({"l": [1, 2]}, [{"op": "add", "path": path, "value": 9}]) == {"l": items}


@pytest.mark.parametrize("path", ["/l/3", "/l/x", "/l/-1"])
def test_a_list_has_no_such_place(path: str) -> None:
    with pytest.raises(PatchFailed):
        patched({"l": [1, 2]}, [{"op": "add", "path": path, "value": 9}])


LABELS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y", ""]))


@given(LABELS, LABELS)
def test_a_selector_is_the_same_in_words_and_as_an_object(wanted: dict[str, str], labels: dict[str, str]) -> None:
    words = ",".join(f"{key}={value}" for key, value in wanted.items())
    assert label_selector(words)(labels) is matches({"matchLabels": wanted}, labels)
    assert matches(None, labels) is False


@given(LABELS)
def test_an_expression_is_the_same_in_words_and_as_an_object(labels: dict[str, str]) -> None:
    for words, rule in {
        "a in (x,y)": {"key": "a", "operator": "In", "values": ["x", "y"]},
        "a notin (x)": {"key": "a", "operator": "NotIn", "values": ["x"]},
        "a": {"key": "a", "operator": "Exists"},
        "!a": {"key": "a", "operator": "DoesNotExist"},
    }.items():
        assert label_selector(words)(labels) is matches({"matchExpressions": [rule]}, labels), words
