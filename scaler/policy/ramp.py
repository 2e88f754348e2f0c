"""A change of the configuration that moves a pool's size by a lot is done in steps, so that a slip can be taken back.

What is meant can be confirmed: a pool that says its new size once more, in ``confirm``, has it at once.
"""

from dataclasses import dataclass
from typing import Final

from scaler.model import Instant

JUMP: Final = 10
"""A size that is so many times as large, or as small, is a jump: an extra digit, or a missing one."""
STEP: Final = 30.0
"""Seconds until a size may double, or be halved; the first step is that long after the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """A change under way since an instant, from ``start`` warm pods to as many as ``after`` allows."""

    start: int
    after: int
    since: Instant
    up: bool


def begin(before: int, after: int, *, confirm: int | None, held: int, now: Instant) -> Ramp | None:
    """Return how a function goes from ``held`` warm pods towards a new configuration; ``None`` if at once.

    ``before`` and ``after`` are what the old and the new configuration say: the fixed size, the largest of the schedule
    or the ceiling, and 0 where there is no such pool. It is a jump if the larger is at least :data:`JUMP` times the
    smaller, where none counts as one (so a new pool of up to 9 is none); and if it goes from any to none. Who does not
    know ``before``, having just started, says ``held``: a pool that is gone meanwhile is still taken down in steps.
    """
    if confirm == after or not _jumps(before, after):
        return None
    up = after > before
    ramp = Ramp(start=max(1, before, held) if up else held, after=after, since=now, up=up)
    return None if over(ramp, now) else ramp


def bounds(ramp: Ramp, now: Instant) -> tuple[int, int | None]:
    """Return the least and the most (``None``: any) warm pods at ``now``: they hold whatever a size is otherwise."""
    steps = _steps(ramp, now)
    if ramp.up:
        return 0, min(ramp.after, ramp.start << steps)
    least = ramp.start >> steps
    return (least if least > ramp.after else 0), None


def over(ramp: Ramp, now: Instant) -> bool:
    """Tell whether the new configuration holds alone by now."""
    least, most = bounds(ramp, now)
    return most == ramp.after if ramp.up else least == 0


def bounded(size: int, why: str, ramp: Ramp, now: Instant) -> tuple[int, str]:
    """Keep a size and its reason within the ramp's bounds at ``now``."""
    least, most = bounds(ramp, now)
    limited = max(size, least) if most is None else min(max(size, least), most)
    if limited == size:
        return size, why
    done = "doubles" if ramp.up else "is halved"
    return limited, f"{limited}: {done} every {STEP:g} s towards {ramp.after} without 'confirm: {ramp.after}'; {why}"


def _jumps(before: int, after: int) -> bool:
    fewer, more = sorted((max(1, before), max(1, after)))
    return more >= JUMP * fewer or (before > 0 and after == 0)


def _steps(ramp: Ramp, now: Instant) -> int:
    """Count the steps done; more than the bits of a size change nothing."""
    return min(max(0, int((now - ramp.since) // STEP)), 64)
