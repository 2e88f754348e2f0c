"""A TCP proxy that misbehaves on request, between a client under test and a real server.

It runs in the test's own event loop, so a blocking client must be called from a thread. Faults act on open connections
at once, not only on new ones, because that is what happens to real ones.
"""

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from tests.faults.pipe import NONE, CutError, Direction, Fault, Pipe
from tests.servers.ports import free_port
from tests.servers.process import HOST

Tap = Callable[[], Callable[[bytes], None]]


class Proxy:
    """Forwards ``address`` to ``target`` (``host:port``); ``requests`` and ``answers`` say what happens on the way.

    Use it as ``async with Proxy(server.address) as proxy``. ``seed`` fixes the jitter. ``tap`` is called for each
    connection and returns what is shown every byte that the client sends.
    """

    def __init__(self, target: str, *, port: int | None = None, seed: int = 0, tap: Tap | None = None) -> None:
        host, _, target_port = target.rpartition(":")
        self._target = (host, int(target_port))
        self.host = HOST
        self.port = port or free_port()
        chance = random.Random(seed)
        self.up, self.down = Direction(chance), Direction(chance)
        self.accepted = 0
        self._tap = tap
        self._listener: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], _Connection] = {}

    @property
    def address(self) -> str:
        """``host:port`` for the client."""
        return f"{self.host}:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open now; ``accepted`` counts all there ever were."""
        return len(self._open)

    @property
    def requests(self) -> Fault:
        """What happens to the bytes from the client to the server; their tally is ``up``."""
        return self.up.fault

    @requests.setter
    def requests(self, fault: Fault) -> None:
        self.up.fault = fault

    @property
    def answers(self) -> Fault:
        """What happens to the bytes from the server to the client; their tally is ``down``."""
        return self.down.fault

    @answers.setter
    def answers(self, fault: Fault) -> None:
        self.down.fault = fault

    def silence(self) -> None:
        """Become a black hole: connections are accepted and stay open, and no byte goes either way."""
        self.requests = self.answers = Fault(silent=True)

    def reset(self) -> None:
        """Reset every open connection now; new ones are served."""
        for connection in self._open.values():
            connection.break_off()

    async def refuse(self) -> None:
        """Refuse new connections and reset the open ones, until ``heal``."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.reset()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def heal(self) -> None:
        """Undo everything."""
        self.requests = self.answers = NONE
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accept, self.host, self.port, backlog=1024)

    async def __aenter__(self) -> Self:
        await self.heal()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection in a task that is kept here: asyncio's own would complain when it is cancelled (3.11)."""
        self.accepted += 1
        connection = _Connection(reader, writer)
        task = asyncio.create_task(self._serve(connection))
        self._open[task] = connection
        task.add_done_callback(self._open.pop)

    async def _serve(self, connection: "_Connection") -> None:
        try:
            await self.up.audible()
            await connection.run(self._target, self.up, self.down, self._tap)
        except* CutError as cuts:
            if any(cut.reset for cut in _leaves(cuts)):
                connection.break_off()
        except* OSError:
            connection.break_off()  # a side is gone, or was never there: the other learns it the hard way
        finally:
            await connection.close()


def _leaves(group: BaseExceptionGroup[CutError]) -> list[CutError]:
    return [
        leaf
        for each in group.exceptions
        for leaf in (_leaves(each) if isinstance(each, BaseExceptionGroup) else [each])
    ]


class _Connection:
    """A client's connection, the one to the server for it, and the two pipes between them."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._client = writer
        self._writers = [writer]

    async def run(self, target: tuple[str, int], up: Direction, down: Direction, tap: Tap | None) -> None:
        """Forward until both sides have said all; raises what ends it before."""
        reader, writer = await asyncio.open_connection(*target)
        self._writers.append(writer)
        async with asyncio.TaskGroup() as pipes:
            pipes.create_task(Pipe(up, self._reader, writer, show=tap() if tap else None).run())
            pipes.create_task(Pipe(down, reader, self._client).run())

    def break_off(self) -> None:
        """Reset both sides at once."""
        for writer in self._writers:
            with suppress(OSError):
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def close(self) -> None:
        """Close both sides; what was written still arrives."""
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await writer.wait_closed()
