"""The whole recommendation: pools apart, a budget shared among them, and everything run under it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from scaler.config.pools import PoolSection
from scaler.errors import ConfigError
from scaler.policy.budget import Claimant, share
from simulations.figures import Outcome
from simulations.model import Pool, World
from simulations.policies.oracle import Bound, of_run
from simulations.recommend.choosing import CEILING, Advice, Goal, Today, chosen, measured
from simulations.recommend.document import difference, written
from simulations.recommend.measuring import Needs
from simulations.recommend.units import Unit, Whose, fed, units
from simulations.run import Engine, simulate
from simulations.statistics import Summary, overall
from simulations.sweep.spreading import Where, spread

MOST_MISSED: Final = 0.5
"""The largest share of misses that a pool's section may allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What to write into the ConfigMap, and what it would come to beside today's.

    ``world`` is what was asked about with the recommended pools; ``today`` and ``recommended`` are runs of its
    functions as they are today and with these pools. ``left_out`` names functions that can have no warm pods.
    """

    goal: Goal
    advice: tuple[Advice, ...]
    left_out: tuple[str, ...]
    world: World
    today: Outcome
    recommended: Outcome

    @property
    def met(self) -> bool:
        """Whether every pool keeps within the misses that are allowed."""
        return all(each.met for each in self.advice)

    @property
    def summaries(self) -> tuple[Summary, Summary]:
        """Today's run and the recommended one, of all these functions together."""
        return overall(self.today), overall(self.recommended)

    @property
    def pools(self) -> Mapping[str, PoolSection]:
        """The recommended section ``pools``."""
        return {each.pool: each.section for each in self.advice}

    @property
    def document(self) -> str:
        """The recommended section ``pools`` as YAML."""
        return written(self.pools)

    @property
    def difference(self) -> str:
        """What changes in ``config.yaml``, as a unified diff; empty where nothing does."""
        return difference({each.pool: each.was for each in self.advice if each.was is not None}, self.pools)

    @property
    def bound(self) -> tuple[Bound, ...]:
        """What nobody can beat, on the wake-ups of the recommended run."""
        return of_run(self.world, self.recommended)


def recommend(  # noqa: PLR0913 - what is asked, of which functions, and where it is run
    world: World,
    goal: Goal,
    present: PoolSection | None = None,
    *,
    whose: Mapping[str, Whose] | None = None,
    where: Where | None = None,
    engine: Engine = Engine.FAST,
) -> Recommendation:
    """Recommend pools for the functions of ``world``, each function that has none today its own.

    ``present`` is today's section of functions that have no pool in ``world``, and ``whose`` are their Deployments by
    the function's name; without it they are called as the functions are. A function that receives what another
    one hands on receives what it does today. Raises ``ConfigError`` for a goal that cannot be meant, and where no
    function can have warm pods.
    """
    _check(goal)
    world = replace(world, bins=0)
    world = fed(world, simulate(world, engine)) if world.feeds else world
    able = [each for each in world.functions if each.job is None and each.knative is None]
    if not able:
        raise ConfigError(["no function can have warm pods: each is a ScaledJob, or scaled by Knative"])
    pools = [*units(world, able, present, whose or {})]
    where = where or Where()
    todays = spread(measured, [(unit, goal, engine) for unit in pools], where, doing="measuring wake-ups")
    trios = zip(pools, _most(todays, goal), todays, strict=True)
    found = spread(chosen, [(unit, goal, most, engine, today) for unit, most, today in trios], where, "trying sizes")
    names = {each.name for each in able}
    return Recommendation(
        goal=goal,
        advice=tuple(advice for advice, _ in found),
        left_out=tuple(each.name for each in world.functions if each.name not in names),
        world=_together(pools, [advice for advice, _ in found]),
        today=_joined([each.outcome for each in todays]),
        recommended=_joined([outcome for _, outcome in found]),
    )


def _check(goal: Goal) -> None:
    problems = []
    if not 0.0 < goal.miss_ratio <= MOST_MISSED:
        problems.append(f"the miss ratio is {goal.miss_ratio:g}, it must be above 0 and at most {MOST_MISSED}")
    if goal.budget is not None and goal.budget <= 0:
        problems.append(f"the budget is {goal.budget} bytes, it must be above 0")
    if problems:
        raise ConfigError(problems)


def _most(todays: Sequence[Today], goal: Goal) -> list[int]:
    """Return the most warm pods of each function, pool by pool: all that are thinkable, or what the budget has for it.

    The budget goes where it saves the most time, by the service's own rules; functions of one pool have equally many.
    """
    if goal.budget is None:
        return [CEILING] * len(todays)
    claimants = [_claimant(each, today.wanted) for today in todays for each in today.needs]
    shares = share(claimants, goal.budget)
    found = []
    for today in todays:
        memory = sum(each.memory for each in today.needs)
        held = sum(shares[each.name].size * each.memory for each in today.needs)
        found.append(held // memory if memory else today.wanted)
    return found


def _claimant(needs: Needs, wanted: int) -> Claimant:
    return Claimant(
        name=needs.name,
        wanted=wanted,
        memory=needs.memory,
        load=needs.load,
        rate=needs.rate,
        batch=needs.step,
        saved=needs.supply.lead,
    )


def _together(pools: Sequence[Unit], advice: Sequence[Advice]) -> World:
    """Return the world of all pools with the sections that are advised."""
    functions = tuple(function for unit in pools for function in unit.world.functions)
    sections = {each.pool: Pool(section=each.section) for each in advice}
    return replace(pools[0].world, functions=functions, pools=sections)


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    return replace(outcomes[0], figures=tuple(figures for each in outcomes for figures in each.figures))
