"""Choosing the size of one pool: candidates, cheapest first, each checked by a whole run until one will do."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from scaler.config.pools import PoolSection
from simulations.figures import Outcome
from simulations.model import SECOND
from simulations.recommend.adaptive import adaptive
from simulations.recommend.asking import Candidate, Frame
from simulations.recommend.candidates import candidates, steady
from simulations.recommend.measuring import Needs
from simulations.recommend.units import Unit
from simulations.run import Engine, simulate
from simulations.statistics import Summary, overall

ROUNDS: Final = 4
"""Sizes of one pool that are run at most."""
CEILING: Final = 100
"""Warm pods of a function at most, where no budget says otherwise (a guess: more is a case for fixed replicas)."""
CORRECTED: Final = 0.9
"""A run that misses too many corrects what the replay is asked for at least so far."""
CHEAPER: Final = 0.9
"""A candidate that comes to mind later is tried if it takes at most so much of the idle memory of a good one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """At most a ``miss_ratio`` (0 to 0.5) of the replicas wanted at once starts cold, within ``budget`` bytes."""

    miss_ratio: float = 0.05
    budget: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What one pool is to be: its section, why, and what a run of it came to.

    ``met``: within the goal's misses, not counting what was wanted before the first pod could be there.
    ``was`` is the section of today, ``None`` if there is none. ``runs`` says how many candidates were run.
    """

    pool: str
    functions: tuple[str, ...]
    section: PoolSection
    was: PoolSection | None
    why: str
    met: bool
    runs: int
    today: Summary
    recommended: Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One candidate and its run, and what that says of each function."""

    candidate: Candidate
    outcome: Outcome
    summary: Summary
    needs: tuple[Needs, ...]

    @property
    def wanted(self) -> int:
        """The replicas that were wanted at once, since the first pod could be there."""
        return sum(each.wanted for each in self.needs)

    @property
    def missed(self) -> int:
        """Those of them that had no warm pod."""
        return sum(each.missed for each in self.needs)

    @property
    def miss_ratio(self) -> float:
        """Their share; 0 of none."""
        return self.missed / self.wanted if self.wanted else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """A run of today's configuration, what it says of each function, and how many warm pods each would have of them."""

    outcome: Outcome
    needs: tuple[Needs, ...]
    wanted: int


def measured(unit: Unit, goal: Goal, engine: Engine) -> Today:
    """Run today's configuration of a pool."""
    outcome = _light(unit.run_today(engine))
    members = unit.needs(outcome)
    return Today(outcome=outcome, needs=members, wanted=steady(members, _frame(unit, goal, CEILING)))


def _frame(unit: Unit, goal: Goal, most: int) -> Frame:
    return Frame(miss_ratio=goal.miss_ratio, most=most, end=unit.world.end / SECOND, wall=unit.world.wall)


def chosen(unit: Unit, goal: Goal, most: int, engine: Engine, today: Today) -> tuple[Advice, Outcome]:
    """Return what is best of what was tried, with its run: the least idle memory within the misses, else fewest."""
    tried = _tried(unit, _frame(unit, goal, most), engine, today.needs)
    good = [each for each in tried if each.miss_ratio <= goal.miss_ratio]
    best = min(good, key=lambda each: each.summary.idle_gib_s) if good else min(tried, key=_misses)
    advice = Advice(
        pool=unit.name,
        functions=tuple(function.name for function in unit.world.functions),
        section=unit.with_size(best.candidate.size).pools[unit.name].section,
        was=unit.today,
        why=_why(best, met=bool(good), most=most, goal=goal),
        met=bool(good),
        runs=len(tried),
        today=overall(today.outcome),
        recommended=best.summary,
    )
    return advice, best.outcome


def _misses(tried: Tried) -> tuple[float, float]:
    return tried.miss_ratio, tried.summary.idle_gib_s


def _tried(unit: Unit, frame: Frame, engine: Engine, members: Sequence[Needs]) -> list[Tried]:
    """Run sizes until a good one is the cheapest that comes to mind, and the service's own rules if they may beat it.

    Wake-ups depend on what is warm, so they are measured anew in each run; and where a run misses more than the replay
    said, the replay is asked for fewer misses in that proportion.
    """
    tried: list[Tried] = []
    asked, enough = frame, inf
    for _ in range(ROUNDS):
        candidate = _next(candidates(members, asked), tried, enough)
        if candidate is None:
            break
        tried.append(_run(unit, candidate, engine))
        members = tried[-1].needs
        if tried[-1].miss_ratio <= frame.miss_ratio:
            enough = min(enough, CHEAPER * candidate.rank)
        else:
            correction = min(CORRECTED, frame.miss_ratio / tried[-1].miss_ratio)
            asked = replace(asked, miss_ratio=asked.miss_ratio * correction)
    own = _next(adaptive(members, frame, steady(members, frame)), tried, enough)
    return tried if own is None else [*tried, _run(unit, own, engine)]


def _run(unit: Unit, candidate: Candidate, engine: Engine) -> Tried:
    outcome = _light(simulate(unit.with_size(candidate.size), engine))
    return Tried(candidate=candidate, outcome=outcome, summary=overall(outcome), needs=unit.needs(outcome))


def _next(found: Sequence[Candidate], tried: Sequence[Tried], enough: float) -> Candidate | None:
    """Return the first that was not tried and is cheap enough."""
    sizes = [each.candidate.size for each in tried]
    return next((each for each in found if each.size not in sizes and each.rank <= enough), None)


def _why(best: Tried, *, met: bool, most: int, goal: Goal) -> str:
    run = f"in a run {best.missed} of {best.wanted} started cold ({best.miss_ratio * 100:.3g} %)"
    if met:
        return f"{best.candidate.why}; {run}"
    limit = f"; at most {most} each are within the budget" if goal.budget is not None else ""
    return f"{best.candidate.why}; {run}, more than {goal.miss_ratio * 100:.3g} %{limit}"


def _light(outcome: Outcome) -> Outcome:
    """Leave out what nobody reads here: it would be sent from process to process."""
    figures = tuple(replace(each, moves=(), done=each.done[:0]) for each in outcome.figures)
    return replace(outcome, figures=figures)
