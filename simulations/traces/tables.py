"""Rows as columns, some thousands at a time, because a column is converted twenty times as fast as its cells."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

import numpy as np

from scaler.config.text import shown
from simulations.traces import parquet
from simulations.traces.ledger import Ledger
from simulations.traces.source import Shape, Source, cells, delimiter
from simulations.traces.text import blocks
from simulations.workload.rates import Floats

Numbered = list[tuple[int, str]]

_NOTHING: Final = frozenset({"", "nan", "null"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows as columns of equal lengths, in the order of the header; ``lines`` are the numbers of their lines."""

    lines: Sequence[int]
    columns: Sequence[Sequence[str]]


def rows(source: Source, ledger: Ledger, *, header: bool = True) -> Iterator[Rows]:
    """Yield the rows of a file that can be parted into its columns; the others go to the ledger.

    Blank lines are no rows; the first line is none where it is a ``header``.
    """
    match source.shape:
        case Shape.PARQUET:
            yield from _of_parquet(source, ledger)
        case Shape.LINES:
            yield from _of_lines(source, ledger, _of_objects(source.header))
        case _:
            yield from _of_csv(source, ledger, header=header)


def _of_parquet(source: Source, ledger: Ledger) -> Iterator[Rows]:
    for columns in parquet.columns(source.path):
        first = ledger.rows + 1
        ledger.rows += len(columns[0])
        yield Rows(lines=range(first, ledger.rows + 1), columns=columns)


def _of_csv(source: Source, ledger: Ledger, *, header: bool) -> Iterator[Rows]:
    parted = ""

    def part(line: str) -> Sequence[str]:
        nonlocal parted
        parted = parted or delimiter(line)
        row = line.split(parted) if '"' not in line else cells(line, parted)
        if len(row) != len(source.header):
            raise ValueError(f"has {len(row)} columns instead of {len(source.header)}: {shown(line)}")
        return row

    yield from _of_lines(source, ledger, part, skipped=header)


def _of_objects(keys: Sequence[str]) -> Callable[[str], Sequence[str]]:
    def part(line: str) -> Sequence[str]:
        try:
            # Numbers stay as they are written: no digit of a timestamp is lost on the way.
            row = json.loads(line, parse_int=str, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"is not an object: {shown(line)}")  # noqa: TRY004 - said of the row
        return [value if isinstance(value := row.get(key, ""), str) else _told(value) for key in keys]

    return part


def _told(value: object) -> str:
    return "" if value is None else str(value)


def _of_lines(
    source: Source, ledger: Ledger, part: Callable[[str], Sequence[str]], *, skipped: bool = False
) -> Iterator[Rows]:
    for block in blocks(source.path):
        numbered = [(n, line) for n, line in enumerate(block.lines, block.first) if line and not line.isspace()]
        if skipped and numbered:
            part(numbered[0][1])
            numbered, skipped = numbered[1:], False
        found = _parted(numbered, ledger, part)
        if found.lines:
            yield found


def _parted(numbered: Numbered, ledger: Ledger, part: Callable[[str], Sequence[str]]) -> Rows:
    ledger.rows += len(numbered)
    lines, kept = [], []
    for number, line in numbered:
        try:
            kept.append(part(line))
        except ValueError as error:
            ledger.refuse(number, str(error))
        else:
            lines.append(number)
    return Rows(lines=lines, columns=list(zip(*kept, strict=True)))


def numbers(texts: Sequence[str]) -> Floats:
    """Return a column as numbers, NaN where a cell is none."""
    try:
        return np.array(list(map(float, texts)))
    except ValueError:
        return np.array([_number(text, float("nan")) for text in texts])


def sparse(texts: Sequence[str]) -> Floats:
    """Return a column as numbers, 0 where a cell is empty or NaN, and NaN where it is something else."""
    try:
        found = np.array(list(map(float, [text or "nan" for text in texts])))
    except ValueError:
        return np.array([_number(text, 0.0 if text.strip().casefold() in _NOTHING else np.nan) for text in texts])
    found[np.isnan(found)] = 0.0
    return found


def _number(text: str, otherwise: float) -> float:
    try:
        value = float(text)
    except ValueError:
        return otherwise
    return otherwise if isnan(value) else value
