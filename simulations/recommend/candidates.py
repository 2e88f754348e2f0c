"""Sizes that might do and are known beforehand: always so many, or more in the busy hours; cheapest first."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from scaler.config.pools import SizeSection
from simulations.model import SECOND
from simulations.policies.timetable import HOURS, busy_hours, spans
from simulations.recommend.asking import Candidate, Frame, erlang
from simulations.recommend.measuring import Needs
from simulations.recommend.replay import Lived, Span, replayed

SHARES: Final = (0.02, 0.1, 0.3, 0.6)
"""An hour is quiet with less than such a share of the wake-ups that it would have if all hours had the same."""
QUIET: Final = 4
"""Fewer quiet hours in a row are no night."""
EXPECTED: Final = 20
"""So many wake-ups would have come in the quiet hours if all hours were alike; of fewer their lack says nothing."""
DAY: Final = 86_400.0
DAYS: Final = 2
"""On so many days at least, and on half of all, there must have been wake-ups before their hours are believed."""
_ALWAYS: Final = (True,) * HOURS


def candidates(members: Sequence[Needs], frame: Frame) -> list[Candidate]:
    """Return what would keep within the misses by the replay, cheapest first; else the largest that is allowed.

    All ``members`` get the same size: they share a section.
    """
    fixed = _fixed(members, frame)
    found = [fixed, *_scheduled(members, frame, fixed)]
    good = [each for each in found if each.lived.miss_ratio <= frame.miss_ratio]
    return sorted(good, key=lambda each: each.rank) or [fixed]


def steady(members: Sequence[Needs], frame: Frame) -> int:
    """Return the smallest size that keeps within the misses if it is kept all the time, or the largest allowed."""
    return _smallest(members, frame, _ALWAYS, 0)[0]


def _lived(members: Sequence[Needs], sizes: Sequence[Span], frame: Frame) -> tuple[Lived, float]:
    """Return what all members come to together, and the byte-seconds of their warm pods."""
    each = [replayed(one.wake_ups, sizes, one.supply, frame.end) for one in members]
    total = Lived(
        wanted=sum(one.wanted for one in each),
        missed=sum(one.missed for one in each),
        warm=sum(one.warm for one in each),
    )
    return total, sum(one.warm * need.memory for one, need in zip(each, members, strict=True))


def _smallest(
    members: Sequence[Needs], frame: Frame, busy: Sequence[bool], least: int, otherwise: int = 0
) -> tuple[int, Lived, float]:
    """Return the smallest size of the busy hours, at least ``least``, that keeps within the misses, or the largest.

    More pods never miss more, so doubling and then halving finds it.
    """

    def lived(size: int) -> tuple[Lived, float]:
        return _lived(members, _spans(busy, size, otherwise, frame), frame)

    low, high = min(least, frame.most), min(max(1, least), frame.most)
    while high < frame.most and lived(high)[0].miss_ratio > frame.miss_ratio:
        low, high = high + 1, min(2 * high, frame.most)
    while low < high:
        middle = (low + high) // 2
        enough = lived(middle)[0].miss_ratio <= frame.miss_ratio
        low, high = (low, middle) if enough else (middle + 1, high)
    return low, *lived(low)


def _fixed(members: Sequence[Needs], frame: Frame) -> Candidate:
    size, lived, rank = _smallest(members, frame, _ALWAYS, 0)
    fewer = f"; with {size - 1}, {_share(members, size - 1, frame)} would" if size else ""
    said = f"{size}: of {_wanted(members)} {_missed(lived)}{fewer}{erlang(members, frame)}"
    return Candidate(size=SizeSection(fixed=size), why=said, rank=rank, lived=lived)


def _share(members: Sequence[Needs], size: int, frame: Frame) -> str:
    lived, _ = _lived(members, [Span(begin=0.0, size=size)], frame)
    return f"{lived.miss_ratio * 100:.3g} %"


def _wanted(members: Sequence[Needs]) -> str:
    pods = sum(each.wanted for each in members)
    return f"{pods} replicas wanted in {sum(len(one.wake_ups) for one in members)} wake-ups"


def _missed(lived: Lived) -> str:
    return f"{lived.missed} would start cold ({lived.miss_ratio * 100:.3g} %)"


# -- hours of the day --------------------------------------------------------------------------------------------------


def _scheduled(members: Sequence[Needs], frame: Frame, fixed: Candidate) -> Iterator[Candidate]:
    """Yield schedules where there are quiet hours, and they have been seen often enough."""
    at = np.array([each.at for one in members for each in one.wake_ups], dtype=float)
    days = len(np.unique((at + frame.wall) // DAY))
    if days < max(DAYS, frame.end / DAY / 2) or fixed.size.fixed == 0:
        return
    micros = np.round(at * SECOND).astype(np.int64)
    seen = set()
    for share in SHARES:
        busy = nights(busy_hours(micros, frame.wall, share))
        if busy in seen or len(at) * busy.count(False) < EXPECTED * HOURS:
            continue
        seen.add(busy)
        for otherwise in range(min(2, fixed.size.fixed or 0)):
            yield _windows(members, frame, busy, (fixed.size.fixed or 0, otherwise))


def nights(busy: Sequence[bool]) -> tuple[bool, ...]:
    """Return which hours of a day are no night; quiet ones are, where there are :data:`QUIET` in a row at least."""
    if not any(busy):
        return _ALWAYS
    quiet = [not each for each in busy]
    long = {(begin + hour) % HOURS for begin, length in spans(quiet) if length >= QUIET for hour in range(length)}
    return tuple(hour not in long for hour in range(HOURS))


def _windows(members: Sequence[Needs], frame: Frame, busy: Sequence[bool], sizes: tuple[int, int]) -> Candidate:
    """Make a schedule; ``sizes`` are what would do at all hours, fewer never do, and what there is at quiet ones."""
    least, otherwise = sizes
    size, lived, rank = _smallest(members, frame, busy, least, otherwise)
    runs = spans(busy)
    hours = ", ".join(f"{begin:02}:00 to {(begin + length) % HOURS:02}:00" for begin, length in runs)
    said = f"{size} from {hours} UTC, else {otherwise}: of {_wanted(members)} {_missed(lived)}"
    schedule: list[dict[str, Any]] = [
        {"cron": f"0 {begin} * * *", "duration": f"{length}h", "timeZone": "UTC", "size": size}
        for begin, length in runs
    ]
    section = SizeSection.model_validate({"schedule": schedule, "otherwise": otherwise})
    return Candidate(size=section, why=said, rank=rank, lived=lived)


def _spans(busy: Sequence[bool], size: int, otherwise: int, frame: Frame) -> list[Span]:
    """Return the sizes of a run hour by hour, where they change."""
    if all(busy):
        return [Span(begin=0.0, size=size)]
    first = int(frame.wall // 3600.0)
    found: list[Span] = []
    for hour in range(int(frame.end // 3600.0) + 2):
        wanted = size if busy[(first + hour) % HOURS] else otherwise
        if not found or found[-1].size != wanted:
            found.append(Span(begin=max(0.0, (first + hour) * 3600.0 - frame.wall), size=wanted))
    return found
