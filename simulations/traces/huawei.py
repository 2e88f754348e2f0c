"""Huawei Cloud 2023 (CC-BY 4.0; Joosen et al., SoCC 2023): requests of each second or minute, a column for a function.

``day,time,0,1,…``: the time is in seconds, of the day or since the first day; an empty cell or NaN is no request.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from simulations.model import SECOND, Ints
from simulations.traces.gathering import Counts, Reading
from simulations.traces.ledger import Check, Ledger
from simulations.traces.model import Trace
from simulations.traces.source import Source
from simulations.traces.tables import Rows, numbers, rows, sparse

_DAY: Final = 86_400
_WHEN: Final = ("day", "time")
_LATEST: Final = (36_500.0, 36_500.0 * _DAY)
"""A century: what is beyond is no day, and no time."""


def is_huawei(source: Source) -> bool:
    """Tell by the header."""
    functions = source.keys[2:]
    return source.keys[:2] == _WHEN and bool(functions) and all(map(str.isdigit, functions))


def read_huawei(sources: Sequence[Source], reading: Reading) -> Trace:
    """Return arrivals, placed in their seconds or minutes."""
    counts = Counts()
    for source in sources:
        of = counts.names.numbers(source.header[2:])
        for block in rows(source, reading.ledger):
            _add(block, of, counts, reading.ledger)
    return counts.trace(reading, counts.width(reading), calendar=False)


def _add(block: Rows, of: Ints, counts: Counts, ledger: Ledger) -> None:
    when = [numbers(column) for column in block.columns[:2]]
    table = [sparse(column) for column in block.columns[2:]]
    checks = [
        Check(name=name, texts=texts, good=(values >= 0) & (values <= latest), fit=f"a number from 0 to {latest:g}")
        for name, texts, values, latest in zip(_WHEN, block.columns, when, _LATEST, strict=False)
    ]
    checks += [
        Check(name=name, texts=texts, good=(values >= 0) & np.isfinite(values), fit="a number from 0 on")
        for name, texts, values in zip(map(str, of), block.columns[2:], table, strict=True)
    ]
    kept = ledger.kept(block.lines, *checks)
    days, times = (values[kept].astype(np.int64) for values in when)
    begins = np.where(times >= days * _DAY, times, days * _DAY + times) * SECOND
    counts.cover(begins)
    values = np.stack(table)[:, kept]
    function, row = np.nonzero(values)
    counts.add(of[function], begins[row], values[function, row])
