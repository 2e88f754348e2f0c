"""The scaler's side of the one trigger over arrays: ``simulations.watched``, ``scaler.policy`` step and demand."""

from math import ceil

from simulations.fast import places as p
from simulations.fast.arrays import Floats, Ints
from simulations.fast.hpa import MISSING
from simulations.fast.places import NEVER, NOBODY
from simulations.fast.requests import MILLI
from simulations.model import SECOND

TOLERANCE = 0.1


def next_reading(k: Ints, arrivals: Ints) -> int:
    """Return when the source is next read with a chance that it says something new."""
    if not k[p.RUNNING]:
        return NEVER
    at = k[p.READ_AT]
    if steady(k):
        change = arrivals[k[p.ARRIVED]] if k[p.ARRIVED] < k[p.REQUESTS] else NEVER
        at = on_grid(k, min(change, next_incident(k)))
        if not k[p.POOLED]:  # where the pool may want to hear of each, they are not passed over before their time
            k[p.READ_AT] = at
    return min(at, k[p.EARLY])


def next_incident(k: Ints) -> int:
    """Return when the next incident is."""
    return k[k[p.INCIDENTS_FROM] + 2 * k[p.INCIDENT]] if k[p.INCIDENT] < k[p.INCIDENTS] else NEVER


def steady(k: Ints) -> bool:
    """Tell whether readings say the same until a request arrives: there is none, and that is known and told."""
    known = k[p.KNOWN] == 1 and not k[p.VALUE] and not k[p.SUSPECT] and not k[p.DOWN] and not k[p.UNHEARD]
    return known and not k[p.SERIES] and k[p.ARRIVED] == k[p.ENDED] and k[p.EARLY] == NEVER


def on_grid(k: Ints, instant: int) -> int:
    """Return the first regular reading at ``instant`` or later: those before are done, or would have said nothing."""
    late = instant - k[p.READ_AT]
    return k[p.READ_AT] - -late // k[p.INTERVAL] * k[p.INTERVAL] if late > 0 else k[p.READ_AT]


def read_on(k: Ints) -> None:
    """Take a regular reading that was due for done."""
    if k[p.READ_AT] <= k[p.NOW]:
        k[p.READ_AT] += k[p.INTERVAL]


def read(k: Ints, f: Floats) -> bool:
    """Read the source, and decide; return whether it has become active."""
    now, before = k[p.NOW], k[p.TOLD] and k[p.ACTIVE]
    read_on(k)
    k[p.EARLY] = NEVER
    if k[p.DOWN]:
        miss(k, f, now)
    else:
        see(k, f, now)
    return not before and k[p.TOLD] == 1 and k[p.ACTIVE] == 1


def see(k: Ints, f: Floats, now: int) -> None:
    """Take a snapshot to the policy: believed, unless it is quiet and the last outage leaves a doubt."""
    value, activity = backlog(k) * MILLI, float(backlog(k))
    if k[p.SERIES]:
        look_up(k, now)
        value, activity = k[p.STEP_VALUE], f[p.ACTIVATION] + k[p.STEP_ACTIVE]
    active = activity > f[p.ACTIVATION]
    if not active and doubted(k, f, now / SECOND):
        k[p.TOLD] = int(k[p.KNOWN] == 1 and k[p.EXPIRED] == 0)
        return
    k[p.KNOWN] = k[p.TOLD] = 1
    k[p.VALUE], k[p.ACTIVE] = max(0, value), int(active)
    k[p.SUSPECT] = k[p.QUIET_SEEN] = k[p.EXPIRED] = 0


def doubted(k: Ints, f: Floats, at: float) -> bool:
    """Count a quiet reading; tell whether it takes another one to believe it."""
    if k[p.QUIET_SEEN] == 0 or at - f[p.QUIET_AT] >= f[p.SPACING]:
        k[p.QUIET_SEEN] += 1
        f[p.QUIET_AT] = at
    in_doubt = k[p.SUSPECT] and (not k[p.KNOWN] or k[p.ACTIVE])
    return bool(in_doubt and k[p.QUIET_SEEN] < k[p.CONFIRM])


