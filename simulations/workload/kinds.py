"""The kinds of arrivals of a scenario: each section says what it may hold, what that means, and draws it."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, pi, sin
from typing import Annotated, Final

import numpy as np
from numpy.random import Generator
from pydantic import Field, model_validator

from scaler.config.pools import Cron, Zone
from scaler.config.section import Section
from scaler.triggers.schedule import schedule
from simulations.model import SECOND, Ints, micros
from simulations.workload.durations import DurationSection, draw
from simulations.workload.rates import Floats, Rates, grown, mean, poisson, refuse_more_than_can_be, stepped, steps
from simulations.workload.words import Length, Rate, Time

CELLS: Final = 1024
"""Of equal rate, each with its exact mean, in which a wave or a ramp rises: steps too small to be seen in arrivals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From when, by the calendar (seconds since 1970), and for how long (microseconds) arrivals are drawn."""

    wall: float
    end: int


class Kind(Section):
    """One kind of arrivals."""

    @abstractmethod
    def draw(self, window: Window, rng: Generator) -> Ints:
        """Return ascending microseconds in [0, ``window.end``)."""

    @abstractmethod
    def expected(self, window: Window, rng: Generator) -> float:
        """Return how many they will be, roughly where the rate itself is left to chance."""


class Rated(Kind):
    """Poisson arrivals, at a rate that may change."""

    @abstractmethod
    def rates(self, end: float, rng: Generator) -> Rates:
        """Return the rates until ``end``, in seconds."""

    def draw(self, window: Window, rng: Generator) -> Ints:
        """Return ascending microseconds in [0, ``window.end``)."""
        return poisson(self.rates(window.end / SECOND, rng), window.end, rng)

    def expected(self, window: Window, rng: Generator) -> float:
        """Return how many they will be."""
        return mean(self.rates(window.end / SECOND, rng), window.end)


class PoissonSection(Rated):
    """Independent arrivals at a rate that stays."""

    rate: Annotated[Rate, Field(description="The mean rate, such as `2/s`.")]

    def rates(self, end: float, rng: Generator) -> Rates:  # noqa: ARG002 - nothing of it is left to chance
        """Return the rates until ``end``, in seconds."""
        return steps((end, self.rate))


class StateSection(Section):
    """One state of a modulated process."""

    rate: Annotated[Rate, Field(description="The rate in this state.")]
    stay: Annotated[Length, Field(description="How long it lasts on average, exponentially.")]


class MmppSection(Rated):
    """A Markov-modulated Poisson process: after a state comes any of the others, each as likely."""

    states: Annotated[list[StateSection], Field(min_length=2, max_length=100, description="Its states.")]

    def rates(self, end: float, rng: Generator) -> Rates:
        """Return the rates until ``end``, in seconds; the first state is one as at a random moment."""
        of = np.array([state.rate for state in self.states])
        stays = np.array([state.stay for state in self.states])
        state = rng.choice(len(of), p=stays / stays.sum())

        def cells(number: int) -> tuple[Floats, Floats]:
            nonlocal state
            visited = (state + np.cumsum(rng.integers(1, len(of), number))) % len(of)
            visits = np.concatenate(([state], visited[:-1]))
            state = visited[-1]
            return rng.exponential(stays[visits]), of[visits]

        return grown(end, cells)


class OnOffSection(Rated):
    """Bursts: nothing for a while, then arrivals at a rate; it begins with nothing."""

    rate: Annotated[Rate, Field(description="The rate while it is on.")]
    on: Annotated[DurationSection, Field(description="How long it is on: a time or a distribution.")]
    off: Annotated[DurationSection, Field(description="How long it is off: a time or a distribution.")]

    def rates(self, end: float, rng: Generator) -> Rates:
        """Return the rates until ``end``, in seconds."""

        def cells(number: int) -> tuple[Floats, Floats]:
            lengths = np.stack((draw(self.off, number, rng), draw(self.on, number, rng)), axis=1).ravel() / SECOND
            return lengths, np.tile([0.0, self.rate], number)

        return grown(end, cells)


class SineSection(Rated):
    """A tide: lowest at `phase` and every `period` after it, highest halfway between."""

    base: Annotated[Rate, Field(description="The lowest rate.")]
    peak: Annotated[Rate, Field(description="The highest rate.")]
    period: Annotated[Length, Field(description="From one low to the next, such as `24h`.")]
    phase: Annotated[Time, Field(description="When it is lowest.", json_schema_extra={"default": "0s"})] = 0.0

    @model_validator(mode="after")
    def _ordered(self) -> "SineSection":
        if self.base > self.peak:
            raise ValueError("'base' is above 'peak'")
        return self

    def rates(self, end: float, rng: Generator) -> Rates:  # noqa: ARG002 - nothing of it is left to chance
        """Return the rates of one period."""
        turn, shift = 2 * pi / CELLS, 2 * pi * self.phase / self.period
        # The mean of a cosine over a cell is its value in the middle, a little flattened.
        flat = sin(turn / 2) / (turn / 2)
        waves = [1 - flat * cos((cell + 0.5) * turn - shift) for cell in range(CELLS)]
        values = self.base + (self.peak - self.base) / 2 * np.array(waves)
        return stepped(np.full(CELLS, self.period / CELLS), values)


class RampSection(Rated):
    """A rate that rises or falls evenly, and then stays."""

    first: Annotated[Rate, Field(alias="from", description="The rate at the beginning.")]
    last: Annotated[Rate, Field(alias="to", description="The rate at the end of it, and from then on.")]
    over: Annotated[Length, Field(description="How long it changes.")]

    def rates(self, end: float, rng: Generator) -> Rates:  # noqa: ARG002 - nothing of it is left to chance
        """Return the rates until ``end``, in seconds."""
        shares = (np.arange(CELLS) + 0.5) / CELLS
        lengths = np.append(np.full(CELLS, self.over / CELLS), end)
        return stepped(lengths, np.append(self.first + (self.last - self.first) * shares, self.last))


class StepSection(Rated):
    """A rate that changes at once."""

    before: Annotated[Rate, Field(description="The rate before.")]
    after: Annotated[Rate, Field(description="The rate from then on.")]
    at: Annotated[Time, Field(description="When it changes.")]

    def rates(self, end: float, rng: Generator) -> Rates:  # noqa: ARG002 - nothing of it is left to chance
        """Return the rates until ``end``, in seconds."""
        return steps((self.at, self.before), (end, self.after))


class SpikeSection(Rated):
    """A rate that jumps for a while, once or again and again."""

    base: Annotated[Rate, Field(description="The rate outside.")]
    peak: Annotated[Rate, Field(description="The rate in a spike.")]
    at: Annotated[Time, Field(description="When the first begins.")]
    lasting: Annotated[Length, Field(description="How long one lasts.")]
    every: Annotated[Length | None, Field(description="From one to the next; without it there is one.")] = None

    @model_validator(mode="after")
    def _fits(self) -> "SpikeSection":
        if self.every is not None and self.at + self.lasting > self.every:
            raise ValueError("'every' is shorter than 'at' and 'lasting' together")
        return self

    def rates(self, end: float, rng: Generator) -> Rates:  # noqa: ARG002 - nothing of it is left to chance
        """Return the rates until ``end``, or of one round."""
        after = end if self.every is None else self.every - self.at - self.lasting
        return steps((self.at, self.base), (self.lasting, self.peak), (after, self.base))


class BatchSection(Kind):
    """Groups that arrive together, at random times."""

    size: Annotated[int, Field(ge=1, le=1_000_000, description="How many a group has.")]
    rate: Annotated[Rate, Field(description="The rate of groups.")]
    within: Annotated[
        Time, Field(description="Over how long a group is spread.", json_schema_extra={"default": "0s"})
    ] = 0.0

    def draw(self, window: Window, rng: Generator) -> Ints:
        """Return ascending microseconds in [0, ``window.end``)."""
        refuse_more_than_can_be(self.expected(window, rng))
        groups = poisson(steps((window.end / SECOND, self.rate)), window.end, rng)
        return spread(groups, self.size, self.within, window.end, rng)

    def expected(self, window: Window, rng: Generator) -> float:  # noqa: ARG002 - nothing of it is left to chance
        """Return how many they will be."""
        return self.rate * self.size * window.end / SECOND


class ConstantSection(Kind):
    """One after the other at equal distances, the first at once."""

    rate: Annotated[Rate, Field(description="The rate, such as `12/min`.")]

    def draw(self, window: Window, rng: Generator) -> Ints:
        """Return ascending microseconds in [0, ``window.end``)."""
        refuse_more_than_can_be(expected := self.expected(window, rng))
        if not self.rate:
            return np.zeros(0, dtype=np.int64)
        at: Ints = np.rint(np.arange(int(expected) + 1) * (SECOND / self.rate)).astype(np.int64)
        return at[at < window.end]

    def expected(self, window: Window, rng: Generator) -> float:  # noqa: ARG002 - nothing of it is left to chance
        """Return how many they will be."""
        return self.rate * window.end / SECOND


class CronSection(Kind):
    """What a timetable sends, such as reports at every full hour."""

    cron: Annotated[Cron, Field(description="Five fields as in a `cron` trigger: `0 8 * * 1-5`.")]
    time_zone: Annotated[Zone, Field(description="The zone of `cron`, such as `Europe/Berlin`.")] = "UTC"
    size: Annotated[int, Field(ge=1, le=1_000_000, description="How many each time.")] = 1
    jitter: Annotated[
        Time, Field(description="How late one comes at most, evenly.", json_schema_extra={"default": "0s"})
    ] = 0.0

    def draw(self, window: Window, rng: Generator) -> Ints:
        """Return ascending microseconds in [0, ``window.end``)."""
        times = self._times(window)
        refuse_more_than_can_be(len(times) * self.size)
        return spread(np.array(times, dtype=np.int64), self.size, self.jitter, window.end, rng)

    def expected(self, window: Window, rng: Generator) -> float:  # noqa: ARG002 - nothing of it is left to chance
        """Return how many they will be."""
        return float(len(self._times(window)) * self.size)

    def _times(self, window: Window) -> list[int]:
        plan, begun = schedule(self.cron, self.time_zone), datetime.fromtimestamp(window.wall, UTC)
        last, found = begun + timedelta(microseconds=window.end), []
        now = plan.after(begun - timedelta(microseconds=1))
        while now is not None and now < last:
            found.append((now - begun) // timedelta(microseconds=1))
            now = plan.after(now)
        return found


def spread(groups: Ints, size: int, within: float, end: int, rng: Generator) -> Ints:
    """Return ``size`` arrivals for each of ``groups``, evenly by chance ``within`` so many seconds; ascending."""
    at = np.repeat(groups, size)
    if within:
        at += rng.integers(0, micros(within), len(at), endpoint=True)
        at.sort()
    return at[at < end]
