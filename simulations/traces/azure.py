"""The traces of Azure Functions (CC-BY 4.0): 2019, counts by the minute; 2021, every invocation of some applications.

2019 (Shahrad et al., ATC 2020): a file for each of 14 days. Durations and memory are in files of their own beside it;
the percentiles of durations are of averages over 30 seconds, and leave cold starts out. 2021 (Zhang et al., SOSP 2021):
an invocation arrived ``duration`` before its ``end_timestamp``, and rows are in the order of their ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from simulations.model import SECOND, Ints
from simulations.traces.gathering import Counts, Events, Reading, traced
from simulations.traces.instants import Durations, Times
from simulations.traces.ledger import Check, Ledger
from simulations.traces.model import Placement, Recorded, Trace, Unit
from simulations.traces.source import Source, opened
from simulations.traces.tables import Rows, numbers, only, rows
from simulations.workload.chance import streams
from simulations.workload.durations import LONGEST, between_quantiles
from simulations.workload.rates import Floats

_MINUTE: Final = 60 * SECOND
_OWNERS: Final = ("hashowner", "hashapp", "hashfunction", "trigger")
_PERCENTS: Final = (0, 1, 25, 50, 75, 99, 100)
_DURATIONS: Final = tuple(f"percentile_average_{percent}" for percent in _PERCENTS)
_MEMORY: Final = "averageallocatedmb"
_INVOCATIONS: Final = ("invocations_per_function_md", "invocations")
_HASH: Final = 64


def is_2019(source: Source) -> bool:
    """Tell by the header."""
    return source.keys[:5] == (*_OWNERS, "1")


def is_2021(source: Source) -> bool:
    """Tell by the header."""
    return {"app", "func", "end_timestamp", "duration"} <= {*source.keys}


def _named(apps: Sequence[str], functions: Sequence[str]) -> list[str]:
    """Name functions by the beginnings of two hashes: a function's alone may come again in another application."""
    return [f"{_short(app)}/{_short(function)}" for app, function in zip(apps, functions, strict=True)]


def _short(name: str) -> str:
    return name[:8] if len(name) == _HASH else name


# -- 2021 --------------------------------------------------------------------------------------------------------------


def read_2021(sources: Sequence[Source], reading: Reading) -> Trace:
    """Return every invocation, and how long it took."""
    events = Events()
    ends = Times("end_timestamp", reading.options.unit or Unit.SECONDS, reading.ledger)
    took = Durations("duration", reading.options.duration_unit or Unit.SECONDS, reading.ledger)
    for source in sources:
        places = [source.keys.index(key) for key in ("app", "func", "end_timestamp", "duration")]
        for block in rows(source, reading.ledger):
            apps, functions, end, duration = (block.columns[place] for place in places)
            at, good = ends.read(end)
            service, fit = took.read(duration)
            kept = reading.ledger.kept(block.lines, good, fit)
            of = events.names.numbers(_named(only(apps, kept), only(functions, kept)))
            events.add(of, (at - service)[kept], service[kept])
    return events.trace(reading, calendar=ends.calendar)


# -- 2019 --------------------------------------------------------------------------------------------------------------


def read_2019(sources: Sequence[Source], reading: Reading) -> Trace:
    """Return arrivals, placed in their minutes; a file is a day, several follow each other in the order of names."""
    counts = Counts()
    for day, source in enumerate(sources):
        for block in rows(source, reading.ledger):
            _add(block, day * (len(source.header) - len(_OWNERS)), counts, reading.ledger)
    trace = counts.trace(reading, _MINUTE, calendar=False)
    return traced(reading, _with_the_rest(trace, sources, reading), end=trace.end, wall=None)


