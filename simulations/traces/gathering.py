"""Events and counts of many functions, gathered block by block, and sorted into functions at the end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scaler.errors import ConfigError
from simulations.model import SECOND, Ints, micros
from simulations.traces.ledger import Ledger, Mask
from simulations.traces.model import Options, Placement, Recorded, Trace
from simulations.traces.spreading import placed, whole
from simulations.workload.chance import streams
from simulations.workload.rates import Floats
from simulations.workload.words import MOST

ONE: Final = "trace"
"""The name of the function of a file that names none."""

LONGEST: Final = 8784 * 3600.0
"""Seconds that a trace spans at most: as long as a run may be."""
LONG: Final = 30 * 86_400.0
"""Seconds without a request that are told."""

TOLD: Final = 5
"""Bad rows that are named where there is no good one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What every reader of a format is handed beside its file."""

    format: str
    options: Options
    ledger: Ledger


class Names:
    """Numbers for names, in the order in which they come."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {}

    def numbers(self, names: Sequence[str]) -> Ints:
        """Return the number of each name."""
        for name in dict.fromkeys(names):
            self.index.setdefault(name, len(self.index))
        return np.fromiter(map(self.index.__getitem__, names), dtype=np.int64, count=len(names))


class Events:
    """Requests, each with its own instant, and perhaps how long it was served."""

    def __init__(self) -> None:
        self.names = Names()
        self._of: list[Ints] = []
        self._at: list[Ints] = []
        self._service: list[Ints] = []

    def add(self, of: Ints, at: Ints, service: Ints | None = None) -> None:
        """Add rows in the file's order; either all of them are added with ``service``, or none."""
        self._of.append(of)
        self._at.append(at)
        if service is not None:
            self._service.append(service)

    def trace(self, reading: Reading, *, calendar: bool) -> Trace:
        """Return them by function; ``calendar`` says that their instants count from 1970."""
        of, at = _joined(self._of), _joined(self._at)
        service = _joined(self._service) if self._service else None
        _check(reading.ledger, len(at))
        zero = _zero(reading.options, int(at.min()))
        functions = {}
        for name, all_rows in _by_function(of, at, self.names.index):
            rows = all_rows[not_before(zero, at[all_rows], reading.ledger)]
            functions[name] = Recorded(arrivals=at[rows] - zero, service=None if service is None else service[rows])
        if (np.diff(at) < 0).any():
            reading.ledger.note("the rows are not in the order of arrival: they were sorted")
        _tell_silence(np.sort(at), reading.ledger)
        return traced(reading, functions, end=int(at.max()) + 1 - zero, wall=zero if calendar else None)


def _tell_silence(at: Ints, ledger: Ledger) -> None:
    """Note a silence that is more likely a wrong timestamp."""
    longest = int(np.diff(at).max(initial=0)) / SECOND
    if longest > LONG:
        ledger.note(f"nothing arrives for {longest / 86_400:,.0f} days: is a timestamp wrong?")


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts])


def _by_function(of: Ints, at: Ints, index: Mapping[str, int]) -> Iterator[tuple[str, Ints]]:
    """Yield each name with the places of its rows, in the order of arrival."""
    order = np.lexsort((at, of))
    ends = np.cumsum(np.bincount(of, minlength=len(index)))
    for name, number in index.items():
        yield name, order[ends[number - 1] if number else 0 : ends[number]]


def not_before(zero: int, at: Ints, ledger: Ledger) -> Mask:
    """Tell which instants are not before ``zero``; that some are is noted."""
    after: Mask = at >= zero
    if not after.all():
        ledger.note("what arrived before the stated zero was left out")
    return after


def _zero(options: Options, first: int) -> int:
    return first if options.zero is None else micros(options.zero)


