"""Rows as columns, some thousands at a time, because a column is converted twenty times as fast as its cells."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from math import isnan
from typing import Final, Protocol

import numpy as np

from scaler.config.text import shown
from simulations.traces import parquet
from simulations.traces.ledger import Ledger, Mask
from simulations.traces.source import Shape, Source, cells
from simulations.traces.text import blocks
from simulations.workload.rates import Floats

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
    ledger.begin(source.path.name)
    match source.shape:
        case Shape.PARQUET:
            yield from _of_parquet(source, ledger)
        case Shape.LINES:
            yield from _of_lines(_lines(source, skip=False), _Objects(source.header), ledger)
        case _:
            yield from _of_lines(_lines(source, skip=header), _Cells(len(source.header), source.parted), ledger)


def _of_parquet(source: Source, ledger: Ledger) -> Iterator[Rows]:
    first = 1
    for columns in parquet.columns(source.path):
        after = first + len(columns[0])
        ledger.rows += len(columns[0])
        yield Rows(lines=range(first, after), columns=columns)
        first = after


def _lines(source: Source, *, skip: bool) -> Iterator[tuple[Sequence[int], list[str]]]:
    """Yield lines that are not blank with their numbers, perhaps without the first."""
    for block in blocks(source.path):
        lines = block.lines
        numbers: Sequence[int] = range(block.first, block.first + len(lines))
        if "" in lines or any(map(str.isspace, lines)):
            rows = [bool(line) and not line.isspace() for line in lines]
            lines, numbers = list(compress(lines, rows)), list(compress(numbers, rows))
        if skip and lines:
            lines, numbers, skip = lines[1:], numbers[1:], False
        if lines:
            yield numbers, lines


class _Parts(Protocol):
    """How lines are parted into cells."""

    def columns(self, lines: list[str]) -> list[list[str]] | None:
        """Return the columns of lines without a fault, all at once, and ``None`` where one has any."""
        ...

    def row(self, line: str) -> Sequence[str]:
        """Return the cells of one line; raise ``ValueError`` with what is wrong with it."""
        ...


def _of_lines(found: Iterable[tuple[Sequence[int], list[str]]], parts: _Parts, ledger: Ledger) -> Iterator[Rows]:
    for numbers, lines in found:
        ledger.rows += len(lines)
        columns = parts.columns(lines)
        block = _one_by_one(numbers, lines, parts, ledger) if columns is None else Rows(lines=numbers, columns=columns)
        if block.lines:
            yield block


def _one_by_one(numbers: Sequence[int], lines: list[str], parts: _Parts, ledger: Ledger) -> Rows:
    fit, kept = [], []
    for number, line in zip(numbers, lines, strict=True):
        try:
            kept.append(parts.row(line))
        except ValueError as error:
            ledger.refuse(number, str(error))
        else:
            fit.append(number)
    return Rows(lines=fit, columns=list(zip(*kept, strict=True)))


class _Cells:
    """CSV: as many cells as the first line has, parted by what parts it."""

    def __init__(self, width: int, parted: str) -> None:
        self._width, self._parted = width, parted

    def columns(self, lines: list[str]) -> list[list[str]] | None:
        """Return the columns of lines that have a cell for each with nothing to strip from it, else ``None``."""
        joined = self._parted.join(lines)
        if f" {self._parted}" in joined or f"{self._parted} " in joined or joined != joined.strip(" "):
            return None
        if '"' in joined:
            return self._quoted(lines)
        if {line.count(self._parted) for line in lines} != {self._width - 1}:
            return None
        flat = joined.split(self._parted)
        return [flat[place :: self._width] for place in range(self._width)]

    def _quoted(self, lines: list[str]) -> list[list[str]] | None:
        try:
            rows = list(csv.reader(lines, delimiter=self._parted, strict=True))
        except csv.Error:
            return None
        whole = len(rows) == len(lines) and {len(row) for row in rows} == {self._width}
        return [list(column) for column in zip(*rows, strict=True)] if whole else None

    def row(self, line: str) -> Sequence[str]:
        """Return the cells of one line; raise ``ValueError`` with what is wrong with it."""
        row = cells(line, self._parted)
        if len(row) != self._width:
            raise ValueError(f"has {len(row)} columns instead of {self._width}: {shown(line)}")
        return row


class _Objects:
    """JSON lines: an object a line. Numbers stay as they are written: no digit of a timestamp is lost on the way."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys, self._decoder = keys, json.JSONDecoder(parse_int=str, parse_float=str)

    def columns(self, lines: list[str]) -> list[list[str]] | None:
        """Return the columns of lines that are an object each, else ``None``."""
        try:
            found = self._decoder.decode(f"[{','.join(lines)}]")
        except (ValueError, RecursionError):
            return None
        if len(found) != len(lines) or not all(isinstance(row, dict) for row in found):
            return None
        return [[_told(row.get(key)) for row in found] for key in self._keys]

    def row(self, line: str) -> Sequence[str]:
        """Return the cells of one line; raise ``ValueError`` with what is wrong with it."""
        try:
            row = self._decoder.decode(line.strip())
        except (ValueError, RecursionError) as error:
            raise ValueError(f"is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ValueError(f"is not an object: {shown(line)}")  # noqa: TRY004 - said of the row
        return [_told(row.get(key)) for key in self._keys]


def _told(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def only(texts: Sequence[str], kept: Mask) -> Sequence[str]:
    """Return the cells of rows that are kept."""
    return texts if kept.all() else list(compress(texts, kept))


def numbers(texts: Sequence[str]) -> Floats:
    """Return a column as numbers, NaN where a cell is none."""
    try:
        return np.fromiter(map(float, texts), dtype=float, count=len(texts))
    except ValueError:
        return np.array([_number(text, float("nan")) for text in texts])


def sparse(texts: Sequence[str]) -> Floats:
    """Return a column as numbers, 0 where a cell is empty or NaN, and NaN where it is something else."""
    try:
        found = np.array([float(text or "nan") for text in texts])
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
