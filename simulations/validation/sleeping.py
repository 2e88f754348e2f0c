"""Scale to zero: KEDA's cooldown beside its formula."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from simulations.figures import Figures
from simulations.model import SECOND, Backlog, Trigger, Work, micros
from simulations.run import Engine
from simulations.validation.formulas import cold_ratio
from simulations.validation.rows import Row, Task, exact
from simulations.validation.worlds import Scaling, function, lived
from simulations.workload.chance import streams
from simulations.workload.rates import poisson, steps

SERVICE: Final = 20_000
"""Microseconds: just long enough to be seen, the formula has jobs of no length."""
READING: Final = 5 * SECOND
"""How long the scaler believes in work that is over, at most; short beside the time between two checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeper:
    """``rate`` requests a second; cooldown and polling interval in seconds."""

    rate: float
    cooldown: float
    polling: float

    @property
    def name(self) -> str:
        """As a person reads it."""
        return f"1/{1 / self.rate:g} s, cooldown {self.cooldown:g} s, polled every {self.polling:g} s"


SLEEPERS: Final = (
    Sleeper(rate=1 / 400, cooldown=300.0, polling=30.0),
    Sleeper(rate=1 / 100, cooldown=300.0, polling=30.0),
    Sleeper(rate=1 / 1000, cooldown=300.0, polling=30.0),
    Sleeper(rate=1 / 300, cooldown=150.0, polling=150.0),
    Sleeper(rate=1 / 600, cooldown=60.0, polling=600.0),
)


def tasks(requests: int, engine: Engine) -> tuple[Task, ...]:
    """Return everything there is to run, with so many requests a run."""
    return tuple(partial(_slept, case, requests, engine) for case in SLEEPERS)


def _slept(case: Sleeper, requests: int, engine: Engine, seeds: Sequence[int]) -> Iterator[Row]:
    expected = cold_ratio(case.rate, case.cooldown, case.polling)
    seen = [_run(case, requests, engine, seed) for seed in seeds]
    cold = [each.cold / each.arrived for each in seen]
    asleep = [1.0 - each.ready_time / micros(requests / case.rate) for each in seen]
    yield exact("Scale to zero by KEDA's cooldown", f"{case.name}: cold ratio", expected, cold)
    yield exact("Scale to zero by KEDA's cooldown", f"{case.name}: share of time asleep", expected, asleep)


def _run(case: Sleeper, requests: int, engine: Engine, seed: int) -> Figures:
    """Let a function of one pod, which starts at once, be woken by push and put to sleep by KEDA."""
    end = micros(requests / case.rate)
    arrivals = poisson(steps((end / SECOND, case.rate)), end, streams(seed, "cooldown", case.name))
    work = Work(arrivals=arrivals, service=np.full(len(arrivals), SERVICE, dtype=np.int64))
    scaling = Scaling(least=0, most=1, polling=case.polling, cooldown=case.cooldown)
    return lived(function(scaling, work, Trigger(source=Backlog(), interval=READING)), end, 0, engine)
