"""What was proposed lately holds back what is proposed now: the stabilisation windows."""

from typing import TypeVar

from simulations.hpa.model import Nanoseconds, Recommendation, nanoseconds

Recommendations = tuple[Recommendation, ...]
_Entry = TypeVar("_Entry")


def stabilize(history: Recommendations, raw: int, window: float, now: Nanoseconds) -> tuple[int, Recommendations]:
    """Return the highest recommendation of the last ``window`` seconds, and the history with ``raw`` in it.

    The rule without ``behavior``. It may raise replicas as well: whoever scaled the target down in between (KEDA, to
    zero) is overruled until the old recommendations have aged. One that is exactly as old as the window still counts.
    """
    cutoff = now - nanoseconds(window)
    highest, reusable = raw, None
    for slot, past in enumerate(history):
        if past.at < cutoff:
            reusable = slot
        elif past.replicas > highest:
            highest = past.replicas
    return highest, put(history, reusable, Recommendation(at=now, replicas=raw))


def stabilize_by_behavior(
    history: Recommendations, raw: int, replicas: int, windows: tuple[float, float], now: Nanoseconds
) -> tuple[int, Recommendations]:
    """Move from ``replicas`` no further than all of the last ``windows`` (up, down; seconds) agree on.

    The rule with ``behavior``. One that is exactly as old as its window no longer counts, and its slot is reused only
    when it is older than both.
    """
    up_cutoff, down_cutoff = now - nanoseconds(windows[0]), now - nanoseconds(windows[1])
    lowest, highest, reusable = raw, raw, None
    for slot, past in enumerate(history):
        if past.at > up_cutoff:
            lowest = min(lowest, past.replicas)
        if past.at > down_cutoff:
            highest = max(highest, past.replicas)
        if past.at < up_cutoff and past.at < down_cutoff:
            reusable = slot
    stable = min(max(replicas, lowest), highest)
    return stable, put(history, reusable, Recommendation(at=now, replicas=raw))


def put(entries: tuple[_Entry, ...], slot: int | None, entry: _Entry) -> tuple[_Entry, ...]:
    """Write ``entry`` over the one at ``slot``, or at the end if there is none to spare."""
    if slot is None:
        return (*entries, entry)
    return (*entries[:slot], entry, *entries[slot + 1 :])
