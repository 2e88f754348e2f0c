"""A file whose format is to be recognised: what it is made of, and the names of its columns."""

import csv
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from simulations.traces import parquet
from simulations.traces.text import opening

DELIMITERS: Final = (",", "\t", ";", "|")


class Shape(StrEnum):
    """What a file is made of."""

    CSV = "CSV"
    LINES = "JSON lines"
    JSON = "JSON"
    PARQUET = "Parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file; ``header`` are the cells of its first line that is not blank, or the keys of its first object."""

    path: Path
    shape: Shape
    header: tuple[str, ...]
    parted: str = ","
    """What parts the cells of CSV."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the header without regard to case."""
        return tuple(cell.casefold() for cell in self.header)


def opened(path: Path) -> Source:
    """Return the file; raises ``ConfigError`` where it cannot be read."""
    head = opening(path)
    if head.startswith(parquet.MAGIC):
        return Source(path=path, shape=Shape.PARQUET, header=parquet.names(path))
    line = next((line for line in head.decode("utf-8-sig", "replace").split("\n") if line.strip()), "").strip()
    if line.startswith(("{", "[")):
        return _json(path, line)
    parted = _parts(line)
    try:
        header = tuple(cells(line, parted))
    except ValueError:
        header = (line,)
    return Source(path=path, shape=Shape.CSV, header=header, parted=parted)


def _json(path: Path, line: str) -> Source:
    """Tell rows from a document: the first row stands for itself, and is no answer of a server."""
    try:
        first = json.loads(line)
    except ValueError:
        first = None
    if isinstance(first, dict) and not _is_answer(first):
        return Source(path=path, shape=Shape.LINES, header=tuple(first))
    return Source(path=path, shape=Shape.JSON, header=())


def _is_answer(first: dict[str, object]) -> bool:
    data = first.get("data")
    return bool({"resultType", "errorType"} & first.keys()) or (isinstance(data, dict) and "result" in data)


def _parts(line: str) -> str:
    """Return what parts the cells of ``line``: whatever is there most often."""
    return max(DELIMITERS, key=line.count)


def cells(line: str, parted: str) -> list[str]:
    """Part one line; raise ``ValueError`` where a quotation mark is left open."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(parted)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=parted, strict=True))]
    except csv.Error as error:
        raise ValueError(f"is not CSV: {error}") from error
