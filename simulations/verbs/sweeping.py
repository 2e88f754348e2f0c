"""A sweep: every combination of some values of a scenario's keys, as a study."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial

from scaler.errors import ConfigError
from simulations.hazards import hazards
from simulations.model import World
from simulations.report.study import Case, Study
from simulations.scenario import Scenario, varied, world
from simulations.sweep import How, Point, Value, Where, read_grid, sweep
from simulations.verbs.studies import Way, dropped, inputs


def swept(scenario: Scenario, vary: Sequence[str], way: Way, where: Where) -> Study:
    """Simulate every combination; what fails is said on standard error, with the values that it failed for.

    Raises :class:`ConfigError` for keys and values that are wrong in themselves, and where nothing succeeded.
    """
    grid = read_grid(vary)
    _check(scenario, grid)
    seeds = tuple(range(scenario.document.seed, scenario.document.seed + way.seeds))
    how = How(engine=way.engine, slo=scenario.document.slo)
    found = sweep(partial(made, scenario), grid, seeds, where, how)
    for point in found.errors:
        sys.stderr.write(f"failed: {named(point.values)}: {point.error}\n")
    points = [point for point in found.points if point.error is None]
    if not points:
        raise ConfigError([f"every combination failed, such as {named(found.errors[0].values)}"])
    return Study(
        name=scenario.name,
        question=scenario.document.question,
        seeds=seeds,
        cases=tuple(_case(point) for point in points),
        hazards=hazards(world(scenario, seeds[0])),
        dropped=dropped(scenario),
        inputs=inputs(scenario),
        command=way.command,
    )


def made(scenario: Scenario, values: Mapping[str, Value], seed: int) -> World:
    """Draw the world of one combination, in any process."""
    for key, value in values.items():
        scenario = varied(scenario, key, value)
    return world(scenario, seed)


def named(values: Mapping[str, Value]) -> str:
    """Return the name of a combination."""
    return " ".join(f"{key}={value}" for key, value in values.items())


def _check(scenario: Scenario, grid: Mapping[str, Sequence[Value]]) -> None:
    """Raise :class:`ConfigError` with every key that is unknown, before anything is simulated."""
    problems = list[str]()
    for key, values in grid.items():
        try:
            varied(scenario, key, values[0])
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError(problems)


def _case(point: Point) -> Case:
    return Case(policy=named(point.values), seeds=point.seeds, settings=dict(point.values))
