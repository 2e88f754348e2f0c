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
from simulations.fast.keda import active_found, check, due, due_micros, stream_ended, stream_opened
from simulations.fast.places import NEVER, NOBODY
from simulations.fast.pods import become_ready, existing, roll, scale
from simulations.fast.requests import begin, flow, prepare
from simulations.fast.watched import answer, forget, hear, next_reading, on_grid, read
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
    """The arrays that a run works on; who writes them says what is in them.

    ``k`` and ``f`` are scalars (``places``), ``running`` is the heap of when requests in service end. An incident is an
    instant and its place in :data:`HAPPENINGS`. ``recent`` are instants at which pods became Ready.
    """

    k: Ints
    f: Floats
    hpa: Ints
    arrivals: Ints
    service: Ints
    running: Heap
    begins: Ints
    done: Ints
    gaps: Ints
    series: Ints
    takes: Ints
    incidents: Ints
    pods: Ints
    recent: Ints
    moves: Ints
    samples: Ints


def run(c: Case, until: int) -> int:
    """Let everything happen up to and at ``until``, or until there is a reason to come back.

    With an instant that is past nothing happens but what the pool's last deed allows: requests that waited are begun.
    """
    k = c.k
    k[p.NEWS] = 0
    begin(k, c.service, c.running, c.begins)
    while k[p.NOW] <= until:
        if MOVE * (k[p.MOVES] + MOVES_AT_ONCE) > len(c.moves) or k[p.RECENT] == len(c.recent):
            return CRAMPED
        at = next_at(c)
        k[p.UNTIL] = min(at, until)
        stretch(c)
        if min(at, k[p.EARLY]) > until:
            k[p.READ_AT] = on_grid(k, until + 1)
            return TIME
        happen(c)
        begin(k, c.service, c.running, c.begins)
        if k[p.NEWS]:
            return NEWS
    return TIME


def next_at(c: Case) -> int:
    """Return when something happens next, apart from requests."""
    k, incident = c.k, NEVER
    if k[p.INCIDENT] < k[p.INCIDENTS]:
        incident = c.incidents[2 * k[p.INCIDENT]]
    reading = next_reading(k, c.arrivals, c.incidents)
    return min(k[p.NEXT_READY], incident, reading, next_look(k, c.f, c.hpa), k[p.SAMPLE_AT])


def next_look(k: Ints, f: Floats, hpa: Ints) -> int:
    """Return when a controller looks next: KEDA, the HPA, or the scaler that repeats itself."""
    if k[p.PAUSED]:
        return NEVER
    return min(due_micros(f), k[p.BEAT_AT], NEVER if inert(k, hpa) else k[p.SYNC_AT])


def inert(k: Ints, hpa: Ints) -> bool:
    """Tell whether a sync would change nothing: at zero replicas the HPA is off."""
    off = k[p.REPLICAS] == 0 and hpa[autoscaler.LEAST] != 0
    return off and hpa[autoscaler.SEEDED] == 1 and not k[p.HELD_BACK]


def stretch(c: Case) -> None:
    """Pass the time until ``UNTIL``."""
    k = c.k
    first = max(k[p.ARRIVED], k[p.FIRST])
    prepare(k, c.arrivals)
    flow(k, c.arrivals, c.service, c.running, c.begins, c.done)
    now, until, serving = k[p.NOW], k[p.UNTIL], k[p.READY] + k[p.BRIDGES]
    k[p.NOW] = until
    k[p.READ_AT] = on_grid(k, until)
    if serving == 0:
        k[p.COLD] += max(0, k[p.ARRIVED] - first)
    if now < k[p.SINCE] <= until:
        k[p.STARTED_BEFORE], k[p.MOST] = k[p.STARTED], k[p.REPLICAS]
    span = until - max(now, k[p.SINCE])
    if span > 0:
        k[p.READY_TIME] += serving * span
        k[p.STARTING_TIME] += k[p.STARTING] * span
        k[p.LIMIT_TIME] += span if k[p.REPLICAS] >= k[p.KEDA_MOST] else 0


