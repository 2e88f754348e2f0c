"""How many warm pods each function is to have: by its own rules, the budget of its pool, and the ramp of a change."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from scaler.config.pools import PoolSection, largest, sizing, wall_clock
from scaler.model import Instant
from scaler.policy import ramp as ramps
from scaler.policy.budget import Claimant, share
from scaler.policy.warmth import Auto, Fixed, Measured, Sizing, Warmth, begun, step

COLD_START: Final = 8.0  # s that a warm pod is taken to save before anything was measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """What the size of a function follows from: ``held`` pods are there, each requests ``memory`` bytes.

    One that is ``retired`` is to have none in the end, whatever its section says. Its pool was ``added`` by a change of
    the configuration, or was there when this process began to lead: then it goes on where another one left off.
    """

    pool: str
    section: PoolSection
    retired: bool
    added: bool
    measured: Measured
    memory: int
    held: int


@dataclass(slots=True, kw_only=True)
class _Sized:
    """What was decided: ``allowed`` is the largest size that its configuration has allowed."""

    warmth: Warmth
    allowed: int
    size: int
    why: str
    ramp: ramps.Ramp | None = None


class Sizes:
    """The size of every function, by its uid, with its reason; ``wall`` is the calendar that schedules follow."""

    def __init__(self, wall: Callable[[], datetime] = wall_clock) -> None:
        self._known: dict[str, _Sized] = {}
        self._wall = wall

    def of(self, uid: str) -> tuple[int, str]:
        """Return a function's size, and why."""
        known = self._known[uid]
        return known.size, known.why

    def changes_at(self, now: Instant) -> Instant | None:
        """Return when a size could change after ``now`` though nothing new is measured; ``None`` if none could."""
        ends = (end for known in self._known.values() for end in _ends(known, now) if end > now)
        return min(ends, default=None)

    def decide(self, stands: Mapping[str, Stand], now: Instant) -> None:
        """Decide all sizes anew; a function that is not named any more is forgotten."""
        for uid in self._known.keys() - stands.keys():
            del self._known[uid]
        pools: dict[str, dict[str, Sizing]] = defaultdict(dict)
        for uid, stand in stands.items():
            rules = Fixed(size=0) if stand.retired else sizing(stand.section.size, now, self._wall)
            self._step(uid, stand, rules, now)
            pools[stand.pool][uid] = rules
        for members in pools.values():
            self._share(members, stands)
        for known in self._known.values():
            self._bound(known, now)

    def _step(self, uid: str, stand: Stand, rules: Sizing, now: Instant) -> None:
        allowed = 0 if stand.retired else largest(stand.section.size)
        known = self._known.get(uid)
        if known is None:
            before = 0 if stand.added else stand.held if stand.retired else allowed
            known = _Sized(warmth=begun(stand.held, now), allowed=before, size=stand.held, why="")
            self._known[uid] = known
        if allowed != known.allowed:
            confirm = stand.section.confirm
            known.ramp = ramps.begin(known.allowed, allowed, confirm=confirm, held=known.size, now=now)
            known.allowed = allowed
        known.warmth = step(known.warmth, rules, stand.measured, now)
        known.size, known.why = known.warmth.size, known.warmth.why

    def _share(self, members: Mapping[str, Sizing], stands: Mapping[str, Stand]) -> None:
        """Share the budget of one pool, if it has one."""
        budgets = {uid: rules for uid, rules in members.items() if isinstance(rules, Auto) and rules.budget is not None}
        total = next((rules.budget for rules in budgets.values()), None)
        if total is None:
            return
        claimants = [self._claimant(uid, stands[uid], rules) for uid, rules in budgets.items()]
        for uid, got in share(claimants, total).items():
            known = self._known[uid]
            if got.size < known.size:
                known.size, known.why = got.size, f"{got.why}; {known.why}"

    def _claimant(self, uid: str, stand: Stand, rules: Auto) -> Claimant:
        measured = stand.measured
        return Claimant(
            name=uid,
            wanted=self._known[uid].warmth.size,
            memory=stand.memory,
            floor=rules.floor,
            held=stand.held,
            load=measured.rate * (measured.lead_time or COLD_START),
            rate=measured.rate,
            batch=measured.step_p95,
            saved=measured.lead_time or COLD_START,
        )

    def _bound(self, known: _Sized, now: Instant) -> None:
        if known.ramp is not None and ramps.over(known.ramp, now):
            known.ramp = None
        if known.ramp is not None:
            known.size, known.why = ramps.bounded(known.size, known.why, known.ramp, now)


def _ends(known: _Sized, now: Instant) -> Iterator[Instant]:
    if known.warmth.changes_at is not None:
        yield known.warmth.changes_at
    if known.ramp is not None:
        yield Instant(known.ramp.since + ((now - known.ramp.since) // ramps.STEP + 1.0) * ramps.STEP)
