"""A parameter's documentation is told by its model."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, SecretStr

from scaler.triggers.metadata import Common
from scaler.triggers.parameters import Parameter, parameters
from scaler.triggers.params import Names, Params, misread, secret_keys_of
from scaler.triggers.values import CommaList, Duration, Number, Whole


class Size(StrEnum):
    """How large."""

    SMALL = "small"
    LARGE = "large"


class Foreign:
    """A type that pydantic knows nothing of."""


class Everything(Params):
    """One of every sort."""

    must: Annotated[str, Field(description="Has to\n   be there.")]
    whole: Annotated[Whole, Field(ge=1, le=9, description="d")] = 1_000_000
    maybe: Annotated[Number | None, Field(gt=0, lt=1, description="d")] = None
    wait: Annotated[Duration, Field(ge=0.1, description="d")] = 1.5
    listed: Annotated[CommaList, Names("list", "lists"), Field(description="d")] = ("a", "b")
    choice: Annotated[Literal["x", "y"] | None, Field(description="d")] = None
    size: Annotated[Size, Field(description="d")] = Size.SMALL
    hush: Annotated[SecretStr | None, Field(description="d")] = None
    odd: Annotated[Foreign | None, PlainValidator(lambda value: value), Field(description="d")] = None
    spans: Annotated[tuple[tuple[int, int], ...], BeforeValidator(lambda value: value), Field(description="d")] = ()


FOUND = {each.keys[0]: each for each in parameters(Everything)}


def test_the_form_of_every_sort_is_told_in_words() -> None:
    assert {key: each.form for key, each in FOUND.items()} == {
        "must": "text",
        "whole": "whole number, at least 1, at most 9",
        "maybe": "number, more than 0, less than 1",
        "wait": "duration, at least 0.1s",
        "list": "list",
        "choice": "x | y",
        "size": "small | large",
        "hush": "secret text",
        "odd": "text",
        "spans": "list",
    }


def test_defaults_are_written_as_metadata_would_say_them() -> None:
    assert {key: each.default for key, each in FOUND.items() if each.default} == {
        "whole": "1000000",
        "wait": "1.5s",
        "list": "a,b",
        "size": "small",
    }


def test_the_rest_is_as_declared() -> None:
    assert FOUND["must"] == Parameter(
        keys=("must",), form="text", default=None, required=True, choices=(), description="Has to be there."
    )
    assert FOUND["list"].keys == ("list", "lists")
    assert FOUND["size"].choices == ("small", "large")


def test_secret_keys_are_known_by_their_type() -> None:
    assert secret_keys_of(Everything) == ("hush",)


def test_values_are_judged_without_what_is_missing() -> None:
    found = dict(misread(Everything, {"whole": "10", "lists": "", "wait": "soon", "choice": "x", "hush": "z"}))
    assert found == {
        "whole": "'whole': '10' must be less than or equal to 9",
        "wait": "'wait': 'soon' is not a duration such as 30s, 1m30s or 500ms",
    }


def test_what_every_kind_knows_is_told_as_it_is() -> None:
    common = {each.keys[0]: each for each in parameters(Common)}
    assert common["kind"].required
    assert common["interval"].default == "2s"
    assert [key for key, each in common.items() if "no effect" in each.description] == []
    assert common["onUnknown"].choices == ("freeze", "error")
