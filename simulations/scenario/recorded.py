"""Traces that a scenario names, read once however many worlds are made of them."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from scaler.errors import ConfigError
from simulations.scenario.document import ScenarioDocument, TraceSection
from simulations.traces.model import Options, Recorded, Trace

_KEPT = 8  # traces


def recorded(section: TraceSection, folder: str) -> dict[str, Recorded]:
    """Return what is recorded of each function that the section means; raise :class:`ConfigError` where nothing is."""
    functions = trace_of(section, folder).functions
    if section.function is None:
        return dict(functions)
    if section.function not in functions:
        some = ", ".join(sorted(functions)[:5])
        raise ConfigError([f"trace: no function {section.function!r} in {section.path}; there are {some}"])
    return {section.function: functions[section.function]}


def trace_of(section: TraceSection, folder: str) -> Trace:
    """Return the whole trace; raise :class:`ConfigError` where it cannot be read."""
    path = Path(folder) / Path(section.path).expanduser()
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise ConfigError([f"trace: {path} cannot be read: {error.strerror or error}"]) from error
    return _read(path, changed, section.model_dump_json(by_alias=True, exclude={"path", "function"}))


def traces_of(document: ScenarioDocument, folder: str) -> Iterator[tuple[str, Trace]]:
    """Yield the traces of a scenario with the paths that it says, each once."""
    seen = set[str]()
    for function in document.functions:
        if function.trace is not None and function.trace.path not in seen:
            seen.add(function.trace.path)
            yield function.trace.path, trace_of(function.trace, folder)


@lru_cache(maxsize=_KEPT)
def _read(path: Path, changed: int, said: str) -> Trace:
    from simulations.traces import read_trace  # noqa: PLC0415 - what reads a dozen formats, only where there is a trace

    del changed  # a file that was written anew is read anew
    section = TraceSection.model_validate_json(said.replace("{", '{"path":"-",', 1))
    options = Options(
        unit=section.unit,
        duration_unit=section.duration_unit,
        interval=section.interval,
        columns={str(key): name for key, name in section.columns.items()},
        placement=section.placement,
        meaning=section.meaning,
    )
    return read_trace(path, section.format, options)
