"""Any metadata, for every installed kind: understood, or refused with reasons, in no time and without a secret."""

from collections.abc import Mapping
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from scaler.errors import ConfigError
from scaler.probes.registry import installed
from scaler.triggers.metadata import Common, Defaults, understand
from scaler.triggers.params import keys_of, secret_keys_of

KINDS = installed().kinds
CANARY = "canary-4711-"

WORDS = st.sampled_from(
    [
        *("0", "1", "5", "-1", "1.5", "1e3", "1e400", "NaN", "true", "false", "yes", "latest", "earliest", "5m", "-5s"),
        *(
            "localhost:6379",
            "10.0.0.1:9092,10.0.0.2:9092",
            "[::1]:1",
            "nats://u:p@h:4222",
            "http://x/y?z",
            "Europe/Berlin",
        ),
        *(
            "* * * * *",
            "0 8 * * 1-5",
            "a,b,,c",
            "1-5,7",
            "k=v,k2=v2",
            "[",
            "{",
            "\x00",
            "\n",
            "\u0665",
            "%s%n",
            "../../etc",
        ),
        *("-----BEGIN CERTIFICATE-----", "9" * 400, "x" * 2000, "(" * 500, "a" * 64 + "!", "\U0001f40c" * 100),
    ]
)
VALUES = st.one_of(WORDS, st.text(max_size=40), st.from_regex(r"[0-9a-z.:,/=*-]{1,30}", fullmatch=True))


def keys(kind: str) -> st.SearchStrategy[str]:
    known = [*keys_of(KINDS[kind].params), *keys_of(Common)]
    return st.one_of(
        st.sampled_from(known), st.sampled_from(known).map(lambda key: f"{key}FromEnv"), st.text(max_size=12)
    )


def sentences(kind: str, metadata: Mapping[str, str]) -> str:
    """Understand it, and return what was wrong, or nothing."""
    said = {**metadata, "kind": kind}
    began = process_time()
    try:
        trigger = understand("shop", "orders", said, KINDS, Defaults())
    except ConfigError as error:
        return str(error)
    finally:
        assert process_time() - began < 0.5
    assert trigger == understand("shop", "orders", said, KINDS, Defaults())
    assert hash((trigger.ask.source, trigger.ask.query, trigger.rules)) is not None
    assert trigger.ask.metric.target >= 0.001
    assert trigger.ask.metric.name
    return ""


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=100)
@given(data=st.data())
def test_any_metadata_is_understood_or_refused_with_reasons(kind: str, data: st.DataObject) -> None:
    sentences(kind, data.draw(st.dictionaries(keys(kind), VALUES, max_size=25)))


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=60)
@given(data=st.data())
def test_no_refusal_shows_a_secret(kind: str, data: st.DataObject) -> None:
    params = KINDS[kind].params
    secret = st.sampled_from([*secret_keys_of(params), *(f"{key}FromEnv" for key in keys_of(params))])
    values = st.one_of(WORDS, st.text(max_size=20)).map(lambda text: CANARY + text)
    hidden = data.draw(st.dictionaries(secret, values, max_size=8))
    plain = data.draw(st.dictionaries(keys(kind), VALUES, max_size=8))
    assert CANARY not in sentences(kind, {**plain, **hidden})


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=30)
@given(text=st.text(max_size=2000))
def test_one_strange_value_for_every_key_is_read_in_no_time(kind: str, text: str) -> None:
    sentences(kind, dict.fromkeys(keys_of(KINDS[kind].params), text))


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(
    "text", ["[", "9", "0", ".", "a,", "(", "*", " ", "1-", "=", "%", "\u0130", "\\", "1s", "* ", "0/"]
)
def test_the_longest_values_are_read_in_no_time(kind: str, text: str) -> None:
    for key in keys_of(KINDS[kind].params):
        sentences(kind, {key: text * (30_000 // len(text))})


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_carries_a_secret_keeps_it_out_of_its_own_words(kind: str) -> None:
    params = KINDS[kind].params
    for name, field in params.model_fields.items():
        if SecretStr in {field.annotation, *getattr(field.annotation, "__args__", ())}:
            hidden: dict[str, Any] = {name: SecretStr(CANARY)}
            built = params.model_construct(**hidden)
            assert CANARY not in f"{built!r}{built}"
