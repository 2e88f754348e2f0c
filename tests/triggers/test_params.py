"""What a trigger may say: aliases, values from the environment, trimming, and messages that tell all but secrets."""

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BeforeValidator, Field, SecretStr

from scaler.triggers.params import Names, Params, keys_of, read, unknown_keys
from scaler.triggers.values import Boolean, CommaList, Duration, Number, Whole


class Example(Params):
    """Something of every sort."""

    address: Annotated[str, Names("address", "addresses"), Field(description="Where.")]
    list_length: Annotated[Whole, Field(ge=1, le=100, description="How many.")] = 5
    ratio: Annotated[Number, Field(gt=0, description="How much.")] = 1.0
    strict: Annotated[Boolean, Field(description="Whether.")] = False
    wait: Annotated[Duration | None, Field(description="How long.")] = None
    topics: Annotated[CommaList, Field(description="Which.")] = ()
    policy: Annotated[Literal["latest", "earliest"], Field(description="From where.")] = "latest"
    password: Annotated[SecretStr | None, Field(min_length=3, max_length=40, description="Secret.")] = None

    def problems(self) -> Iterator[str]:
        """Forbid what does not go together."""
        if self.strict and self.wait is not None:
            yield f"'strict' and 'wait' do not go together at {self.address[:60]}"


OK = {"address": "here:1"}


def problems_of(**metadata: str) -> list[str]:
    params, problems = read(Example, metadata)
    assert (params is None) == bool(problems)
    return problems


def example(metadata: Mapping[str, str], defaults: Mapping[str, str] | None = None) -> Example:
    params, problems = read(Example, metadata, defaults)
    assert problems == []
    assert params is not None
    return params


@pytest.mark.parametrize(
    ("metadata", "address"),
    [
        pytest.param({"address": "a"}, "a", id="the first name"),
        pytest.param({"addresses": "b"}, "b", id="an alias"),
        pytest.param({"address": "a", "addresses": "b"}, "a", id="the first name before the alias"),
        pytest.param({"address": " ", "addresses": "b"}, "b", id="an empty first name is absent"),
        pytest.param({"addressFromEnv": "c"}, "c", id="from the environment"),
        pytest.param({"addressesFromEnv": "d"}, "d", id="an alias from the environment"),
        pytest.param({"address": "a", "addressFromEnv": "c"}, "a", id="the plain key before the environment"),
        pytest.param({"addresses": "b", "addressFromEnv": "c"}, "b", id="any plain key before any environment"),
        pytest.param({"address": "", "addressFromEnv": "c"}, "c", id="an empty plain key leaves it to the environment"),
        pytest.param({"address": " \t a\n"}, "a", id="a value is trimmed"),
    ],
)
def test_names(metadata: Mapping[str, str], address: str) -> None:
    assert example(metadata).address == address


@pytest.mark.parametrize(
    ("metadata", "address"),
    [
        pytest.param({}, "default", id="a default speaks where metadata is silent"),
        pytest.param({"address": ""}, "default", id="an empty value is silence"),
        pytest.param({"addresses": "b"}, "b", id="an alias in metadata beats a default of another name"),
        pytest.param({"addressFromEnv": "c"}, "c", id="the environment in metadata beats a plain default"),
    ],
)
def test_defaults_of_the_configuration(metadata: Mapping[str, str], address: str) -> None:
    assert example(metadata, {"address": "default"}).address == address


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
def test_an_empty_value_is_absent(text: str) -> None:
    assert example({**OK, "listLength": text, "password": text}).list_length == 5
    assert problems_of(address=text) == ["'address' is required"]


def test_every_problem_is_told_in_the_words_of_its_user() -> None:
    assert problems_of(listLength="0", ratio="x", strict="yes", wait="-1s", policy="first", addressFromEnv="") == [
        "'address' is required",
        "'listLength': '0' must be greater than or equal to 1",
        "'ratio': 'x' is not a number",
        "'strict': 'yes' is neither true nor false",
        "'wait': '-1s' is negative",
        "'policy': 'first' is not one of 'latest' or 'earliest'",
    ]


