"""How long something takes, by chance: service times, and the phases of a pod's start.

A bare time is always the same time. Nothing drawn is longer than a leap year.
"""

import re
from abc import abstractmethod
from math import exp, log, sqrt
from typing import Annotated, Final

import numpy as np
from numpy.random import Generator
from pydantic import Field, field_validator, model_validator

from scaler.config.section import Section
from simulations.model import SECOND, Ints
from simulations.workload.rates import Floats
from simulations.workload.words import Length, Time, chosen

LONGEST: Final = 366 * 86_400.0
"""Seconds."""
_P95: Final = 1.6448536269514722  # of the standard normal distribution
_PERCENTILE: Final = re.compile(r"p([0-9]{1,2}(?:\.[0-9]+)?|100)", re.ASCII)


class DistributionSection(Section):
    """One kind of distribution."""

    @abstractmethod
    def draw(self, n: int, rng: Generator) -> Floats:
        """Return ``n`` draws, in seconds."""


class ExponentialSection(DistributionSection):
    """Memoryless."""

    mean: Annotated[Time, Field(description="The mean.")]

    def draw(self, n: int, rng: Generator) -> Floats:
        """Return ``n`` draws, in seconds."""
        return rng.exponential(self.mean, n)


class LognormalSection(DistributionSection):
    """Skewed to the right, as service and start times mostly are: where it lies, and how wide it is."""

    median: Annotated[Length | None, Field(description="Half of them take longer; this or `mean`.")] = None
    mean: Annotated[Length | None, Field(description="The mean; this or `median`.")] = None
    sigma: Annotated[
        float | None, Field(ge=0, le=5, description="Standard deviation of the logarithm; this or `p95`.")
    ] = None
    p95: Annotated[Length | None, Field(description="One in twenty takes longer; this or `sigma`.")] = None

    @model_validator(mode="after")
    def _determined(self) -> "LognormalSection":
        if (self.median is None) == (self.mean is None) or (self.sigma is None) == (self.p95 is None):
            raise ValueError("names one of 'median' and 'mean', and one of 'sigma' and 'p95'")
        self.parameters()
        return self

    def parameters(self) -> tuple[float, float]:
        """Return mean and standard deviation of the logarithm of seconds."""
        sigma = self._wide() if self.sigma is None else self.sigma
        if self.median is not None:
            return log(self.median), sigma
        return log(self.mean or LONGEST) - sigma**2 / 2, sigma

    def _wide(self) -> float:
        """Solve for sigma: p95 is median x e^(z sigma), and mean x e^(z sigma - sigma^2 / 2)."""
        ratio = log((self.p95 or LONGEST) / (self.median or self.mean or LONGEST))
        if self.median is not None:
            if ratio < 0:
                raise ValueError("'p95' is below 'median'")
            return ratio / _P95
        if not 0 <= ratio <= _P95**2 / 2:
            raise ValueError(f"'p95' must be 1 to {exp(_P95**2 / 2):.2f} times 'mean'; say 'median', or 'sigma'")
        return _P95 - sqrt(_P95**2 - 2 * ratio)

    def draw(self, n: int, rng: Generator) -> Floats:
        """Return ``n`` draws, in seconds."""
        return rng.lognormal(*self.parameters(), n)


class GammaSection(DistributionSection):
    """A sum of exponential phases: narrower than exponential where `shape` is above 1, wider below."""

    mean: Annotated[Time, Field(description="The mean.")]
    shape: Annotated[float, Field(gt=0, le=10_000, description="How many phases; need not be whole.")]

    def draw(self, n: int, rng: Generator) -> Floats:
        """Return ``n`` draws, in seconds."""
        return rng.gamma(self.shape, self.mean / self.shape, n)


class UniformSection(DistributionSection):
    """Anything between two times."""

    least: Annotated[Time, Field(alias="from", description="The shortest.")]
    most: Annotated[Time, Field(alias="to", description="The longest.")]

    @model_validator(mode="after")
    def _ordered(self) -> "UniformSection":
        if self.least > self.most:
            raise ValueError("'from' is above 'to'")
        return self

    def draw(self, n: int, rng: Generator) -> Floats:
        """Return ``n`` draws, in seconds."""
        return rng.uniform(self.least, self.most, n)


class EmpiricalSection(DistributionSection):
    """What was measured: single values, each as likely, or quantiles with straight lines between them."""

    values: Annotated[list[Time] | None, Field(min_length=1, description="Measured times.")] = None
    quantiles: Annotated[
        dict[str, Time] | None,
        Field(
            min_length=2,
            description="Such as `{p0: 20ms, p50: 80ms, p99: 1s, p100: 4s}`; below the first and above the last it "
            "stays at them, so name p0 and p100 where they are known.",
        ),
    ] = None

    @field_validator("quantiles", mode="after")
    @classmethod
    def _ascending(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        wrong = [key for key in value or () if _PERCENTILE.fullmatch(key) is None]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no percentile; they are p0 to p100, such as p99.9")
        times = [time for _, time in sorted((value or {}).items(), key=lambda each: float(each[0][1:]))]
        if times != sorted(times):
            raise ValueError("a higher percentile has a shorter time")
        return value

    @model_validator(mode="after")
    def _one(self) -> "EmpiricalSection":
        chosen(self)
        return self

    def draw(self, n: int, rng: Generator) -> Floats:
        """Return ``n`` draws, in seconds."""
        if self.values is not None:
            return rng.choice(np.array(self.values), n)
        pairs = sorted((float(key[1:]), time) for key, time in (self.quantiles or {}).items())
        return between_quantiles(np.array([each for each, _ in pairs]), np.array([time for _, time in pairs]), n, rng)


def between_quantiles(percent: Floats, times: Floats, n: int, rng: Generator) -> Floats:
    """Return ``n`` draws from a distribution that is known at ``percent`` of it, both ascending."""
    return np.interp(rng.random(n) * 100.0, percent, times)


class DurationSection(Section):
    """How long something takes: a time such as `250ms`, or a distribution."""

    constant: Annotated[Time | None, Field(description="Always the same.")] = None
    exponential: Annotated[ExponentialSection | None, Field(description="Memoryless.")] = None
    lognormal: Annotated[LognormalSection | None, Field(description="Skewed to the right.")] = None
    gamma: Annotated[GammaSection | None, Field(description="A sum of phases.")] = None
    uniform: Annotated[UniformSection | None, Field(description="Anything between two times.")] = None
    empirical: Annotated[EmpiricalSection | None, Field(description="As measured.")] = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"constant": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> "DurationSection":
        chosen(self)
        return self


def draw(section: DurationSection, n: int, rng: Generator) -> Ints:
    """Return ``n`` draws, in microseconds, none negative."""
    kind: DistributionSection | float = getattr(section, chosen(section))
    seconds: Floats = kind.draw(n, rng) if isinstance(kind, DistributionSection) else np.full(n, float(kind))
    drawn: Ints = np.rint(np.minimum(seconds, LONGEST) * SECOND).astype(np.int64)
    return drawn
