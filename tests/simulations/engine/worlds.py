"""Functions and worlds that the tests of the engines are made of."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from scaler.config.pools import PoolSection
from simulations.figures import Figures
from simulations.hpa import Behavior, MetricSpec
from simulations.keda import ScaledObject, TriggerSpec, hpa_spec
from simulations.model import (
    SECOND,
    Backlog,
    Function,
    Incident,
    Ints,
    KnativeRules,
    Phases,
    Pool,
    Series,
    Starts,
    Trigger,
    Work,
    World,
    micros,
)
from simulations.run import Engine, simulate

SYNC = 15 * SECOND + 10_000


def ints(seconds: Iterable[float]) -> Ints:
    """Return instants in microseconds."""
    return np.asarray([micros(each) for each in seconds], dtype=np.int64)


def work(arrivals: Iterable[float], service: float = 1.0) -> Work:
    """Return requests that arrive at so many seconds, and are served for ``service`` each."""
    at = ints(arrivals)
    return Work(arrivals=at, service=np.full(len(at), micros(service), dtype=np.int64))


def starts(seconds: float) -> Starts:
    """Return pods that all take as long to start."""
    return Starts(schedule=ints([0.0]), pull=ints([0.0]), start=ints([seconds]), ready=ints([0.0]))


def phases(check: float = 10.0, sync: float = 5.0, syncs: int = 50_000) -> Phases:
    """Return the first look of KEDA and of the HPA, in seconds; the HPA is ten milliseconds late each time."""
    return Phases(check=micros(check), sync=micros(sync), gaps=np.full(syncs, SYNC, dtype=np.int64))


def scaled(*, push: bool = True, target: float = 1.0, **fields: Any) -> ScaledObject:
    """Return a ScaledObject with one trigger."""
    trigger = TriggerSpec(metric=MetricSpec(target=round(1000 * target)), push=push)
    return ScaledObject(triggers=(trigger,), **fields)


def function(  # noqa: PLR0913 - a function has that many sides
    requests: Work,
    *,
    rules: ScaledObject | None = None,
    start: float = 8.0,
    source: Backlog | Series | None = None,
    incidents: Mapping[float, Any] | None = None,
    knative: KnativeRules | None = None,
    pool: str | None = None,
    watch: float | None = 0.005,
    replicas: int = 0,
    name: str = "orders",
    at: Phases | None = None,
    concurrency: int = 1,
) -> Function:
    """Return a function whose pods take ``start`` seconds."""
    rules = rules or scaled()
    trigger = Trigger(source=source or Backlog(), watch=None if watch is None else micros(watch))
    return Function(
        name=name,
        scaled=rules,
        hpa=hpa_spec(rules),
        triggers=(trigger,),
        work=requests,
        starts=starts(start),
        phases=at or phases(),
        incidents=tuple(Incident(at=micros(when), what=what) for when, what in (incidents or {}).items()),
        knative=knative,
        pool=pool,
        replicas=replicas,
        concurrency=concurrency,
    )


def pool(size: Mapping[str, Any], **fields: Any) -> Pool:
    """Return a pool by its section's words."""
    section = {"functions": {"namespace": "shop", "deployment": "orders"}, "size": size, **fields}
    return Pool(section=PoolSection.model_validate(section))


def run(
    *functions: Function,
    seconds: float = 600.0,
    engine: Engine = Engine.REFERENCE,
    pools: Mapping[str, Pool] | None = None,
    **fields: Any,
) -> Figures:
    """Run functions, and return the figures of the first one."""
    world = World(functions=functions, end=micros(seconds), pools=pools or {}, **fields)
    return simulate(world, engine).figures[0]


BEHAVED = Behavior()
