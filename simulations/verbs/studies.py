"""From scenarios to a study: every policy under every seed, with the same arrivals, services and starts."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from time import monotonic

from scaler.errors import ConfigError
from simulations.fast.engine import unsuited
from simulations.figures import Outcome
from simulations.hazards import hazards
from simulations.model import World
from simulations.progress import watched
from simulations.report.bins import bins_of
from simulations.report.study import Case, Dropped, Study
from simulations.run import Engine, simulate
from simulations.scenario import Scenario, traces_of, world
from simulations.statistics import Summary, overall, summaries

PRESENT = "present"
"""The scenario as it stands, without a policy laid over it."""
SEEDS = 5
PATIENCE = 3.0
"""Seconds of a run after which a person is told what made it slow."""
NAMED = 3
"""Functions that such a remark names; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a study is made: seeds, engine, and whether a picture needs the timeline of its first run."""

    seeds: int = SEEDS
    engine: Engine = Engine.FAST
    timeline: bool = False
    command: str = ""


def studied(scenario: Scenario, policies: Mapping[str, Scenario], way: Way) -> Study:
    """Simulate a scenario and ``policies`` beside it.

    Raises :class:`ConfigError` where a world cannot be drawn, or a policy has the name of the scenario itself.
    """
    if PRESENT in policies:
        raise ConfigError([f"a policy cannot be called '{PRESENT}': that is the scenario as it stands; rename it"])
    cases = {PRESENT: scenario, **policies}
    seeds = tuple(range(scenario.document.seed, scenario.document.seed + way.seeds))
    runs = list(product(cases, seeds))
    said = set[str]()
    ran = {run: _run(cases[run[0]], run[1], way, said) for run in watched(runs, doing="simulating")}
    first = ran[PRESENT, seeds[0]]
    return Study(
        name=scenario.name,
        question=scenario.document.question,
        seeds=seeds,
        cases=tuple(_case(name, [ran[name, seed] for seed in seeds]) for name in cases),
        present=PRESENT,
        outcome=first.outcome,
        shown=PRESENT if first.outcome is not None else None,
        wall=first.wall,
        hazards=hazards(world(scenario, seeds[0])),
        dropped=dropped(scenario),
        inputs=inputs(scenario),
        command=way.command,
    )


def dropped(scenario: Scenario) -> tuple[Dropped, ...]:
    """Return what of a scenario's traces is left out."""
    return tuple(
        Dropped(rows=trace.bad_rows, why=f"{path}: {trace.bad[0].what}", lines=tuple(each.line for each in trace.bad))
        for path, trace in traces_of(scenario.document, scenario.folder)
        if trace.bad_rows
    )


def inputs(scenario: Scenario) -> dict[str, str]:
    """Return what went in, by name."""
    traces = traces_of(scenario.document, scenario.folder)
    return {"scenario": scenario.name, **{path: f"{trace.rows:,} rows, {trace.format}" for path, trace in traces}}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ran:
    """What is kept of one run: numbers, and of a run that is shown all of it."""

    together: Summary
    functions: tuple[Summary, ...]
    wall: float
    outcome: Outcome | None = None


def _run(scenario: Scenario, seed: int, way: Way, said: set[str]) -> _Ran:
    drawn = world(scenario, seed)
    shown = way.timeline and seed == scenario.document.seed
    began = monotonic()
    outcome = simulate(replace(drawn, bins=bins_of(drawn.end)) if shown else drawn, way.engine)
    if way.engine is Engine.FAST and monotonic() - began > PATIENCE:
        tell(unquick(drawn), said)
    slo = scenario.document.slo
    every = summaries(outcome, slo) if seed == scenario.document.seed and len(outcome.figures) > 1 else ()
    return _Ran(together=overall(outcome, slo), functions=every, wall=drawn.wall, outcome=outcome if shown else None)


def unquick(world: World) -> Iterator[str]:
    """Yield for each reason which functions of a world the quick engine leaves to the readable one."""
    reasons = [(unsuited(each), each.name) for each in world.functions]
    for reason in dict.fromkeys(reason for reason, _ in reasons if reason is not None):
        names = [name for why, name in reasons if why == reason]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"{reason}: the readable engine, which is slower, simulates {', '.join(names[:NAMED])}{more}"


def tell(remarks: Iterator[str], said: set[str]) -> None:
    """Say on standard error what was not ``said`` yet."""
    for remark in remarks:
        if remark not in said:
            said.add(remark)
            sys.stderr.write(f"{remark}\n")


def _case(name: str, ran: list[_Ran]) -> Case:
    return Case(policy=name, seeds=tuple(each.together for each in ran), functions=ran[0].functions)
