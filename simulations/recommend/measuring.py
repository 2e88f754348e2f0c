"""What a run says about the wake-ups of a function, in the words of the rules that size a pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from scaler.config.pools import PoolSection
from scaler.policy.erlang import smallest
from simulations.figures import Figures
from simulations.model import SECOND, Function
from simulations.recommend.replay import Supply, WakeUp

BUSY = 3600.0
"""Seconds over which the rate of wake-ups is highest: an hour, as the pool's own book looks back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """One function: its wake-ups in a run, how its pods are supplied, and the memory in bytes that one requests.

    What was wanted before the first pod could be there is left out: nobody could have met it. ``missed`` is what the
    run missed of the others. ``rate`` is wake-ups a second in the busiest hour, ``step`` the 95th percentile of the
    pods of one.
    """

    name: str
    wake_ups: tuple[WakeUp, ...]
    supply: Supply
    memory: int
    missed: int
    rate: float
    step: int

    @property
    def wanted(self) -> int:
        """The replicas that were wanted at once."""
        return sum(each.pods for each in self.wake_ups)

    @property
    def load(self) -> float:
        """Wake-ups in one lead time, in the busiest hour."""
        return self.rate * self.supply.lead

    def base_stock(self, miss_ratio: float, most: int) -> int:
        """Return the size that Erlang-B asks for in the busiest hour, at most ``most``."""
        if not self.wake_ups:
            return 0
        found = smallest(self.load, miss_ratio, most, self.step)
        return most if found is None else found


def needs(function: Function, figures: Figures, section: PoolSection) -> Needs:
    """Measure the wake-ups of a run with a pool, be it an empty one, that is filled as ``section`` says."""
    lead = (float(function.starts.total.mean()) + function.claim) / SECOND
    steps = [each for each in figures.steps if each.at >= lead * SECOND]
    wake_ups = tuple(WakeUp(at=each.at / SECOND, pods=each.pods) for each in steps)
    sizes = sorted(each.pods for each in wake_ups)
    return Needs(
        name=function.name,
        wake_ups=wake_ups,
        supply=Supply(lead=lead, refill=section.refill),
        memory=function.memory,
        missed=sum(each.missed for each in steps),
        rate=_busiest(wake_ups) / BUSY,
        step=sizes[ceil(0.95 * len(sizes)) - 1] if sizes else 1,
    )


def _busiest(wake_ups: Sequence[WakeUp]) -> int:
    """Return the most wake-ups within an hour from any of them on."""
    at = np.array([each.at for each in wake_ups])
    if not len(at):
        return 0
    return int((np.searchsorted(at, at + BUSY, side="left") - np.arange(len(at))).max())
