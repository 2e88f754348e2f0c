"""What a pool may be called: its pods say it in a label."""

import re

import pytest

from scaler.config.reading import examine
from scaler.config.schema import schema
from tests.config.kinds import KINDS

LONGEST = 63
PATTERN = schema(KINDS)["properties"]["pools"]["propertyNames"]["pattern"]


def problems(name: str) -> list[str]:
    """Return what is wrong with a configuration whose pool is called so."""
    text = f"version: 1\npools: {{'{name}': {{functions: {{namespace: shop, deployment: jar}}}}}}"
    return [str(each) for each in examine(text.encode(), KINDS)[1]]


@pytest.mark.parametrize("name", ["a", "7", "a.b-c", "p" * LONGEST])
def test_a_name_that_a_label_can_hold_is_taken(name: str) -> None:
    assert problems(name) == []
    assert re.search(PATTERN, name)


@pytest.mark.parametrize("name", ["", "Jars", "a_b", "-a", "a-", "a.", "a/b", "p" * (LONGEST + 1)])
def test_any_other_is_refused_with_what_is_right(name: str) -> None:
    (said,) = problems(name)
    assert "is not the name of a pool, a label of its pods: 1 to 63 lower-case letters, digits, '-', '.'" in said
    assert not re.search(PATTERN, name)
