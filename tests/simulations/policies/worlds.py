"""Small worlds for policies: one function, woken now and then."""

from collections.abc import Sequence

import numpy as np

from scaler.config.pools import PoolSection
from simulations.hpa import HpaSpec, MetricSpec
from simulations.keda import ScaledObject, TriggerSpec
from simulations.model import SECOND, Backlog, Function, Phases, Pool, Starts, Trigger, Work, World

HOUR = 3600.0
METRIC = MetricSpec(target=5_000)


def seconds(*values: float) -> np.ndarray:
    """Return microseconds."""
    return np.array([round(each * SECOND) for each in values], dtype=np.int64)


def function(
    arrivals: Sequence[float], *, name: str = "orders", service: float = 1.0, cooldown: float = 60.0, span: float = HOUR
) -> Function:
    """Return a function with a request at each of the seconds, whose pods take 8 s to start."""
    return Function(
        name=name,
        scaled=ScaledObject(triggers=(TriggerSpec(metric=METRIC, push=True),), cooldown=cooldown),
        hpa=HpaSpec(metrics=(METRIC,), max_replicas=100),
        triggers=(Trigger(source=Backlog()),),
        work=Work(arrivals=seconds(*arrivals), service=seconds(*[service] * len(arrivals))),
        starts=Starts(schedule=seconds(0.5), pull=seconds(3.0), start=seconds(3.5), ready=seconds(1.0)),
        phases=Phases(check=0, sync=7 * SECOND, gaps=seconds(*[15.005] * int(span / 15 + 2))),
    )


def world(*functions: Function, span: float = HOUR, wall: float = 0.0) -> World:
    """Return a world of these functions without pools."""
    return World(functions=functions, end=round(span * SECOND), wall=wall)


def section(size: dict[str, object]) -> PoolSection:
    """Return a pool's section of such a size."""
    return PoolSection.model_validate({"functions": {"namespace": "shop", "deployment": "orders"}, "size": size})


def pool(size: dict[str, object]) -> Pool:
    """Return a pool of such a size."""
    return Pool(section=section(size))
