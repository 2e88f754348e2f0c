"""The replicas over arrays: ``simulations.pods``, pod for pod.

``pods`` holds those that start: of each when it becomes Ready, its number and whether it replaces an older one.
``takes`` holds how long each takes, over and over.
"""

from simulations.fast import places as p
from simulations.fast.arrays import Ints
from simulations.fast.places import NEVER, NOBODY
from simulations.pods import SETTLE, SURGE


def scale(k: Ints, pods: Ints, takes: Ints, replicas: int) -> None:
    """Ask for another number of replicas."""
    k[p.REPLICAS] = replicas
    missing = replicas - existing(k)
    for _ in range(missing):
        create(k, pods, takes, k[p.NOW], 0)
    for _ in range(-missing):
        remove(k, pods)


def existing(k: Ints) -> int:
    """Return what the workload's status calls its replicas."""
    return k[p.READY] + k[p.STARTING] - k[p.REPLACING]


def create(k: Ints, pods: Ints, takes: Ints, now: int, replacing: int) -> None:
    """Let a pod start."""
    at, place = now + takes[k[p.STARTED] % len(takes)], 3 * k[p.STARTING]
    pods[place] = at
    pods[place + 1] = k[p.STARTED]
    pods[place + 2] = replacing
    k[p.NEXT_READY] = min(k[p.NEXT_READY], at)
    k[p.STARTED] += 1
    k[p.STARTING] += 1
    k[p.REPLACING] += replacing


def become_ready(k: Ints, pods: Ints, takes: Ints, recent: Ints) -> None:
    """Let the next pod become Ready; in a rollout it may replace an older one, and another one is begun."""
    place = earliest(k, pods)
    at, replacing = pods[place], pods[place + 2]
    drop(k, pods, place)
    if k[p.POOLED]:
        note(k, recent, at)
    if replacing == 0:
        k[p.READY] += 1
        return
    k[p.OUTDATED] -= 1
    if k[p.OUTDATED] > k[p.REPLACING]:
        create(k, pods, takes, at, 1)


def note(k: Ints, recent: Ints, at: int) -> None:
    """Remember that a pod became Ready, and forget those that every client has found."""
    kept = 0
    for place in range(k[p.RECENT]):
        if recent[place] > at - SETTLE:
            recent[kept] = recent[place]
            kept += 1
    recent[kept] = at
    k[p.RECENT] = kept + 1


def roll(k: Ints, pods: Ints, takes: Ints) -> None:
    """Begin a new version."""
    anew = k[p.STARTING] - k[p.REPLACING]
    k[p.VERSION] += 1
    k[p.STARTING] = k[p.REPLACING] = 0
    k[p.NEXT_READY] = NEVER
    for _ in range(anew):
        create(k, pods, takes, k[p.NOW], 0)
    k[p.OUTDATED] = k[p.READY]
    for _ in range(min(k[p.OUTDATED], -int(-k[p.READY] * SURGE // 1))):
        create(k, pods, takes, k[p.NOW], 1)


def adopt(k: Ints, pods: Ints) -> None:
    """Make a bridge a replica."""
    k[p.BRIDGES] -= 1
    k[p.READY] += 1
    drop(k, pods, newest(k, pods, 0))


def remove(k: Ints, pods: Ints) -> None:
    """Remove a pod: the newest that starts, else one that is ready."""
    starting = newest(k, pods, 0)
    drop(k, pods, starting)
    if starting != NOBODY:
        return
    k[p.READY] -= 1
    if k[p.OUTDATED]:
        k[p.OUTDATED] -= 1
        if k[p.REPLACING] > k[p.OUTDATED]:
            drop(k, pods, newest(k, pods, 1))


def newest(k: Ints, pods: Ints, replacing: int) -> int:
    """Return the place of the pod that would be Ready last, ``NOBODY`` if none of that sort starts."""
    found = NOBODY
    for place in range(0, 3 * k[p.STARTING], 3):
        if pods[place + 2] == replacing and (found == NOBODY or before(pods, found, place)):
            found = place
    return found


def earliest(k: Ints, pods: Ints) -> int:
    """Return the place of the pod that is Ready first."""
    found = 0
    for place in range(3, 3 * k[p.STARTING], 3):
        if before(pods, place, found):
            found = place
    return found


def before(pods: Ints, one: int, other: int) -> bool:
    """Tell whether one pod is Ready before another; those of one instant in the order of their creation."""
    return pods[one] < pods[other] or (pods[one] == pods[other] and pods[one + 1] < pods[other + 1])


def drop(k: Ints, pods: Ints, place: int) -> None:
    """Take a pod out of those that start."""
    if place == NOBODY:
        return
    k[p.STARTING] -= 1
    k[p.REPLACING] -= pods[place + 2]
    last = 3 * k[p.STARTING]
    pods[place], pods[place + 1], pods[place + 2] = pods[last], pods[last + 1], pods[last + 2]
    k[p.NEXT_READY] = pods[earliest(k, pods)] if k[p.STARTING] else NEVER
