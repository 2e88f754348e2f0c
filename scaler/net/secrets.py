"""Keeping secrets in: what leaves the process in a log, an error or a page goes through here first."""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Final
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

_USERINFO: Final = re.compile(r"(?<=://)[^\s\"'<>]*@")
MASK: Final = "***"


def secrets_of(value: object) -> Iterator[str]:
    """Yield every secret text inside a record, at any depth."""
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case tuple() | list() | frozenset():
            for item in value:
                yield from secrets_of(item)
        case _ if is_dataclass(value) and not isinstance(value, type):
            for field in fields(value):
                yield from secrets_of(getattr(value, field.name))
        case _:
            pass


def without_login(address: str) -> str:
    """Return ``address`` for a message, without what stands before its last ``@``, with or without a scheme."""
    _, at, rest = address.rpartition("@")
    return f"{MASK}@{rest}" if at else rest


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` on one line, without any of ``secrets``, however spelt, and without the logins of URLs."""
    for form in sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True):
        text = text.replace(form, MASK)
    return " ".join(_USERINFO.sub(f"{MASK}@", text).split())


def _forms(secret: str) -> Iterator[str]:
    """Yield the ways in which libraries spell a secret that they were given: in URLs, headers and quoted."""
    if secret:
        yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
        yield from (repr(secret)[1:-1], base64.b64encode(secret.encode()).decode())
