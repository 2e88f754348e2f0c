"""Running every combination under every seed, and what can be said of each.

Seeds are paired: every combination meets the same arrivals, services and starts, so that differences are those of the
policy.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulations.model import World
from simulations.run import Engine, simulate
from simulations.statistics import SLO, Interval, Summary, intervals, overall, paired
from simulations.sweep.grid import Grid, Value, combinations
from simulations.sweep.spreading import Where, spread

MakeWorld = Callable[[Mapping[str, Value], int], World]
"""Makes the world of some values and a seed, in any process: a function of a module, or a ``partial`` of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One combination: the summary of each seed, or why there is none."""

    values: Mapping[str, Value]
    seeds: tuple[Summary, ...] = ()
    error: str | None = None

    @property
    def intervals(self) -> Mapping[str, Interval]:
        """Every number with its confidence interval. There are none of a point with an error."""
        return intervals(self.seeds)

    def against(self, other: "Point") -> Mapping[str, Interval]:
        """Return the intervals of the differences to another point, seed by seed."""
        return paired(self.seeds, other.seeds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """All points, in the order of :func:`~simulations.sweep.grid.combinations`."""

    seeds: tuple[int, ...]
    points: tuple[Point, ...]

    @property
    def errors(self) -> tuple[Point, ...]:
        """The points that failed."""
        return tuple(each for each in self.points if each.error is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """With which engine each world is run, and how long a request may wait, in seconds."""

    engine: Engine = Engine.FAST
    slo: float = SLO


def sweep(
    make_world: MakeWorld, grid: Grid, seeds: Sequence[int], where: Where | None = None, how: How | None = None
) -> Sweep:
    """Run every combination of ``grid`` under every seed; what goes wrong in one is that one's error.

    Raises ``ConfigError`` where a backend cannot be used.
    """
    how = how or How()
    points = list(combinations(grid))
    # Seed by seed: whoever makes worlds may keep what depends on the seed alone.
    tasks = [(make_world, values, seed, how) for seed in seeds for values in points]
    found = spread(run, tasks, where or Where(), doing="simulating")
    return Sweep(
        seeds=tuple(seeds),
        points=tuple(_point(values, found[number :: len(points)]) for number, values in enumerate(points)),
    )


def _point(values: Mapping[str, Value], found: Sequence[Summary | str]) -> Point:
    error = next((each for each in found if isinstance(each, str)), None)
    if error is not None:
        return Point(values=values, error=error)
    return Point(values=values, seeds=tuple(each for each in found if isinstance(each, Summary)))


def run(make_world: MakeWorld, values: Mapping[str, Value], seed: int, how: How) -> Summary | str:
    """Run one combination under one seed; return what went wrong instead, if anything did."""
    try:
        return overall(simulate(make_world(values, seed), how.engine), how.slo)
    except Exception as error:  # noqa: BLE001 - the other points are worth having, and this one tells what it was
        return f"{type(error).__name__} with seed {seed}: {error}"