def miss(k: Ints, f: Floats, now: int) -> None:
    """Take an outage to the policy: what was believed is held, unless that is over."""
    k[p.SUSPECT], k[p.QUIET_SEEN] = 1, 0
    if k[p.KNOWN] and (k[p.EXPIRED] or now / SECOND >= k[p.DOWN_SINCE] / SECOND + f[p.HOLD_FOR]):
        k[p.EXPIRED] = 1
    k[p.TOLD] = int(k[p.KNOWN] == 1 and k[p.EXPIRED] == 0)


def backlog(k: Ints) -> int:
    """Count what the source counts."""
    return k[p.ARRIVED] - (k[p.ENDED] if k[p.COUNTS_ALL] else k[p.BEGUN])


def look_up(k: Ints, now: int) -> None:
    """Go on in a series to ``now``."""
    steps, first = k[p.STEPS], k[p.SERIES_FROM]
    while k[p.STEP] < steps and k[first + k[p.STEP]] <= now:
        k[p.STEP_VALUE] = k[first + steps + k[p.STEP]]
        k[p.STEP_ACTIVE] = k[first + 2 * steps + k[p.STEP]]
        k[p.STEP] += 1


def forget(k: Ints) -> None:
    """Forget all that the scaler knew: it stops."""
    k[p.RUNNING] = k[p.KNOWN] = k[p.TOLD] = k[p.ACTIVE] = k[p.SUSPECT] = k[p.QUIET_SEEN] = k[p.EXPIRED] = 0
    k[p.EARLY] = NEVER


def answer(k: Ints) -> tuple[bool, int]:
    """Return whether KEDA is told that there is work, and the metric's value, ``MISSING`` for an error.

    Of what was never read the answer is that all stays as it is, where the rules say so.
    """
    if not k[p.RUNNING] or (not k[p.TOLD] and k[p.ON_ERROR]):
        return False, MISSING
    if k[p.TOLD]:
        return k[p.ACTIVE] == 1, k[p.VALUE]
    rest = k[p.KEDA_LEAST] if k[p.KEDA_IDLE] == NOBODY else k[p.KEDA_IDLE]
    if k[p.REPLICAS] <= rest:
        return False, 0
    return True, k[p.TARGET] * (k[p.REPLICAS] if k[p.AVERAGED] else 1)


def wanted(k: Ints) -> int:
    """Return how many replicas the scaler's word amounts to, ``NOBODY`` while that is unknown."""
    if k[p.PAUSED]:
        return 0
    if not k[p.TOLD]:
        return NOBODY
    if not k[p.ACTIVE]:
        return 0
    replicas, value = k[p.REPLICAS], k[p.VALUE]
    total, target = float(value if k[p.AVERAGED] else value * max(1, replicas)), float(k[p.TARGET])
    proposal = ceil(total / target)
    if replicas > 0 and abs(1.0 - total / (target * replicas)) <= TOLERANCE:
        proposal = replicas
    return min(k[p.KEDA_MOST], max(1, k[p.KEDA_LEAST], proposal))


def hear(k: Ints) -> None:
    """Come back if the pool may claim, or has bridges that may be needed no more."""
    if not k[p.POOLED]:
        return
    want, ready, replicas = wanted(k), k[p.READY], k[p.REPLICAS]
    same = want == k[p.HEARD_WANTED] and ready == k[p.HEARD_READY] and replicas == k[p.HEARD_REPLICAS]
    short = want != NOBODY and want > ready + k[p.BRIDGES] + k[p.CLAIMING]
    if not same and (short or k[p.BRIDGES] or k[p.CLAIMING]):
        k[p.NEWS] = 1
    k[p.HEARD_WANTED], k[p.HEARD_READY], k[p.HEARD_REPLICAS], k[p.UNHEARD] = want, ready, replicas, 0
