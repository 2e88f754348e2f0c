"""KEDA's executor and stream over arrays, for one trigger: ``simulations.keda``, verdict for verdict.

What it decides is a pair: the replicas to write, ``NOBODY`` for none, and why.
"""

from math import inf
from typing import Final

from simulations.fast import places as p
from simulations.fast.arrays import Floats, Ints
from simulations.fast.hpa import MISSING
from simulations.fast.places import NOBODY
from simulations.fast.watched import answer
from simulations.keda import Why
from simulations.keda.loop import FIRST_WAIT, LONGEST_WAIT
from simulations.model import SECOND

WHYS: Final = tuple(Why)
WOKEN, ASLEEP, BELOW_MIN = (WHYS.index(why) for why in (Why.WOKEN, Why.ASLEEP, Why.BELOW_MIN))

Verdict = tuple[int, int]


def due(f: Floats) -> float:
    """Return when KEDA checks, or opens a stream, in seconds."""
    return min(f[p.CHECK_AT], f[p.OPENS_AT])


def schedule(k: Ints, f: Floats) -> None:
    """Say in whole microseconds when that is."""
    k[p.DUE_AT] = round(due(f) * SECOND)


def check(k: Ints, f: Floats) -> Verdict:
    """Take the trigger's answer to the executor."""
    active, value = answer(k)
    k[p.RECORDED], k[p.RECORDED_VALUE] = 1, value
    if active or k[p.FORCED]:
        return active_found(k, f, value == MISSING)
    return (NOBODY, 0) if value == MISSING else inactive_found(k, f)


def active_found(k: Ints, f: Floats, failed: bool) -> Verdict:  # noqa: FBT001 - numba knows no keywords here
    """Wake what is down, and count the cooldown from now."""
    replicas, down = k[p.REPLICAS], k[p.REPLICAS] == 0
    if k[p.KEDA_IDLE] != NOBODY and replicas < k[p.KEDA_LEAST]:
        down = True
    if (down and k[p.NO_SCALE_OUT]) or (failed and not down):
        return NOBODY, 0
    k[p.EVER_ACTIVE], f[p.LAST_ACTIVE] = 1, k[p.NOW] // SECOND
    return (max(k[p.KEDA_LEAST], 1), WOKEN) if down else (NOBODY, 0)


def inactive_found(k: Ints, f: Floats) -> Verdict:
    """Put to sleep what is up, once the cooldown is over."""
    replicas, least, idle = k[p.REPLICAS], k[p.KEDA_LEAST], k[p.KEDA_IDLE]
    if (idle != NOBODY and replicas > idle) or (replicas > 0 and least == 0):
        if k[p.NO_SCALE_IN] or not cooled_down(k, f):
            return NOBODY, 0
        return least if idle == NOBODY else idle, ASLEEP
    if idle == NOBODY and replicas < least:
        return least, BELOW_MIN
    return NOBODY, 0


def cooled_down(k: Ints, f: Floats) -> bool:
    """Tell whether the cooldown is past."""
    at = k[p.NOW] / SECOND
    return f[p.LAST_ACTIVE] + f[p.COOLDOWN] < at if k[p.EVER_ACTIVE] else f[p.INITIAL_COOLDOWN] < at


def stream_ended(k: Ints, f: Floats, clean: bool) -> None:  # noqa: FBT001 - as above
    """Wait before the stream is opened again, each time twice as long."""
    wait = FIRST_WAIT if clean else f[p.WAIT]
    k[p.STREAM_OPEN] = 0
    f[p.OPENS_AT], f[p.WAIT] = k[p.NOW] / SECOND + wait, min(2.0 * wait, LONGEST_WAIT)
    schedule(k, f)


def stream_opened(k: Ints, f: Floats) -> None:
    """Take the stream for open, if the scaler runs."""
    k[p.STREAM_OPEN], f[p.OPENS_AT] = 1, inf
    schedule(k, f)
    if not k[p.RUNNING]:
        stream_ended(k, f, False)  # noqa: FBT003 - as above