def happen(c: Case) -> None:
    """Do the first thing that is due."""
    k, now = c.k, c.k[p.NOW]
    if k[p.NEXT_READY] <= now:
        become_ready(k, c.pods, c.takes, c.recent)
        hear(k)
    elif k[p.INCIDENT] < k[p.INCIDENTS] and c.incidents[2 * k[p.INCIDENT]] <= now:
        k[p.INCIDENT] += 1
        suffer(c, c.incidents[2 * k[p.INCIDENT] - 1])
    elif next_reading(k, c.arrivals, c.incidents) <= now:
        if read(k, c.f, c.series) and k[p.STREAM_OPEN] and not k[p.PAUSED]:
            beat(c)
        hear(k)
    else:
        k[p.READ_AT] = on_grid(k, now + 1)
        if next_look(k, c.f, c.hpa) <= now:
            act(c)
        elif k[p.SAMPLE_AT] <= now:
            sample(c)


def act(c: Case) -> None:
    """Do one thing that is due: KEDA's check before a push before a sync."""
    if due_micros(c.f) <= c.k[p.NOW]:
        tick(c)
    elif c.k[p.BEAT_AT] <= c.k[p.NOW]:
        beat(c)
    else:
        look(c)


def tick(c: Case) -> None:
    """Check, and open a stream, whichever is due."""
    k, f = c.k, c.f
    at = max(k[p.NOW] / SECOND, due(f))
    opens = at >= f[p.OPENS_AT]
    if at >= f[p.CHECK_AT]:
        f[p.CHECK_AT] = at + f[p.POLLING]
        replicas, why = check(k, f)
        rescale_by_keda(c, replicas, why)
    if opens:
        stream_opened(k, f)
        if k[p.STREAM_OPEN]:
            beat(c)


def beat(c: Case) -> None:
    """Say on the stream that the trigger is active, and when to say so again."""
    k = c.k
    active = k[p.TOLD] and k[p.ACTIVE]
    k[p.BEAT_AT] = k[p.NOW] + BEAT if active else NEVER
    if active:
        replicas, why = active_found(k, c.f, False)  # noqa: FBT003 - numba knows no keywords here
        rescale_by_keda(c, replicas, why)


def look(c: Case) -> None:
    """Let the HPA look: it asks through KEDA, live unless the metric is cached."""
    k, hpa, replicas = c.k, c.hpa, c.k[p.REPLICAS]
    _, total = answer(k)
    if k[p.CACHED] and k[p.RECORDED]:
        total = k[p.RECORDED_VALUE]
    hpa[hpa[autoscaler.METRICS_FROM] + 2] = total
    now = round(k[p.NOW] / SECOND * 1e9)
    desired, why = sync(hpa, c.f, (replicas, existing(k), k[p.READY]), now)
    k[p.SYNC_AT] = k[p.NOW] + c.gaps[k[p.SYNCS]]
    k[p.SYNCS] += 1
    k[p.HELD_BACK] = int(why in (autoscaler.SCALE_UP_LIMIT, autoscaler.UP_STABILIZED))
    if desired != replicas:
        rescale(c, desired, UP if desired > replicas else DOWN, HPA_WORDS + why)


def rescale_by_keda(c: Case, replicas: int, why: int) -> None:
    """Write what KEDA decided, if anything."""
    if replicas == NOBODY:
        return
    cause = WAKES if why == keda.WOKEN else SLEEPS if why == keda.ASLEEP else OTHER
    rescale(c, replicas, cause, why)


def rescale(c: Case, replicas: int, cause: int, why: int) -> None:
    """Ask for another number of replicas."""
    k, before = c.k, c.k[p.REPLICAS]
    catch_up(k, c.gaps)
    scale(k, c.pods, c.takes, replicas)
    if k[p.NOW] >= k[p.SINCE]:
        k[p.MOST] = max(k[p.MOST], replicas)
    enter(c, (before, replicas), cause, why)
    hear(k)