class Counts:
    """How many requests arrived in intervals; what is not there is none."""

    def __init__(self) -> None:
        self.names = Names()
        self.placements: dict[str, Placement] = {}
        """Of functions that have another than the options say."""
        self._covered: list[Ints] = []
        self._seen: list[Ints] = []
        self._of: list[Ints] = []
        self._begins: list[Ints] = []
        self._counts: list[Floats] = []

    def cover(self, begins: Ints) -> None:
        """Say when intervals begin of which something is known, if only that there was no request."""
        self._covered.append(np.unique(begins))

    def see(self, begins: Ints) -> None:
        """Say when intervals begin of which perhaps nothing else is known: they tell how long an interval is."""
        self._seen.append(np.unique(begins))

    def add(self, of: Ints, begins: Ints, counts: Floats) -> None:
        """Add counts of intervals that are covered."""
        self._of.append(of)
        self._begins.append(begins)
        self._counts.append(counts)

    def width(self, reading: Reading) -> int:
        """Return how long an interval is, in microseconds: as stated, or the usual distance of two."""
        if reading.options.interval is not None:
            return micros(reading.options.interval)
        distances = np.diff(np.unique(_joined([*self._covered, *self._seen])))
        if not len(distances):
            _check(reading.ledger, len(self._covered))
            raise ConfigError(["interval: there is one time only, so say how long its count is of, in seconds"])
        width = int(np.sort(distances)[(len(distances) - 1) // 2])
        reading.ledger.note(f"counts: of {width / SECOND:g} s each, from the time on that they have")
        return width

    def trace(self, reading: Reading, width: int, *, calendar: bool) -> Trace:
        """Return arrivals by function; an interval is ``width`` microseconds, ``calendar`` that they are since 1970."""
        of, begins, covered = _joined(self._of), _joined(self._begins), _joined(self._covered)
        counts = np.concatenate([np.zeros(0), *self._counts])
        _check(reading.ledger, len(covered), float(counts.sum()))
        zero = _zero(reading.options, int(covered.min()))
        functions = {}
        for name, rows in _by_function(of, begins, self.names.index):
            at = self._spread(name, (begins[rows], np.full(len(rows), width), counts[rows]), reading.options)
            functions[name] = Recorded(arrivals=at[not_before(zero, at, reading.ledger)] - zero)
        return traced(reading, functions, end=int(covered.max()) + width - zero, wall=zero if calendar else None)

    def _spread(self, name: str, cells: tuple[Ints, Ints, Floats], options: Options) -> Ints:
        begins, widths, counts = cells
        placement = self.placements.get(name, options.placement)
        return placed(begins, widths, whole(counts), placement, streams(options.seed, "placement", name))


def _check(ledger: Ledger, rows: int, arrivals: float = 0.0) -> None:
    """Raise ``ConfigError`` where there is nothing to go on with, or too much."""
    if not rows:
        bad = [str(row) for row in ledger.bad[:TOLD]]
        raise ConfigError([f"no good row among {ledger.rows}", *bad, *ledger.notes])
    if arrivals > MOST:
        raise ConfigError([f"counts of {arrivals:,.0f} requests; at most {MOST:,} can be simulated"])


def _too_long(end: int, ledger: Ledger) -> str:
    return (
        f"its requests span {end / SECOND / 3600:,.0f}h{ledger.ends}, and at most {LONGEST / 3600:.0f}h can be "
        "simulated: correct the timestamp that is wrong, say the unit of all (trace.unit), or take a part of the file"
    )


def traced(reading: Reading, functions: Mapping[str, Recorded], *, end: int, wall: int | None) -> Trace:
    """Return the trace of ``functions``, with what the ledger says; ``wall`` in microseconds."""
    ledger = reading.ledger
    if end <= 0:
        raise ConfigError(["zero: all of the trace is before it"])
    if end > LONGEST * SECOND:
        raise ConfigError([_too_long(end, ledger)])
    return Trace(
        format=reading.format,
        functions=functions,
        end=end,
        wall=None if wall is None else wall / SECOND,
        rows=ledger.rows,
        bad=ledger.bad,
        bad_rows=ledger.bad_rows,
        notes=tuple(ledger.notes),
    )
