"""The books of one lane: which events wait, how long the first after zero waited, what an outage did to the replicas.

Two waits are measured in every lane: until KEDA has asked for a replica, and until a Ready pod takes events.

They know the truth, since they hear of every publication and of every event that is done; the service under test does
not. Time is an argument everywhere.
"""

from collections import deque
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from simulations.demo.clock import Moment, waited
from simulations.demo.latency import Activation, Cause, Latencies, latencies

SIGHT: Final = 2.5  # s: as old as the service's last reading can be when the broker dies (its interval, and some)

RELAPSE: Final = 10.0  # s after an outage in which the service may not have read again yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The first event after zero, still waiting for a replica; ``kept`` back by its producer before ``since``."""

    since: Moment
    number: int | None
    kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of the replicas; ``asked`` is when whoever decided it began to look.

    Also one of the pods that take events; ``asked`` is then when the newest of them became Ready.
    """

    before: int
    after: int
    asked: Moment
    at: Moment
    cause: Cause


@dataclass(slots=True, kw_only=True)
class Wait:
    """How long the first event waits while there is none of something."""

    pending: Pending | None = None
    activations: list[Activation] = field(default_factory=list)
    _count: int = 0

    def published(self, number: int, at: Moment, *, kept: bool) -> None:
        """Note an event; one that comes while another one waits adds nothing."""
        if self.pending is None and self._count == 0:
            self.pending = Pending(since=at, number=number, kept=kept)

    def withdrawn(self, number: int) -> None:
        """Strike an event."""
        if self.pending is not None and self.pending.number == number:
            self.pending = None

    def moved(self, move: Move, waiting: int) -> None:
        """Enter that there are more or fewer now, while so many events wait."""
        self._count = move.after
        if move.after == 0 and waiting:
            self.pending = Pending(since=move.at, number=None, kept=False)
        elif move.before == 0 and self.pending is not None:
            wait = waited(self.pending.since, move.asked, move.at)
            self.activations.append(Activation(waited=wait, cause=move.cause, kept=self.pending.kept))
            self.pending = None

    def latencies(self) -> Latencies:
        """Sum up the activations that no outage delayed."""
        return latencies(each.waited for each in self.activations if not each.kept)

    def recovery(self) -> float | None:
        """Return the longest wait of an event that had been kept back, from its publication; ``None`` without one."""
        return max((each.waited for each in self.activations if each.kept), default=None)


class Ledger:
    """Keeps the books; ``target`` is how many waiting events one replica is there for.

    ``asked`` is the wait for replicas, ``ready`` that for a Ready pod.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.asked = Wait()
        self.ready = Wait()
        self.most_replicas = 0
        self.scale_downs = 0
        self.foreseen = 0
        self.served = 0
        self._published: set[int] = set()
        self._done: set[int] = set()
        self._history: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._known: int | None = None
        self._last_outage = (float("-inf"), 0)

    @property
    def waiting(self) -> int:
        """How many events were published and are not done."""
        return len(self._published)

    # -- events ------------------------------------------------------------------------------------------------

    def published(self, number: int, at: Moment, *, kept: bool) -> None:
        """Enter an event right before it is published."""
        if number in self._done:  # it was stored the first time, though nobody told the producer
            return
        self._published.add(number)
        self._note(at.at)
        for wait in (self.asked, self.ready):
            wait.published(number, at, kept=kept)

    def withdrawn(self, number: int, at: Moment) -> None:
        """Strike an event whose publication failed."""
        self._published.discard(number)
        self._note(at.at)
        for wait in (self.asked, self.ready):
            wait.withdrawn(number)

    def done(self, number: int, at: Moment) -> None:
        """Enter that an event was served and acknowledged; one that came twice counts once."""
        if number not in self._done:
            self.served += 1
        self._done.add(number)
        self._published.discard(number)
        if not self._published:  # the last was served by a pod that was about to go
            self.ready.pending = None
        self._note(at.at)

    def _note(self, at: float) -> None:
        self._history.append((at, self.waiting))
        self._forget(at)

    def _forget(self, at: float) -> None:
        """Keep what was there in the last :data:`SIGHT` seconds; the first entry is what they began with."""
        while len(self._history) > 1 and self._history[1][0] < at - SIGHT:
            self._history.popleft()

    # -- replicas ----------------------------------------------------------------------------------------------

    def moved(self, move: Move) -> None:
        """Enter that somebody set the replicas."""
        self.most_replicas = max(self.most_replicas, move.after)
        self.asked.moved(move, self.waiting)
        if self._known is not None and move.after < move.before:
            self._judge(move)

    def serve(self, move: Move) -> None:
        """Enter that more or fewer pods take events."""
        self.ready.moved(move, self.waiting)

    # -- outages -----------------------------------------------------------------------------------------------

    def outage_begins(self, at: float) -> None:
        """Remember what was there when the broker died: the least that the service may have read last.

        If the broker had just come back, that may still be what it read before the last outage.
        """
        self._forget(at)
        self._known = min(waiting for _, waiting in self._history)
        ended, known = self._last_outage
        if at - ended < RELAPSE:
            self._known = min(self._known, known)

    def outage_ends(self, at: float) -> None:
        """Count no longer."""
        self._last_outage = (at, self._known or 0)
        self._known = None

    def _judge(self, move: Move) -> None:
        """Count a scale-down during an outage.

        What the backlog of before the outage had asked for anyway (a cooldown that ends, an HPA that settles) is no
        doing of the outage; it is counted apart, as foreseen.
        """
        if move.after >= ceil((self._known or 0) / self.target):
            self.foreseen += 1
        else:
            self.scale_downs += 1
