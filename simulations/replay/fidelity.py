"""Recorded replicas beside simulated ones: whether the model is to be trusted with this workload.

Both are step functions of time. They are compared where replicas were recorded, from the first that was seen on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from simulations.figures import Cause, Figures
from simulations.model import SECOND, Ints
from simulations.recording import Scaled, Steps

NEAR: Final = 60.0
"""Seconds within which two wake-ups, or two sleeps, are taken for the same: a poll and two syncs."""
_OF_REPLICAS: Final = frozenset(Cause) - {Cause.CLAIM, Cause.ADOPT, Cause.DRAIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """When replicas changed, in seconds: from zero, to zero, and between one and many."""

    wakes: tuple[float, ...]
    sleeps: tuple[float, ...]
    ups: tuple[float, ...]
    downs: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """One scaled object as it was and as it is simulated, for each seed in turn.

    ``errors`` are mean absolute percentage errors of the replicas over time, each instant as a share of what was
    recorded then, of at least one replica. ``known`` is for how many seconds replicas were recorded.
    """

    name: str
    known: float
    every: float
    recorded: Moves
    simulated: tuple[Moves, ...]
    errors: tuple[float, ...]

    @property
    def error(self) -> float:
        """The median of the errors over the seeds, in percent."""
        return median(self.errors)

    def apart(self, what: str) -> tuple[int, float]:
        """Return how many recorded moves of a kind have a simulated one near, and the median seconds between them.

        The seed is the one of the median error.
        """
        pairs = near(getattr(self.recorded, what), getattr(self.typical, what))
        return len(pairs), median(abs(after - before) for before, after in pairs) if pairs else 0.0

    @property
    def typical(self) -> Moves:
        """The simulated moves of the seed with the median error, or the one below it."""
        ranked = sorted(range(len(self.errors)), key=self.errors.__getitem__)
        return self.simulated[ranked[(len(ranked) - 1) // 2]]


def fidelity(recorded: Scaled, figures: Sequence[Figures], end: int) -> Fidelity | None:
    """Compare the replicas of an object with what each seed came to; ``None`` where none were recorded."""
    asked = recorded.asked
    if asked is None:
        return None
    simulated = [replicas_of(each, int(asked.values[0])) for each in figures]
    return Fidelity(
        name=recorded.full_name,
        known=(end - int(asked.times[0])) / SECOND,
        every=recorded.every,
        recorded=moves_of(asked),
        simulated=tuple(map(moves_of, simulated)),
        errors=tuple(error(asked, each, end) for each in simulated),
    )


def replicas_of(figures: Figures, starts: int) -> Steps:
    """Return the replicas that were asked for in a run that began with ``starts``."""
    moves = [each for each in figures.moves if each.cause in _OF_REPLICAS]
    times = [0, *(each.at for each in moves)]
    return Steps(times=_ints(times), values=_ints([starts, *(each.after for each in moves)]))


def moves_of(steps: Steps) -> Moves:
    """Sort the changes of a step function by what they are."""
    found: dict[str, list[float]] = {"wakes": [], "sleeps": [], "ups": [], "downs": []}
    values = steps.values.tolist()
    for at, before, after in zip(steps.times.tolist()[1:], values, values[1:], strict=False):
        if before != after:
            found[_kind(before, after)].append(at / SECOND)
    return Moves(**{kind: tuple(times) for kind, times in found.items()})


def _kind(before: int, after: int) -> str:
    if before == 0:
        return "wakes"
    if after == 0:
        return "sleeps"
    return "ups" if after > before else "downs"


def error(recorded: Steps, simulated: Steps, end: int) -> float:
    """Return the mean absolute percentage error over time, from the first recorded instant to ``end``."""
    since = int(recorded.times[0])
    edges = np.unique(np.concatenate([recorded.times, simulated.times, _ints([since, end])]))
    edges = edges[(edges >= since) & (edges <= end)]
    spans = np.diff(edges)
    if not spans.sum():
        return 0.0
    was, is_ = (_at(each, edges[:-1]) for each in (recorded, simulated))
    return float((np.abs(is_ - was) / np.maximum(1, was) * spans).sum() / spans.sum()) * 100.0


def near(recorded: Sequence[float], simulated: Sequence[float]) -> list[tuple[float, float]]:
    """Pair each recorded instant with the nearest simulated one that is left, :data:`NEAR` seconds apart at most."""
    left, pairs = list(simulated), list[tuple[float, float]]()
    for at in recorded:
        best = min(left, key=lambda other: abs(other - at), default=None)
        if best is not None and abs(best - at) <= NEAR:
            left.remove(best)
            pairs.append((at, best))
    return pairs


def _at(steps: Steps, instants: Ints) -> Ints:
    places = np.searchsorted(steps.times, instants, side="right") - 1
    return steps.values[np.maximum(0, places)]


def _ints(values: list[int]) -> Ints:
    return np.asarray(values, dtype=np.int64)
