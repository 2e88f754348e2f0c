"""Many functions, the pools that keep warm pods for them, and the requests that one hands on to another.

Functions that share a memory budget go through time together, a step of :data:`STEP` at a time; all others one after
the other, which is the same and quicker. The service decides every size anew each second; here that is done where
another one can come of it: :data:`PROMPT` after a wake-up, where a measured rate or a timetable changes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Final, Protocol

import numpy as np

from scaler.model import Instant
from scaler.pool.book import BIN
from scaler.pool.sizes import Sizes
from simulations.figures import Figures, Outcome
from simulations.ledger import PoolFigures
from simulations.model import SECOND, Feed, Function, Ints, Pool, Work, World, micros
from simulations.policies.sizers import SizerRule, sizer
from simulations.stock import Served, Stock

STEP: Final = 10 * SECOND
PROMPT: Final = SECOND
_FIRST: Final = 60 * SECOND
"""While a rate rests on less than a bin of the book, it changes all the time; so often is it looked at."""
_BIN: Final = micros(BIN)


class Simulated(Served, Protocol):
    """One function in either engine."""

    def figures(self, pool: PoolFigures | None = None) -> Figures:
        """Say what it came to."""
        ...


Made = Callable[[Function, World], Simulated]
"""Makes the kernel of a function."""


def lived(world: World, make: Made) -> Outcome:
    """Run a world from 0 to its end; the figures come in the order of its functions."""
    done: dict[str, Figures] = {}
    for group in _groups(world):
        fed = [_fed(each, world.feeds, done) for each in group]
        for figures in _group(fed, world, make):
            done[figures.name] = figures
    ordered = tuple(done[function.name] for function in world.functions)
    return Outcome(figures=ordered, end=world.end, warmup=world.warmup)


# -- who goes together, and in which order -----------------------------------------------------------------------------


def _groups(world: World) -> list[list[Function]]:
    """Put together who shares a budget, and whoever feeds somebody before that one.

    Raises ``ValueError`` where requests go round in a circle, also by way of a shared budget.
    """
    groups: dict[str, list[Function]] = {}
    for function in world.functions:
        groups.setdefault(_key(function, world), []).append(function)
    keys = {function.name: _key(function, world) for function in world.functions}
    before = {key: {keys[feed.source] for feed in world.feeds if keys[feed.sink] == key} for key in groups}
    order: list[str] = []
    while len(order) < len(groups):
        free = [key for key in groups if key not in order and before[key] <= set(order)]
        if not free:
            raise ValueError(f"requests go round in a circle among {', '.join(sorted(set(groups) - set(order)))}")
        order += free
    return [groups[key] for key in order]


def _key(function: Function, world: World) -> str:
    pool = world.pools[function.pool] if function.pool is not None else None
    shared = pool is not None and pool.section.size.auto is not None and pool.section.size.auto.budget is not None
    return f"pool {function.pool}" if shared else f"function {function.name}"


def _fed(function: Function, feeds: Iterable[Feed], done: Mapping[str, Figures]) -> Function:
    """Add to a function's own requests those that are handed on to it; they take the service times in their order."""
    coming = [done[feed.source].done + feed.after for feed in feeds if feed.sink == function.name]
    if not coming:
        return function
    arrivals: Ints = np.sort(np.concatenate([function.work.arrivals, *coming]), kind="stable")
    service = np.resize(function.work.service, len(arrivals))
    return replace(function, work=Work(arrivals=arrivals, service=service))


# -- one group ---------------------------------------------------------------------------------------------------------


class _Member:
    """A function with its kernel and, if it has a pool, its stock."""

    def __init__(self, function: Function, world: World, make: Made) -> None:
        self.function = function
        self.kernel = make(function, world)
        self.pool: Pool | None = None
        self.stock: Stock | None = None
        self.rule: SizerRule | None = None
        self._told = 0
        if function.pool is not None:
            self.pool = world.pools[function.pool]
            self.stock = Stock(self.kernel, function, self.pool, world.warmup)
            self.rule = sizer(self.pool, function.name, 0.0)

    def advance(self, until: int, *, alone: bool) -> None:
        """Go on to an instant; ``alone`` not further than to a wake-up."""
        stock = self.stock
        if stock is None:
            self.kernel.run(until)
            return
        while self.kernel.now < until or stock.next_at <= until:
            self.kernel.run(min(until, max(self.kernel.now, stock.next_at)))
            stock.act()
            if alone and stock.woken:
                return

    def hear(self) -> None:
        """Tell the sizer of the wake-ups since."""
        if self.stock is None:
            return
        steps, self._told = self.stock.steps[self._told :], len(self.stock.steps)
        self.stock.woken = False
        if self.rule is not None:
            for step in steps:
                self.rule.woke(step.at / SECOND, step.pods, step.missed)

    def figures(self) -> Figures:
        """Say what it came to."""
        return self.kernel.figures(self.stock.figures() if self.stock else None)


def _group(functions: Sequence[Function], world: World, make: Made) -> list[Figures]:
    members = [_Member(function, world, make) for function in functions]
    if any(each.stock is not None for each in members):
        _sized(members, world)
    for each in members:
        each.advance(world.end, alone=False)
    return [each.figures() for each in members]


def _sized(members: Sequence[_Member], world: World) -> None:
    """Go to the end, and decide how many warm pods there are on the way."""
    sizes = Sizes(wall=_Calendar(world, members[0].kernel))
    alone = len(members) == 1
    now = due = 0
    while now < world.end:
        if now >= due:
            due = _decide(members, sizes, now)
        until = min(world.end, due if alone else min(due, now + STEP))
        for each in members:
            each.advance(until, alone=alone)
        now = members[0].kernel.now
        if any(each.stock is not None and each.stock.woken for each in members):
            due = min(due, now + PROMPT) if alone else now
            _quiet(members)


def _quiet(members: Sequence[_Member]) -> None:
    for each in members:
        each.hear()


class _Calendar:
    """The time of the calendar, where a kernel is."""

    def __init__(self, world: World, kernel: Simulated) -> None:
        self._begin = datetime.fromtimestamp(world.wall, UTC)
        self._kernel = kernel

    def __call__(self) -> datetime:
        return self._begin + timedelta(microseconds=self._kernel.now)


def _decide(members: Sequence[_Member], sizes: Sizes, now: int) -> int:
    """Decide all sizes, and return when to decide again though nobody wakes up."""
    at = Instant(now / SECOND)
    stands = {each.function.name: each.stock.stand(each.function.pool or "") for each in members if each.stock}
    sizes.decide(stands, at)
    changes_at = sizes.changes_at(at)
    again = min(_after(inf if changes_at is None else changes_at, now), _next_bin(now))
    for each in members:
        size, why = sizes.of(each.function.name)
        if each.rule is not None:
            size, why = each.rule.decide(at, (size, why), stands[each.function.name].measured)
            again = min(again, _after(each.rule.next_at(at), now))
        _resize(each, size)
    return int(again)


def _next_bin(now: int) -> int:
    """Return when a rate changes that is measured over bins."""
    return now + _FIRST if now < _BIN else (now // _BIN + 1) * _BIN


def _after(instant: float, now: int) -> float:
    """Return an instant in microseconds, but not at once."""
    return inf if instant == inf else max(now + PROMPT, micros(instant))


def _resize(member: _Member, size: int) -> None:
    stock = member.stock
    if stock is not None and size != stock.size:
        stock.size = size
        stock.act()
