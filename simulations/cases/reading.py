"""From a file of recorded rows to rows the model can run, or one message that names everything wrong with it.

A document is one JSON object with the lists ``unit``, ``reconcile`` and ``timelines``, any of them, and perhaps
``meta``. JSON Lines hold one row a line, each kind told by its keys. Both may be compressed with gzip.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ValidationError

from simulations.cases.schema import EVERY_NAME, SHAPES, Row, Section, names_of

GZIP = b"\x1f\x8b"
PARTS = frozenset({*Section, "meta"})
MOST_PROBLEMS = 20
"""A message names as many problems as a person will read; the others are counted."""


class Unreadable(Exception):
    """The file cannot be taken for recorded rows; the message is one line and says all that is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A row, where it stands, and the keys in it that nobody here understands."""

    section: Section
    label: str
    row: Row
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row as it was found: ``where`` is a line, or a place in its list."""

    section: Section
    where: str
    fields: Mapping[str, object]


def read(path: Path, watched: Callable[[list[Found]], Iterable[Found]] = iter) -> list[Case]:
    """Return every row of the file at ``path``, in its order. Raises ``Unreadable``.

    ``watched`` passes the rows on, and may show somebody how far they are.
    """
    found, problems = _rows(_text(path))
    cases = []
    for row in watched(found):
        case = _case(row)
        if isinstance(case, Case):
            cases.append(case)
        else:
            problems += case
    if not (found or problems):
        problems = ["no rows"]
    if problems:
        raise Unreadable(f"{path}: {_in_one_line(problems)}")
    return cases


def _in_one_line(problems: list[str]) -> str:
    more = len(problems) - MOST_PROBLEMS
    named = " ".join("; ".join(islice(problems, MOST_PROBLEMS)).split())
    return f"{named}; and {more} more" if more > 0 else named


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if content.startswith(GZIP) else content).decode("utf-8-sig")
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise Unreadable(f"{path}: damaged gzip: {error}") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path}: not UTF-8 at byte {error.start}") from error


# --- the two forms of a file ------------------------------------------------------------------------------------------


def _rows(text: str) -> tuple[list[Found], list[str]]:
    """Return the rows of either form, and what is wrong with the form."""
    if not text.strip():
        return [], []
    try:
        content = _parsed(text)
    except ValueError as error:
        return _lines(text) if _starts_with_a_row(text) else ([], [_said(error)])
    if not isinstance(content, dict):
        return [], ["neither an object with rows nor one row a line"]
    if "expected" in content:
        return [_told_apart(content, "line 1")], []
    return _document(content)


def _parsed(text: str) -> object:
    """Parse strict JSON: no NaN, no infinity. Raises ``ValueError``."""
    try:
        parsed: object = json.loads(text, parse_constant=_refused)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return parsed


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _said(error: ValueError, line: int = 0) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {line or error.lineno}: not JSON: {error.msg}"
    return f"line {line}: {error}" if line else str(error)


def _starts_with_a_row(text: str) -> bool:
    """Tell rows from a broken document: the first line stands for itself."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    try:
        return isinstance(_parsed(first), dict)
    except ValueError:
        return False


def _lines(text: str) -> tuple[list[Found], list[str]]:
    found, problems = [], []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            row = _parsed(line) if line.strip() else None
        except ValueError as error:
            problems.append(_said(error, number))
            continue
        if isinstance(row, dict):
            found.append(_told_apart(row, f"line {number}"))
        elif line.strip():
            problems.append(f"line {number}: not an object")
    return found, problems


def _told_apart(row: Mapping[str, object], where: str) -> Found:
    """Tell which kind of row this is, by the keys that only one kind has."""
    if "unit" in row:
        return Found(section=Section.UNIT, where=where, fields=row)
    expected = row.get("expected")
    one_sync = isinstance(expected, dict) and "desiredReplicas" in expected
    return Found(section=Section.RECONCILE if one_sync else Section.TIMELINES, where=where, fields=row)


def _document(content: Mapping[str, object]) -> tuple[list[Found], list[str]]:
    found, problems = [], [_unknown(key, PARTS) for key in content if key not in PARTS]
    for section in Section:
        rows = content.get(section, [])
        if not isinstance(rows, list):
            problems.append(f"{section}: not a list")
            continue
        for number, row in enumerate(rows):
            if isinstance(row, dict):
                found.append(Found(section=section, where=f"{section}[{number}]", fields=row))
            else:
                problems.append(f"{section}[{number}]: not an object")
    return found, problems


# --- one row ----------------------------------------------------------------------------------------------------------


def _case(found: Found) -> Case | list[str]:
    """Return the row, or what is wrong with it."""
    shape, answer = SHAPES[found.section]
    fields, remarks = _without_remarks(found.fields, shape)
    expected = fields.get("expected")
    if isinstance(expected, dict):
        fields["expected"], more = _without_remarks(expected, answer)
        remarks += [f"expected.{key}" for key in more]
    label = found.where if fields.get("id") is None else str(fields["id"])
    place = label if label == found.where else f"{found.where} ({label})"
    try:
        return Case(section=found.section, label=label, row=shape.model_validate(fields), remarks=tuple(remarks))
    except ValidationError as error:
        return [f"{place}: {problem}" for problem in _problems(error)]


def _without_remarks(fields: Mapping[str, object], shape: type[BaseModel]) -> tuple[dict[str, object], list[str]]:
    """Set aside the keys that mean nothing here, but not one that looks like a slip of the pen."""
    names = names_of(shape)
    remarks = [key for key in fields if key not in names and not _nearest(key, names)]
    return {key: value for key, value in fields.items() if key not in remarks}, remarks


def _nearest(key: str, names: frozenset[str]) -> list[str]:
    return get_close_matches(key, sorted(names), n=1, cutoff=0.75)


def _unknown(key: str, names: frozenset[str]) -> str:
    near = _nearest(key, names)
    return f"unknown key '{key}', did you mean '{near[0]}'?" if near else f"unknown key '{key}'"


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_context=False, include_input=True):
        path = _path(problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield f"{path}: {_unknown(str(problem['loc'][-1]), EVERY_NAME)}"
        elif problem["type"] == "missing":
            yield f"{path}: missing"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            yield f"{path}: {message}" if path else message


def _path(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")
