"""The replicas over arrays: ``simulations.pods``, pod for pod.

Of each pod that starts there is when it becomes Ready, its number and whether it replaces an older one.
"""

from simulations.fast import places as p
from simulations.fast.arrays import Ints
from simulations.fast.places import NEVER, NOBODY
from simulations.fast.requests import weigh
from simulations.pods import SETTLE, SURGE


def scale(k: Ints, replicas: int) -> None:
    """Ask for another number of replicas."""
    k[p.REPLICAS] = replicas
    weigh(k)
    missing = replicas - existing(k)
    for _ in range(missing):
        create(k, k[p.NOW], 0)
    for _ in range(-missing):
        remove(k)


def existing(k: Ints) -> int:
    """Return how many replicas there are, without the surge of a rollout."""
    return k[p.READY] + k[p.STARTING] - k[p.REPLACING]


def create(k: Ints, now: int, replacing: int) -> None:
    """Let a pod start."""
    at, place = now + k[k[p.TAKES_FROM] + k[p.STARTED] % k[p.TAKES]], ended(k)
    k[place] = at
    k[place + 1] = k[p.STARTED]
    k[place + 2] = replacing
    k[p.NEXT_READY] = min(k[p.NEXT_READY], at)
    k[p.STARTED] += 1
    k[p.STARTING] += 1
    k[p.REPLACING] += replacing


def become_ready(k: Ints) -> None:
    """Let the next pod become Ready; in a rollout it may replace an older one, and another one is begun."""
    place = earliest(k)
    at, replacing = k[place], k[place + 2]
    drop(k, place)
    if k[p.POOLED]:
        note(k, at)
    if replacing == 0:
        k[p.READY] += 1
        return
    k[p.OUTDATED] -= 1
    k[p.GONE] += 1
    if k[p.OUTDATED] > k[p.REPLACING]:
        create(k, at, 1)


def note(k: Ints, at: int) -> None:
    """Remember that a pod became Ready, and forget those that every client has found."""
    first = kept = k[p.RECENT_FROM]
    for place in range(first, first + k[p.RECENT]):
        if k[place] > at - SETTLE:
            k[kept] = k[place]
            kept += 1
    k[kept] = at
    k[p.RECENT] = kept + 1 - first


def roll(k: Ints) -> None:
    """Begin a new version."""
    anew = k[p.STARTING] - k[p.REPLACING]
    k[p.VERSION] += 1
    k[p.STARTING] = k[p.REPLACING] = 0
    k[p.NEXT_READY] = NEVER
    for _ in range(anew):
        create(k, k[p.NOW], 0)
    k[p.OUTDATED] = k[p.READY]
    for _ in range(min(k[p.OUTDATED], -int(-k[p.READY] * SURGE // 1))):
        create(k, k[p.NOW], 1)


def adopt(k: Ints) -> None:
    """Make a bridge a replica."""
    k[p.BRIDGES] -= 1
    k[p.READY] += 1
    drop(k, newest(k, 0))


def remove(k: Ints) -> None:
    """Remove a pod: the newest that starts, else one that is ready."""
    starting = newest(k, 0)
    drop(k, starting)
    if starting != NOBODY:
        return
    k[p.READY] -= 1
    k[p.GONE] += 1
    if k[p.OUTDATED]:
        k[p.OUTDATED] -= 1
        if k[p.REPLACING] > k[p.OUTDATED]:
            drop(k, newest(k, 1))


def newest(k: Ints, replacing: int) -> int:
    """Return the place of the pod that would be Ready last, ``NOBODY`` if none of that sort starts."""
    found = NOBODY
    for place in range(k[p.PODS_FROM], ended(k), 3):
        if k[place + 2] == replacing and (found == NOBODY or before(k, found, place)):
            found = place
    return found


def ended(k: Ints) -> int:
    """Return the place behind the last pod that starts."""
    return k[p.PODS_FROM] + 3 * k[p.STARTING]


def earliest(k: Ints) -> int:
    """Return the place of the pod that is Ready first."""
    found = k[p.PODS_FROM]
    for place in range(found + 3, ended(k), 3):
        if before(k, place, found):
            found = place
    return found


def before(k: Ints, one: int, other: int) -> bool:
    """Tell whether one pod is Ready before another; those of one instant in the order of their creation."""
    return k[one] < k[other] or (k[one] == k[other] and k[one + 1] < k[other + 1])


def drop(k: Ints, place: int) -> None:
    """Take a pod out of those that start."""
    if place == NOBODY:
        return
    k[p.STARTING] -= 1
    k[p.REPLACING] -= k[place + 2]
    last = ended(k)
    k[place], k[place + 1], k[place + 2] = k[last], k[last + 1], k[last + 2]
    k[p.NEXT_READY] = k[earliest(k)] if k[p.STARTING] else NEVER
