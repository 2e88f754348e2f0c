"""One direction of the fault proxy: what may happen to bytes, and the pipe that lets it happen."""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_READ = 64 * 1024
_AHEAD = 16  # reads that a pipe may hold back before their sender feels it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the bytes of one direction. Faults combine; the default is none.

    ``silent``: nothing comes through while it lasts; what was sent arrives afterwards, as after a network partition.
    ``latency`` and ``jitter``: seconds; each read is late by latency ± jitter, never out of order.
    ``rate``: bytes a second. ``slice``: at most so many bytes at a time.
    ``cut_after``: so many bytes come through on each connection, counted from the moment the fault is set, then it is
    closed, or reset if ``reset``.
    """

    silent: bool = False
    latency: float = 0.0
    jitter: float = 0.0
    rate: float | None = None
    slice: int | None = None
    cut_after: int | None = None
    reset: bool = False


NONE = Fault()


class CutError(Exception):
    """A fault ended the connection."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Direction:
    """The present fault of one direction of every connection, and what went that way."""

    def __init__(self, chance: random.Random) -> None:
        self.bytes = 0
        self.reads = 0
        self._chance = chance
        self._fault = NONE
        self._changed = asyncio.Event()

    @property
    def fault(self) -> Fault:
        """What happens to the bytes now; setting it acts at once."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._fault = fault
        self._changed.set()
        self._changed = asyncio.Event()

    def lateness(self) -> float:
        """Return by how many seconds what was just read is to be late."""
        return max(0.0, self._fault.latency + self._chance.uniform(-1.0, 1.0) * self._fault.jitter)

    async def audible(self) -> Fault:
        """Wait while the direction is silent; return what happens to its bytes then."""
        while self._fault.silent:
            await self._changed.wait()
        return self._fault


@dataclass(slots=True)
class Pipe:
    """Carries one direction of one connection; ``show`` sees every byte first."""

    direction: Direction
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    show: Callable[[bytes], None] | None = None

    async def run(self) -> None:
        """Carry until the sender has said all; then tell the receiver."""
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_AHEAD)
        async with asyncio.TaskGroup() as ends:
            ends.create_task(self._take(held))
            ends.create_task(self._give(held))

    async def _take(self, held: asyncio.Queue[tuple[float, bytes]]) -> None:
        clock = asyncio.get_running_loop().time
        while read := await self.reader.read(_READ):
            self.direction.reads += 1
            self.direction.bytes += len(read)
            if self.show is not None:
                self.show(read)
            await held.put((clock() + self.direction.lateness(), read))
        await held.put((clock(), b""))

    async def _give(self, held: asyncio.Queue[tuple[float, bytes]]) -> None:
        clock = asyncio.get_running_loop().time
        meter = _Meter()
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - clock()))
            fault = await self.direction.audible()
            if not data:
                break
            for piece in meter.pieces(data, fault):
                await self._write(piece, await self.direction.audible())
            meter.check(fault)
        self.writer.write_eof()

    async def _write(self, piece: bytes, fault: Fault) -> None:
        self.writer.write(piece)
        await self.writer.drain()
        if fault.rate is not None:
            await asyncio.sleep(len(piece) / fault.rate)
        elif fault.slice is not None:
            await asyncio.sleep(0.001)  # or the kernel would join the slices again


class _Meter:
    """Counts what one connection got since the present fault was set."""

    def __init__(self) -> None:
        self._fault = NONE
        self._passed = 0

    def pieces(self, data: bytes, fault: Fault) -> Iterator[bytes]:
        """Yield what ``fault`` lets through of ``data``, in the pieces it asks for."""
        if fault is not self._fault:
            self._fault, self._passed = fault, 0
        if fault.cut_after is not None:
            data = data[: max(0, fault.cut_after - self._passed)]
        self._passed += len(data)
        step = min(fault.slice or _READ, int(max(1, (fault.rate or _READ) / 20)))
        for start in range(0, len(data), step):
            yield data[start : start + step]

    def check(self, fault: Fault) -> None:
        """Raise :class:`CutError` once the fault has let through all that it lets."""
        if fault.cut_after is not None and self._passed >= fault.cut_after:
            raise CutError(reset=fault.reset)
