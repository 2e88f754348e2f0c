"""What is drawn for a function: when its requests arrive, how long they take, how its pods start, who looks when."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from scaler.probes.cron.probe import Window, edges
from simulations.model import SECOND, Ints, Phases, Series, Starts, Work, micros
from simulations.scenario.deployments import readiness
from simulations.scenario.document import FunctionSection, KubernetesSection
from simulations.workload.arrivals import draw_arrivals, expected_arrivals
from simulations.workload.chance import streams
from simulations.workload.durations import DurationSection, draw

STARTS: Final = 4096
"""How many starts of pods are drawn; the next ones come from the beginning again."""
SERVICE: Final = "200ms"
_LEAST_DRIFT: Final = 0.005  # s that a sync takes at least
_SPARE: Final = 8  # gaps more than a run has syncs


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Where the draws of one function of one run come from; ``end`` in microseconds, ``wall`` in seconds since 1970."""

    seed: int
    name: str
    end: int
    wall: float


def work(section: FunctionSection, chance: Chance, fed: int = 0) -> Work:
    """Draw the requests of a function, and the times of ``fed`` more that come from others."""
    arrivals = np.zeros(0, dtype=np.int64)
    if section.arrivals is not None:
        rng = streams(chance.seed, chance.name, "arrivals")
        arrivals = draw_arrivals(section.arrivals, chance.end, rng, chance.wall)
    return Work(arrivals=arrivals, service=service(section.service, arrivals.size + fed, chance))


def expected(section: FunctionSection, chance: Chance) -> float:
    """Return how many requests a function will have, roughly."""
    if section.arrivals is None:
        return 0.0
    return expected_arrivals(section.arrivals, chance.end, streams(chance.seed, chance.name), chance.wall)


def service(section: DurationSection | None, n: int, chance: Chance) -> Ints:
    """Draw how long ``n`` requests take."""
    lasting = section or DurationSection.model_validate(SERVICE)
    return draw(lasting, n, streams(chance.seed, chance.name, "service"))


def starts(section: FunctionSection, chance: Chance) -> Starts:
    """Draw how pods start, phase by phase."""
    pods = section.pods
    phases = {"schedule": pods.schedule, "pull": pods.pull, "start": pods.start}
    ready = pods.ready or readiness(section.deployment)
    return Starts(
        **{
            name: draw(phase, STARTS, streams(chance.seed, chance.name, name))
            for name, phase in {**phases, "ready": ready}.items()
        }
    )


def phases(polling: float, section: KubernetesSection, chance: Chance) -> Phases:
    """Draw when KEDA and the HPA look first, anywhere in their periods, and how much each sync is late."""
    rng = streams(chance.seed, chance.name, "phases")
    check, sync = rng.uniform(0.0, polling), rng.uniform(0.0, section.sync_period)
    count = int(chance.end / SECOND / section.sync_period) + _SPARE
    late = rng.uniform(min(_LEAST_DRIFT, section.drift), section.drift, count)
    gaps = np.rint((section.sync_period + late) * SECOND).astype(np.int64)
    return Phases(check=micros(check), sync=micros(sync), gaps=gaps)


def windows(window: Window, chance: Chance) -> Series:
    """Return when a ``cron`` trigger is active, and what it asks for."""
    now = datetime.fromtimestamp(chance.wall, UTC)
    end = now + timedelta(microseconds=chance.end)
    times, values = list[int](), list[int]()
    at = now
    while at <= end:
        ahead = edges(window, at)
        times.append(round((at - now).total_seconds() * SECOND))
        values.append(window.replicas * 1000 if ahead.open else 0)
        at = ahead.next
    active = np.asarray([int(value > 0) for value in values], dtype=np.int64)
    at_times, asked = np.asarray(times, dtype=np.int64), np.asarray(values, dtype=np.int64)
    return Series(times=at_times, values=asked, active=active, remote=False)
