"""Worlds of one function that are simple enough for a formula: everything that could disturb it is left out."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from simulations.figures import Figures
from simulations.hpa import MetricSpec
from simulations.keda import ScaledObject, TriggerSpec, hpa_spec
from simulations.model import SECOND, Backlog, Function, Ints, Phases, Pool, Series, Starts, Trigger, Work, World
from simulations.run import Engine, simulate

Floats = npt.NDArray[np.float64]

LATER: Final = 2**50
"""Microseconds: after every run."""
NOBODY: Final = Work(arrivals=np.zeros(0, dtype=np.int64), service=np.zeros(0, dtype=np.int64))
"""No requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How many pods there may be, and when KEDA looks and lets go, in seconds."""

    least: int
    most: int
    polling: float = 30.0
    cooldown: float = 300.0


def fixed(work: Work, pods: int, concurrency: int = 1) -> Function:
    """Return a function that always has so many pods: nobody reads its backlog, nothing is ever scaled."""
    return function(Scaling(least=pods, most=pods), work, unread(Backlog()), concurrency=concurrency)


def unread(source: Backlog | Series) -> Trigger:
    """Return a trigger whose source is never read."""
    return Trigger(source=source, interval=LATER, first=LATER, watch=None)


def function(
    scaling: Scaling, work: Work, trigger: Trigger, *, concurrency: int = 1, takes: Ints | None = None
) -> Function:
    """Return a function with ``least`` pods at the beginning that ``takes`` so long to start one, at once if ``None``.

    The HPA never looks. KEDA looks at 0 and then at its interval; the scaler pushes.
    """
    at_once = np.zeros(1, dtype=np.int64)
    scaled = ScaledObject(
        triggers=(TriggerSpec(metric=MetricSpec(target=1000), push=True),),
        min_replicas=scaling.least,
        max_replicas=scaling.most,
        polling_interval=scaling.polling,
        cooldown=scaling.cooldown,
    )
    return Function(
        name="function",
        scaled=scaled,
        hpa=hpa_spec(scaled),
        triggers=(trigger,),
        work=work,
        starts=Starts(schedule=at_once, pull=at_once, start=at_once if takes is None else takes, ready=at_once),
        phases=Phases(check=LATER if scaling.least == scaling.most else 0, sync=LATER, gaps=np.array([LATER])),
        concurrency=concurrency,
        replicas=scaling.least,
    )


def lived(function: Function, end: int, warmup: int, engine: Engine, pool: Pool | None = None) -> Figures:
    """Run a world of one function."""
    pools = {} if pool is None else {function.pool or "pool": pool}
    world = World(functions=(function,), end=end, warmup=warmup, pools=pools)
    return simulate(world, engine).figures[0]


def whole(drawn: Floats) -> Ints:
    """Return seconds as whole microseconds."""
    return np.asarray(np.rint(drawn * SECOND), dtype=np.int64)
