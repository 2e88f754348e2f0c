"""One sync of the HPA over two arrays: ``simulations.hpa.reconcile``, number for number.

``hpa`` holds the spec and what the controller remembers of it, in whole numbers; ``tolerances`` are two floats, upwards
and downwards. The places in ``hpa`` are named here; the tables that follow them begin where the places ``…_FROM`` say.
Windows, periods and instants are nanoseconds.
"""

from math import ceil
from typing import Final

from simulations.fast.arrays import Floats, Ints
from simulations.hpa import Why

INT32_MAX: Final = 2**31 - 1
MISSING: Final = -1
"""In place of a metric's total: its query failed."""
NOTHING: Final = -(2**62)
"""In place of a proposal: nothing may follow."""

MAX, MIN, DISABLED = range(3)
"""Which of several policies holds."""
PODS, PERCENT = range(2)
"""What a policy counts in."""

WHYS: Final = tuple(Why)
(MORE, FEWER, SETTLED, UP_STABILIZED, DOWN_STABILIZED, SCALE_UP_LIMIT, SCALE_DOWN_LIMIT) = range(7)
(TOO_MANY, TOO_FEW, ABOVE_MAX, BELOW_MIN, OFF, NO_METRIC) = range(7, 13)
"""The reasons, as places in :data:`WHYS`."""

(LEAST, MOST, PLAIN, ABSOLUTE, WINDOW_UP, WINDOW_DOWN) = range(6)
(SELECT_UP, SELECT_DOWN, LONGEST_UP, LONGEST_DOWN) = range(6, 10)
(METRICS, UP_POLICIES, POLICIES) = range(10, 13)
(METRICS_FROM, POLICIES_FROM, RECOMMENDED_FROM, UPS_FROM, DOWNS_FROM) = range(13, 18)
(SEEDED, RECOMMENDED, UPS, DOWNS) = range(18, 22)
HEAD: Final = 22
"""A metric is whether it is averaged, its target and its total; a policy kind, value and period, those upwards first; a
recommendation or an event is an instant and a number. The last four are whether there ever was a sync, and how many
entries each log has."""


def sync(hpa: Ints, tolerances: Floats, pods: tuple[int, int, int], now: int) -> tuple[int, int]:
    """Do one sync on the metrics' totals; ``pods`` are asked for, exist and are ready.

    Returns the new replicas and the reason.
    """
    replicas = pods[0]
    if hpa[SEEDED] == 0:
        hpa[SEEDED] = 1
        put(hpa, RECOMMENDED_FROM, 0, replicas, now)
        hpa[RECOMMENDED] = 1
    if replicas == 0 and hpa[LEAST] != 0:
        return 0, OFF
    if replicas > hpa[MOST]:
        desired, why = hpa[MOST], ABOVE_MAX
    elif replicas < hpa[LEAST]:
        desired, why = hpa[LEAST], BELOW_MIN
    else:
        proposal = propose(hpa, tolerances, pods)
        if proposal == NOTHING:
            return replicas, NO_METRIC
        desired, why = ruled(hpa, max(proposal, 0), replicas, now)
    if desired > replicas and not hpa[PLAIN]:
        enter(hpa, UPS_FROM, UPS, desired - replicas, now - hpa[LONGEST_UP], now)
    if desired < replicas and not hpa[PLAIN]:
        enter(hpa, DOWNS_FROM, DOWNS, replicas - desired, now - hpa[LONGEST_DOWN], now)
    return desired, why


def propose(hpa: Ints, tolerances: Floats, pods: tuple[int, int, int]) -> int:
    """Return the largest proposal, or ``NOTHING``."""
    most, heard = 0, 0
    for metric in range(hpa[METRICS]):
        place = hpa[METRICS_FROM] + 3 * metric
        proposal = NOTHING
        if hpa[place + 2] != MISSING:
            proposal = proposed(hpa, tolerances, place, pods)
        if proposal != NOTHING:
            heard += 1
            if most == 0 or proposal > most:
                most = proposal
    if heard == 0 or (heard < hpa[METRICS] and most < pods[0]):
        return NOTHING
    return most


