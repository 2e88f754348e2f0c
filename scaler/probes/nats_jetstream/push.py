"""Being told that a message comes: ordinary subscriptions to the subjects of quiet consumers.

A subscription ends with its first message, by the server's doing, and is renewed after a pause that grows while the
traffic goes on. So a flood of any size costs a few messages in a second, and nothing of it is ever queued here.

A message is a hint only. It often comes here before JetStream has stored it (measured: one in eight by half a
millisecond, more where it is replicated), so the consumer is looked at a moment later, and again some times; for the
last time after seconds, since followers that stall make a stream wait. Of these late looks only the last one of each
subject is planned, whatever the traffic.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NoReturn

from scaler.aio import woken
from scaler.errors import SourceUnavailable
from scaler.probes.base import Unwatchable, Watching
from scaler.probes.nats_jetstream.connection import Connection, Tap
from scaler.probes.nats_jetstream.records import Consumer
from scaler.probes.nats_jetstream.subjects import Reach

LOOKS: Final = (0.001, 0.006, 0.025, 0.080, 0.250)  # s after a message when its consumers are looked at
LATE_LOOKS: Final = (1.0, 4.0)  # s after the last message, or the last moment when one may have been missed
PAUSE: Final = 0.010  # s until a subscription is renewed
LONG_PAUSE: Final = 0.1  # s, the same while the traffic goes on
CALM: Final = 0.25  # s without a message after which traffic counts as new
ROUND_PATIENCE: Final = 1.0  # s
RETRY: Final = 2.0  # s between two attempts to find the subjects of a consumer
REFRESH: Final = 30.0  # s after which streams and consumers are looked at anew: their subjects can be changed

Explore = Callable[[Collection[Consumer]], Awaitable[Mapping[Consumer, Reach]]]
"""Finds the subjects of consumers; those that it cannot tell of now are left out."""


@dataclass(slots=True, eq=False)
class Ear:
    """One subject that somebody wants to hear of; ``pause`` is how long it stays deaf after a message."""

    subject: str
    followers: frozenset[Consumer] = frozenset()
    tap: Tap | None = None
    tapped_at: float = 0.0
    pause: float = PAUSE
    refused: bool = False
    late: tuple[asyncio.TimerHandle, ...] = ()

    def forget_late(self) -> None:
        """Drop the late looks that are planned."""
        for each in self.late:
            each.cancel()


@dataclass(slots=True)
class Push:
    """One run of a watch, over one connection."""

    connection: Connection
    watching: Watching[Consumer]
    explore: Explore
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _reaches: dict[Consumer, Reach] = field(default_factory=dict)
    _ears: dict[str, Ear] = field(default_factory=dict)
    _untapped: set[Ear] = field(default_factory=set)
    _over: bool = False

    async def run(self) -> NoReturn:
        """Listen for what is wanted until cancelled; raise :class:`SourceUnavailable` when the connection is lost."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._notice(), name="nats wanted")
                tasks.create_task(self._work(), name="nats subscriptions")
                tasks.create_task(self.connection.fail_when_lost(), name="nats connection")
        except ExceptionGroup as group:
            raise _reason(group) from group
        finally:
            self._over = True
            await self._end(self._ears.values())
        raise AssertionError("its tasks never end by themselves")

    # -- what is wanted ----------------------------------------------------------------------------------------

    async def _notice(self) -> NoReturn:
        seen = self.watching.wanted.version
        while True:
            self._wake.set()
            seen = await self.watching.wanted.changed(seen)

    async def _work(self) -> NoReturn:
        """Do one round whenever something changed, and a thorough one every :data:`REFRESH` seconds."""
        refresh_at = asyncio.get_running_loop().time() + REFRESH
        while True:
            await woken(self._wake, RETRY)
            if asyncio.get_running_loop().time() > refresh_at:
                self._reaches.clear()
                refresh_at += REFRESH
            await self._round()
            await asyncio.sleep(PAUSE)

    async def _round(self) -> None:
        """Bring the subscriptions in line with what is wanted now."""
        wanted = self.watching.wanted.value
        await self._learn(wanted)
        await self._adjust()
        untapped, self._untapped = self._untapped, set()
        await self._renew([ear for ear in untapped if self._ears.get(ear.subject) is ear])
        self._report()

    async def _learn(self, wanted: frozenset[Consumer]) -> None:
        self._reaches = {each: found for each, found in self._reaches.items() if each in wanted}
        if new := wanted - self._reaches.keys():
            self._reaches |= await self.explore(new)

    async def _adjust(self) -> None:
        """Have one ear for each subject that is wanted, and no other."""
        followers: defaultdict[str, set[Consumer]] = defaultdict(set)
        for consumer, found in self._reaches.items():
            for subject in found.subjects:
                followers[subject].add(consumer)
        await self._end([self._ears.pop(subject) for subject in self._ears.keys() - followers.keys()])
        for subject, consumers in followers.items():
            if subject not in self._ears:
                self._ears[subject] = Ear(subject)
                self._untapped.add(self._ears[subject])
            self._ears[subject].followers = frozenset(consumers)

    def _report(self) -> None:
        covered = frozenset(each for each, found in self._reaches.items() if found.whole and self._hears(found))
        if covered != self.watching.covered:
            self.watching.covers(covered)

    def _hears(self, found: Reach) -> bool:
        return not any(self._ears[subject].refused for subject in found.subjects)

    # -- subscriptions -----------------------------------------------------------------------------------------

    async def _renew(self, ears: Collection[Ear]) -> None:
        """Subscribe, see what was refused, and hint: a message may have come while nobody listened."""
        if not ears:
            return
        for ear in ears:
            ear.tapped_at = asyncio.get_running_loop().time()
            ear.tap = await self.connection.tap(ear.subject, partial(self._heard, ear))
        await self.connection.round_trip(ROUND_PATIENCE)
        for ear in ears:
            ear.refused = self.connection.refuses(ear.subject)
            self._hint(ear)
            self._look_late(ear)

    def _heard(self, ear: Ear) -> None:
        """Hint some times, the first one almost at once, and subscribe again after a pause."""
        loop = asyncio.get_running_loop()
        calm = loop.time() - ear.tapped_at > CALM
        ear.pause = PAUSE if calm else min(2 * ear.pause, LONG_PAUSE)
        for later in LOOKS:
            loop.call_later(later, self._hint, ear)
        self._look_late(ear)
        loop.call_later(ear.pause, self._untap, ear)

    def _look_late(self, ear: Ear) -> None:
        """Plan the late looks, instead of those that were: as long as there is traffic, it brings looks enough."""
        ear.forget_late()
        loop = asyncio.get_running_loop()
        ear.late = tuple(loop.call_later(later, self._hint, ear) for later in LATE_LOOKS)

    def _untap(self, ear: Ear) -> None:
        self._untapped.add(ear)
        self._wake.set()

    def _hint(self, ear: Ear) -> None:
        """Hint, unless the subject is not wanted any more."""
        if not self._over and self._ears.get(ear.subject) is ear:
            self.watching.hint(ear.followers)

    async def _end(self, ears: Iterable[Ear]) -> None:
        for ear in ears:
            ear.forget_late()
            if ear.tap is not None:
                await ear.tap.end()


def _reason(group: ExceptionGroup[Exception]) -> Exception:
    """Pick what the hub understands, if it is there."""
    found = group.exceptions
    return next((each for each in found if isinstance(each, SourceUnavailable | Unwatchable)), found[0])
