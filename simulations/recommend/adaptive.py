"""The service's own rules as a candidate: what they would keep and miss, roughly; a run tells it exactly.

They know a wake-up only once it has come. So the first after a pause finds the floor and no more, and what an hour
needs is kept into the next one.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final

import numpy as np

from scaler.config.pools import SizeSection
from scaler.policy.erlang import smallest
from scaler.policy.warmth import STABLE
from simulations.recommend.asking import Candidate, Frame, erlang
from simulations.recommend.measuring import Needs
from simulations.recommend.replay import Lived

MARGIN: Final = 2
"""They may have so many times the size that was found by hindsight."""
LEAST: Final = 1e-6
HOUR: Final = 3600.0


def adaptive(members: Sequence[Needs], frame: Frame, steady: int) -> list[Candidate]:
    """Return the service's own rules without a floor, with one pod, and with the ``steady`` size that always would do.

    Those that may keep within the misses, the cheapest first.
    """
    if frame.most == 0:
        return []
    needed = max(steady, *(each.base_stock(frame.miss_ratio, frame.most) for each in members))
    ceiling = max(1, min(frame.most, MARGIN * needed))
    found = [_own(members, frame, floor, ceiling) for floor in sorted({0, 1, min(steady, ceiling)})]
    hopeful = [each for each in found if each.lived.miss_ratio <= frame.miss_ratio]
    return sorted(hopeful, key=lambda each: each.rank)


def _own(members: Sequence[Needs], frame: Frame, floor: int, ceiling: int) -> Candidate:
    auto = {"missRatio": max(LEAST, frame.miss_ratio), "floor": floor, "ceiling": ceiling}
    lived = [estimated(each, floor, ceiling, frame) for each in members]
    return Candidate(
        size=SizeSection.model_validate({"auto": auto}),
        why=f"what the service measures, {floor} to {ceiling}{erlang(members, frame)}",
        rank=sum(one.warm * need.memory for one, need in zip(lived, members, strict=True)),
        lived=Lived(
            wanted=sum(one.wanted for one in lived),
            missed=sum(one.missed for one in lived),
            warm=sum(one.warm for one in lived),
        ),
    )


def estimated(needs: Needs, floor: int, ceiling: int, frame: Frame) -> Lived:
    """Return the least that is missed after pauses, and the base stock hour by hour."""
    at = np.array([each.at for each in needs.wake_ups])
    pods = np.array([each.pods for each in needs.wake_ups], dtype=np.int64)
    paused = np.diff(at, prepend=-np.inf) > STABLE
    hours = np.bincount((at // HOUR).astype(np.int64), minlength=ceil(frame.end / HOUR))
    kept = np.maximum(hours, np.concatenate(([0], hours[:-1])))
    sizes = {int(count): _base_stock(needs, int(count) / HOUR, ceiling, frame) for count in np.unique(kept)}
    return Lived(
        wanted=int(pods.sum()),
        missed=int(np.maximum(0, pods[paused] - floor).sum()),
        warm=HOUR * sum(max(floor, sizes[int(count)]) for count in kept),
    )


def _base_stock(needs: Needs, rate: float, ceiling: int, frame: Frame) -> int:
    found = smallest(rate * needs.supply.lead, frame.miss_ratio, ceiling, needs.step) if rate else 0
    return ceiling if found is None else found
