"""The broker that needs nothing: queues in this process, counted on the shelf that the ``memory`` probe reads."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from scaler.aio import woken
from scaler.probes.memory import SHELF
from simulations.demo.brokers.base import BrokerDown


@dataclass(eq=False)
class MemoryQueue:
    """Events in order; those that were taken and not acknowledged still count."""

    name: str
    target: int
    waiting: deque[int] = field(default_factory=deque)
    taken: set[int] = field(default_factory=set)
    _filled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def trigger(self) -> Mapping[str, str]:
        """Name the number on the shelf."""
        return {"kind": "memory", "key": self.name, "target": str(self.target)}

    async def publish(self, number: int) -> None:
        """Put an event in."""
        _reach()
        self.waiting.append(number)
        self.count()
        self._filled.set()

    @asynccontextmanager
    async def tapped(self) -> AsyncIterator["MemoryQueue"]:
        """Any number of consumers share the queue itself."""
        _reach()
        yield self

    async def take(self, patience: float) -> "MemoryDelivery | None":
        """Take the oldest event."""
        _reach()
        if not self.waiting:
            await woken(self._filled, patience)
        if not self.waiting:
            return None
        _reach()
        number = self.waiting.popleft()
        self.taken.add(number)
        return MemoryDelivery(queue=self, number=number)

    def count(self) -> None:
        """Write on the shelf how much is there."""
        SHELF.put(self.name, len(self.waiting) + len(self.taken))


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryDelivery:
    """One event in the hands of a pod."""

    queue: MemoryQueue
    number: int

    async def acknowledge(self) -> None:
        """Take it away; if that cannot be said, somebody else will get the event again."""
        self.queue.taken.discard(self.number)
        if not SHELF.reachable:
            self.queue.waiting.appendleft(self.number)
        _reach()
        self.queue.count()


@dataclass(eq=False)
class MemoryBroker:
    """Its death is that the shelf cannot be reached."""

    target: int
    kind: str = "memory"
    title: str = "numbers in memory"

    async def queue(self, name: str) -> MemoryQueue:
        """Make a queue."""
        made = MemoryQueue(name=f"demo-{name}", target=self.target)
        made.count()
        return made

    async def kill(self) -> None:
        """Put the shelf out of reach."""
        SHELF.reachable = False

    async def revive(self) -> None:
        """Put it back."""
        SHELF.reachable = True


@asynccontextmanager
async def memory_broker(target: int) -> AsyncIterator[MemoryBroker]:
    """Have a broker for as long as the block lasts; the shelf is left within reach."""
    broker = MemoryBroker(target)
    try:
        yield broker
    finally:
        await broker.revive()


def _reach() -> None:
    if not SHELF.reachable:
        raise BrokerDown
