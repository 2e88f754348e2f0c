"""Which scenario is meant: a file, a shipped one, or a trace alone with a user's own manifests beside it.

What takes time to import, or is of an extra, is imported when it is needed: what is shipped can be named without it.
"""

# ruff: noqa: PLC0415 - as above

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from scaler.errors import ConfigError

if TYPE_CHECKING:
    from simulations.scenario import Scenario

SHIPPED = Path(__file__).parent.parent / "scenarios"
"""Where the shipped scenarios are."""
YAML = (".yaml", ".yml")
READING = "trace."
"""Keys that say how a trace is read, without which it perhaps cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says of the scenario: its ``name``, what goes with a trace, and what differs."""

    name: str
    trace_format: str | None = None
    manifests: Path | None = None
    config: Path | None = None
    settings: Sequence[str] = ()
    until: str | None = None


def opened(asked: Asked) -> "Scenario":
    """Return the scenario; raise :class:`ConfigError` with everything that is wrong with it."""
    from simulations.scenario import varied

    scenario = _found(asked)
    for pair in asked.settings:
        key, given, value = pair.partition("=")
        if not given:
            raise ConfigError([f"--set {pair[:60]!r} is not KEY=VALUE, such as cooldownPeriod=60"])
        scenario = varied(scenario, key, value)
    return varied(scenario, "duration", asked.until) if asked.until is not None else scenario


def shipped() -> dict[str, Path]:
    """Return the shipped scenarios by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def remarks(scenario: "Scenario") -> Iterator[str]:
    """Yield what a person should know of what went in: how traces were read, what was left out, what is assumed."""
    from simulations.scenario import assumed, doubts, traces_of

    for path, trace in traces_of(scenario.document, scenario.folder):
        yield f"{path}: {trace.rows:,} rows, {trace.format}" + "".join(f"; {note}" for note in trace.notes)
        if trace.bad_rows:
            yield f"{path}: {trace.bad_rows:,} rows are left out"
            yield from (f"  {each}" for each in trace.bad[:10])
    yield from (f"left out: {each}" for each in scenario.left_out)
    yield from doubts(scenario.document, scenario.folder)
    if any(function.trace is not None for function in scenario.document.functions):
        yield from (f"assumed: {each}" for each in assumed(scenario))


def _found(asked: Asked) -> "Scenario":
    from simulations.scenario import load, of_trace

    path, known = Path(asked.name), shipped()
    beside = [f"--{name}" for name in ("manifests", "config") if getattr(asked, name) is not None]
    if path.suffix in YAML or (asked.name in known and not path.exists()):
        if beside or asked.trace_format is not None:
            raise ConfigError(
                [f"{', '.join([*beside, *(['--format'] if asked.trace_format else [])])}: goes with a trace"]
            )
        return load(known.get(asked.name, path) if not path.exists() else path)
    if not path.exists():
        near = get_close_matches(asked.name, known, n=1, cutoff=0.5)
        hint = f", did you mean '{near[0]}'?" if near else f"; shipped are {', '.join(known)}"
        raise ConfigError([f"there is no file and no scenario {asked.name[:200]!r}{hint}"])
    pairs = (pair.partition("=") for pair in asked.settings)
    return of_trace(
        path,
        trace_format=asked.trace_format,
        manifests=asked.manifests,
        config=asked.config,
        reading={key: value for key, _, value in pairs if key.startswith(READING)},
    )
