"""Awaitable cells, delays and signals. Nothing of the domain lives here."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from structlog import get_logger

log = get_logger(__name__)

T = TypeVar("T")


class Closed(Exception):
    """The cell will not change again; what it holds can still be read."""


class Cell(Generic[T]):
    """A value that can be waited for.

    ``version`` grows by one with each ``set``; who remembers the version it last saw misses no change, though it may
    see several as one. A waiter costs one future, so ten thousand of them are cheap.
    """

    __slots__ = ("_closed", "_waiters", "value", "version")

    def __init__(self, value: T) -> None:
        self.value = value
        self.version = 0
        self._closed = False
        self._waiters: set[asyncio.Future[None]] = set()

    def set(self, value: T) -> None:
        """Store ``value`` and wake everybody who waits, whether or not it differs."""
        self.value = value
        self.version += 1
        self._wake()

    def close(self) -> None:
        """End all waiting, now and later, with :class:`Closed`."""
        self._closed = True
        self._wake()

    async def changed(self, since: int) -> int:
        """Wait until the version is past ``since`` and return it; raise :class:`Closed` when that cannot happen."""
        while self.version <= since:
            if self._closed:
                raise Closed
            await self._wait()
        return self.version

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class Telling(Generic[T]):
    """Tells one listener each value that differs from the one before; what the listener raises is logged, and no more.

    It stands between what must go on and a listener that is not part of it.
    """

    def __init__(self, listener: Callable[[T], None]) -> None:
        self._listener = listener
        self._last: list[T] = []

    def tell(self, value: T) -> None:
        """Pass a value on, unless it is the last one again."""
        if self._last == [value]:
            return
        self._last = [value]
        try:
            self._listener(value)
        except Exception:
            log.exception("a listener failed")


def delays(first: float = 0.2, factor: float = 2.0, cap: float = 30.0) -> Iterator[float]:
    """Yield how long to wait before each retry, in seconds: growing to ``cap``, then staying there."""
    delay = first
    while True:
        yield delay
        delay = min(delay * factor, cap)


async def woken(event: asyncio.Event, timeout: float | None) -> bool:  # noqa: ASYNC109 - a wait with an end is its job
    """Wait for ``event`` at most ``timeout`` seconds (``None``: for ever); tell whether it came, and clear it."""
    try:
        async with asyncio.timeout(timeout):
            await event.wait()
    except TimeoutError:
        return False
    event.clear()
    return True


async def ended(tasks: Iterable[asyncio.Task[None]], patience: float = 0.5) -> None:
    """Cancel tasks until they hear it, and return when all have ended.

    On Python 3.11 a client library may lose a cancellation in :func:`asyncio.wait_for`, and some swallow it. So it is
    said again after ``patience`` seconds, which must be longer than it takes to end in good order.
    """
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=patience)


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise what went wrong itself, though the task groups inside the block have wrapped it again and again."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        raise error from error.__cause__


async def first_signal(*signals: signal.Signals) -> signal.Signals:
    """Wait for one of ``signals``; the next one ends the process at once."""
    loop = asyncio.get_running_loop()
    received: asyncio.Future[signal.Signals] = loop.create_future()

    def receive(which: signal.Signals) -> None:
        for each in signals:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)  # Python's own for SIGINT would raise in the midst of a clean end
        if not received.done():
            received.set_result(which)

    for each in signals:
        loop.add_signal_handler(each, receive, each)
    return await received


def end_within(seconds: float) -> None:
    """End the process that long from now, whatever a foreign thread (a resolver, a client library) still waits for."""
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()
