"""What a trace holds, what was wrong with it, and what a reader may be told about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from simulations.model import Ints, Series

SHOWN = 1_000
"""Bad rows that are kept to be shown; the others are counted."""


class Placement(StrEnum):
    """Where in an interval the arrivals are of which only the number is known."""

    UNIFORM = "uniform"
    """Anywhere, each by itself: as Poisson arrivals lie, given their number."""
    EXPONENTIAL = "exponential"
    """The first at the beginning, then exponential gaps that fill the interval: what load generators replay."""
    EQUIDISTANT = "equidistant"
    """The first at the beginning, then at equal distances."""


class Meaning(StrEnum):
    """What the samples of a Prometheus query are."""

    INCREASE = "increase"
    """Arrivals in the step that ends at the sample."""
    RATE = "rate"
    """Arrivals a second, over the step that ends at the sample."""
    COUNTER = "counter"
    """All arrivals so far; where it falls, its process was restarted."""
    BACKLOG = "backlog"
    """How many wait; when they arrived is not known."""


class Unit(StrEnum):
    """Of bare numbers that are instants or durations."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"
    MINUTES = "min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """How long a request to a language model is served, by its tokens; seconds.

    The defaults are guesses, of the size of a model of 70 billion parameters on eight H100: on the traces of Azure half
    of the requests take less than 0.55 s for code, and less than 4 s for conversations. Measure your own.
    """

    context: float = 70e-6
    generated: float = 30e-3
    fixed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a file leaves open.

    ``zero`` is the instant that becomes 0, in the file's own time (seconds since 1970, or since its own beginning);
    ``None`` is the first arrival, or the first interval. ``unit`` is of bare timestamps, ``duration_unit`` of bare
    durations; ``None`` is to be recognised. ``interval`` is how long a count's interval is, in seconds. ``columns``
    names the file's columns for ``timestamp``, ``count``, ``function`` and ``duration``. ``seed`` is of what has to be
    drawn.
    """

    zero: float | None = None
    unit: Unit | None = None
    duration_unit: Unit | None = None
    interval: float | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    placement: Placement = Placement.UNIFORM
    meaning: Meaning | None = None
    tokens: Tokens = Tokens()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that was left out, and why; ``line`` is the number of its row in Parquet, and of its sample in JSON.

    Where ``what`` says the place in another way there is no ``file``, and the line is 0.
    """

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" if self.file else self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a trace says of one function.

    ``arrivals`` are ascending microseconds; ``service`` is how long each was served, in microseconds; ``memory`` is of
    a pod, in bytes. Where only the backlog is known there are no arrivals.
    """

    arrivals: Ints
    service: Ints | None = None
    memory: int | None = None
    backlog: Series | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Functions by name, from 0 to ``end`` (microseconds).

    ``wall`` is the time of the calendar at 0, in seconds since 1970, where the file has it. Of the ``rows`` that were
    read ``bad_rows`` were left out; ``bad`` are the first of them. ``notes`` say, for a person, what was recognised and
    what was done about what was left open.
    """

    format: str
    functions: Mapping[str, Recorded]
    end: int
    wall: float | None
    rows: int
    bad: tuple[BadRow, ...]
    bad_rows: int
    notes: tuple[str, ...]
