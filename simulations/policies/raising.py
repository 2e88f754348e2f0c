"""Raising a size for wake-ups that are foreseen: never below what the pool's own rules say, never above its bound."""

from dataclasses import dataclass

from scaler.config.pools import AutoSection, SizeSection, largest
from scaler.policy.erlang import smallest
from scaler.policy.warmth import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a pool's section allows: at most ``ceiling`` warm pods, and a ``miss_ratio`` of pods that start cold."""

    ceiling: int
    miss_ratio: float

    @classmethod
    def of(cls, size: SizeSection) -> "Bounds":
        """Return the bounds of a section; one that names no miss ratio has the default."""
        return cls(ceiling=largest(size), miss_ratio=(size.auto or AutoSection()).miss_ratio)


def raised(base: tuple[int, str], rate: float, measured: Measured, bounds: Bounds, source: str) -> tuple[int, str]:
    """Return the base stock for ``rate`` foreseen wake-ups a second where it is more than ``base``."""
    if measured.lead_time is None or rate <= 0.0:
        return base
    found = smallest(rate * measured.lead_time, bounds.miss_ratio, bounds.ceiling, max(1, measured.step_p95))
    size = bounds.ceiling if found is None else found
    if size <= base[0]:
        return base
    return size, f"{size}: {source} {rate:.3g} wake-ups a second; without it {base[1]}"


def edge(now: float, end: float, lead: float) -> float:
    """Return the next instant at which what is foreseen changes: a lead time before ``end``, or ``end`` itself."""
    return end - lead if end - lead > now else end
