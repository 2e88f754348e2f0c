"""KEDA's rules for reading a text value (keda 2.21, pkg/scalers/scalersconfig): trimmed, and an empty text is absent.

Numbers are read as JSON, so ``5.0``, ``1e3``, ``+5`` and ``05`` are no whole numbers; booleans are exactly Go's words;
durations are Go's, or a bare whole number of milliseconds; lists are split on commas and trimmed.
"""

import re
from collections.abc import Callable
from math import isfinite
from typing import Annotated, Final, TypeVar, get_args

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

V = TypeVar("V")

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_MILLISECONDS: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_GO_PART: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)", re.ASCII)
_GO_DURATION: Final = re.compile(f"(?:{_GO_PART.pattern})+", re.ASCII)
_MICRO: Final = dict.fromkeys(("us", "\u00b5s", "\u03bcs"), 1e-6)  # the micro sign, and the Greek letter
_SECONDS: Final = {"ns": 1e-9, **_MICRO, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_INT64: Final = range(-(2**63), 2**63)
_LONGEST: Final = (2**63 - 1) / 1e9  # s: Go counts durations in nanoseconds


def _from_text(parse: Callable[[str], V]) -> BeforeValidator:
    """Apply ``parse`` to texts and let values of code (defaults, tests) pass."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def whole(text: str) -> int:
    """Read a whole number that fits 64 bits."""
    if not _WHOLE.fullmatch(text) or int(text) not in _INT64:
        msg = "is not a whole number"
        raise ValueError(msg)
    return int(text)


def number(text: str) -> float:
    """Read a finite number."""
    if not _NUMBER.fullmatch(text) or not isfinite(float(text)):
        msg = "is not a number"
        raise ValueError(msg)
    return float(text)


def boolean(text: str) -> bool:
    """Read one of Go's words for true and false."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    msg = "is neither true nor false"
    raise ValueError(msg)


def duration(text: str) -> float:
    """Read ``1m30s``, ``250ms`` or a bare number of milliseconds, as seconds; never negative."""
    seconds = int(text) / 1000 if _MILLISECONDS.fullmatch(text) else _go_duration(text)
    if not 0 <= seconds <= _LONGEST:
        msg = "is negative" if seconds < 0 else "is longer than 292 years"
        raise ValueError(msg)
    return seconds


def has_unit(text: str) -> bool:
    """Tell whether a duration is more than a bare number, which means milliseconds."""
    return not _MILLISECONDS.fullmatch(text)


def spelled(seconds: float) -> str:
    """Write a duration so that :func:`duration` reads it."""
    return f"{seconds:.12g}s"


def _go_duration(text: str) -> float:
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if not _GO_DURATION.fullmatch(rest):  # a search for parts in thousands of digits would take seconds
        msg = "is not a duration such as 30s, 1m30s or 500ms"
        raise ValueError(msg)
    return sign * sum(float(part.group().removesuffix(part[1])) * _SECONDS[part[1]] for part in _GO_PART.finditer(rest))


def comma_list(text: str) -> tuple[str, ...]:
    """Split on commas and trim each item."""
    return tuple(item.strip() for item in text.split(","))


def key_values(text: str) -> tuple[tuple[str, str], ...]:
    """Read ``k=v,k2=v2``; every item has exactly one ``=``, and both sides are trimmed."""
    pairs = tuple(tuple(side.strip() for side in item.split("=")) for item in text.split(","))
    if any(len(pair) != len(("key", "value")) for pair in pairs):
        msg = "is not a list such as key=value,key2=value2"
        raise ValueError(msg)
    return tuple((pair[0], pair[1]) for pair in pairs)


class _Spelled:
    """Says in a JSON Schema that a duration is written as a text; its bounds, in seconds, stay."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "type": "string", "format": "go-duration"}


Whole = Annotated[int, _from_text(whole)]
Number = Annotated[float, _from_text(number)]
Boolean = Annotated[bool, _from_text(boolean)]
Duration = Annotated[float, _from_text(duration), _Spelled()]
CommaList = Annotated[tuple[str, ...], _from_text(comma_list)]
KeyValues = Annotated[tuple[tuple[str, str], ...], _from_text(key_values)]


def is_duration(field: FieldInfo) -> bool:
    """Tell whether a field holds a :data:`Duration`, or one or nothing."""
    marks = (
        *field.metadata,
        *(mark for part in get_args(field.annotation) for mark in getattr(part, "__metadata__", ())),
    )
    return any(isinstance(mark, _Spelled) for mark in marks)
