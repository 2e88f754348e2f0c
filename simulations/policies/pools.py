"""Policies with warm pods: how many, and who decides it. All of them are pushed."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from scaler.config.pools import AutoSection, PoolSection, SizeSection
from simulations.model import Function, Pool, Sizer, World
from simulations.policies.options import Options, camel, read
from simulations.policies.replicas import pushed
from simulations.policies.timetable import windows

POOL: Final = "warm"
"""The pool of functions that had none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedRules:
    """So many warm pods."""

    size: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoRules:
    """What the section ``auto`` of a pool says."""

    miss_ratio: float = 0.05
    floor: int = 0
    ceiling: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TimetableRules:
    """``size`` warm pods in the hours that are busy, ``otherwise`` in the others.

    An hour of the day is busy with at least ``share`` of the requests that it would have if all had the same.
    """

    size: int = 1
    otherwise: int = 0
    share: float = 0.5


_NOBODYS: Final = PoolSection.model_validate({"functions": {"namespace": "simulated", "openFunction": True}})


def pooled(world: World, size: SizeSection, sizer: Sizer = Sizer.CONFIGURED, options: Options | None = None) -> World:
    """Push every function, and give each that is no ScaledJob warm pods: of its own pool, else of :data:`POOL`.

    A budget that a pool has stays.
    """
    members = [each for each in world.functions if each.job is None]
    sections = {each.pool or POOL: _section(world, each) for each in members}
    pools = {
        name: Pool(section=_sized(section, size), sizer=sizer, options=options or {})
        for name, section in sections.items()
    }
    functions = tuple(
        replace(pushed(each), pool=each.pool or POOL) if each.job is None else each for each in world.functions
    )
    return replace(world, functions=functions, pools=pools)


def _section(world: World, function: Function) -> PoolSection:
    return _NOBODYS if function.pool is None else world.pools[function.pool].section


def _sized(section: PoolSection, size: SizeSection) -> PoolSection:
    before = section.size.auto
    if size.auto is not None and before is not None and before.budget is not None:
        size = SizeSection(auto=size.auto.model_copy(update={"budget": before.budget}))
    return section.model_copy(update={"size": size, "confirm": None})


def _auto(rules: AutoRules) -> SizeSection:
    ceiling = max(1, rules.ceiling)
    auto = {"missRatio": rules.miss_ratio, "floor": min(rules.floor, ceiling), "ceiling": ceiling}
    return SizeSection(auto=AutoSection.model_validate(auto))


def pool_fixed(world: World, options: Options) -> World:
    """Push, and always so many warm pods."""
    rules = read(FixedRules, options, "pool-fixed")
    return pooled(world, SizeSection(fixed=rules.size))


def pool_auto(world: World, options: Options) -> World:
    """Push, and as many warm pods as wake-ups need."""
    return pooled(world, _auto(read(AutoRules, options, "pool-auto")))


def pool_scheduled(world: World, options: Options) -> World:
    """Push, and warm pods in the busy hours. Each function has its own hours, so each has its own pool."""
    rules = read(TimetableRules, options, "pool-scheduled")
    members = [each for each in world.functions if each.job is None]
    pools = {each.name: Pool(section=_sized(_section(world, each), _hours(world, each, rules))) for each in members}
    functions = tuple(replace(pushed(each), pool=each.name) if each.name in pools else each for each in world.functions)
    return replace(world, functions=functions, pools=pools)


def _hours(world: World, function: Function, rules: TimetableRules) -> SizeSection:
    found = windows(function.work.arrivals, world.wall, rules.size, rules.share)
    if found:
        return SizeSection(schedule=found, otherwise=rules.otherwise)
    return SizeSection(fixed=rules.size if len(function.work.arrivals) else rules.otherwise)


def with_sizer(name: str, sizer: Sizer, rules: type[Any]) -> Callable[[World, Options], World]:
    """Make the overlay of a sizer: its own options, and those of the section that bounds it."""

    def lay(world: World, options: Options) -> World:
        own = {camel(each.name) for each in fields(rules)}
        of_sizer = {key: value for key, value in options.items() if key in own}
        of_section = {key: value for key, value in options.items() if key not in own}
        read(rules, of_sizer, name)
        return pooled(world, _auto(read(AutoRules, of_section, name)), sizer, of_sizer)

    return lay