def test_a_rule_between_parameters_is_told_beside_a_bad_value() -> None:
    assert problems_of(**OK, strict="true", wait="1s", ratio="0") == [
        "'ratio': '0' must be greater than 0",
        "'strict' and 'wait' do not go together at here:1",
    ]


class Size(Enum):
    """How large."""

    SMALL = 1


class Demanding(Params):
    """Requires one of every sort."""

    text: Annotated[str, Field(min_length=1, description="d")]
    number: Annotated[Number, Field(gt=0, description="d")]
    whole: Annotated[Whole, Field(ge=5, description="d")]
    switch: Annotated[Boolean, Field(description="d")]
    wait: Annotated[Duration, Field(description="d")]
    maybe: Annotated[Whole | None, Names("perhaps"), Field(description="d")]
    items: Annotated[CommaList, Field(description="d")]
    choice: Annotated[Literal["x", "y"], Field(description="d")]
    size: Annotated[Size, Field(description="d")]
    secret: Annotated[SecretStr, Field(description="d")]

    def problems(self) -> Iterator[str]:
        """Tell what the rest is."""
        yield f"rest: {self.text} {self.whole}"


@pytest.mark.parametrize(
    ("metadata", "rest"),
    [({}, "rest: 1"), ({"text": "t", "whole": "many"}, "rest: t 1"), ({"whole": "7"}, "rest: 7")],
)
def test_a_rule_between_parameters_is_told_beside_required_ones_that_are_wrong(
    metadata: Mapping[str, str], rest: str
) -> None:
    _, problems = read(Demanding, metadata)
    assert len(problems) == 11 - sum(value != "many" for value in metadata.values())
    assert problems[-1] == rest


def test_a_required_parameter_of_a_foreign_type_leaves_out_the_rules_between_parameters() -> None:
    class Foreign(Params):
        """Has a type that nothing is known of."""

        where: Annotated[Path, Field(description="d")]

        def problems(self) -> Iterator[str]:
            yield "never"

    assert read(Foreign, {}) == (None, ["'where' is required"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("30", "'wait': '30' must be greater than or equal to 0.1s; without a unit it is milliseconds"),
        ("50ms", "'wait': '50ms' must be greater than or equal to 0.1s"),
        ("11m", "'wait': '11m' must be less than 600s"),
    ],
)
@pytest.mark.parametrize("optional", [False, True])
def test_a_bound_of_a_duration_has_a_unit(text: str, sentence: str, *, optional: bool) -> None:
    class Waiting(Params):
        """Waits."""

        wait: Annotated[Duration, Field(ge=0.1, lt=600, description="d")] = 1.0

    class Perhaps(Params):
        """Waits, or not."""

        wait: Annotated[Duration | None, Field(ge=0.1, lt=600, description="d")] = None

    assert read(Perhaps if optional else Waiting, {"wait": text}) == (None, [sentence])


def test_a_long_value_is_cut() -> None:
    (problem,) = problems_of(**OK, ratio="9x" * 10_000)
    assert len(problem) < 120


SECRET = "hunter2-canary"


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"password": SECRET * 4}, id="a secret parameter"),
        pytest.param({"passwordFromEnv": SECRET * 4}, id="a secret from the environment"),
        pytest.param({"ratioFromEnv": SECRET}, id="any value from the environment"),
        pytest.param({"policyFromEnv": SECRET}, id="an enumeration from the environment"),
        pytest.param({"waitFromEnv": SECRET}, id="a duration from the environment"),
    ],
)
def test_no_message_shows_a_secret(metadata: Mapping[str, str]) -> None:
    (problem,) = problems_of(**OK, **metadata)
    assert SECRET not in problem
    assert f"'{next(iter(metadata))}' (value not shown)" in problem


@pytest.mark.parametrize("secret", [SECRET, SECRET * 9])
def test_a_rule_between_parameters_shows_no_secret_either(secret: str) -> None:
    (problem,) = problems_of(addressFromEnv=secret, strict="true", wait="1s")
    assert problem == "'strict' and 'wait' do not go together at ***"


