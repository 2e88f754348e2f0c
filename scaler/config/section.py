"""What the sections of the document share: exact types, durations with a unit, and names."""

import re
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

from scaler.triggers.values import duration

POOL_NAME: Final = r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?"
"""A name that can be the value of a label, too: pods of a pool say theirs."""

_NAME: Final = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_FILE: Final = r"[A-Za-z0-9_-][-A-Za-z0-9._]{0,252}"


class Section(BaseModel):
    """A part of the document: camelCase keys, exact types, and nothing unknown."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=to_camel)


SPAN: Final = WithJsonSchema(
    {"type": "string", "format": "go-duration", "pattern": r"^([0-9]+(\.[0-9]*)?(ns|us|ms|s|m|h))+$"}
)


def span(lowest: str, highest: str) -> BeforeValidator:
    """Read a duration with its unit, between two of them; a bare number could be meant in any unit."""

    def read(value: object) -> float:
        if not isinstance(value, str) or value[-1:].isdigit():
            raise ValueError("needs a unit, such as 500ms, 30s or 10m")
        seconds = duration(value)
        if not duration(lowest) <= seconds <= duration(highest):
            raise ValueError(f"must be {lowest} to {highest}")
        return seconds

    return BeforeValidator(read)


def checked(check: Callable[[str], object]) -> BeforeValidator:
    """Refuse a text for which ``check`` raises ``ValueError``."""

    def read(value: object) -> object:
        if isinstance(value, str):
            check(value)
        return value

    return BeforeValidator(read)


def _fits(pattern: str, said: str) -> Callable[[str], object]:
    whole = re.compile(pattern, re.ASCII)

    def check(value: str) -> None:
        if whole.fullmatch(value) is None:
            raise ValueError(said)

    return check


Name = Annotated[
    str, checked(_fits(_NAME, "is not the name of a Kubernetes object: lower-case letters, digits, '-' and '.'"))
]
PoolName = Annotated[
    str,
    checked(
        _fits(POOL_NAME, "is not the name of a pool, a label of its pods: 1 to 63 lower-case letters, digits, '-', '.'")
    ),
]
FileName = Annotated[
    str, checked(_fits(_FILE, "is not the name of a file or a key: letters, digits, '-', '_' and '.', no path"))
]
Glob = Annotated[str, checked(_fits(r"[-a-z0-9*?]{1,253}", "is not a namespace or a glob of one, such as team-*"))]
