"""Keeping secrets in: what leaves the process in a log, an error or a page goes through here first."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Final

from pydantic import SecretStr

_USERINFO: Final = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")
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


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """Return ``text`` on one line, without any of ``secrets`` and without user names and passwords of URLs."""
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret, MASK)
    return " ".join(_USERINFO.sub(f"{MASK}@", text).split())