def catch_up(k: Ints, gaps: Ints) -> None:
    """Count the syncs that changed nothing and were left out."""
    while k[p.SYNC_AT] < k[p.NOW]:
        k[p.SYNC_AT] += gaps[k[p.SYNCS]]
        k[p.SYNCS] += 1


def enter(c: Case, change: tuple[int, int], cause: int, why: int) -> None:
    """Enter a change, from a number to another."""
    k = c.k
    if k[p.NOW] < k[p.SINCE]:
        return
    k[p.WAKES] += int(cause == WAKES)
    k[p.SLEEPS] += int(cause == SLEEPS)
    k[p.UPS] += int(cause == UP)
    k[p.DOWNS] += int(cause == DOWN)
    place = MOVE * k[p.MOVES]
    k[p.MOVES] += 1
    c.moves[place], c.moves[place + 1], c.moves[place + 2] = k[p.NOW], change[0], change[1]
    c.moves[place + 3], c.moves[place + 4] = cause, why


def suffer(c: Case, what: int) -> None:
    """Let an incident happen."""
    k = c.k
    if what == SOURCE_DOWN:
        k[p.DOWN], k[p.DOWN_SINCE], k[p.EARLY] = 1, k[p.NOW], NEVER
    elif what == SOURCE_UP:
        k[p.DOWN] = 0
    elif what == SCALER_DOWN:
        stop(k, c.f)
    elif what == SCALER_UP:
        k[p.RUNNING], k[p.READ_AT] = 1, k[p.NOW]
    elif what == ROLLS:
        roll(k, c.pods, c.takes)
        enter(c, (k[p.REPLICAS], k[p.REPLICAS]), ROLLOUT, ROLLED)
        k[p.NEWS] = k[p.POOLED]
    else:
        pause(c, what == PAUSE)


def stop(k: Ints, f: Floats) -> None:
    """Stop the scaler: its stream ends cleanly, and it forgets everything."""
    forget(k)
    k[p.BEAT_AT] = NEVER
    if k[p.STREAM_OPEN] and not k[p.PAUSED]:
        stream_ended(k, f, True)  # noqa: FBT003 - as above


def pause(c: Case, paused: bool) -> None:  # noqa: FBT001 - as above
    """Stop KEDA and the HPA, or let them begin anew with nothing remembered but the last activity."""
    k, f, hpa = c.k, c.f, c.hpa
    if not k[p.PAUSED]:
        catch_up(k, c.gaps)
    k[p.PAUSED], k[p.BEAT_AT] = int(paused), NEVER
    if paused:
        return
    f[p.CHECK_AT], f[p.WAIT] = k[p.NOW] / SECOND, FIRST_WAIT
    if k[p.PUSH]:
        k[p.STREAM_OPEN], f[p.OPENS_AT] = 0, k[p.NOW] / SECOND
    k[p.RECORDED] = 0
    hpa[autoscaler.SEEDED] = hpa[autoscaler.RECOMMENDED] = hpa[autoscaler.UPS] = hpa[autoscaler.DOWNS] = 0
    k[p.SYNC_AT] = k[p.NOW] + c.gaps[k[p.SYNCS]]
    k[p.SYNCS] += 1


def sample(c: Case) -> None:
    """Take a sample of the timeline."""
    k, place = c.k, SAMPLE * c.k[p.SAMPLES]
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
        c.samples[place + column] = row[column]
    k[p.SEEN_ARRIVED], k[p.SEEN_MISSED] = k[p.ARRIVED], k[p.MISSED]
    k[p.SAMPLES] += 1
    k[p.SAMPLE_AT] = (k[p.SAMPLES] + 1) * k[p.END] // k[p.BINS] if k[p.SAMPLES] < k[p.BINS] else NEVER
