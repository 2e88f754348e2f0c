"""What the demo wants of a broker: queues that can be filled and emptied, and to be killed and revived."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class BrokerDown(Exception):
    """Nobody answers; try again later. What was asked may have been done all the same."""


class Delivery(Protocol):
    """One event in the hands of a pod."""

    @property
    def number(self) -> int:
        """Which event it is."""
        ...

    async def acknowledge(self) -> None:
        """Say that it is done, and return when the broker knows; raises :class:`BrokerDown`."""
        ...


class Tap(Protocol):
    """One consumer's place at a queue."""

    async def take(self, patience: float) -> Delivery | None:
        """Take an event, waiting ``patience`` wall seconds for one; raises :class:`BrokerDown`."""
        ...


class Queue(Protocol):
    """One queue, which survives the death of its broker."""

    @property
    def trigger(self) -> Mapping[str, str]:
        """What the metadata of a trigger says of it, ``kind`` included."""
        ...

    async def publish(self, number: int) -> None:
        """Put an event in, once however often it is tried; raises :class:`BrokerDown`."""
        ...

    def tapped(self) -> AbstractAsyncContextManager[Tap]:
        """Hold a place at the queue; raises :class:`BrokerDown`."""
        ...


class Broker(Protocol):
    """A broker on this machine."""

    @property
    def kind(self) -> str:
        """The kind of its triggers."""
        ...

    @property
    def title(self) -> str:
        """What people call it."""
        ...

    async def queue(self, name: str) -> Queue:
        """Make a queue."""
        ...

    async def kill(self) -> None:
        """End it at once, the hard way."""
        ...

    async def revive(self) -> None:
        """Bring it back with all that was in it; returns when it answers."""
        ...
