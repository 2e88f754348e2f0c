import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.probes.nats_jetstream.subjects import Reach, audible, meet, reach

TOKENS = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=4)
PATTERNS = st.builds(lambda tokens, tail: ".".join([*tokens, *tail]), TOKENS, st.sampled_from([[], [">"]]))
SUBJECTS = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=6).map(".".join)


def matches(pattern: str, subject: str) -> bool:
    """Say it as NATS does, by a regular expression."""
    parts = {"*": r"[^.]+", ">": r".+"}
    return re.fullmatch(r"\.".join(parts.get(token, token) for token in pattern.split(".")), subject) is not None


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("orders.>", "orders.eu.*", "orders.eu.*"),
        ("orders.*", "orders.>", "orders.*"),
        ("*.eu", "orders.*", "orders.eu"),
        ("orders", "orders", "orders"),
        ("orders", "orders.>", None),
        ("orders.eu", "orders.us", None),
        ("a.*", "a.b.c", None),
        (">", "a.b", "a.b"),
    ],
)
def test_where_two_subjects_meet(one: str, other: str, both: str | None) -> None:
    assert meet(one, other) == both
    assert meet(other, one) == both


@given(PATTERNS, PATTERNS, SUBJECTS)
def test_what_both_match_the_meeting_matches_and_nothing_else(one: str, other: str, subject: str) -> None:
    both = meet(one, other)
    assert (matches(one, subject) and matches(other, subject)) == (both is not None and matches(both, subject))


@pytest.mark.parametrize(
    ("stream", "consumer", "found"),
    [
        pytest.param({"subjects": ["o.>"]}, {}, Reach(frozenset({"o.>"}), whole=True), id="no filter, all subjects"),
        pytest.param(
            {"subjects": ["o.>", "p"]},
            {"filter_subject": "o.eu"},
            Reach(frozenset({"o.eu"}), whole=True),
            id="a filter narrows",
        ),
        pytest.param(
            {"subjects": ["o.*"]},
            {"filter_subjects": ["o.eu", "o.us", "x.>"]},
            Reach(frozenset({"o.eu", "o.us"}), whole=True),
            id="several filters, one of them of nothing",
        ),
        pytest.param(
            {"mirror": {"name": "OTHER"}},
            {},
            Reach(frozenset(), whole=False),
            id="a mirror is filled by another stream",
        ),
        pytest.param(
            {"subjects": ["o"], "sources": [{"name": "OTHER"}]},
            {},
            Reach(frozenset({"o"}), whole=False),
            id="sources feed it, too",
        ),
        pytest.param(
            {"subjects": ["o"], "allow_msg_schedules": True},
            {},
            Reach(frozenset({"o"}), whole=False),
            id="schedules feed it by themselves",
        ),
        pytest.param(
            {"subjects": ["o.*"], "subject_transform": {"src": "o.*", "dest": "p.{{wildcard(1)}}"}},
            {"filter_subject": "p.eu"},
            Reach(frozenset({"o.*"}), whole=True),
            id="filters are about transformed subjects",
        ),
        pytest.param({"subjects": None}, {}, Reach(frozenset(), whole=True), id="no subjects"),
    ],
)
def test_the_reach_of_a_consumer(stream: dict[str, object], consumer: dict[str, object], found: Reach) -> None:
    assert reach({"config": stream}, {"config": consumer}) == found


def test_a_stream_that_says_nothing_of_itself_is_not_covered() -> None:
    assert reach({}, {}) == Reach(frozenset(), whole=False)


def test_our_own_traffic_is_not_listened_to() -> None:
    own = ("_INBOX.>", "$JS.API.>")
    assert audible(Reach(frozenset({">"}), whole=True), own) == Reach(frozenset(), whole=False)
    assert audible(Reach(frozenset({"*.>", "o"}), whole=True), own) == Reach(frozenset({"o"}), whole=False)
    assert audible(Reach(frozenset({"$KV.b.>"}), whole=True), own) == Reach(frozenset({"$KV.b.>"}), whole=True)
