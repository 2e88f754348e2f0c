"""Requests to language models, which are served for as long as their tokens take.

Azure LLM 2023 and 2024 (CC-BY 4.0; Patel et al., ISCA 2024; Stojkovic et al., HPCA 2025), and Mooncake (Apache 2.0; Qin
et al., FAST 2025), whose timestamps are milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from simulations.model import SECOND
from simulations.traces.gathering import ONE, Events, Reading
from simulations.traces.instants import Times
from simulations.traces.ledger import Check
from simulations.traces.model import Trace, Unit
from simulations.traces.source import Source
from simulations.traces.tables import numbers, rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Their names, in small letters."""

    times: tuple[str, ...]
    context: str
    generated: str
    unit: Unit | None = None


_AZURE: Final = _Columns(times=("timestamp",), context="contexttokens", generated="generatedtokens")
_MOONCAKE: Final = _Columns(
    times=("timestamp", "timestamp_ms"), context="input_length", generated="output_length", unit=Unit.MILLISECONDS
)


def is_azure(source: Source) -> bool:
    """Tell by the header."""
    return _fits(_AZURE, source)


def is_mooncake(source: Source) -> bool:
    """Tell by the header."""
    return _fits(_MOONCAKE, source)


def read_azure(sources: Sequence[Source], reading: Reading) -> Trace:
    """Return every request."""
    return _read(_AZURE, sources, reading)


def read_mooncake(sources: Sequence[Source], reading: Reading) -> Trace:
    """Return every request."""
    return _read(_MOONCAKE, sources, reading)


def _fits(columns: _Columns, source: Source) -> bool:
    keys = {*source.keys}
    return {columns.context, columns.generated} <= keys and bool(keys & {*columns.times})


def _read(columns: _Columns, sources: Sequence[Source], reading: Reading) -> Trace:
    events, cost = Events(), reading.options.tokens
    times = Times("timestamp", reading.options.unit or columns.unit, reading.ledger)
    reading.ledger.note(
        f"service: {cost.fixed:g} s, {cost.context * 1e3:g} ms for a token of context, and "
        f"{cost.generated * 1e3:g} ms for one that is generated"
    )
    for source in sources:
        when = next(place for place, key in enumerate(source.keys) if key in columns.times)
        context, generated = (source.keys.index(key) for key in (columns.context, columns.generated))
        for block in rows(source, reading.ledger):
            at, good = times.read(block.columns[when])
            read, written = (_tokens(source.header[each], block.columns[each]) for each in (context, generated))
            kept = reading.ledger.kept(block.lines, good, read, written)
            reading.ledger.seen(block.lines, at, kept)
            seconds = cost.fixed + cost.context * numbers(read.texts) + cost.generated * numbers(written.texts)
            service = np.rint(np.where(kept, seconds, 0.0) * SECOND).astype(np.int64)
            events.add(events.names.numbers([ONE] * int(kept.sum())), at[kept], service[kept])
    return events.trace(reading, calendar=times.calendar)


def _tokens(name: str, texts: Sequence[str]) -> Check:
    values = numbers(texts)
    return Check(name=name, texts=texts, good=(values >= 0) & np.isfinite(values), fit="a number of tokens")
