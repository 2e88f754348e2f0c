"""A lane of the demo as a world of the simulator, with the phases that the run had, and what both went through."""

from dataclasses import replace
from itertools import takewhile
from random import Random
from typing import Final

import numpy as np

from scaler.config.pools import PoolSection
from simulations.demo.arrivals import arrivals, service_time
from simulations.demo.lane import SCALER_INTERVAL, Kind
from simulations.demo.pods import ColdStart, PodSpec
from simulations.figures import Cause, Figures
from simulations.hpa import SYNC_PERIOD
from simulations.keda import hpa_spec
from simulations.model import (
    SECOND,
    Backlog,
    Function,
    Ints,
    Phases,
    Pool,
    Starts,
    Trigger,
    Work,
    World,
    micros,
)
from simulations.run import Engine, simulate
from tests.integration.demo.live import Lived, Step

BEFORE: Final = 30.0  # s in which the pool is filled before the story begins, as in the demo
OF_KEDA: Final = frozenset({Cause.KEDA_WAKES, Cause.KEDA_SLEEPS, Cause.KEDA_OTHER, Cause.HPA_UP, Cause.HPA_DOWN})
PODS: Final = 512  # whose cold starts are drawn


def simulated(kind: Kind, live: Lived, seed: int, duration: float, warm: int) -> tuple[list[Step], Figures]:
    """Simulate the arrivals of a lane; KEDA checks and the HPA syncs when they did in the run that was recorded."""
    instants = list(takewhile(lambda at: at < duration, arrivals(seed)))
    function = _function(kind, live, Work(arrivals=_ints(instants, BEFORE), service=_served(seed, len(instants))))
    size = {"functions": {"namespace": "demo", "deployment": "orders"}, "size": {"fixed": warm}}
    pools = {"warm": Pool(section=PoolSection.model_validate(size))} if kind.pool else {}
    world = World(functions=(function,), pools=pools, end=micros(BEFORE + duration), warmup=micros(BEFORE))
    (figures,) = simulate(world, Engine.REFERENCE).figures
    moves = [each for each in figures.moves if each.cause in OF_KEDA]
    return [Step(each.at / SECOND - BEFORE, each.before, each.after) for each in moves], figures


def _function(kind: Kind, live: Lived, work: Work) -> Function:
    interval = float(np.median(np.diff(live.checks)))
    scaled = replace(kind.scaled, polling_interval=interval)
    spare = [SYNC_PERIOD] * 8
    return Function(
        name=kind.name,
        scaled=scaled,
        hpa=hpa_spec(scaled),
        triggers=(Trigger(source=Backlog(), interval=micros(SCALER_INTERVAL)),),
        work=work,
        starts=_starts(ColdStart()),
        phases=Phases(
            check=micros(BEFORE + live.begun),
            sync=micros(BEFORE + live.syncs[0]),
            gaps=_ints([*np.diff(live.syncs).tolist(), *spare]),
        ),
        concurrency=PodSpec(service_time=float).concurrency,
        pool="warm" if kind.pool else None,
    )


def _served(seed: int, events: int) -> Ints:
    return _ints([service_time(seed, number) for number in range(1, events + 1)])


def _starts(cold: ColdStart) -> Starts:
    """Draw the same jitter, but not the same draws: those of the demo depend on which pod starts before which."""
    chance = Random(0)

    def phase(length: float) -> Ints:
        return _ints([length * chance.uniform(1.0 - cold.jitter, 1.0 + cold.jitter) for _ in range(PODS)])

    schedule, pull, start, ready = (phase(each) for each in (cold.schedule, cold.pull, cold.start, cold.ready))
    return Starts(schedule=schedule, pull=pull, start=start, ready=ready)


def _ints(seconds: list[float], later: float = 0.0) -> Ints:
    return np.asarray([micros(each + later) for each in seconds], dtype=np.int64)
