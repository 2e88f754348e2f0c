"""Figures, made by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from simulations.figures import Blame, Figures
from simulations.model import SECOND

HOUR = 3600 * SECOND

NOTHING = Figures(
    name="orders",
    arrived=0,
    served=0,
    waiting=0,
    serving=0,
    cold=0,
    waits=np.zeros(0, np.int64),
    unbegun=np.zeros(0, np.int64),
    service_time=0,
    ready_time=0,
    busy_time=0,
    draining_time=0,
    draining_busy_time=0,
    starting_time=0,
    warm_time=0,
    blamed=(0,) * len(Blame),
    started=0,
    starts=(0, 0, 0, 0),
    warmed=0,
    hits=0,
    missed=0,
    wakes=0,
    sleeps=0,
    ups=0,
    downs=0,
    most=0,
    limit_time=0,
    overshoot_time=0,
    moves=(),
    timeline=None,
    done=np.zeros(0, np.int64),
    memory=2**30,
    concurrency=1,
)
"""A function that nobody called."""


def waited(seconds: Sequence[float], **others: object) -> Figures:
    """Return the figures of requests that waited so long, all served; ``others`` are other fields."""
    waits = np.array([round(each * SECOND) for each in seconds], np.int64)
    served = {"arrived": len(waits), "served": len(waits), "waits": waits}
    return replace(NOTHING, **(served | others))  # type: ignore[arg-type]
