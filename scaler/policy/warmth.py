"""How many pods of one function are to be warm, and why, in words and numbers.

Up at once, down slowly: a size that follows what is measured falls only to the most that was wanted lately. It knows no
clock and no calendar: instants arrive as arguments, and windows of the calendar as a timetable around now.
"""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Final, assert_never

from scaler.model import Instant
from scaler.policy.erlang import smallest

STABLE: Final = 600.0
"""Seconds for which a size that was wanted is kept; peers have 5 to 15 minutes."""
LEAD_TIMES: Final = 10
"""It is kept for as many lead times (p95) at least: where pods start slowly, giving one up is the dearer mistake."""
LONGEST: Final = 3600.0
"""Seconds that it is kept at most, however slowly pods start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Always ``size`` warm pods."""

    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """``size`` warm pods from ``begin`` to just before ``end``."""

    begin: Instant
    end: Instant
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A timetable around now: the largest size of the periods that it is in, else ``otherwise``.

    ``until`` is how far it reaches; from then on nothing is known until there is a new one.
    """

    periods: tuple[Period, ...]
    otherwise: int
    until: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Auto:
    """As many as wake-ups need: at most a ``miss_ratio`` (above 0, up to 0.5) of the pods asked for starts cold.

    Never below ``floor`` nor above ``ceiling``. ``budget`` is the memory in bytes that the warm pods of the whole pool
    may request together (:mod:`scaler.policy.budget`), ``None`` for any.
    """

    miss_ratio: float = 0.05
    floor: int = 0
    ceiling: int = 10
    budget: int | None = None


Sizing = Fixed | Scheduled | Auto


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was seen of one function.

    ``rate``: wake-ups (steps of scaling up, each of one or more pods) a second. ``lead_time``: mean seconds from a
    claim until its replacement can be claimed, ``None`` before the first one; ``lead_time_p95`` its 95th percentile.
    ``step_p95``: pods that a wake-up asks for, 95th percentile, at least 1. ``misses``: pods asked for since the last
    step that were not there. ``due``: whether its history says that a wake-up is about to come.
    """

    rate: float = 0.0
    lead_time: float | None = None
    lead_time_p95: float | None = None
    step_p95: int = 1
    misses: int = 0
    due: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A size that was wanted until an instant."""

    until: Instant
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmth:
    """How many pods are to be warm, since when, and why; ``changes_at`` is when that could change without news.

    ``wanted`` are the sizes that hold it up, each smaller and later than the one before.
    """

    size: int
    why: str
    since: Instant
    wanted: tuple[Wanted, ...] = ()
    changes_at: Instant | None = None


def begun(warm: int, now: Instant) -> Warmth:
    """Return where a controller starts that finds ``warm`` pods: it gives none up for having measured nothing yet."""
    return Warmth(size=warm, why=f"{warm}: found", since=now, wanted=(Wanted(until=now, size=warm),))


def step(state: Warmth, sizing: Sizing, measured: Measured, now: Instant) -> Warmth:
    """Decide anew at ``now``, which never goes backwards."""
    match sizing:
        case Fixed(size=size):
            later = Warmth(size=size, why=f"{size}: fixed", since=now)
        case Scheduled():
            later = _scheduled(state, sizing, now)
        case Auto():
            later = _auto(state, sizing, measured, now)
        case _:
            assert_never(sizing)
    return replace(later, since=state.since) if later.size == state.size else later


def _scheduled(state: Warmth, timetable: Scheduled, now: Instant) -> Warmth:
    if now >= timetable.until:
        return Warmth(size=state.size, why=f"{state.size}: held, the timetable ends here", since=now)
    sizes = [each.size for each in timetable.periods if each.begin <= now < each.end]
    edges = [edge for each in timetable.periods for edge in (each.begin, each.end) if edge > now]
    size = max(sizes, default=timetable.otherwise)
    why = f"{size}: {'scheduled' if sizes else 'outside of the schedule'}"
    return Warmth(size=size, why=why, since=now, changes_at=min([*edges, timetable.until]))


def _auto(state: Warmth, rules: Auto, measured: Measured, now: Instant) -> Warmth:
    needed, reason = _needed(rules, measured)
    if measured.misses > 0 and state.size + measured.misses > needed:
        needed, reason = (
            state.size + measured.misses,
            f"{measured.misses} started cold with {state.size} kept warm",
        )
    target = min(max(needed, rules.floor), rules.ceiling)
    reason = ("" if target == needed else "floor; " if target > needed else "ceiling; ") + reason
    keep = _kept_for(measured)
    wanted = _lately(state.wanted, target, keep, now)
    size = min(max(wanted[0].size, rules.floor), rules.ceiling)
    if size > target:
        held = f"{size}: wanted within the last {keep / 60:.3g} min; now {target}: {reason}"
        return Warmth(size=size, why=held, since=now, wanted=wanted, changes_at=Instant(wanted[0].until + keep))
    return Warmth(size=size, why=f"{size}: {reason}", since=now, wanted=wanted)


def _needed(rules: Auto, measured: Measured) -> tuple[int, str]:
    """Return the base stock, or one more than the ceiling if no allowed one will do; and the reason."""
    if measured.lead_time is None:
        # A lead time can only be measured of a pod that is made; it takes one.
        return 1, "one, until a lead time is measured"
    if not (isfinite(measured.rate) and measured.rate > 0.0):
        return (1, "a wake-up is due") if measured.due else (0, "no wake-ups")
    load, batch = measured.rate * measured.lead_time, max(1, measured.step_p95)
    reason = (
        f"Erlang-B of {measured.rate:.3g} wake-ups a second * {measured.lead_time:.3g} s lead time = load {load:.3g} "
        f"{f'of {batch} pods each ' if batch > 1 else ''}at {rules.miss_ratio * 100:.3g} % misses"
    )
    size = smallest(load, rules.miss_ratio, rules.ceiling, batch)
    return rules.ceiling + 1 if size is None else size, reason


def _kept_for(measured: Measured) -> float:
    """Return for how many seconds a size that was wanted is kept."""
    slow = LEAD_TIMES * (measured.lead_time_p95 or 0.0)
    return min(max(STABLE, slow), LONGEST)


def _lately(wanted: tuple[Wanted, ...], size: int, keep: float, now: Instant) -> tuple[Wanted, ...]:
    """Go on to ``size``; what is ``keep`` seconds old, or not larger, can never be the largest again."""
    # The last one was wanted until now, however long ago it was decided. The first is the largest and the oldest, so
    # what is left only falls.
    until_now = (*wanted[:-1], replace(wanted[-1], until=now)) if wanted else ()
    kept = (each for each in until_now if each.size > size and now < each.until + keep)
    return (*kept, Wanted(until=now, size=size))
