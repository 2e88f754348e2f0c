"""What ``--vary`` says: ``pool.size=0..10``, ``cooldownPeriod=30,60,300``, ``pollingInterval=5..30..5``.

A value is a whole number, a decimal one, or a word, for the scenario to understand. A range includes both ends, in
steps of 1 unless a third number says another one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product
from math import prod
from typing import Final

from scaler.errors import ConfigError

MOST: Final = 10_000
"""Combinations of one sweep."""
EXAMPLE: Final = "such as pool.size=0..10 or cooldownPeriod=30,60,300"

Value = int | float | str
Grid = Mapping[str, Sequence[Value]]
"""The values of each key, in the order they were named."""

_KEY: Final = re.compile(r"[A-Za-z][-A-Za-z0-9_]*(\.[A-Za-z0-9][-A-Za-z0-9_]*)*")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def read_grid(texts: Sequence[str]) -> Grid:
    """Read ``KEY=VALUES`` texts; raise ``ConfigError`` with everything that is wrong with any of them."""
    grid: dict[str, Sequence[Value]] = {}
    problems: list[str] = []
    for text in texts:
        key, equals, said = text.partition("=")
        if not equals or _KEY.fullmatch(key) is None:
            problems.append(f"'{text}' is not KEY=VALUES, {EXAMPLE}")
        elif key in grid:
            problems.append(f"'{key}' is named twice: put its values together, as in {key}=1,2,5..9")
        else:
            grid[key] = _values(key, said, problems)
    if not problems and (count := prod(map(len, grid.values()))) > MOST:
        problems.append(f"{count} combinations are more than {MOST}: vary less, or in larger steps")
    if problems:
        raise ConfigError(problems)
    return grid


def combinations(grid: Grid) -> Iterator[Mapping[str, Value]]:
    """Yield every combination, the last key changing fastest; without keys the one that changes nothing."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _values(key: str, said: str, problems: list[str]) -> Sequence[Value]:
    values: list[Value] = []
    for part in said.split(","):
        try:
            values += _range(part) if ".." in part else [_value(part)]
        except ValueError as error:
            problems.append(f"{key}: '{part}' {error}")
    again = sorted({str(each) for each in values if values.count(each) > 1})
    problems += [f"{key}: {each} is named twice" for each in again]
    return values


def _value(part: str) -> Value:
    if not part.strip():
        raise ValueError(f"is no value, {EXAMPLE}")
    return _number(part) if _NUMBER.fullmatch(part) else part


def _number(part: str) -> int | float:
    return float(part) if "." in part else int(part)


def _range(part: str) -> list[Value]:
    """Return the values of a range; a step that does not meet the end stops before it."""
    ends = part.split("..")
    if len(ends) not in {2, 3} or not all(map(_NUMBER.fullmatch, ends)):
        raise ValueError("is not a range such as 0..10 or 0..100..10")
    # Decimals, so that 0..1..0.1 has eleven values and none is 0.30000000000000004.
    first, last, step = Decimal(ends[0]), Decimal(ends[1]), Decimal(ends[2] if len(ends) > 2 else 1)  # noqa: PLR2004
    if step <= 0:
        raise ValueError("has no step above 0")
    if last < first:
        raise ValueError(f"falls: write {ends[1]}..{ends[0]}")
    count = int((last - first) // step) + 1
    if count > MOST:
        raise ValueError(f"has {count} values, more than {MOST}")
    return [_number(f"{first + number * step:f}") for number in range(count)]
