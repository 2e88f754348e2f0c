"""Running every combination under every seed, on all cores or on many machines, and what can be said of each.

Seeds are paired: every combination meets the same arrivals, services and starts, so that differences are those of the
policy. Arrays above a megabyte in what makes the worlds are written to memory that the processes of one machine share.

More than one machine, by joblib's own means; each must have the same Warmscaler and the files of the scenario::

    dask scheduler                           # on one machine
    dask worker tcp://HOST:8786              # on each
    warmscaler simulate sweep … --backend dask --address tcp://HOST:8786

    ray start --head; ray start --address=HOST:6379
    warmscaler simulate sweep … --backend ray --address HOST:6379

Dask is tried by the tests on a cluster of two workers; Ray is not tested.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any, assert_never

from scaler.errors import ConfigError
from simulations.model import World
from simulations.progress import watched
from simulations.run import Engine, simulate
from simulations.statistics import SLO, Interval, Summary, intervals, overall, paired
from simulations.sweep.grid import Grid, Value, combinations

MakeWorld = Callable[[Mapping[str, Value], int], World]
"""Makes the world of some values and a seed, in any process: a function of a module, or a ``partial`` of one."""


class Backend(StrEnum):
    """Where the runs are."""

    LOKY = "loky"
    """Processes of this machine."""
    DASK = "dask"
    RAY = "ray"


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
class Where:
    """``jobs`` processes, all cores with -1; for Dask and Ray the ``address`` of the cluster, whose workers count."""

    backend: Backend = Backend.LOKY
    jobs: int = -1
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """With which engine each world is run, and how long a request may wait, in seconds."""

    engine: Engine = Engine.FAST
    slo: float = SLO


def sweep(
    make_world: MakeWorld, grid: Grid, seeds: Sequence[int], where: Where | None = None, how: How | None = None
) -> Sweep:
    """Run every combination of ``grid`` under every seed; what goes wrong in one is that one's error.

    Shows a progress bar on a terminal. An interrupt ends all processes at once. Raises ``ConfigError`` where a backend
    cannot be used.
    """
    where, how = where or Where(), how or How()
    points = list(combinations(grid))
    # Seed by seed: whoever makes worlds may keep what depends on the seed alone.
    tasks = [(make_world, values, seed, how) for seed in seeds for values in points]
    with _running(tasks, where) as outcomes:
        found = [next(outcomes) for _ in watched(tasks, doing="simulating")]
    return Sweep(
        seeds=tuple(seeds),
        points=tuple(_point(values, found[number :: len(points)]) for number, values in enumerate(points)),
    )


def _point(values: Mapping[str, Value], found: Sequence[Summary | str]) -> Point:
    error = next((each for each in found if isinstance(each, str)), None)
    if error is not None:
        return Point(values=values, error=error)
    return Point(values=values, seeds=tuple(each for each in found if isinstance(each, Summary)))


_Task = tuple[MakeWorld, Mapping[str, Value], int, How]


def run(make_world: MakeWorld, values: Mapping[str, Value], seed: int, how: How) -> Summary | str:
    """Run one combination under one seed; return what went wrong instead, if anything did."""
    try:
        return overall(simulate(make_world(values, seed), how.engine), how.slo)
    except Exception as error:  # noqa: BLE001 - the other points are worth having, and this one tells what it was
        return f"{type(error).__name__} with seed {seed}: {error}"


@contextmanager
def _running(tasks: Sequence[_Task], where: Where) -> Iterator[Iterator[Summary | str]]:
    """Yield the outcomes of the tasks, in their order, as they come."""
    if where.backend is Backend.LOKY and (where.jobs == 1 or len(tasks) == 1):
        yield (run(*each) for each in tasks)
        return
    joblib = _needed("joblib", "simulate")
    with _configured(joblib, where):
        parallel = joblib.Parallel(return_as="generator", pre_dispatch="all")
        outcomes = parallel(joblib.delayed(run)(*each) for each in tasks)
        try:
            yield outcomes
        finally:
            outcomes.close()  # ends what still runs, where this is left early


def _configured(joblib: Any, where: Where) -> AbstractContextManager[Any]:  # noqa: ANN401 - a module of an extra
    settings: dict[str, Any] = {"backend": str(where.backend)}
    match where.backend:
        case Backend.LOKY:
            settings |= {"n_jobs": where.jobs, "inner_max_num_threads": 1}
        case Backend.DASK:
            _needed("distributed", "many")
            settings["scheduler_host"] = _addressed(where, "tcp://HOST:8786, as 'dask scheduler' prints it")
        case Backend.RAY:
            ray = _needed("ray", None)
            ray.init(address=_addressed(where, "HOST:6379, as 'ray start --head' prints it"))
            import_module("ray.util.joblib").register_ray()
        case _:
            assert_never(where.backend)
    configured: AbstractContextManager[Any] = joblib.parallel_config(**settings)
    return configured


def _addressed(where: Where, like: str) -> str:
    if where.address is None:
        raise ConfigError([f"the backend {where.backend} needs the address of its cluster: {like}"])
    return where.address


def _needed(module: str, extra: str | None) -> Any:  # noqa: ANN401 - whatever the extra installs
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        how = f"pip install 'warmscaler[{extra}]'" if extra else f"pip install {module}"
        raise ConfigError([f"'{module}' is not installed: {how}"]) from error
