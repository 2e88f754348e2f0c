"""A table of one's own: a timestamp for each request, or a timestamp and a count for each interval.

Columns are found by their names, or named by the options: ``timestamp``, and perhaps ``count``, ``function`` and
``duration``. A file without a header has the timestamp first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import numpy as np

from scaler.config.text import shown
from scaler.errors import ConfigError
from simulations.traces.gathering import ONE, Counts, Events, Reading
from simulations.traces.instants import Durations, Times, dates, stem
from simulations.traces.ledger import Check
from simulations.traces.model import Trace
from simulations.traces.source import Shape, Source
from simulations.traces.tables import Rows, numbers, only, rows

_ROLES: Final[Mapping[str, frozenset[str]]] = {
    "timestamp": frozenset(
        {
            "timestamp",
            "time",
            "ts",
            "at",
            "date",
            "datetime",
            "arrival",
            "arrivaltime",
            "arrived",
            "arrivedat",
            "start",
            "starttime",
            "startedat",
            "created",
            "createdat",
            "eventtime",
            "gmtcreate",
            "minute",
        }
    ),
    "count": frozenset({"count", "counts", "requests", "invocations", "events", "messages", "arrivals", "calls", "n"}),
    "function": frozenset(
        {"function", "functionname", "func", "funcname", "name", "service", "servicename", "app", "topic", "queue"}
    ),
    "duration": frozenset(
        {"duration", "servicetime", "latency", "elapsed", "elapsedtime", "exectime", "executiontime", "responsetime"}
    ),
}
"""What a column may be called, without its unit and what parts its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Their places; ``header`` tells whether the file has one."""

    timestamp: int
    count: int | None = None
    function: int | None = None
    duration: int | None = None
    header: bool = True


def is_plain(source: Source) -> bool:
    """Tell by a column that can be a timestamp."""
    if source.shape is Shape.JSON or not source.header:
        return False
    return _headless(source) or any(stem(name) in _ROLES["timestamp"] for name in source.header)


def _headless(source: Source) -> bool:
    """Tell whether the first line is a row: no column is called by a number or a date."""
    if source.shape is not Shape.CSV:
        return False
    first = source.header[:1]
    return bool(np.isfinite(numbers(first)).all() or dates(first)[1].all())


def read_plain(sources: Sequence[Source], reading: Reading) -> Trace:
    """Return the requests of a table."""
    columns = _columns(sources[0], reading)
    name = sources[0].header[columns.timestamp] if columns.header else "timestamp"
    times = Times(name, reading.options.unit, reading.ledger)
    if columns.count is None:
        return _events(sources, columns, times, reading)
    if columns.duration is not None:
        reading.ledger.note(f"{sources[0].header[columns.duration]}: left aside, because a row is of several requests")
    return _counts(sources, columns, times, reading)


def _events(sources: Sequence[Source], columns: _Columns, times: Times, reading: Reading) -> Trace:
    events, took = Events(), None
    if columns.duration is not None:
        took = Durations(sources[0].header[columns.duration], reading.options.duration_unit, reading.ledger)
    for block in _blocks(sources, columns, reading):
        at, good = times.read(block.columns[columns.timestamp])
        checks, service = [good, _functions(block, columns)], None
        if took is not None and columns.duration is not None:
            service, fit = took.read(block.columns[columns.duration])
            checks.append(fit)
        kept = reading.ledger.kept(block.lines, *checks)
        reading.ledger.seen(block.lines, at, kept)
        of = events.names.numbers(only(checks[1].texts, kept))
        events.add(of, at[kept], None if service is None else service[kept])
    return events.trace(reading, calendar=times.calendar)


def _counts(sources: Sequence[Source], columns: _Columns, times: Times, reading: Reading) -> Trace:
    counts = Counts()
    for block in _blocks(sources, columns, reading):
        at, good = times.read(block.columns[columns.timestamp])
        functions, texts = _functions(block, columns), block.columns[columns.count or 0]
        values = numbers(texts)
        fit = Check(name="count", texts=texts, good=(values >= 0) & np.isfinite(values), fit="a number from 0 on")
        kept = reading.ledger.kept(block.lines, good, functions, fit)
        reading.ledger.seen(block.lines, at, kept)
        counts.see(at[good.good])
        counts.cover(at[kept])
        counts.add(counts.names.numbers(only(functions.texts, kept)), at[kept], values[kept])
    return counts.trace(reading, counts.width(reading), calendar=times.calendar)


def _blocks(sources: Sequence[Source], columns: _Columns, reading: Reading) -> Iterator[Rows]:
    for source in sources:
        yield from rows(source, reading.ledger, header=columns.header)


def _functions(block: Rows, columns: _Columns) -> Check:
    texts = [ONE] * len(block.lines) if columns.function is None else block.columns[columns.function]
    return Check(
        name="function", texts=texts, good=np.fromiter(map(bool, texts), dtype=bool, count=len(texts)), fit="a name"
    )


# -- which column is which ---------------------------------------------------------------------------------------------


def _columns(source: Source, reading: Reading) -> _Columns:
    """Find the columns, by the options or by their names. Raises ``ConfigError`` with everything that is not there."""
    header, named = not _headless(source), reading.options.columns
    names = source.header if header else tuple(map(str, range(1, len(source.header) + 1)))
    problems = [f"columns: {shown(role)} is none of {', '.join(_ROLES)}" for role in named if role not in _ROLES]
    problems += [
        f"columns: there is no column {shown(name)}{_nearest(name, names)}"
        for name in named.values()
        if name not in names
    ]
    if problems:
        raise ConfigError(problems)
    found = {role: names.index(name) for role, name in named.items()}
    for role, words in _ROLES.items():
        place = next((place for place, name in enumerate(names) if stem(name) in words), None)
        if role not in found and place is not None:
            found[role] = place
    if not header:
        found.setdefault("timestamp", 0)
        reading.ledger.note("no header: the first line is a row")
    if "timestamp" not in found:
        raise ConfigError([f"no column is called as a timestamp is: say which of {_listed(names)} it is"])
    _tell(found, names, reading)
    return _Columns(header=header, **found)


def _tell(found: dict[str, int], names: Sequence[str], reading: Reading) -> None:
    told = [f"{role} is {shown(names[place])}" for role, place in found.items()]
    aside = [name for place, name in enumerate(names) if place not in found.values()]
    reading.ledger.note("columns: " + ", ".join(told) + (f"; left aside: {_listed(aside)}" if aside else ""))


def _nearest(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f", did you mean {shown(near[0])}?" if near else f"; there are {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(shown, names[:20])) + (", …" if len(names) > 20 else "")  # noqa: PLR2004 - as many as one reads
