"""Sharing the memory of a pool among its functions: the next warm pod goes where it saves the most time per byte.

Every pod that anybody may have stands in one queue, and the budget buys from its head until the next does not fit. So
the budget is never exceeded, and a larger one takes nothing from anybody. Skipping what does not fit for something
smaller would use more of it, but would take that back as soon as the budget grows.

The floors come first. Where they alone exceed the budget they are cut, in proportion: the budget keeps a cluster alive,
and a floor keeps a function fast. The rest is ordered by what a pod saves: wake-ups a second, times by how much it
lowers their share of misses (Erlang-B), times the seconds of a cold start, for its memory. The share falls by ever less
with every pod, so that taking the best next one is the best of all ways to fill the budget, up to the pod that does not
fit (warm pods as a cache: FaasCache, ASPLOS '21).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

from scaler.policy.erlang import miss_ratios

KEPT: Final = 1.2
"""What a pod that is warm already saves counts so many times: less than 20 % of difference moves none (a guess)."""
_GIB: Final = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """A function that would have ``wanted`` warm pods of ``memory`` bytes each, and ``held`` of them has.

    ``load``: wake-ups in one lead time; ``rate``: wake-ups a second; ``batch``: pods that a wake-up asks for, at least
    1; ``saved``: seconds that a warm pod saves one; ``floor``: pods that it is to have before anybody has more.
    What is not measured is for the caller to guess: a rate of 0 stands last in the queue.
    """

    name: str
    wanted: int
    memory: int
    floor: int = 0
    held: int = 0
    load: float = 0.0
    rate: float = 0.0
    batch: int = 1
    saved: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many warm pods a function may have, and why."""

    size: int
    why: str


def share(claimants: Sequence[Claimant], budget: int) -> Mapping[str, Share]:
    """Share ``budget`` bytes; names are unique.

    A function whose single pod is above the whole budget gets none, and keeps nobody from anything; a budget that is
    large enough for it may then take from others. One whose pods request no memory gets what it wants.
    """
    possible = [each for each in claimants if 0 < each.memory <= budget]
    sizes = {each.name: each.wanted if each.memory <= 0 else 0 for each in claimants}
    left = budget
    for each in _queue(possible):
        left -= each.memory
        if left < 0:
            break
        sizes[each.name] += 1
    return {each.name: _told(each, sizes[each.name], budget) for each in claimants}


def _told(claimant: Claimant, size: int, budget: int) -> Share:
    wanted, memory = claimant.wanted, claimant.memory
    if size >= wanted:
        return Share(size=size, why=f"{size}: within the budget of {_gib(budget)}")
    if memory > budget:
        return Share(size=size, why=f"{size} of {wanted}: one pod is {_gib(memory)}, the budget is {_gib(budget)}")
    floor = f", below the floor of {claimant.floor}" if size < claimant.floor else ""
    return Share(size=size, why=f"{size} of {wanted}: the budget of {_gib(budget)} is spent{floor}")


def _gib(memory: int) -> str:
    return f"{memory / _GIB:.3g} GiB"


def _queue(claimants: Sequence[Claimant]) -> Iterator[Claimant]:
    """Yield each claimant once for every pod that it wants, the most urgent first."""
    yield from _floors(claimants)
    rows = [(each, _worth(each)) for each in claimants]
    heap: list[tuple[float, str, int, int]] = []  # minus the worth, the name for a tie, whose, and which pod of theirs
    for number, (each, worth) in enumerate(rows):
        _push(heap, number, each, worth, _floor(each))
    while heap:
        _, _, number, pod = heappop(heap)
        each, worth = rows[number]
        yield each
        _push(heap, number, each, worth, pod + 1)


def _push(
    heap: list[tuple[float, str, int, int]], number: int, claimant: Claimant, worth: Sequence[float], pod: int
) -> None:
    if pod < claimant.wanted:
        heappush(heap, (-worth[pod], claimant.name, number, pod))


def _floors(claimants: Sequence[Claimant]) -> list[Claimant]:
    """Order the pods of the floors so that every beginning is in proportion to the floors, and has one of each first.

    (Adams' method of apportionment: more seats take none from anybody.)
    """
    pods = [(pod / _floor(each), each.name, each) for each in claimants for pod in range(_floor(each))]
    return [each for _, _, each in sorted(pods, key=lambda one: one[:2])]


def _floor(claimant: Claimant) -> int:
    return min(claimant.floor, claimant.wanted)


def _worth(claimant: Claimant) -> list[float]:
    """Return the seconds of waiting that each further pod saves, in a second and for a byte.

    Between whole batches the share of misses is taken as a straight line, so that it stays convex.
    """
    ratios = miss_ratios(-(-claimant.wanted // claimant.batch), claimant.load)
    scale = claimant.rate * claimant.saved / claimant.memory
    gains = [ratios[pod // claimant.batch] - ratios[pod // claimant.batch + 1] for pod in range(claimant.wanted)]
    return [gain * scale * (KEPT if pod < claimant.held else 1.0) for pod, gain in enumerate(gains)]
