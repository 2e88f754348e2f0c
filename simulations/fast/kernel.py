"""One function between two interventions: ``simulations.kernel`` over arrays, event by event.

Between two events that change the number of pods or a decision, :func:`simulations.fast.requests.flow` lets the
requests go; that is where the time is spent. At one instant the order is the reference's.
"""

from typing import Final, NamedTuple

from simulations.controllers import BEAT
from simulations.fast import hpa as autoscaler
from simulations.fast import keda
from simulations.fast import places as p
from simulations.fast.arrays import Floats, Heap, Ints
from simulations.fast.hpa import sync
from simulations.fast.keda import active_found, check, due, schedule, stream_ended, stream_opened
from simulations.fast.places import NEVER, NOBODY
from simulations.fast.pods import become_ready, roll, scale
from simulations.fast.requests import begin, drain, finish, flow, prepare
from simulations.fast.watched import answer, forget, hear, next_incident, next_reading, on_grid, read, read_on
from simulations.figures import Cause
from simulations.keda.loop import FIRST_WAIT
from simulations.kernel import ADOPTED, BRIDGED, DRAINED
from simulations.model import SECOND, Happening

TIME, NEWS, CRAMPED = range(3)
"""Why :func:`run` came back: the instant is reached, the pool may have something to do, or an array is full."""

MOVE: Final = 5
SAMPLE: Final = 8
"""How many numbers a move and a sample take."""
MOVES_AT_ONCE: Final = 4

WAKES, SLEEPS, OTHER, UP, DOWN = (int(cause) for cause in list(Cause)[:5])
ROLLOUT = int(Cause.ROLLOUT)
WORDS: Final = (*keda.WHYS, *autoscaler.WHYS, Happening.ROLLOUT, BRIDGED, DRAINED, ADOPTED)
"""Why replicas, or bridges, changed; a move has the place of it."""
HPA_WORDS: Final = len(keda.WHYS)
ROLLED: Final = WORDS.index(Happening.ROLLOUT)
HAPPENINGS: Final = tuple(Happening)
(SOURCE_DOWN, SOURCE_UP, SCALER_DOWN, SCALER_UP, ROLLS, PAUSE, RESUME) = range(len(HAPPENINGS))


class Case(NamedTuple):
    """The arrays that a run works on: ``k`` and ``f`` as in ``places``, the HPA's, and the requests.

    ``running`` is the heap of when those end that hold a slot, ``draining`` that of those on pods that serve no more;
    each was begun at ``begins``, and one after the other was ``done``. An incident's what is its place in
    :data:`HAPPENINGS`.
    """

    k: Ints
    f: Floats
    hpa: Ints
    arrivals: Ints
    service: Ints
    running: Heap
    draining: Heap
    begins: Ints
    done: Ints


def run(c: Case, until: int) -> int:
    """Let everything happen up to and at ``until``, or until there is a reason to come back.

    With an instant that is past nothing happens but what the pool's last deed allows: requests that waited are begun.
    """
    k = c.k
    k[p.NEWS] = 0
    go_on(c, k[p.READY] + k[p.BRIDGES] + k[p.GONE])
    while k[p.NOW] <= until:
        if cramped(k):
            return CRAMPED
        at = next_at(k, c.arrivals)
        k[p.UNTIL] = min(at, until)
        first, since = max(k[p.ARRIVED], k[p.FIRST]), k[p.NOW]
        prepare(k, c.arrivals)
        flow(k, c.arrivals, c.service, c.running, c.begins, c.done)
        passed(k, first, since)
        if min(at, k[p.EARLY]) > until:
            read_on(k)
            return TIME
        serving = k[p.READY] + k[p.BRIDGES]
        if k[p.DRAINED_AT] <= k[p.NOW]:
            finish(k, c.draining, c.done)
        else:
            happen(k, c.f, c.hpa)
            go_on(c, serving)
        if k[p.NEWS]:
            return NEWS
    return TIME


def go_on(c: Case, serving: int) -> None:
    """Let requests follow what became of the pods, of which ``serving`` served: some finish apart, others begin."""
    drain(c.k, c.running, c.draining, c.done, serving)
    begin(c.k, c.service, c.running, c.begins)


def cramped(k: Ints) -> bool:
    """Tell whether a table could overflow by what happens next."""
    full = k[p.RECENT_FROM] + k[p.RECENT] == k[p.MOVES_FROM]
    return full or k[p.MOVES_FROM] + MOVE * (k[p.MOVES] + MOVES_AT_ONCE) > len(k)


def next_at(k: Ints, arrivals: Ints) -> int:
    """Return when something happens next, apart from requests."""
    reading = next_reading(k, arrivals)
    return min(k[p.NEXT_READY], k[p.DRAINED_AT], next_incident(k), reading, next_look(k), k[p.SAMPLE_AT])


