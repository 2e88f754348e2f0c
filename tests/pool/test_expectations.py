"""What is under way counts for exactly as long as it is."""

import pytest

from scaler.pool.expectations import Expectations
from scaler.pool.view import Stage


def test_what_is_under_way_is_known_until_it_is_done() -> None:
    expected = Expectations()
    with expected.creation("a"), expected.change("u", Stage.BRIDGED), expected.deletion("v"):
        assert expected.creating == {"a"}
        assert expected.changing == {"u": Stage.BRIDGED}
        assert expected.deleting == {"v"}
    assert (expected.creating, dict(expected.changing), expected.deleting) == (frozenset(), {}, frozenset())


def test_also_when_it_fails() -> None:
    expected = Expectations()
    with pytest.raises(ValueError, match="lost"), expected.creation("a"), expected.deletion("v"):
        raise ValueError("lost")
    assert (expected.creating, expected.deleting) == (frozenset(), frozenset())
