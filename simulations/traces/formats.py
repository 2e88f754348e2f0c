"""The formats of traces in one table, and how a file finds its own.

A format is recognised by the names of its columns, the first that fits; a table of one's own comes last.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from scaler.config.text import shown
from scaler.errors import ConfigError
from simulations.traces import azure, huawei, plain, prometheus, recordings, tokens
from simulations.traces.gathering import Reading
from simulations.traces.ledger import Ledger
from simulations.traces.model import Options, Trace
from simulations.traces.source import Source, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How traces of one kind are recognised and read."""

    name: str
    what: str
    fits: Callable[[Source], bool]
    read: Callable[[Sequence[Source], Reading], Trace]


FORMATS: Final = (
    Format(
        name="azure-functions-2019",
        what="counts by the minute, a file for each day",
        fits=azure.is_2019,
        read=azure.read_2019,
    ),
    Format(
        name="azure-functions-2021",
        what="app,func,end_timestamp,duration of every invocation",
        fits=azure.is_2021,
        read=azure.read_2021,
    ),
    Format(
        name="huawei-2023",
        what="day,time,0,1,…: requests by the second or minute",
        fits=huawei.is_huawei,
        read=huawei.read_huawei,
    ),
    Format(
        name="azure-llm",
        what="TIMESTAMP,ContextTokens,GeneratedTokens of every request (2023, 2024)",
        fits=tokens.is_azure,
        read=tokens.read_azure,
    ),
    Format(
        name="mooncake",
        what="timestamp,input_length,output_length of every request",
        fits=tokens.is_mooncake,
        read=tokens.read_mooncake,
    ),
    Format(
        name="prometheus",
        what="the JSON answer to a range query",
        fits=prometheus.is_prometheus,
        read=prometheus.read_prometheus,
    ),
    Format(
        name="recording",
        what="the folder of warmscaler serve --record, or a file of it",
        fits=recordings.is_recording,
        read=recordings.read_recording,
    ),
    Format(
        name="plain",
        what="CSV, JSON lines or Parquet: timestamps, or timestamps with counts; perhaps functions and durations",
        fits=plain.is_plain,
        read=plain.read_plain,
    ),
)


def read_trace(path: Path, format: str | None = None, options: Options = Options()) -> Trace:  # noqa: A002, B008 - the user's word; frozen
    """Return the trace in the file at ``path``, or in all files of that kind in the folder, packed by gzip or not.

    ``format`` is recognised if it is ``None``. Raises ``ConfigError`` where the file cannot be read, is of no known
    format, or has no good row.
    """
    sources = [opened(file) for file in _files(path)]
    try:
        found = _named(format) if format else _recognised(sources)
        ledger = Ledger()
        return found.read(
            _of_that_kind(found, sources, ledger), Reading(format=found.name, options=options, ledger=ledger)
        )
    except ConfigError as error:
        raise ConfigError(error.problems, about=str(path)) from error


def _files(path: Path) -> list[Path]:
    """Return the files, days in their order: 2 comes before 10."""
    if not path.is_dir():
        return [path]
    files = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    if not files:
        raise ConfigError(["is a folder without a file"], about=str(path))
    return sorted(
        files, key=lambda file: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", file.name)]
    )


def _named(name: str) -> Format:
    found = next((each for each in FORMATS if each.name == name), None)
    if found is None:
        near = get_close_matches(name, [each.name for each in FORMATS], n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise ConfigError([f"format: there is no {shown(name)}{hint} {_known()}"])
    return found


def _recognised(sources: Sequence[Source]) -> Format:
    found = next((each for each in FORMATS if any(map(each.fits, sources))), None)
    if found is None:
        seen = ", ".join(map(shown, sources[0].header[:10])) or f"{sources[0].shape}, nothing else"
        raise ConfigError([f"is of no known format: its first line has {seen}. {_known()}"])
    return found


def _known() -> str:
    return "Known are " + "; ".join(f"{each.name} ({each.what})" for each in FORMATS)


def _of_that_kind(found: Format, sources: Sequence[Source], ledger: Ledger) -> Sequence[Source]:
    """Return the files that ``found`` can read, the others noted; a single file is taken at its word."""
    if len(sources) == 1:
        return sources
    aside = [source.path.name for source in sources if not found.fits(source)]
    if aside:
        ledger.note(f"files that are no such trace: {', '.join(aside[:10])}")
    return [source for source in sources if found.fits(source)]
