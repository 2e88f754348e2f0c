"""What is asked of a size, and what a size is that might answer it: values, and the formula in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from scaler.config.pools import SizeSection
from simulations.recommend.measuring import Needs
from simulations.recommend.replay import Lived


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A size for a function or several alike, what the replay says of it, and why it was thought of.

    ``rank`` orders by idle memory. Of the service's own rules, which only a run can tell, ``lived`` is an estimate.
    """

    size: SizeSection
    why: str
    rank: float
    lived: Lived


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is asked: at most so many misses, within ``most`` pods, over ``end`` seconds from ``wall`` (since 1970)."""

    miss_ratio: float
    most: int
    end: float
    wall: float


def erlang(members: Sequence[Needs], frame: Frame) -> str:
    """Say what the formula asks for in the busiest hour, which an even flow of wake-ups would need."""
    asks = [each.base_stock(frame.miss_ratio, frame.most) for each in members]
    largest = members[asks.index(max(asks))]
    return (
        f"; Erlang-B of the busiest hour ({largest.rate:.3g} wake-ups a second * {largest.supply.lead:.3g} s "
        f"lead time, {largest.step} pods each) asks for {max(asks)}"
    )
