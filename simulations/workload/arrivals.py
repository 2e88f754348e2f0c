"""The section ``arrivals`` of a scenario: one kind, or several beside each other or one after the other."""

from collections.abc import Iterator
from typing import Annotated, Final

import numpy as np
from numpy.random import Generator
from pydantic import Field, model_validator

from scaler.config.section import Section
from simulations.model import SECOND, Ints, micros
from simulations.workload.kinds import (
    BatchSection,
    ConstantSection,
    CronSection,
    Kind,
    MmppSection,
    OnOffSection,
    PoissonSection,
    RampSection,
    SineSection,
    SpikeSection,
    StepSection,
    Window,
)
from simulations.workload.words import Length, chosen


class ArrivalsSection(Section):
    """When requests arrive: exactly one of these."""

    poisson: Annotated[PoissonSection | None, Field(description="Independent, at one rate.")] = None
    mmpp: Annotated[MmppSection | None, Field(description="At a rate that jumps between states by chance.")] = None
    on_off: Annotated[OnOffSection | None, Field(description="Bursts with nothing between them.")] = None
    sine: Annotated[SineSection | None, Field(description="At a rate that comes and goes like a tide.")] = None
    ramp: Annotated[RampSection | None, Field(description="At a rate that rises or falls, then stays.")] = None
    step: Annotated[StepSection | None, Field(description="At a rate that changes once.")] = None
    spike: Annotated[SpikeSection | None, Field(description="At a rate that jumps for a while.")] = None
    batch: Annotated[BatchSection | None, Field(description="In groups.")] = None
    constant: Annotated[ConstantSection | None, Field(description="At equal distances.")] = None
    cron: Annotated[CronSection | None, Field(description="By a timetable.")] = None
    sum: Annotated[
        list["ArrivalsSection"] | None, Field(min_length=1, max_length=1000, description="All of these together.")
    ] = None
    then: Annotated[
        list["PartSection"] | None,
        Field(
            min_length=1,
            max_length=1000,
            description="One after the other, each `for` some time; after the last there is nothing.",
        ),
    ] = None

    @model_validator(mode="after")
    def _one(self) -> "ArrivalsSection":
        chosen(self, *_ASIDE)
        if self.then and any(part.lasting is None for part in self.then[:-1]):
            raise ValueError("'then' has a part without 'for' that is not the last")
        return self

    def draw(self, window: Window, rng: Generator) -> Ints:
        """Return ascending microseconds in [0, ``window.end``)."""
        if self.sum is not None:
            return _together(self.sum, window, rng)
        if self.then is not None:
            return _in_turn(self.then, window, rng)
        kind: Kind = getattr(self, chosen(self, *_ASIDE))
        return kind.draw(window, rng)

    def expected(self, window: Window, rng: Generator) -> float:
        """Return how many they will be, roughly where the rate itself is left to chance."""
        if self.sum is not None:
            return sum(part.expected(window, rng) for part in self.sum)
        if self.then is not None:
            return sum(part.expected(each, rng) for part, _, each in _turns(self.then, window))
        kind: Kind = getattr(self, chosen(self, *_ASIDE))
        return kind.expected(window, rng)


class PartSection(ArrivalsSection):
    """Arrivals for some time; only the last of several may go on until the end."""

    lasting: Annotated[Length | None, Field(alias="for", description="How long, such as `10m`.")] = None


_ASIDE: Final = ("lasting",)


def draw_arrivals(section: ArrivalsSection, end: int, rng: Generator, wall: float = 0.0) -> Ints:
    """Return when requests arrive in [0, ``end``): ascending microseconds.

    ``wall`` is the time of the calendar at 0, in seconds since 1970, for timetables. Raises ``ConfigError`` where they
    would be more than can be simulated.
    """
    return section.draw(Window(wall=wall, end=end), rng)


def expected_arrivals(section: ArrivalsSection, end: int, rng: Generator, wall: float = 0.0) -> float:
    """Return how many requests :func:`draw_arrivals` would give, roughly where the rate itself is left to chance."""
    return section.expected(Window(wall=wall, end=end), rng)


# Every part draws from a stream of its own, so that a change of one leaves the others as they are.


def _together(parts: list[ArrivalsSection], window: Window, rng: Generator) -> Ints:
    drawn = [part.draw(window, own) for part, own in zip(parts, rng.spawn(len(parts)), strict=True)]
    at = np.concatenate(drawn)
    at.sort(kind="stable")
    return at


def _in_turn(parts: list[PartSection], window: Window, rng: Generator) -> Ints:
    turns = zip(_turns(parts, window), rng.spawn(len(parts)), strict=False)
    drawn = [begin + part.draw(each, own) for (part, begin, each), own in turns]
    return np.concatenate([np.zeros(0, dtype=np.int64), *drawn])


def _turns(parts: list[PartSection], window: Window) -> Iterator[tuple[PartSection, int, Window]]:
    """Yield each part that comes to its turn, when that is, and its own window."""
    begin = 0
    for part in parts:
        rest = window.end - begin
        length = rest if part.lasting is None else min(rest, micros(part.lasting))
        if length <= 0:
            return
        yield part, begin, Window(wall=window.wall + begin / SECOND, end=length)
        begin += length