def test_a_value_with_a_login_is_repeated_without_it() -> None:
    assert problems_of(**OK, ratio=f"u:{SECRET}@h:1") == ["'ratio': '***@h:1' is not a number"]


def test_a_parser_that_repeats_an_item_gives_nothing_away_either() -> None:
    def complain(text: str) -> str:
        raise ValueError(f"{text.rsplit(',', maxsplit=1)[-1]} is not host:port")

    class Quoting(Params):
        """Repeats the last item of what it was given."""

        addresses: Annotated[str, BeforeValidator(complain), Field(description="Where.")] = ""

    _, (problem,) = read(Quoting, {"addressesFromEnv": f"here:1,{SECRET}"})
    assert problem == "'addressesFromEnv' (value not shown) is not acceptable"


def test_a_parser_that_repeats_the_value_gives_no_secret_away() -> None:
    def complain(text: str) -> str:
        raise ValueError(f"{text!r} is not host:port")

    class Quoting(Params):
        """Quotes what it was given."""

        address: Annotated[str, BeforeValidator(complain), Field(description="Where.")] = ""

    for secret in ("abc", SECRET, f"{SECRET}\x1b"):
        _, (problem,) = read(Quoting, {"addressFromEnv": secret})
        assert problem == "'addressFromEnv' (value not shown) is not acceptable"
    _, (problem,) = read(Quoting, {"address": "abc"})
    assert problem == "'address': 'abc' 'abc' is not host:port"


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        pytest.param("listLenght", "unknown key 'listLenght', did you mean 'listLength'?", id="two letters swapped"),
        pytest.param("listlength", "unknown key 'listlength', did you mean 'listLength'?", id="another case"),
        pytest.param("list-length", "unknown key 'list-length', did you mean 'listLength'?", id="another spelling"),
        pytest.param("adress", "unknown key 'adress', did you mean 'address'?", id="a letter missing"),
        pytest.param("passwrodFromEnv", "unknown key 'passwrodFromEnv', did you mean 'password'?", id="from env"),
        pytest.param("quux", "unknown key 'quux'", id="nothing like it"),
        pytest.param("evil\nkey", "unknown key 'evil\\nkey'", id="another line"),
    ],
)
def test_an_unknown_key_names_the_nearest(key: str, sentence: str) -> None:
    assert list(unknown_keys({**OK, key: SECRET}, set(keys_of(Example)))) == [sentence]


@pytest.mark.parametrize("key", ["address", "addresses", "addressFromEnv", "listLength", "listLengthFromEnv"])
def test_a_known_key_is_no_problem(key: str) -> None:
    assert list(unknown_keys({key: "x"}, set(keys_of(Example)))) == []


def test_of_many_unknown_keys_the_first_are_named_and_the_rest_counted() -> None:
    sentences = list(unknown_keys({f"quux{number:05}" * 50: "" for number in range(5_000)}, set(keys_of(Example))))
    assert len(sentences) == 21
    assert sentences[-1] == "and 4980 more unknown keys"
    assert sum(map(len, sentences)) < 4_000


def test_keys_of_names_what_is_read() -> None:
    assert keys_of(Example)[:4] == ("address", "addresses", "listLength", "ratio")


KEYS = st.sampled_from([*keys_of(Example), *(f"{key}FromEnv" for key in keys_of(Example))])


@given(st.dictionaries(KEYS, st.text()))
def test_any_metadata_gives_parameters_or_problems(metadata: dict[str, str]) -> None:
    params, problems = read(Example, metadata)
    assert (params is None) == bool(problems)
    assert all(problems)


@given(st.dictionaries(KEYS, st.from_regex(r"\A[!-~]{6,}\Z").map(lambda text: f"canary{text}")))
def test_no_problem_ever_shows_what_is_secret(metadata: dict[str, str]) -> None:
    _, problems = read(Example, metadata)
    for key, text in metadata.items():
        if key.endswith("FromEnv") or key == "password":
            told = [problem for problem in problems if text in problem]
            assert told == [] or any(text[:60] in other for name, other in metadata.items() if name != key)