def _add(block: Rows, first: int, counts: Counts, ledger: Ledger) -> None:
    """Add rows whose first minute is the ``first``."""
    _, apps, functions, triggers, *minutes = block.columns
    table = np.stack([numbers(minute) for minute in minutes])
    fits = (table >= 0) & np.isfinite(table)
    checks = [
        Check(name=f"minute {place}", texts=texts, good=good, fit="a number of invocations")
        for place, (texts, good) in enumerate(zip(minutes, fits, strict=True), 1)
    ]
    kept = ledger.kept(block.lines, *checks)
    names = _named(only(apps, kept), only(functions, kept))
    timers = [name for name, trigger in zip(names, only(triggers, kept), strict=True) if trigger == "timer"]
    counts.placements |= dict.fromkeys(timers, Placement.EQUIDISTANT)
    of = counts.names.numbers(names)
    counts.cover((first + np.arange(len(minutes))) * _MINUTE)
    minute, row = np.nonzero(table[:, kept])
    counts.add(of[row], (first + minute) * _MINUTE, table[:, kept][minute, row])


def _with_the_rest(trace: Trace, sources: Sequence[Source], reading: Reading) -> dict[str, Recorded]:
    """Add what the files of durations and memory say of a function; the first day that knows it counts."""
    times: dict[str, Floats] = {}
    memory: dict[str, Floats] = {}
    for source in sources:
        for beside in _beside(source.path, ("function_durations_percentiles", "durations"), reading):
            times = _table(beside, ("hashapp", "hashfunction"), _DURATIONS, reading) | times
        for beside in _beside(source.path, ("app_memory_percentiles", "memory"), reading):
            memory = _table(beside, ("hashapp",), (_MEMORY,), reading) | memory
    return {
        name: replace(
            recorded,
            service=_drawn(name, recorded, times[name], reading) if name in times else None,
            memory=int(memory[app][0] * 2**20) if (app := name.partition("/")[0]) in memory else None,
        )
        for name, recorded in trace.functions.items()
    }


def _beside(path: Path, others: tuple[str, str], reading: Reading) -> Iterator[Source]:
    """Yield the file beside ``path`` that is named after it, packed or not, if there is one."""
    for word, other in zip(_INVOCATIONS, others, strict=True):
        named = path.name.replace(word, other).removesuffix(".gz")
        for file in (path.with_name(named), path.with_name(f"{named}.gz")):
            if word in path.name and file.exists():
                reading.ledger.note(f"{others[1]}: from {file.name}")
                yield opened(file)
                return
    reading.ledger.note(f"{others[1]}: there is no file of it beside {path.name}")


def _table(source: Source, names: Sequence[str], columns: Sequence[str], reading: Reading) -> dict[str, Floats]:
    """Return the columns of numbers that a file has for each function, or each application."""
    found: dict[str, Floats] = {}
    keys, places = ([source.keys.index(name) for name in some] for some in (names, columns))
    for block in rows(source, reading.ledger):
        checks = [_check(column, block.columns[place]) for column, place in zip(columns, places, strict=True)]
        kept = reading.ledger.kept(block.lines, *checks)
        told = ["/".join(map(_short, row)) for row in zip(*(block.columns[key] for key in keys), strict=True)]
        table = np.stack([numbers(check.texts) for check in checks], axis=1)
        found |= {name: row for name, row, good in zip(told, table, kept, strict=True) if good}
    return found


def _check(name: str, texts: Sequence[str]) -> Check:
    values = numbers(texts)
    return Check(name=name, texts=texts, good=(values >= 0) & np.isfinite(values), fit="a number from 0 on")


def _drawn(name: str, recorded: Recorded, milliseconds: Floats, reading: Reading) -> Ints:
    """Draw a duration for each arrival between the percentiles of the function."""
    rng = streams(reading.options.seed, "service", name)
    times = np.minimum(np.maximum.accumulate(milliseconds) / 1000, LONGEST)
    drawn = between_quantiles(np.array(_PERCENTS, dtype=float), times, len(recorded.arrivals), rng)
    service: Ints = np.rint(drawn * SECOND).astype(np.int64)
    return service
