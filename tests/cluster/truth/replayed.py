"""A recorded run of real controllers, simulated: the same demand, and controllers that look at the same instants.

When the autoscaler looked is in the API server's record. When KEDA checks is read off what it did at a check, which
leaves it no freedom: its checks are as regular as a clock.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from scaler.model import Rules
from simulations.figures import Cause
from simulations.keda import hpa_spec
from simulations.model import (
    Function,
    Happening,
    Incident,
    Ints,
    Phases,
    Series,
    Starts,
    Trigger,
    Work,
    World,
    micros,
)
from simulations.run import Engine, simulate
from tests.cluster.truth.objects import END, WINDOW, Case
from tests.cluster.truth.timelines import Step, distance

_READS = micros(0.05)  # the scaler reads what is quiet at once when it changes
_SAME = 1e-3  # s: the simulator's instants are whole microseconds
_STARTS = 0.3  # s until one of kwok's pods is ready
_HPA = frozenset({Cause.HPA_UP, Cause.HPA_DOWN})


Timeline = list[Step[tuple[int, str]]]
"""Changes of replicas, and who made each: ``KEDA`` or ``HPA``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What is known of one real run, in seconds from the beginning of the script.

    ``lengths``: when each list of the case was set, to what. ``looks``: when the autoscaler looked. ``changes``: the
    replicas, and who set them. ``paused``: when it was paused and resumed.
    """

    lengths: Sequence[Sequence[tuple[float, int]]]
    looks: Sequence[float]
    changes: Timeline
    paused: tuple[float, float] | None


def simulated(case: Case, recorded: Recorded) -> Timeline:
    """Return the changes of replicas that the simulator makes of it."""
    world = World(functions=(_function(case, recorded),), end=micros(END))
    moves = simulate(world, Engine.REFERENCE).figures[0].moves
    return [Step(move.at / 1e6, (move.after, "HPA" if move.cause in _HPA else "KEDA")) for move in moves]


def _function(case: Case, recorded: Recorded) -> Function:
    nothing = _ints([])
    return Function(
        name=case.name,
        scaled=case.scaled,
        hpa=replace(hpa_spec(case.scaled), downscale_window=WINDOW),
        triggers=tuple(_trigger(lengths, case.activation) for lengths in recorded.lengths),
        work=Work(arrivals=nothing, service=nothing),
        starts=Starts(schedule=_ints([0.0]), pull=_ints([0.0]), start=_ints([_STARTS]), ready=_ints([0.0])),
        phases=_phases(recorded, case.scaled.polling_interval),
        replicas=case.replicas,
        incidents=_incidents(recorded),
    )


def _trigger(lengths: Sequence[tuple[float, int]], activation: int) -> Trigger:
    series = Series(
        times=_ints([at for at, _ in lengths]),
        values=np.asarray([1_000 * length for _, length in lengths], dtype=np.int64),
        active=np.asarray([length > activation for _, length in lengths], dtype=np.int64),
    )
    return Trigger(source=series, rules=Rules(activation=activation), interval=_READS)


def _phases(recorded: Recorded, interval: float) -> Phases:
    """Take the instants of the real controllers; KEDA's last way to zero was at one of its checks."""
    checks = [change.at for change in recorded.changes if change.value == (0, "KEDA")]
    pause = recorded.paused or (0.0, 0.0)
    looks = [at for at in recorded.looks if at > 0.0 and not pause[0] < at < pause[1]]  # KEDA removes the HPA by and by
    return Phases(
        check=micros((checks[-1] if checks else 0.0) % interval),
        sync=micros(looks[0]),
        gaps=_gaps(looks, recorded.paused),
    )


def _gaps(looks: Sequence[float], paused: tuple[float, float] | None) -> Ints:
    """Return the time from each sync to the next; after a pause, the time from its end to the first one."""
    resumed = paused[1] if paused else -1.0
    gaps: list[float] = []
    for before, after in pairwise(looks):
        if before < resumed <= after:
            gaps += [after - before, after - resumed]
        else:
            gaps.append(after - before)
    return _ints([*gaps, 2.0 * END])


def _incidents(recorded: Recorded) -> tuple[Incident, ...]:
    if recorded.paused is None:
        return ()
    what = (Happening.PAUSE, Happening.RESUME)
    return tuple(Incident(at=micros(at), what=each) for at, each in zip(recorded.paused, what, strict=True))


def _ints(seconds: Sequence[float]) -> Ints:
    return np.asarray([micros(each) for each in seconds], dtype=np.int64)


def by(who: str, timeline: Timeline) -> Timeline:
    """Return what one of the two did."""
    return [step for step in timeline if step.value[1] == who]


def looks_apart(looked: Sequence[float], real: Timeline, model: Timeline) -> tuple[float, ...] | None:
    """Return how many looks of the autoscaler lie between each of its steps and the same one of the model.

    They are counted from the beginning, or from the last step of KEDA's before it where that is nearer: where KEDA woke
    the function a poll later, all that follows is later, too. ``None`` where they do not take the same steps.
    """
    if distance(by("HPA", real), by("HPA", model)).apart is None:
        return None
    pairs = zip(_counted(looked, real), _counted(looked, model), strict=True)
    return tuple(float(min(abs(one[0] - other[0]), abs(one[1] - other[1]))) for one, other in pairs)


def _counted(looked: Sequence[float], timeline: Timeline) -> list[tuple[int, int]]:
    """Return for each step of the autoscaler how many looks there were until it, and since KEDA's last step."""
    counts, since = [], 0
    for step in timeline:
        looks = bisect_right(looked, step.at + _SAME)
        if step.value[1] == "KEDA":
            since = looks
        else:
            counts.append((looks, looks - since))
    return counts
