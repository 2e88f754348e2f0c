"""The requests over arrays, between two events that change anything else (``simulations.requests``)."""

from heapq import heappop, heappush

from simulations.fast import places as p
from simulations.fast.arrays import Heap, Ints
from simulations.fast.places import NEVER, NOBODY
from simulations.figures import Blame

MILLI = 1000
POLL, START, RATE, HPA, QUEUE, SOURCE = (int(blame) for blame in Blame)


def prepare(k: Ints, arrivals: Ints) -> None:
    """Say how far the requests may go by themselves.

    At ``UNTIL`` itself they end, and arrive unless a pod becomes Ready then: that comes first. The first that arrives
    while nothing is active lets a source be read early, if it can tell.
    """
    arrived = k[p.ARRIVED]
    admit = min(k[p.UNTIL], k[p.NEXT_READY] - 1)
    if watched(k) and arrived < k[p.REQUESTS] and arrivals[arrived] <= admit:
        k[p.EARLY] = arrivals[arrived] + k[p.WATCH]
        k[p.UNTIL] = min(k[p.UNTIL], k[p.EARLY])
        admit = min(admit, k[p.UNTIL])
    k[p.ADMIT], k[p.SLOTS] = admit, slots(k)


def weigh(k: Ints) -> None:
    """Say how much of a backlog the replicas are enough for, and for which some are to spare."""
    replicas, target = k[p.REPLICAS], k[p.TARGET]
    counting = not k[p.SERIES] and k[p.AVERAGED]
    k[p.SPARE] = (replicas - 1) * target // MILLI if counting else -1
    k[p.ENOUGH] = replicas * target // MILLI if counting and replicas < k[p.KEDA_MOST] else NEVER


def watched(k: Ints) -> bool:
    """Tell whether the next arrival is one that the source tells of."""
    quiet = not (k[p.TOLD] and k[p.ACTIVE]) and not k[p.DOWN] and k[p.EARLY] == NEVER
    return quiet and k[p.WATCH] != NOBODY and not k[p.SERIES] and k[p.RUNNING] == 1


def slots(k: Ints) -> int:
    """Return how many requests may be in service; from a source that does not answer nobody can take any."""
    return 0 if k[p.DOWN] else (k[p.READY] + k[p.BRIDGES]) * k[p.CONCURRENCY]


def flow(k: Ints, arrivals: Ints, service: Ints, running: Heap, begins: Ints, done: Ints) -> None:  # noqa: PLR0913, PLR0915, PLR0917 - speed
    """Let requests end, arrive and begin until ``UNTIL``, and add up what waits and what is served."""
    until, admit, slots, enough, spare = k[p.UNTIL], k[p.ADMIT], k[p.SLOTS], k[p.ENOUGH], k[p.SPARE]
    arrived, begun, ended, requests = k[p.ARRIVED], k[p.BEGUN], k[p.ENDED], k[p.REQUESTS]
    replicas, target, counts_all = k[p.REPLICAS], k[p.TARGET], k[p.COUNTS_ALL]
    held, first = begun - ended - k[p.DRAINING], k[p.FIRST]
    last, busy, waited, short, over = max(k[p.NOW], k[p.SINCE]), 0, 0, 0, 0
    end = running[0] if held else NEVER
    arrival = arrivals[arrived] if arrived < requests else NEVER
    while True:
        ending = end <= arrival
        at = end if ending else arrival
        going = at <= (until if ending else admit)
        span = (at if going else until) - last
        if span > 0:
            last += span
            load, counted = arrived - ended, arrived - max(begun, first)
            busy += (begun - ended) * span
            waited += counted * span
            if load <= spare:
                over += (replicas + -MILLI * load // target) * span
            elif (load if counts_all else arrived - begun) > enough:
                short += counted * span
        if not going:
            break
        if ending:
            heappop(running)
            done[ended] = at
            ended += 1
            held -= 1
        else:
            arrived += 1
            arrival = arrivals[arrived] if arrived < requests else NEVER
        if begun < arrived and held < slots:
            heappush(running, at + service[begun])
            begins[begun] = at
            begun += 1
            held += 1
        end = running[0] if held else NEVER
    k[p.ARRIVED], k[p.BEGUN], k[p.ENDED] = arrived, begun, ended
    add(k, busy, waited, short, over)


def add(k: Ints, busy: int, waited: int, short: int, over: int) -> None:
    """Add to the ledger: of the time waited so much was short of replicas that nobody had asked for."""
    k[p.BUSY_TIME] += busy
    k[p.OVERSHOOT_TIME] += over
    blame = blamed(k)
    if blame == QUEUE:
        k[p.BLAMED + HPA] += short
        waited -= short
    k[p.BLAMED + blame] += waited


def blamed(k: Ints) -> int:
    """Return what waiting is blamed on, apart from replicas that nobody has asked for."""
    if k[p.DOWN]:
        return SOURCE
    if k[p.STARTING] or k[p.CLAIMING]:
        return START
    if k[p.REPLICAS] == 0:
        return POLL
    return RATE if k[p.HELD_BACK] else QUEUE


def begin(k: Ints, service: Ints, running: Heap, begins: Ints) -> None:
    """Give free slots to those that have waited longest."""
    free, now = slots(k), k[p.NOW]
    while k[p.BEGUN] < k[p.ARRIVED] and holding(k) < free:
        begun = k[p.BEGUN]
        heappush(running, now + service[begun])
        begins[begun] = now
        k[p.BEGUN] = begun + 1


def holding(k: Ints) -> int:
    """Return how many hold a slot: those in service, but for those on pods that serve no more."""
    return k[p.BEGUN] - k[p.ENDED] - k[p.DRAINING]


def drain(k: Ints, running: Heap, draining: Heap, done: Ints, serving: int) -> None:
    """Let those of ``serving`` pods that are gone finish what they hold apart; ``done`` lends its free places."""
    gone, held, free = k[p.GONE], holding(k), k[p.ENDED]
    k[p.GONE] = 0
    if gone == 0 or held == 0:
        return
    share, moved = max(held * gone // serving, held - (serving - gone) * k[p.CONCURRENCY]), 0
    for place in range(held):
        done[free + place] = heappop(running)
    for place in range(held):
        going = moved < share and place == (2 * moved + 1) * held // (2 * share)
        heappush(draining if going else running, done[free + place])
        moved += going
    k[p.DRAINING] += share
    k[p.DRAINED_AT] = draining[0] if k[p.DRAINING] else NEVER


def finish(k: Ints, draining: Heap, done: Ints) -> None:
    """Let those leave that are done on pods that serve no more."""
    while k[p.DRAINED_AT] <= k[p.NOW]:
        done[k[p.ENDED]] = heappop(draining)
        k[p.ENDED] += 1
        k[p.DRAINING] -= 1
        k[p.DRAINED_AT] = draining[0] if k[p.DRAINING] else NEVER
