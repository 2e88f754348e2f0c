"""Warm pools: the stock of either engine, with the service's own plan and book, beside Erlang's formulas.

Nothing but the stock is simulated. A function is scripted that wants one replica more at each instant of a Poisson
process and takes what is claimed for it at once. An *impatient* one wants nothing any more at once: what was missed is
served by a cold pod, which the stock does not hear of. For a *patient* one claims wait, and come late.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from scaler.config.pools import PoolSection
from scaler.policy.erlang import miss_ratio
from scaler.pool.view import Handoff, Replicas
from simulations.kernel import Stop
from simulations.ledger import PoolFigures
from simulations.model import SECOND, Backlog, Ints, Pool, micros
from simulations.requests import NEVER
from simulations.stock import Served, Stock
from simulations.validation.formulas import Queue
from simulations.validation.rows import Row, Task, exact
from simulations.validation.worlds import NOBODY, fixed, unread, whole
from simulations.workload.chance import streams
from simulations.workload.rates import poisson, steps

RATE: Final = 0.5
"""Wake-ups a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A stock of ``size`` pods that take ``lead`` seconds on average to start, always or exponentially."""

    size: int
    lead: float
    random: bool = False
    patient: bool = False

    @property
    def name(self) -> str:
        """As a person reads it."""
        return f"{self.size} pods, {RATE:g}/s, {self.lead:g} s lead time{', exponential' if self.random else ''}"


BASES: Final = (
    Base(size=2, lead=8.0),
    Base(size=4, lead=8.0),
    Base(size=6, lead=8.0),
    Base(size=6, lead=8.0, random=True),
    Base(size=6, lead=8.0, random=True, patient=True),
)


def tasks(wakes: int, awaited: int) -> tuple[Task, ...]:
    """Return everything there is to run, with so many wake-ups a run, and ``awaited`` where claims wait."""
    return tuple(partial(_waited, case, awaited) if case.patient else partial(_lost, case, wakes) for case in BASES)


def _lost(case: Base, wakes: int, seeds: Sequence[int]) -> Iterator[Row]:
    counts = [_run(case, wakes, seed)[0] for seed in seeds]
    missed = [each.missed / (each.hits + each.missed) for each in counts]
    yield exact(
        "Erlang B, a warm pool whose misses start cold",
        f"{case.name}: miss ratio",
        miss_ratio(case.size, RATE * case.lead),
        missed,
    )


def _waited(case: Base, wakes: int, seeds: Sequence[int]) -> Iterator[Row]:
    queue = Queue(rate=RATE, service=case.lead, servers=case.size)
    runs = [_run(case, wakes, seed) for seed in seeds]
    missed = [counts.missed / (counts.hits + counts.missed) for counts, _ in runs]
    yield exact("Erlang C, a warm pool whose claims wait", f"{case.name}: miss ratio", queue.waiting_ratio, missed)
    yield exact(
        "Erlang C, a warm pool whose claims wait",
        f"{case.name}: mean wait, s",
        queue.wait,
        [waited for _, waited in runs],
    )


# -- the script --------------------------------------------------------------------------------------------------------


class _Scripted(Served):
    """A function that makes every pod that is claimed for it a replica, and remembers when."""

    def __init__(self) -> None:
        self.now = self.claiming = self.warm = self.at_hand = self.missed = 0
        self.asked = 0
        self.taken: list[int] = []
        self.ready = 0

    def seen(self) -> Replicas:
        asked, ready = self.asked, self.ready
        return Replicas(
            asked=asked,
            ready=ready,
            settled=ready,
            handoff=Handoff.ADOPT,
            wants=asked,
            observed=True,
            covered=ready,
        )

    def run(self, until: int) -> Stop:
        self.now = until
        return Stop.TIME

    @property
    def wanted(self) -> int:
        return self.asked

    @property
    def unsettled_until(self) -> int:
        return NEVER

    @property
    def version(self) -> int:
        return 0

    def bridge(self) -> None:
        self.taken.append(self.now)

    def unbridge(self) -> None:
        raise AssertionError("every bridge is adopted at once")

    def adopt(self) -> None:
        self.ready += 1


def _run(case: Base, wakes: int, seed: int) -> tuple[PoolFigures, float]:
    """Return what the stock counted, and the mean seconds that those who were served had waited."""
    chance = streams(seed, "stock", case.name)
    end = micros(wakes / RATE)
    arrivals = poisson(steps((end / SECOND, RATE)), end, chance)
    takes = case.lead * (chance.standard_exponential(2 * wakes) if case.random else np.ones(1))
    counted, taken = asked(arrivals, whole(takes), case.size, patient=case.patient)
    waits = np.array(taken) - arrivals[: len(taken)]
    return counted, float(waits.mean()) / SECOND


def asked(arrivals: Ints, takes: Ints, size: int, *, patient: bool) -> tuple[PoolFigures, list[int]]:
    """Ask a stock of ``size`` for a pod at each arrival; return what it counted, and when pods were taken.

    ``takes`` are the microseconds that its pods take to start, by turns.
    """
    served = _Scripted()
    stock = _stock(served, size, takes)
    _settle(stock, served)
    for at in arrivals.tolist():
        _advance(stock, served, at)
        served.asked += 1
        _settle(stock, served)
        if not patient:
            served.asked = served.ready = 0
            _settle(stock, served)
    return stock.figures(), served.taken


def _advance(stock: Stock, served: _Scripted, until: int) -> None:
    """Let pods become available, and be claimed if somebody waits for them."""
    while (at := stock.next_at) <= until:
        served.run(max(at, served.now))
        stock.act()
    served.run(until)


def _settle(stock: Stock, served: _Scripted) -> None:
    """Let the stock hear of it, and finish what takes no time."""
    stock.act()
    _advance(stock, served, served.now)


def _stock(served: Served, size: int, takes: Ints) -> Stock:
    """Return a stock whose pods take so long to start, filled again as fast as one may say; its claims take no time."""
    said = {
        "functions": {"namespace": "default", "deployment": "function"},
        "size": {"fixed": size},
        "refill": {"rate": 100, "burst": 100},
        "maxAge": "720h",
    }
    function = fixed(NOBODY, 1)
    started = replace(function, starts=replace(function.starts, start=takes), triggers=(unread(Backlog()),), claim=0)
    stock = Stock(served, started, Pool(section=PoolSection.model_validate(said)), 0)
    stock.size = size
    return stock
