"""Two worlds of a recording: in one the recorded metric drives KEDA and the HPA, in the other requests do."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from scaler.config.memory import in_bytes
from scaler.config.pools import PoolSection
from simulations.model import SECOND, Backlog, Function, Ints, Pool, Trigger, Work, World, micros
from simulations.recording import Recording, Watched, reconstructed
from simulations.replay.objects import JOB, Asked, Understood
from simulations.report.bins import bins_of
from simulations.scenario.deployments import USUAL_MEMORY
from simulations.scenario.scaled import autoscaler, job
from simulations.scenario.specs import ScaledJobSection
from simulations.scenario.workloads import Chance, phases, service, starts

RESOLUTION: Final = SECOND // 10
"""How often the recorded metric is looked at: what the instants of a replay are worth."""
WATCH: Final = 5_000
"""Microseconds from an arrival to the reading that sees it, where the source can tell."""
_WINDOW: Final = "cron"
"""The kind whose value is a number of replicas, and not of requests."""


def as_it_was(recording: Recording, objects: Sequence[Understood], asked: Asked, seed: int) -> World:
    """Return the world in which each trigger says what it said, and nobody is served.

    When KEDA and the HPA looked first is not recorded: the seed draws it. ScaledJobs, which have no replicas, are none
    of it.
    """
    chances = [(each, _chance(recording, each, seed)) for each in objects if each.recorded.kind != JOB]
    nothing = Work(arrivals=_none(), service=_none())
    functions = tuple(
        _function(each, asked, chance, tuple(map(_as_recorded, each.triggers)), nothing) for each, chance in chances
    )
    return World(functions=functions, end=recording.end, wall=recording.begin)


def otherwise(recording: Recording, objects: Sequence[Understood], asked: Asked, seed: int) -> World:
    """Return the world in which the reconstructed arrivals are served, as far as one trigger of an object tells them.

    That is the one with the most of them; other triggers say what they said. A pool is of the last size that it had.
    Samples for a timeline are taken under the first seed.
    """
    functions = []
    pools: dict[str, Pool] = {}
    for each in objects:
        chance = _chance(recording, each, seed)
        counting, arrivals = busiest(each.triggers)
        work = Work(arrivals=arrivals, service=service(asked.function.service, arrivals.size, chance))
        triggers = tuple(
            _as_counted(each, number) if number == counting else _as_recorded(watched)
            for number, watched in enumerate(each.triggers)
        )
        function = _function(each, asked, chance, triggers, work)
        functions.append(function)
        if function.pool is not None:
            pools[function.pool] = Pool(section=_pool(each.recorded.pool_size))
    bins = bins_of(recording.end) if asked.timeline and seed == asked.seeds[0] else 0
    return World(functions=tuple(functions), end=recording.end, pools=pools, wall=recording.begin, bins=bins)


def _chance(recording: Recording, each: Understood, seed: int) -> Chance:
    return Chance(seed=seed, name=each.name, end=recording.end, wall=recording.begin)


def _function(each: Understood, asked: Asked, chance: Chance, triggers: tuple[Trigger, ...], work: Work) -> Function:
    section, recorded = asked.function, each.recorded
    look = phases(each.scaled.polling_interval, asked.kubernetes, chance)
    known = recorded.asked is not None and recorded.asked.values.size > 0
    counted = bool(work.arrivals.size) and recorded.pool is not None
    return Function(
        name=each.name,
        scaled=each.scaled,
        hpa=autoscaler(each.scaled, asked.kubernetes),
        triggers=triggers,
        work=work,
        starts=starts(section, chance),
        phases=look,
        concurrency=section.concurrency,
        memory=in_bytes(section.memory) if section.memory else USUAL_MEMORY,
        replicas=int(recorded.asked.values[0]) if known and recorded.asked is not None else each.scaled.min_replicas,
        pool=f"{recorded.pool} for {each.name}" if counted else None,
        claim=micros(section.claim),
        job=job(each.section) if isinstance(each.section, ScaledJobSection) else None,
    )


def _as_recorded(watched: Watched) -> Trigger:
    return Trigger(source=watched.series, interval=RESOLUTION, watch=None)


def _as_counted(each: Understood, number: int) -> Trigger:
    meant = each.meanings[number]
    return Trigger(
        source=Backlog(counts=meant.counts),
        rules=meant.rules,
        interval=micros(meant.interval),
        watch=WATCH if meant.push else None,
    )


def busiest(triggers: Sequence[Watched]) -> tuple[int | None, Ints]:
    """Return the trigger that tells of the most arrivals, and these."""
    found = [(number, reconstructed(each)) for number, each in enumerate(triggers) if each.kind != _WINDOW]
    return max(found, key=lambda pair: pair[1].size, default=(None, _none()))


def _pool(size: int) -> PoolSection:
    functions = {"namespace": "recorded", "openFunction": True}
    return PoolSection.model_validate({"functions": functions, "size": {"fixed": size}})


def _none() -> Ints:
    return np.zeros(0, dtype=np.int64)