def next_look(k: Ints) -> int:
    """Return when a controller looks next: KEDA, the HPA, or the scaler that repeats itself."""
    if k[p.PAUSED]:
        return NEVER
    return min(k[p.DUE_AT], k[p.BEAT_AT], NEVER if inert(k) else k[p.SYNC_AT])


def inert(k: Ints) -> bool:
    """Tell whether a sync would change nothing: at zero replicas the HPA is off."""
    off = k[p.REPLICAS] == 0 and k[p.HPA_LEAST] != 0
    return off and k[p.SYNCED] == 1 and not k[p.HELD_BACK]


def passed(k: Ints, first: int, now: int) -> None:
    """Pass the time from ``now`` to ``UNTIL``; ``first`` is the first request that arrived in it and counts."""
    until, serving = k[p.UNTIL], k[p.READY] + k[p.BRIDGES]
    k[p.NOW] = until
    k[p.READ_AT] = on_grid(k, until)
    if serving + k[p.CLAIMING] + k[p.AT_HAND] == 0:
        k[p.COLD] += max(0, k[p.ARRIVED] - first)
    if now < k[p.SINCE] <= until:
        k[p.STARTED_BEFORE], k[p.MOST] = k[p.STARTED], k[p.REPLICAS]
    span = until - max(now, k[p.SINCE])
    if span > 0:
        k[p.READY_TIME] += serving * span
        if k[p.DRAINING]:
            k[p.DRAINING_TIME] += -(-k[p.DRAINING] // k[p.CONCURRENCY]) * span
            k[p.DRAINING_BUSY_TIME] += k[p.DRAINING] * span
        k[p.STARTING_TIME] += k[p.STARTING] * span
        k[p.LIMIT_TIME] += span if k[p.REPLICAS] >= k[p.KEDA_MOST] else 0


def happen(k: Ints, f: Floats, hpa: Ints) -> None:
    """Do the first thing that is due."""
    now = k[p.NOW]
    if k[p.NEXT_READY] <= now:
        become_ready(k)
        hear(k)
    elif next_incident(k) <= now:
        k[p.INCIDENT] += 1
        suffer(k, f, hpa, k[k[p.INCIDENTS_FROM] + 2 * k[p.INCIDENT] - 1])
    elif k[p.RUNNING] and min(k[p.READ_AT], k[p.EARLY]) <= now:
        if read(k, f) and k[p.STREAM_OPEN] and not k[p.PAUSED]:
            beat(k, f)
        hear(k)
    else:
        read_on(k)
        if next_look(k) <= now:
            act(k, f, hpa)
        elif k[p.SAMPLE_AT] <= now:
            sample(k)


def act(k: Ints, f: Floats, hpa: Ints) -> None:
    """Do one thing that is due: KEDA's check before a push before a sync."""
    if k[p.DUE_AT] <= k[p.NOW]:
        tick(k, f)
    elif k[p.BEAT_AT] <= k[p.NOW]:
        beat(k, f)
    else:
        look(k, f, hpa)


def tick(k: Ints, f: Floats) -> None:
    """Check, and open a stream, whichever is due."""
    at = max(k[p.NOW] / SECOND, due(f))
    opens = at >= f[p.OPENS_AT]
    if at >= f[p.CHECK_AT]:
        f[p.CHECK_AT] = at + f[p.POLLING]
        schedule(k, f)
        replicas, why = check(k, f)
        rescale_by_keda(k, replicas, why)
    if opens:
        stream_opened(k, f)
        if k[p.STREAM_OPEN]:
            beat(k, f)


def beat(k: Ints, f: Floats) -> None:
    """Say on the stream that the trigger is active, and when to say so again."""
    active = k[p.TOLD] and k[p.ACTIVE]
    k[p.BEAT_AT] = k[p.NOW] + BEAT if active else NEVER
    if active:
        replicas, why = active_found(k, f, False)  # noqa: FBT003 - numba knows no keywords here
        rescale_by_keda(k, replicas, why)


def look(k: Ints, f: Floats, hpa: Ints) -> None:
    """Let the HPA look: it asks through KEDA, live unless the metric is cached."""
    replicas = k[p.REPLICAS]
    _, total = answer(k)
    if k[p.CACHED] and k[p.RECORDED]:
        total = k[p.RECORDED_VALUE]
    hpa[hpa[autoscaler.METRICS_FROM] + 2] = total
    now = round(k[p.NOW] / SECOND * 1e9)
    desired, why = sync(hpa, f, (replicas, k[p.READY] + k[p.STARTING], k[p.READY]), now)
    k[p.SYNC_AT] = k[p.NOW] + gap(k)
    k[p.SYNCED] = 1
    k[p.HELD_BACK] = int(why in (autoscaler.SCALE_UP_LIMIT, autoscaler.UP_STABILIZED))
    if desired != replicas:
        rescale(k, desired, UP if desired > replicas else DOWN, HPA_WORDS + why)


def rescale_by_keda(k: Ints, replicas: int, why: int) -> None:
    """Write what KEDA decided, if anything."""
    if replicas == NOBODY:
        return
    cause = WAKES if why == keda.WOKEN else SLEEPS if why == keda.ASLEEP else OTHER
    rescale(k, replicas, cause, why)


def rescale(k: Ints, replicas: int, cause: int, why: int) -> None:
    """Ask for another number of replicas."""
    before = k[p.REPLICAS]
    catch_up(k)
    scale(k, replicas)
    if k[p.NOW] >= k[p.SINCE]:
        k[p.MOST] = max(k[p.MOST], replicas)
    enter(k, (before, replicas), cause, why)
    hear(k)


def gap(k: Ints) -> int:
    """Return how long it is to the next sync."""
    k[p.SYNCS] += 1
    return k[k[p.GAPS_FROM] + k[p.SYNCS] - 1]


def catch_up(k: Ints) -> None:
    """Count the syncs that changed nothing and were left out."""
    while k[p.SYNC_AT] < k[p.NOW]:
        k[p.SYNC_AT] += gap(k)


def enter(k: Ints, change: tuple[int, int], cause: int, why: int) -> None:
    """Enter a change, from a number to another."""
    if k[p.NOW] < k[p.SINCE]:
        return
    k[p.WAKES] += int(cause == WAKES)
    k[p.SLEEPS] += int(cause == SLEEPS)
    k[p.UPS] += int(cause == UP)
    k[p.DOWNS] += int(cause == DOWN)
    place = k[p.MOVES_FROM] + MOVE * k[p.MOVES]
    k[p.MOVES] += 1
    k[place], k[place + 1], k[place + 2] = k[p.NOW], change[0], change[1]
    k[place + 3], k[place + 4] = cause, why


def suffer(k: Ints, f: Floats, hpa: Ints, what: int) -> None:
    """Let an incident happen."""
    if what == SOURCE_DOWN:
        k[p.DOWN], k[p.DOWN_SINCE], k[p.EARLY] = 1, k[p.NOW], NEVER
    elif what == SOURCE_UP:
        k[p.DOWN] = 0
    elif what == SCALER_DOWN:
        stop(k, f)
    elif what == SCALER_UP:
        k[p.RUNNING], k[p.READ_AT] = 1, k[p.NOW]
    elif what == ROLLS:
        roll(k)
        enter(k, (k[p.REPLICAS], k[p.REPLICAS]), ROLLOUT, ROLLED)
        k[p.NEWS] = k[p.POOLED]
    else:
        pause(k, f, hpa, what == PAUSE)


def stop(k: Ints, f: Floats) -> None:
    """Stop the scaler: its stream ends cleanly, and it forgets everything."""
    forget(k)
    k[p.BEAT_AT] = NEVER
    if k[p.STREAM_OPEN] and not k[p.PAUSED]:
        stream_ended(k, f, True)  # noqa: FBT003 - as above


def pause(k: Ints, f: Floats, hpa: Ints, paused: bool) -> None:  # noqa: FBT001 - as above
    """Stop KEDA and the HPA, or let them begin anew with nothing remembered but the last activity."""
    if not k[p.PAUSED]:
        catch_up(k)
    k[p.PAUSED], k[p.BEAT_AT] = int(paused), NEVER
    if paused:
        return
    f[p.CHECK_AT], f[p.WAIT] = k[p.NOW] / SECOND, FIRST_WAIT
    if k[p.PUSH]:
        k[p.STREAM_OPEN], f[p.OPENS_AT] = 0, k[p.NOW] / SECOND
    schedule(k, f)
    k[p.RECORDED] = k[p.SYNCED] = 0
    hpa[autoscaler.SEEDED] = hpa[autoscaler.RECOMMENDED] = hpa[autoscaler.UPS] = hpa[autoscaler.DOWNS] = 0
    k[p.SYNC_AT] = k[p.NOW] + gap(k)


def sample(k: Ints) -> None:
    """Take a sample of the timeline."""
    place = k[p.SAMPLES_FROM] + SAMPLE * k[p.SAMPLES]
    row = (
        k[p.NOW],
        k[p.ARRIVED] - k[p.SEEN_ARRIVED],
        k[p.ARRIVED] - k[p.BEGUN],
        k[p.REPLICAS],
        k[p.READY] + k[p.BRIDGES],
        k[p.STARTING],
        k[p.WARM],
        k[p.MISSED] - k[p.SEEN_MISSED],
    )
    for column in range(SAMPLE):
        k[place + column] = row[column]
    k[p.SEEN_ARRIVED], k[p.SEEN_MISSED] = k[p.ARRIVED], k[p.MISSED]
    k[p.SAMPLES] += 1
    k[p.SAMPLE_AT] = (k[p.SAMPLES] + 1) * k[p.END] // k[p.BINS] if k[p.SAMPLES] < k[p.BINS] else NEVER
