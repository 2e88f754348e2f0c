"""The case on which engines are compared: requests like a tide, KEDA's polls, an old HPA, four warm pods.

50 requests a second on average (a sine between 10 and 90, one tide an hour), each a lognormal 0.37 s on average; polled
every 30 s, a target of one a pod, at most 100 pods, which start in 8 s. Here it is for our engines and for SimPy.
"""

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from math import ceil, log
from typing import Any, Final

import simpy

from simulations.fast.engine import FastKernel
from simulations.figures import Figures
from simulations.model import SECOND, Work, World
from simulations.run import Engine, simulate
from simulations.validation.worlds import whole
from simulations.workload.chance import streams
from simulations.workload.kinds import SineSection, Window
from simulations.world import lived
from tests.simulations.engine.worlds import function, phases, pool, scaled

SERVICE: Final = 0.37  # s
SPREAD: Final = 0.5  # of the logarithm
START: Final = 8.0  # s
TARGET: Final = 1.0
MOST: Final = 100
WARM: Final = 4
POLLING: Final = 30.0  # s
SYNC: Final = 15.01  # s
READING: Final = 2.0  # s
CLAIM: Final = 0.02  # s
WINDOW: Final = 300.0  # s that the HPA remembers

Process = Generator[simpy.Event, Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """So many requests, on average; with a pool of warm pods, or without."""

    requests: int
    pooled: bool = True

    @property
    def seconds(self) -> float:
        """How long that takes in the simulated world."""
        return self.requests / 50.0

    def work(self) -> Work:
        """Draw them."""
        chance = streams(1, "bench")
        tide = SineSection.model_validate({"base": "10/s", "peak": "90/s", "period": "1h"})
        arrivals = tide.draw(Window(wall=0.0, end=round(self.seconds * SECOND)), chance)
        service = chance.lognormal(log(SERVICE) - SPREAD**2 / 2, SPREAD, len(arrivals))
        return Work(arrivals=arrivals, service=whole(service))


def world(case: Case, work: Work) -> World:
    """Return it for our engines."""
    rules = scaled(push=False, target=TARGET, max_replicas=MOST, polling_interval=POLLING)
    syncs = round(case.seconds / SYNC) + 10
    name = "warm" if case.pooled else None
    tidal = function(work, rules=rules, start=START, pool=name, at=phases(check=0, sync=15, syncs=syncs))
    pools = {"warm": pool({"fixed": WARM})}
    return World(functions=(tidal,), end=round(case.seconds * SECOND), pools=pools)


def ours(case: Case, work: Work, engine: Engine) -> Figures:
    """Simulate it with an engine of ours."""
    return simulate(world(case, work), engine).figures[0]


def fast(case: Case, work: Work, *, jit: bool) -> Figures:
    """Simulate it with the fast engine: compiled, or as it stands."""
    return lived(world(case, work), partial(FastKernel, jit=jit)).figures[0]


# -- the same for SimPy ------------------------------------------------------------------------------------------------


class Peer:
    """The model as one writes it for SimPy: a process for each request, each pod that starts, and each controller."""

    def __init__(self, work: Work, seconds: float) -> None:
        self.env = simpy.Environment()
        self.waits: list[float] = []
        self._slots = simpy.Container(self.env)
        self._unfinished = self._replicas = self._bridges = 0
        self._warm = WARM
        self._last_active = float("-inf")
        self._recommended = deque[tuple[float, int]]()
        self.env.process(self._arrivals(work))
        self.env.process(self._scaler())
        self.env.process(self._keda())
        self.env.process(self._hpa())
        self.env.run(seconds)

    def _arrivals(self, work: Work) -> Process:
        times, services = (work.arrivals / SECOND).tolist(), (work.service / SECOND).tolist()
        for at, service in zip(times, services, strict=True):
            yield self.env.timeout(at - self.env.now)
            self._unfinished += 1
            self.env.process(self._request(service))
            if self._unfinished == 1:
                self._claim()

    def _request(self, service: float) -> Process:
        arrived = self.env.now
        yield self._slots.get(1)
        self.waits.append(self.env.now - arrived)
        yield self.env.timeout(service)
        self._unfinished -= 1
        yield self._slots.put(1)

    def _scaler(self) -> Process:
        while True:
            self._claim()
            yield self.env.timeout(READING)

    def _claim(self) -> None:
        """Let warm pods serve at once as far as they are needed, and bridges no more that are not."""
        present = self._replicas + self._bridges
        wanted = min(MOST, ceil(self._unfinished / TARGET))
        for _ in range(min(self._warm, wanted - present)):
            self._warm -= 1
            self._bridges += 1
            self.env.process(self._start(CLAIM))
            self.env.process(self._refill())
        for _ in range(min(self._bridges, present - max(wanted, self._replicas))):
            self._bridges -= 1
            self.env.process(self._leave())

    def _keda(self) -> Process:
        while True:
            if self._unfinished:
                self._last_active = self.env.now
                if not self._replicas:
                    self._scale(1)
            elif self._replicas and self._last_active + WINDOW < self.env.now:
                self._scale(0)
            yield self.env.timeout(POLLING)

    def _hpa(self) -> Process:
        while True:
            yield self.env.timeout(SYNC)
            if self._replicas:
                self._scale(self._desired())

    def _desired(self) -> int:
        """Return what the HPA without ``behavior`` asks for."""
        now, replicas, remembered = self.env.now, self._replicas, self._recommended
        used = self._unfinished / (TARGET * replicas)
        proposed = replicas if 0.9 <= used <= 1.1 else ceil(self._unfinished / TARGET)
        remembered.append((now, proposed))
        while remembered[0][0] < now - WINDOW:
            remembered.popleft()
        stable = max(each for _, each in remembered)
        return max(1, min(stable, MOST, max(2 * replicas, 4)))

    def _scale(self, replicas: int) -> None:
        """Adopt bridges before pods are started; those that leave finish what they hold."""
        adopted = max(0, min(self._bridges, replicas - self._replicas))
        self._bridges -= adopted
        for _ in range(replicas - self._replicas - adopted):
            self.env.process(self._start(START))
        for _ in range(self._replicas - replicas):
            self.env.process(self._leave())
        self._replicas = replicas

    def _start(self, takes: float) -> Process:
        yield self.env.timeout(takes)
        yield self._slots.put(1)

    def _refill(self) -> Process:
        yield self.env.timeout(START)
        self._warm += 1

    def _leave(self) -> Process:
        yield self._slots.get(1)
