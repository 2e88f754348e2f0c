"""What leaves the process shows no secret, however a library spells it."""

import base64
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from scaler.net.secrets import MASK, redacted, secrets_of

SECRET = "p@ss w\u00f6rd/'4711"


@pytest.mark.parametrize(
    "spelt",
    [
        pytest.param(SECRET, id="as it is"),
        pytest.param(quote(SECRET), id="in the path of a URL"),
        pytest.param(quote(SECRET, safe=""), id="in the login of a URL"),
        pytest.param(quote_plus(SECRET), id="in a form"),
        pytest.param(repr(SECRET), id="quoted by Python"),
        pytest.param(base64.b64encode(SECRET.encode()).decode(), id="in a header"),
    ],
)
def test_a_secret_is_masked_however_it_is_spelt(spelt: str) -> None:
    said = redacted(f"cannot log in with {spelt} today", [SECRET])
    assert "4711" not in said
    assert MASK in said
    assert said.endswith("today")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("redis://user:pass@host:6379/0", "redis://***@host:6379/0"),
        ("redis://:pass@host:6379", "redis://***@host:6379"),
        ("redis://token@host", "redis://***@host"),
        ("redis://u:p@ss@host", "redis://***@host"),
        ("redis://u:pa/ss@host", "redis://***@host"),
        ("'nats://u:p@a:1' and 'nats://v:q@b:2'", "'nats://***@a:1' and 'nats://***@b:2'"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("mail to me@example.org", "mail to me@example.org"),
        ("two\nlines\tand   spaces", "two lines and spaces"),
    ],
)
def test_the_login_of_a_url_is_masked(text: str, said: str) -> None:
    assert redacted(text) == said


def test_the_longer_secret_is_masked_first() -> None:
    assert redacted("abcdef", ["abc", "abcdef"]) == MASK


def test_an_empty_secret_masks_nothing() -> None:
    assert redacted("fine", [""]) == "fine"


@dataclass(frozen=True)
class Login:
    """A record with secrets at several depths."""

    user: str
    password: SecretStr
    more: tuple[object, ...] = ()


def test_secrets_are_found_at_any_depth() -> None:
    inner = Login("b", SecretStr("two"), (SecretStr("three"), [frozenset({SecretStr("four")})]))
    assert list(secrets_of(Login("a", SecretStr("one"), (inner, "not secret", 5)))) == ["one", "two", "three", "four"]


def test_a_class_is_no_record() -> None:
    assert list(secrets_of(Login)) == []


@given(st.text(min_size=6).filter(lambda text: text == " ".join(text.split())), st.text(), st.text())
def test_no_text_keeps_a_secret(secret: str, before: str, after: str) -> None:
    assert secret not in redacted(f"{before}{secret}{after}", [secret]) or secret in f"{before}{MASK}{after}"
