"""Small files for the tests of traces, and what is read from them."""

import gzip
from collections.abc import Sequence
from pathlib import Path

from scaler.errors import ConfigError
from simulations.model import Ints
from simulations.traces import Options, Trace, read_trace


def written(folder: Path, content: str | bytes, name: str = "trace.csv") -> Path:
    """Write a file; one that is called ``.gz`` is packed."""
    whole = content.encode() if isinstance(content, str) else content
    file = folder / name
    file.write_bytes(gzip.compress(whole) if name.endswith(".gz") else whole)
    return file


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def seconds(values: Ints | None) -> list[float] | None:
    return None if values is None else (values / 1e6).tolist()


def arrivals(trace: Trace) -> dict[str, Sequence[float] | None]:
    """Return when requests arrive, in seconds, by function."""
    return {name: seconds(function.arrivals) for name, function in trace.functions.items()}


def services(trace: Trace) -> dict[str, Sequence[float] | None]:
    """Return how long they are served, in seconds, by function."""
    return {name: seconds(function.service) for name, function in trace.functions.items()}


def bad(trace: Trace) -> list[str]:
    return [f"line {row.line}: {row.what}" for row in trace.bad]


def refusal(file: Path, form: str | None = None, options: Options | None = None) -> str:
    """Return what is said of a file that is refused, nothing if it is not."""
    try:
        read_trace(file, form, options or Options())
    except ConfigError as refused:
        return str(refused)
    return ""
