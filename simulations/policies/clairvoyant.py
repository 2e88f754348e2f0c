"""KEDA told of every burst before it comes: what waking in time would give, by the rules that everything else obeys.

It foresees when a function is to wake, not how many replicas it will need; :mod:`~simulations.policies.oracle` is the
bound of what anybody could do.
"""

from dataclasses import replace

import numpy as np

from simulations.hpa import MetricSpec
from simulations.keda import TriggerSpec
from simulations.model import SECOND, Function, Ints, Series, Trigger

READ = SECOND
"""How often the series is read, and KEDA checks: as often as makes no difference to a pod's start."""
_NO_METRIC = MetricSpec(target=1_000)


def foreseen(function: Function) -> Function:
    """Return the function with one more trigger, that is active from a start before each burst to its last request.

    A gap is slept through where it is longer than the longest start: a shorter one costs less awake.
    """
    lead = int(function.starts.total.max()) + 2 * READ
    spans = bursts(function.work.arrivals, lead)
    trigger = Trigger(source=_series(spans), interval=READ, watch=None)
    spec = TriggerSpec(metric=_NO_METRIC, push=True)
    scaled = replace(
        function.scaled, triggers=(*function.scaled.triggers, spec), polling_interval=READ / SECOND, cooldown=0.0
    )
    hpa = replace(function.hpa, metrics=(*function.hpa.metrics, _NO_METRIC))
    awake = len(spans) > 0 and bool(spans[0, 0] == 0)
    return replace(
        function,
        scaled=scaled,
        hpa=hpa,
        triggers=(*function.triggers, trigger),
        replicas=max(function.scaled.min_replicas, int(awake)),
    )


def bursts(arrivals: Ints, lead: int) -> Ints:
    """Return rows of begin and end: from ``lead`` before a first request to the last one before a longer gap."""
    if not len(arrivals):
        return np.zeros((0, 2), dtype=np.int64)
    breaks = np.flatnonzero(np.diff(arrivals) > lead)
    first = arrivals[np.concatenate(([0], breaks + 1))]
    last = arrivals[np.concatenate((breaks, [len(arrivals) - 1]))]
    return np.stack((np.maximum(0, first - lead), last), axis=1)


def _series(spans: Ints) -> Series:
    times = np.stack((spans[:, 0], spans[:, 1] + 1), axis=1).ravel()
    active = np.tile(np.array([1, 0], dtype=np.int64), len(spans))
    return Series(times=times, values=np.zeros(len(times), dtype=np.int64), active=active)
