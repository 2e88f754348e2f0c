"""Queues: functions of a fixed number of pods beside what queueing theory says of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import log, sqrt
from typing import Final

import numpy as np
from numpy.random import Generator

from simulations.figures import Figures
from simulations.model import SECOND, Work, micros
from simulations.run import Engine
from simulations.validation.formulas import Queue, pollaczek_khinchine
from simulations.validation.rows import Row, Task, exact
from simulations.validation.worlds import Floats, fixed, lived, whole
from simulations.workload.chance import streams
from simulations.workload.rates import poisson, steps

WARMUP: Final = 0.1
"""The share of a run that is not counted: queues begin empty."""
LONG: Final = 10
"""With more servers, waits of a whole service are too rare to be counted."""

Draw = Callable[[Generator, int], Floats]
"""Draws service times of mean 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A distribution of mean 1; ``variation`` is its squared coefficient of variation."""

    name: str
    variation: float
    draw: Draw


EXPONENTIAL: Final = Service(name="M", variation=1.0, draw=lambda chance, count: chance.standard_exponential(count))
ALWAYS: Final = Service(name="D", variation=0.0, draw=lambda _, count: np.ones(count))
ERLANG: Final = Service(name="E2", variation=0.5, draw=lambda chance, count: chance.gamma(2.0, 0.5, count))
LOGNORMAL: Final = Service(
    name="lognormal",
    variation=2.0,
    draw=lambda chance, count: chance.lognormal(-log(3.0) / 2.0, sqrt(log(3.0)), count),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """``pods`` of ``slots`` each; ``rate`` a second, ``service`` mean seconds."""

    rate: float
    service: float
    pods: int
    slots: int = 1
    law: Service = EXPONENTIAL

    @property
    def servers(self) -> int:
        """How many requests are served at once."""
        return self.pods * self.slots

    @property
    def name(self) -> str:
        """As a person reads it."""
        several = f" in pods of {self.slots}" if self.slots > 1 else ""
        return f"M/{self.law.name}/{self.servers}{several}, {self.rate:g}/s of {self.service:g} s"


MANY: Final = (
    Fixed(rate=0.8, service=1.0, pods=1),
    Fixed(rate=4.0, service=0.9, pods=4),
    Fixed(rate=9.0, service=1.0, pods=10),
    Fixed(rate=9.0, service=1.0, pods=2, slots=5),
    Fixed(rate=18.0, service=1.0, pods=20),
    Fixed(rate=45.0, service=1.0, pods=50),
)
ONE: Final = (
    Fixed(rate=0.5, service=1.0, pods=1, law=ALWAYS),
    Fixed(rate=0.8, service=1.0, pods=1, law=ALWAYS),
    Fixed(rate=0.9, service=1.0, pods=1, law=ALWAYS),
    Fixed(rate=0.7, service=1.0, pods=1, law=ERLANG),
    Fixed(rate=0.6, service=1.0, pods=1, law=LOGNORMAL),
)
BUSY: Final = Fixed(rate=20.0, service=1.0, pods=200, law=LOGNORMAL)
"""So many pods that nobody ever waits: M/G/∞."""


def tasks(requests: int, engine: Engine) -> tuple[Task, ...]:
    """Return everything there is to run, with so many requests a run."""
    run = partial(_run, requests=requests, engine=engine)
    return (
        *(partial(_many, case, run) for case in MANY),
        *(partial(_one, case, run) for case in ONE),
        partial(_busy, run),
        partial(_little, run),
    )


Run = Callable[..., Figures]
"""Runs a case with a seed."""


def _many(case: Fixed, run: Run, seeds: Sequence[int]) -> Iterator[Row]:
    queue = Queue(rate=case.rate, service=case.service, servers=case.servers)
    seen = [run(case, seed).waits for seed in seeds]
    section, one = "Erlang C, fixed pods", case.service * SECOND
    yield exact(section, f"{case.name}: mean wait, s", queue.wait, [float(waits.mean()) / SECOND for waits in seen])
    yield exact(section, f"{case.name}: share that waits", queue.waiting_ratio, [float((w > 0).mean()) for w in seen])
    if case.servers <= LONG:
        name = f"{case.name}: share that waits longer than a service"
        yield exact(section, name, queue.longer_than(case.service), [float((waits > one).mean()) for waits in seen])


def _one(case: Fixed, run: Run, seeds: Sequence[int]) -> Iterator[Row]:
    expected = pollaczek_khinchine(case.rate, case.service, case.law.variation)
    drawn = [float(run(case, seed).waits.mean()) / SECOND for seed in seeds]
    yield exact("Pollaczek-Khinchine, one pod", f"{case.name}: mean wait, s", expected, drawn)


def _busy(run: Run, seeds: Sequence[int]) -> Iterator[Row]:
    load = Queue(rate=BUSY.rate, service=BUSY.service, servers=BUSY.servers).load
    seen = [run(BUSY, seed) for seed in seeds]
    per_pod = [each.busy_time / each.ready_time * BUSY.pods for each in seen]
    yield exact("M/G/inf, a pod for everybody", f"{BUSY.name}: busy pods", load, per_pod)
    yield exact(
        "M/G/inf, a pod for everybody",
        f"{BUSY.name}: longest wait, s",
        0.0,
        [float(each.waits.max()) / SECOND for each in seen],
    )


def _little(run: Run, seeds: Sequence[int]) -> Iterator[Row]:
    """Compare areas with sums, once everybody is served: equal to the microsecond."""
    for case in (MANY[1], ONE[-1]):
        seen = [run(case, seed, complete=True) for seed in seeds]
        waited = [float(sum(each.blamed) - int(each.waits.sum())) for each in seen]
        served = [float(each.busy_time - each.service_time) for each in seen]
        yield exact(
            "Little's law, to the microsecond", f"{case.name}: area of the queue less the sum of waits, us", 0.0, waited
        )
        yield exact(
            "Little's law, to the microsecond",
            f"{case.name}: area in service less the sum of services, us",
            0.0,
            served,
        )


def _run(case: Fixed, seed: int, *, requests: int, engine: Engine, complete: bool = False) -> Figures:
    """Run a case for so many requests on average; ``complete`` counts all of it, until everybody is served."""
    chance = streams(seed, "queue", case.name)
    last = micros(requests / case.rate)
    arrivals = poisson(steps((last / SECOND, case.rate)), last, chance)
    service = whole(case.service * case.law.draw(chance, len(arrivals)))
    end = last + int(service.sum()) if complete else last
    served = fixed(Work(arrivals=arrivals, service=service), case.pods, case.slots)
    return lived(served, end, 0 if complete else round(WARMUP * end), engine)
