"""The platform that SimFaaS simulates: every request has an instance of its own, and idle instances expire.

A request goes to the *newest* idle instance; without one it starts another and is served cold; with as many running as
are allowed it is turned away. An instance that was idle for the whole expiry is gone, also for a request that arrives
at that very instant; one that finishes at that instant is idle already. There is no queue, no HPA and no warm pool: it
is here because its figures are published, and measured on AWS Lambda.

The functions below run as they stand. Where numba is installed they are compiled, and give the same numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from heapq import heappop, heappush
from typing import Any, cast

from simulations.model import SECOND, Ints

LONGEST = 2**62
"""Microseconds, times the power of two above the number of requests: what fits into the key of a heap."""

_REQUESTS, _COLD, _REJECTED, _BUSY, _IDLE, _ENDED, _LIVED = range(7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """When requests arrive (ascending), and how long each takes on an instance that was idle, and on a new one."""

    arrivals: Ints
    warm: Ints
    cold: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Microseconds until an idle instance is gone, and how many requests run at once at most."""

    expiry: int
    most: int = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What happened from ``begin`` until ``end``: requests of that time, and instance-microseconds within it.

    ``lived`` is the whole life of the ``ended`` instances that expired in that time.
    """

    requests: int
    cold: int
    rejected: int
    busy: int
    idle: int
    ended: int
    lived: int
    span: int

    @property
    def cold_ratio(self) -> float:
        """The share of requests that started an instance."""
        return self.cold / self.requests

    @property
    def running(self) -> float:
        """The mean number of instances that serve."""
        return self.busy / self.span

    @property
    def unused(self) -> float:
        """The mean number of instances that are idle."""
        return self.idle / self.span

    @property
    def servers(self) -> float:
        """The mean number of instances."""
        return (self.busy + self.idle) / self.span

    @property
    def lifespan(self) -> float:
        """The mean seconds from an instance's first request to its expiry."""
        return self.lived / self.ended / SECOND


def observe(load: Load, platform: Platform, begin: int, end: int, *, compiled: bool = True) -> Counted:
    """Serve ``load`` and count from ``begin`` until ``end``; compiled where numba is there and ``compiled`` says so.

    Raises ``ValueError`` for more requests over a longer time than one heap key can tell apart (a million in a month).
    """
    bits = len(load.arrivals).bit_length()
    latest = int(end + max(load.warm.max(initial=0), load.cold.max(initial=0)))
    if latest << bits >= LONGEST:
        raise ValueError(f"{len(load.arrivals)} requests until {end / SECOND:g} s: divide the time into several runs")
    rules = (platform.expiry, platform.most, begin, end, bits)
    arrays = (load.arrivals, load.warm, load.cold)
    if compiled and (fast := _compiled()) is not None:
        tally = fast(arrays, rules)
    else:
        tally = _serve(tuple(each.tolist() for each in arrays), rules)
    return Counted(
        requests=tally[_REQUESTS],
        cold=tally[_COLD],
        rejected=tally[_REJECTED],
        busy=tally[_BUSY],
        idle=tally[_IDLE],
        ended=tally[_ENDED],
        lived=tally[_LIVED],
        span=end - begin,
    )


@cache
def _compiled() -> Callable[..., list[int]] | None:
    """Return the compiled platform, ``None`` without numba: what is compiled is this very file."""
    try:
        from numba import njit  # noqa: PLC0415 - an extra, and 0.3 s
        from numba.extending import register_jitable  # noqa: PLC0415
    except ImportError:
        return None
    for each in (_release, _expire, _close):
        register_jitable(each)
    try:
        made = njit(cache=True)(_serve)
    except RuntimeError:  # numba found no place that can be written
        made = njit(_serve)
    return cast("Callable[..., list[int]]", made)


# -- what is compiled --------------------------------------------------------------------------------------------------
# Instances are numbered as they are created. Running ones are in the heap ``busy`` by when they finish, idle ones in
# the heap ``idle`` by their negative number. Expired ones are found when they come to the top: a new instance is only
# created when the heap is empty, so it never holds more than there were instances at once.


def _serve(arrays: Any, rules: Any) -> list[int]:  # noqa: ANN401 - arrays, or the twin's lists
    """Serve everything that arrives before the end; then let what is idle be idle until it expires, or the end."""
    arrivals, warm, cold = arrays
    expiry, most, begin, end, bits = rules
    busy, idle, born, since, tally = [0], [0], [0], [0], [0] * 7
    for each in (busy, idle, born, since):
        each.clear()
    for number in range(len(arrivals)):
        now = arrivals[number]
        if now >= end:
            break
        _release(busy, idle, since, now, bits)
        if len(idle) > 0 and since[-idle[0]] + expiry <= now:
            _expire(idle, (born, since, tally), rules, now)
        counted = 1 if now >= begin else 0
        tally[_REQUESTS] += counted
        if len(busy) >= most:
            tally[_REJECTED] += counted
            continue
        if len(idle) > 0:
            instance = -heappop(idle)
            tally[_IDLE] += max(now - max(since[instance], begin), 0)
            finish = now + warm[number]
        else:
            instance = len(born)
            born.append(now)
            since.append(now)
            tally[_COLD] += counted
            finish = now + cold[number]
        tally[_BUSY] += max(min(finish, end) - max(now, begin), 0)
        heappush(busy, (finish << bits) | instance)
    _release(busy, idle, since, end, bits)
    _close(idle, (born, since, tally), rules)
    return tally


def _release(busy: Any, idle: Any, since: Any, now: int, bits: int) -> None:  # noqa: ANN401
    """Make idle what finishes until ``now``."""
    due = (now + 1) << bits
    while len(busy) > 0 and busy[0] < due:
        key = heappop(busy)
        instance = key & ((1 << bits) - 1)
        since[instance] = key >> bits
        heappush(idle, -instance)


def _expire(idle: Any, fleet: Any, rules: Any, now: int) -> None:  # noqa: ANN401
    """Drop the newest idle instances that are gone at ``now``."""
    born, since, tally = fleet
    expiry, _, begin, _, _ = rules
    while len(idle) > 0 and since[-idle[0]] + expiry <= now:
        instance = -heappop(idle)
        gone = since[instance] + expiry
        tally[_IDLE] += max(gone - max(since[instance], begin), 0)
        if gone >= begin:
            tally[_ENDED] += 1
            tally[_LIVED] += gone - born[instance]


def _close(idle: Any, fleet: Any, rules: Any) -> None:  # noqa: ANN401
    """Count what is idle at the end, and what had expired without anybody asking for it."""
    born, since, tally = fleet
    expiry, _, begin, end, _ = rules
    for number in idle:
        gone = since[-number] + expiry
        tally[_IDLE] += max(min(gone, end) - max(since[-number], begin), 0)
        if begin <= gone < end:
            tally[_ENDED] += 1
            tally[_LIVED] += gone - born[-number]
