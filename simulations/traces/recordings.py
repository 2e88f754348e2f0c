"""What ``warmscaler serve --record`` wrote: the requests that its readings of backlogs show, a lower bound."""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from simulations.model import SECOND, Ints
from simulations.recording import Recording, Scaled, read, reconstructed
from simulations.traces.gathering import Reading, not_before, traced
from simulations.traces.ledger import Ledger
from simulations.traces.model import Recorded, Trace
from simulations.traces.source import Source

_PLACE: Final = re.compile(r"(?P<file>[^:\s]+):(?P<line>[0-9]+): (?P<why>.*)", re.DOTALL)
_FIRST_LINE: Final = frozenset({"is", "at", "version", "process", "lost"})


def is_recording(source: Source) -> bool:
    """Tell by the first line, which every file of a recording has."""
    return {*source.keys} >= _FIRST_LINE


def read_recording(sources: Sequence[Source], reading: Reading) -> Trace:
    """Return the requests of each scaled object, from the recording's beginning or the stated zero."""
    path = sources[0].path
    recording = read(path if len(sources) == 1 else path.parent)
    _tell(recording, reading)
    zero = recording.begin if reading.options.zero is None else reading.options.zero
    shift = round((zero - recording.begin) * SECOND)
    functions = {}
    for scaled in recording.scaled:
        at = _arrivals(scaled)
        functions[scaled.full_name] = Recorded(arrivals=at[not_before(shift, at, reading.ledger)] - shift)
    return traced(reading, functions, end=recording.end - shift, wall=round(zero * SECOND))


def _arrivals(scaled: Scaled) -> Ints:
    """Return what all triggers of a scaled object have seen arrive, together."""
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *map(reconstructed, scaled.triggers)]))


def _refuse(shown: str, ledger: Ledger) -> None:
    """Note a bad line; one that is JSON and lacks something is told by its instant, not by its place."""
    found = _PLACE.fullmatch(shown)
    ledger.begin(found["file"] if found else "")
    ledger.refuse(int(found["line"]) if found else 0, found["why"] if found else shown)


def _tell(recording: Recording, reading: Reading) -> None:
    troubles, ledger = recording.troubles, reading.ledger
    ledger.rows = troubles.lines + troubles.bad
    for shown in troubles.shown:
        _refuse(shown, ledger)
    ledger.bad_rows = troubles.bad  # of which only the first are shown
    ledger.note("arrivals: as the backlog grew from reading to reading; what came and went between is not seen")
    if troubles.torn:
        ledger.note(f"files that were not closed, of which the last second may be missing: {len(troubles.torn)}")
    if troubles.lost:
        ledger.note(f"lines that the service could not write: {troubles.lost}")
