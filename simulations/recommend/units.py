"""The functions of one pool at a time: what shares a pool is sized together, and what has none gets its own."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from scaler.config.pools import PoolSection, SizeSection
from simulations.figures import Cause, Figures, Outcome, Step
from simulations.model import Function, Ints, Pool, Work, World
from simulations.recommend.measuring import Needs, needs
from simulations.run import Engine, simulate

_RISES: Final = frozenset({Cause.KEDA_WAKES, Cause.KEDA_OTHER, Cause.HPA_UP})
_OTHERS: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """The Deployment of a function; one of which nothing says where it is taken to be in ``default``."""

    deployment: str
    namespace: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The functions of one pool, as a world with nothing else, and the pool's section of today, ``None`` if it is new.

    In the world every function has a pool, an empty one where it has none today.
    """

    name: str
    world: World
    today: PoolSection | None

    @property
    def section(self) -> PoolSection:
        """The section as it is simulated."""
        return self.world.pools[self.name].section

    def run_today(self, engine: Engine) -> Outcome:
        """Run it as it is today. Where nothing is kept warm, every replica that is asked for counts as missed."""
        if self.today is not None:
            return simulate(self.world, engine)
        functions = tuple(replace(each, pool=None) for each in self.world.functions)
        outcome = simulate(replace(self.world, functions=functions, pools={}), engine)
        return replace(outcome, figures=tuple(_all_missed(each, outcome.warmup) for each in outcome.figures))

    def with_size(self, size: SizeSection) -> World:
        """Return the world with another size, and nothing to confirm."""
        section = self.section.model_copy(update={"size": size, "confirm": None})
        return replace(self.world, pools={self.name: Pool(section=section)})

    def needs(self, outcome: Outcome) -> tuple[Needs, ...]:
        """Measure a run of this world."""
        pairs = zip(self.world.functions, outcome.figures, strict=True)
        return tuple(needs(function, figures, self.section) for function, figures in pairs)


def _all_missed(figures: Figures, since: int) -> Figures:
    rises = [each for each in figures.moves if each.cause in _RISES and each.after > each.before and each.at >= since]
    steps = tuple(Step(at=each.at, pods=each.after - each.before, missed=each.after - each.before) for each in rises)
    return replace(figures, steps=steps, missed=sum(each.pods for each in steps))


def units(
    world: World,
    functions: Sequence[Function],
    present: PoolSection | None,
    whose: Mapping[str, Whose],
) -> Iterator[Unit]:
    """Yield the pools of ``functions``; one that has none has ``present`` today, or nothing.

    A pool that is new means what ``whose`` says of the function, else a Deployment of its name.
    """
    taken = set(world.pools)
    pooled: dict[str, list[Function]] = {}
    for function in functions:
        if function.pool is None:
            name = _free(function.name, taken)
            section = present or _section(whose.get(function.name) or Whose(deployment=name))
            own = replace(function, pool=name)
            pools = {name: Pool(section=section)}
            yield Unit(name=name, world=replace(world, functions=(own,), pools=pools), today=present)
        else:
            pooled.setdefault(function.pool, []).append(function)
    for name, members in pooled.items():
        pools = {name: world.pools[name]}
        yield Unit(name=name, world=replace(world, functions=tuple(members), pools=pools), today=pools[name].section)


def _section(whose: Whose) -> PoolSection:
    """Return a section that keeps nothing warm."""
    functions = {"namespace": whose.namespace, "deployment": whose.deployment}
    return PoolSection.model_validate({"functions": functions, "size": SizeSection(fixed=0)})


def _free(name: str, taken: set[str]) -> str:
    """Return a name that a pool and an object of Kubernetes may have, and that is not taken yet; take it."""
    plain = _OTHERS.sub("-", name.lower())[:_LONGEST].strip("-") or "function"
    found, number = plain, 1
    while found in taken:
        number += 1
        suffix = f"-{number}"
        found = plain[: _LONGEST - len(suffix)] + suffix
    taken.add(found)
    return found


def fed(world: World, outcome: Outcome) -> World:
    """Return the world without feeds: what was handed on in a run arrives as it did there."""
    done = {each.name: each.done for each in outcome.figures}
    return replace(world, functions=tuple(_fed(each, world, done) for each in world.functions), feeds=())


def _fed(function: Function, world: World, done: Mapping[str, Ints]) -> Function:
    coming = [done[feed.source] + feed.after for feed in world.feeds if feed.sink == function.name]
    if not coming:
        return function
    arrivals: Ints = np.sort(np.concatenate([function.work.arrivals, *coming]))
    return replace(function, work=Work(arrivals=arrivals, service=np.resize(function.work.service, len(arrivals))))
