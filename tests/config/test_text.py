"""YAML is read with places, and what could hurt is refused early."""

from time import process_time

import pytest

from scaler.config.text import MAX_BYTES, read_trees, shown

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_every_value_and_key_has_its_place() -> None:
    trees, problems = read_trees(b"limits:\n  triggers: 0x10\n  names: [a, b]\n")
    assert problems == []
    assert trees[0].value == {"limits": {"triggers": 16, "names": ["a", "b"]}}
    place = trees[0].place(("limits", "triggers"))
    assert (place.line, place.column, place.text) == (2, 13, "0x10")
    assert place.key is not None
    assert (place.key.line, place.key.column) == (2, 3)
    assert trees[0].place(("limits", "names", 1)).column == 14


def test_what_is_not_there_has_the_place_of_what_is_around_it() -> None:
    trees, _ = read_trees(b"a:\n  b: 1\n")
    assert trees[0].place(("a", "c", "d")) == trees[0].place(("a",))


def test_keys_are_texts_whatever_yaml_makes_of_them() -> None:
    trees, problems = read_trees(b"on: 1\n2: x\nnull: y\n")
    assert (list(trees[0].value), problems) == (["on", "2", "null"], [])  # type: ignore[call-overload]


def test_several_documents_are_all_read() -> None:
    trees, problems = read_trees(b"---\na: 1\n---\n- b\n---\n")
    assert ([tree.value for tree in trees], problems) == ([{"a": 1}, ["b"], None], [])


def test_a_syntax_error_is_all_that_is_told() -> None:
    trees, problems = read_trees(b"a: 1\na: 2\n---\nb: [\n")
    assert (trees, [str(each)[:3] for each in problems]) == ([], ["5:1"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"a: b: c", "1:5: not YAML: mapping values are not allowed", id="not YAML"),
        pytest.param(b"a: *nope", "1:4: not YAML: found undefined alias", id="an alias of nothing"),
        pytest.param(b"ab: 1\xff", "1:6: this byte is not UTF-8", id="not UTF-8"),
        pytest.param(b"a: 1\nb: \0", "2:4: the character '\\x00' is not allowed", id="NUL"),
        pytest.param("a: \u0085\ud83d".encode("utf-8", "surrogatepass"), "not UTF-8", id="half a character"),
        pytest.param(b" " * MAX_BYTES + b"a", "1:1: longer than 1024 KiB", id="longer than a ConfigMap can be"),
        pytest.param(b"a: 1\nb: 2\na: 3", "3:1: 'a' is there twice, first in line 1", id="a key twice"),
        pytest.param(b"? [a]\n: b", "1:3: a key must be text", id="a list as a key"),
        pytest.param(b"a: !!python/object:os.system ls", "1:4: the tag 'tag:yaml.org,2002:python/object", id="a tag"),
        pytest.param(b"a: !mine {}", "1:4: the tag '!mine' is not allowed", id="a tag of one's own"),
        pytest.param(b"a: !!int many", "1:4: 'many' is not of the type int", id="a wrong tag"),
        pytest.param(b"a: " + b"9" * 5000, "is not of the type int", id="a number of 5000 digits"),
        pytest.param(b"[" * 120, "1:101: nested deeper than 100 levels", id="deep in brackets"),
        pytest.param(b"- " * 120, "1:201: nested deeper than 100 levels", id="deep in dashes"),
        pytest.param(b"a: &a [*a]", "nested deeper than 100 levels", id="an alias of itself"),
        pytest.param(BOMB.encode(), "more than 100000 values, aliases counted in full", id="a billion laughs"),
    ],
)
def test_what_is_refused(content: bytes, said: str) -> None:
    _, problems = read_trees(content)
    assert any(said in str(each) for each in problems), problems


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"[" * MAX_BYTES, id="a megabyte of brackets"),
        pytest.param(b"{a: " * (MAX_BYTES // 4), id="a megabyte of braces"),
        pytest.param(b"- " * (MAX_BYTES // 2), id="a megabyte of dashes"),
        pytest.param(b"? " * (MAX_BYTES // 2), id="a megabyte of question marks"),
        pytest.param(b"&a " * (MAX_BYTES // 3), id="a megabyte of anchors"),
        pytest.param(b"<<: {a: b}\n" * (MAX_BYTES // 11), id="a megabyte of merges"),
        pytest.param(b"k: v\n" * (MAX_BYTES // 5), id="a megabyte of the same key"),
        pytest.param(b"".join(b"%06d: v\n" % n for n in range(100_000)), id="a megabyte of keys"),
    ],
)
def test_the_worst_text_takes_a_few_seconds_at_most(content: bytes) -> None:
    began = process_time()
    read_trees(content)
    assert process_time() - began < 10


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    trees, problems = read_trees(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert (trees[0].value, problems) == ({"a": 1, "b": 2}, [])


def test_a_repeated_value_is_short_and_printable() -> None:
    assert shown("x\n\x1b[2J\ud800" + "y" * 99).isprintable()
    assert len(shown("y" * 99)) < 70
