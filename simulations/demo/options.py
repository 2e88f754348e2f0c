"""What the command line says, understood: every problem in one message."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from scaler.errors import ConfigError
from scaler.verbs.output import Output

SLOWEST: Final = 0.1
FASTEST: Final = 20.0
HEADLESS_DURATION: Final = 30.0  # s, if none is given
POOL: Final = 2  # warm pods, if nothing is said
LARGEST_POOL: Final = 10

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_DURATION: Final = re.compile(rf"(?:{_PART.pattern})+\Z")
_SPEED: Final = re.compile(r"(\d+(?:\.\d+)?)x?\Z")

T = TypeVar("T")
AnyEnum = TypeVar("AnyEnum", bound=StrEnum)


class Source(StrEnum):
    """Where the events wait."""

    NATS = "nats"
    MEMORY = "memory"


class Compare(StrEnum):
    """What runs beside it."""

    POLL = "poll"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOutage:
    """When the broker is killed, and for how long, in seconds."""

    start: float
    length: float

    @property
    def end(self) -> float:
        """When it is revived."""
        return self.start + self.length


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run the demo; times are seconds of its own clock, ``duration`` is ``None`` until somebody stops it.

    ``pool``: warm pods of the lane that has some; with 0 there is no such lane.
    """

    source: Source = Source.NATS
    seed: int = 1
    speed: float = 1.0
    compare: Compare = Compare.POLL
    pool: int = POOL
    duration: float | None = None
    outage: PlannedOutage | None = None
    headless: bool = False
    output: Output = Output.TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The options as they were typed; ``None`` where nothing was."""

    source: str = Source.NATS
    seed: int = 1
    speed: str = "1x"
    compare: str = Compare.POLL
    pool: int = POOL
    duration: str | None = None
    outage: str | None = None
    headless: bool = False
    output: Output = Output.TABLE


def understand(words: Words) -> Options:
    """Read the options; raise :class:`ConfigError` that names every problem at once."""
    problems: list[str] = []

    def take(read: Callable[[str], T], text: str, otherwise: T) -> T:
        try:
            return read(text)
        except ValueError as error:
            problems.append(str(error))
            return otherwise

    options = Options(
        source=take(lambda text: _one_of(Source, "--source", text), words.source, Source.NATS),
        seed=words.seed,
        speed=take(speed, words.speed, 1.0),
        compare=take(lambda text: _one_of(Compare, "--compare", text), words.compare, Compare.POLL),
        pool=words.pool,
        duration=take(_run_length, words.duration, None) if words.duration is not None else _default(words),
        outage=take(outage, words.outage, None) if words.outage is not None else None,
        headless=words.headless,
        output=words.output,
    )
    problems += _clashes(options)
    if problems:
        raise ConfigError(problems)
    return options


def _default(words: Words) -> float | None:
    return HEADLESS_DURATION if words.headless else None


def _clashes(options: Options) -> list[str]:
    problems = []
    if not 0 <= options.pool <= LARGEST_POOL:
        problems.append(f"--pool: {options.pool} is not between 0 and {LARGEST_POOL}")
    if options.output is not Output.TABLE and not options.headless:
        problems.append(f"--output {options.output} needs --headless")
    if options.outage is not None and options.duration is not None and options.outage.end > options.duration:
        problems.append(f"--outage ends at {options.outage.end:g}s, after the {options.duration:g}s of the run")
    return problems


def seconds(text: str) -> float:
    """Read ``30s``, ``1m30s`` or ``500ms``; raise ``ValueError`` for anything else."""
    if not _DURATION.match(text):
        raise ValueError(f"{text!r} is not a time like 30s, 500ms or 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _run_length(text: str) -> float | None:
    length = _of("--duration", text, seconds)
    if length < 1.0:
        raise ValueError("--duration: a run shorter than 1s shows nothing")
    return length


def outage(text: str) -> PlannedOutage | None:
    """Read ``START+LENGTH``; raise ``ValueError`` with what is wrong."""
    start, plus, length = text.partition("+")
    if not plus:
        raise ValueError(f"--outage: {text!r} is not START+LENGTH, like 5s+20s")
    planned = PlannedOutage(start=_of("--outage", start, seconds), length=_of("--outage", length, seconds))
    if planned.length <= 0.0:
        raise ValueError("--outage: its length must be above zero")
    return planned


def speed(text: str) -> float:
    """Read ``5x`` or ``5``; raise ``ValueError`` with what is wrong."""
    found = _SPEED.match(text)
    if found is None:
        raise ValueError(f"--speed: {text!r} is not a factor like 5x")
    factor = float(found[1])
    if not SLOWEST <= factor <= FASTEST:
        raise ValueError(f"--speed: {text!r} is not between {SLOWEST:g}x and {FASTEST:g}x")
    return factor


def _of(option: str, text: str, read: Callable[[str], float]) -> float:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{option}: {error}") from None


def _one_of(words: type[AnyEnum], option: str, text: str) -> AnyEnum:
    if text not in set(words):
        raise ValueError(f"{option}: {text!r} is not one of {', '.join(words)}")
    return words(text)