def proposed(hpa: Ints, tolerances: Floats, place: int, pods: tuple[int, int, int]) -> int:
    """Return the proposal of the metric at ``place``."""
    replicas, existing, ready = pods
    target, total = float(hpa[place + 1]), float(hpa[place + 2])
    ratio = total / target
    if hpa[place]:
        if existing != 0 and tolerated(hpa, tolerances, total / (target * existing)):
            return existing
        return rounded_up(ratio)
    if replicas == 0:
        return rounded_up(ratio)
    if tolerated(hpa, tolerances, ratio):
        return replicas
    return rounded_up(ratio * ready) if existing != 0 else NOTHING


def tolerated(hpa: Ints, tolerances: Floats, ratio: float) -> bool:
    """Tell whether ``ratio`` is near enough to one."""
    if hpa[ABSOLUTE]:
        return abs(1.0 - ratio) <= (tolerances[0] if ratio > 1.0 else tolerances[1])
    return 1.0 - tolerances[1] <= ratio <= 1.0 + tolerances[0]


def rounded_up(replicas: float) -> int:
    """Return the next whole number, within int32."""
    return INT32_MAX if replicas > INT32_MAX else ceil(replicas)


def ruled(hpa: Ints, raw: int, replicas: int, now: int) -> tuple[int, int]:
    """Stabilise and limit ``raw``; return the replicas and the reason."""
    if hpa[PLAIN]:
        stable = stabilized(hpa, raw, now)
        desired, why = limited(hpa, stable, replicas)
    else:
        stable = stabilized_by_behavior(hpa, raw, replicas, now)
        desired, why = limited_by_behavior(hpa, stable, replicas, now)
    if why != SETTLED:
        return desired, why
    if stable != raw:
        return desired, UP_STABILIZED if not hpa[PLAIN] and raw >= replicas else DOWN_STABILIZED
    if desired == replicas:
        return desired, SETTLED
    return desired, MORE if desired > replicas else FEWER


def stabilized(hpa: Ints, raw: int, now: int) -> int:
    """Return the highest recommendation of the window, and remember ``raw``."""
    place, slots = hpa[RECOMMENDED_FROM], hpa[RECOMMENDED]
    cutoff, highest, reusable = now - hpa[WINDOW_DOWN], raw, slots
    for slot in range(slots):
        if hpa[place + 2 * slot] < cutoff:
            reusable = slot
        else:
            highest = max(highest, hpa[place + 2 * slot + 1])
    hpa[RECOMMENDED] = max(slots, reusable + 1)
    put(hpa, RECOMMENDED_FROM, reusable, raw, now)
    return highest


def stabilized_by_behavior(hpa: Ints, raw: int, replicas: int, now: int) -> int:
    """Return how far from ``replicas`` both windows agree to go, and remember ``raw``."""
    place, slots = hpa[RECOMMENDED_FROM], hpa[RECOMMENDED]
    up_cutoff, down_cutoff = now - hpa[WINDOW_UP], now - hpa[WINDOW_DOWN]
    lowest, highest, reusable = raw, raw, slots
    for slot in range(slots):
        at, past = hpa[place + 2 * slot], hpa[place + 2 * slot + 1]
        if at > up_cutoff:
            lowest = min(lowest, past)
        if at > down_cutoff:
            highest = max(highest, past)
        if at < up_cutoff and at < down_cutoff:
            reusable = slot
    hpa[RECOMMENDED] = max(slots, reusable + 1)
    put(hpa, RECOMMENDED_FROM, reusable, raw, now)
    return min(max(replicas, lowest), highest)


