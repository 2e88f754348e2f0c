"""The keep-alive platform beside what SimFaaS says of it, and beside what AWS Lambda did."""

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import fmean
from typing import Final

import numpy as np

from simulations.model import SECOND, micros
from simulations.statistics import interval
from simulations.validation.instances import Counted, Load, Platform, observe
from simulations.validation.references import LAMBDA, LAMBDA_COLD, LAMBDA_EXPIRY, LAMBDA_WARM, PLATFORMS, Case
from simulations.validation.rows import Row, Task
from simulations.workload.chance import streams
from simulations.workload.rates import poisson, steps

WARMUP: Final = 0.02
"""The share of a run that is not counted."""
REQUESTS: Final = 200_000
"""Requests of one experiment; slow ones end after :data:`LONGEST`, with fewer."""
LONGEST: Final = 1e7
"""Seconds."""
ERRORS: Final = 4.0
"""Standard errors that a measurement may be off: there are twenty."""

MODEL: Final = 0.001
"""How far the mean error of the instances may be from the model's of the references, which has no interval."""

_PEER: Final = "SimFaaS, simulated by itself and by us"
_CLOUD: Final = "AWS Lambda, measured"


def tasks() -> tuple[Task, ...]:
    """Return everything there is to run."""
    return (*(partial(_peer, case) for case in PLATFORMS), _cloud)


def _peer(case: Case, seeds: Sequence[int]) -> Iterator[Row]:
    seen = [_observed(case.rate, (case.warm, case.cold), case.expiry, case.horizon, seed) for seed in seeds]
    for name, mean, drawn in (
        ("cold ratio", case.cold_ratio, [each.cold_ratio for each in seen]),
        ("instances", case.servers, [each.servers for each in seen]),
        ("running", case.running, [each.running for each in seen]),
        ("idle", case.idle, [each.unused for each in seen]),
        ("lifespan, s", case.lifespan, [each.lifespan for each in seen]),
    ):
        told = f"{case.rate:g}/s, expiry {case.expiry:g} s: {name}"
        yield Row(section=_PEER, name=told, expected=mean.mean, margin=mean.half, simulated=interval(drawn))


def _cloud(seeds: Sequence[int]) -> Iterator[Row]:
    """Compare the cold starts of each rate with those measured; of the instances, the mean error of the model."""
    errors: list[list[float]] = [[] for _ in seeds]
    for each in LAMBDA:
        horizon = min(LONGEST, REQUESTS / each.rate)
        seen = [_observed(each.rate, (LAMBDA_WARM, LAMBDA_COLD), LAMBDA_EXPIRY, horizon, seed) for seed in seeds]
        yield Row(
            section=_CLOUD,
            name=f"{each.rate:.4g}/s: cold ratio",
            expected=each.cold_ratio,
            margin=ERRORS * each.error,
            simulated=interval(one.cold_ratio for one in seen),
        )
        for run, one in zip(errors, seen, strict=True):
            run.append(abs(one.servers / each.instances - 1.0))
    modelled = fmean(abs(each.modelled_instances / each.instances - 1.0) for each in LAMBDA)
    yield Row(
        section=_CLOUD,
        name="mean error of the instances",
        expected=modelled,
        margin=MODEL,
        simulated=interval(fmean(run) for run in errors),
    )


def _observed(rate: float, services: tuple[float, float], expiry: float, horizon: float, seed: int) -> Counted:
    """Run one platform; a request takes equally long, in means, on a new instance and on an idle one."""
    chance = streams(seed, "platform", f"{rate:g}", f"{expiry:g}")
    end = micros(horizon)
    arrivals = poisson(steps((horizon, rate)), end, chance)
    times = chance.standard_exponential(len(arrivals))
    warm, cold = (np.rint(times * (SECOND * mean)).astype(np.int64) for mean in services)
    load = Load(arrivals=arrivals, warm=warm, cold=cold)
    return observe(load, Platform(expiry=micros(expiry)), round(WARMUP * end), end)
