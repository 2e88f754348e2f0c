"""The options of a sizer or an overlay: numbers by the name that its makers gave them, read into a record."""

from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from math import isfinite
from typing import Any, TypeVar

from scaler.errors import ConfigError

Options = Mapping[str, float]
"""Numbers by name."""

_Rules = TypeVar("_Rules")


def camel(name: str) -> str:
    """Return ``minCount`` for ``min_count``."""
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)


def read(rules: type[_Rules], options: Options, about: str) -> _Rules:
    """Return the record ``rules``, a dataclass of numbers with defaults, with what ``options`` say in camelCase.

    Raises ``ConfigError`` with every unknown name, and every value that is negative or no number, or a fraction where
    the record has an ``int``.
    """
    known = {camel(each.name): each for each in fields(rules)}  # type: ignore[arg-type] # any dataclass
    whole = {name for name, each in known.items() if each.type is int}
    problems = [_unknown(name, list(known)) for name in options if name not in known]
    for name, value in options.items():
        if not (isfinite(value) and value >= 0.0):
            problems.append(f"'{name}' is {value}, it must be a number of at least 0")
        elif name in whole and value != int(value):
            problems.append(f"'{name}' is {value}, it must be a whole number")
    if problems:
        raise ConfigError(problems, about=about)
    said: dict[str, Any] = {known[name].name: int(value) if name in whole else value for name, value in options.items()}
    return rules(**said)


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known) or 'none'}"
    return f"unknown option '{name}', {hint}"