def limited(hpa: Ints, desired: int, replicas: int) -> tuple[int, int]:
    """Limit without ``behavior``; the reason is ``SETTLED`` if nothing was limited."""
    if desired < hpa[LEAST]:
        return hpa[LEAST], TOO_FEW
    fastest = max(2 * replicas, 4)
    if desired > min(fastest, hpa[MOST]):
        return (fastest, SCALE_UP_LIMIT) if fastest < hpa[MOST] else (hpa[MOST], TOO_MANY)
    return desired, SETTLED


def limited_by_behavior(hpa: Ints, desired: int, replicas: int, now: int) -> tuple[int, int]:
    """Limit by the policies; the reason is ``SETTLED`` if nothing was limited."""
    if desired > replicas:
        fastest = max(replicas, up_limit(hpa, replicas, now))
        if desired > min(fastest, hpa[MOST]):
            return (fastest, SCALE_UP_LIMIT) if fastest < hpa[MOST] else (hpa[MOST], TOO_MANY)
    elif desired < replicas:
        fastest = min(replicas, down_limit(hpa, replicas, now))
        if desired < max(fastest, hpa[LEAST]):
            return (fastest, SCALE_DOWN_LIMIT) if fastest > hpa[LEAST] else (hpa[LEAST], TOO_FEW)
    return desired, SETTLED


def up_limit(hpa: Ints, replicas: int, now: int) -> int:
    """Return the most replicas that are allowed."""
    if hpa[SELECT_UP] == DISABLED:
        return replicas
    best = 0
    for policy in range(hpa[UP_POLICIES]):
        place = hpa[POLICIES_FROM] + 3 * policy
        start, value = period_start(hpa, hpa[place + 2], replicas, now), hpa[place + 1]
        limit = start + value if hpa[place] == PODS else ceil(start * (1.0 + value / 100.0))
        if policy == 0 or (limit < best) == (hpa[SELECT_UP] == MIN):
            best = limit
    return best


def down_limit(hpa: Ints, replicas: int, now: int) -> int:
    """Return the fewest replicas that are allowed."""
    if hpa[SELECT_DOWN] == DISABLED:
        return replicas
    best = 0
    for policy in range(hpa[UP_POLICIES], hpa[POLICIES]):
        place = hpa[POLICIES_FROM] + 3 * policy
        start, value = period_start(hpa, hpa[place + 2], replicas, now), hpa[place + 1]
        limit = start - value if hpa[place] == PODS else int(start * (1.0 - value / 100.0))
        if policy == hpa[UP_POLICIES] or (limit > best) == (hpa[SELECT_DOWN] == MIN):
            best = limit
    return best


def period_start(hpa: Ints, period: int, replicas: int, now: int) -> int:
    """Return what ``replicas`` were a ``period`` ago, had only the HPA changed them."""
    ups, downs = hpa[UPS_FROM], hpa[DOWNS_FROM]
    for place in range(ups, ups + 2 * hpa[UPS], 2):
        if hpa[place] > now - period:
            replicas -= hpa[place + 1]
    for place in range(downs, downs + 2 * hpa[DOWNS], 2):
        if hpa[place] > now - period:
            replicas += hpa[place + 1]
    return replicas


def enter(hpa: Ints, log: int, length: int, change: int, cutoff: int, now: int) -> None:  # noqa: PLR0913, PLR0917 - a log
    """Remember a change over the last one before ``cutoff``, or at the end of its log.

    Time never goes back, so what the controller once marked as outdated is what is older now.
    """
    reusable = hpa[length]
    for slot in range(hpa[length]):
        if hpa[hpa[log] + 2 * slot] < cutoff:
            reusable = slot
    hpa[length] = max(hpa[length], reusable + 1)
    put(hpa, log, reusable, change, now)


def put(hpa: Ints, log: int, slot: int, number: int, now: int) -> None:
    """Write an entry of a log."""
    place = hpa[log] + 2 * slot
    hpa[place] = now
    hpa[place + 1] = number
