"""How often a stock of warm pods is empty: Erlang's loss formula, also for wake-ups that take several pods at once.

A pod that is taken is replaced at once, one for one, and a wake-up that finds none starts a cold pod instead of
waiting. That is a loss system: the share of misses depends on the lead time through its mean only. ``load`` is the mean
number of wake-ups within one lead time: wake-ups a second times seconds.
"""

from math import inf


def miss_ratios(most: int, load: float) -> tuple[float, ...]:
    """Return the share of misses for 0, 1, … ``most`` pods: falling, and by ever less (the formula is convex).

    B(0) = 1, B(n) = load · B(n-1) / (n + load · B(n-1)). ``load`` is at least 0; without any nothing is missed but
    by an empty stock.
    """
    ratios = [1.0]
    for size in range(1, most + 1):
        offered = load * ratios[-1]
        ratios.append(offered / (size + offered) if offered < inf else 1.0)
    return tuple(ratios)


def miss_ratio(size: int, load: float, batch: int = 1) -> float:
    """Return the share of pods that are missed when each wake-up takes ``batch`` (at least 1) and ``size`` are kept.

    An upper bound, exact for whole batches. The pods of one wake-up are replaced together, so with m the batches begun
    in ``size`` the number of wake-ups not yet replaced is that of a loss system with m places: full, it misses a whole
    batch; with one place left, at most what the last, shorter batch lacks. Just above whole batches the bound may be
    above the one for them.
    """
    batches = -(-size // batch)
    return _lacking(miss_ratios(batches, load)[-1], batches, load, (batches * batch - size) / batch)


def smallest(load: float, allowed: float, most: int, batch: int = 1) -> int | None:
    """Return the smallest size whose share of misses is at most ``allowed`` (0 to 1); ``None`` if above ``most``."""
    ratios = miss_ratios(-(-most // batch), load)
    for size in range(most + 1):
        batches = -(-size // batch)
        if _lacking(ratios[batches], batches, load, (batches * batch - size) / batch) <= allowed:
            return size
    return None


def _lacking(full: float, batches: int, load: float, short: float) -> float:
    """Add to the share that finds all ``batches`` taken what the last one lacks, ``short`` of its pods' share.

    In a loss system one place is left ``batches / load`` times as often as none.
    """
    if short == 0.0 or full == 0.0:
        return full
    return min(1.0, full * (1.0 + batches / load * short))
