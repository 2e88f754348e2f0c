"""Connections to one Redis node: dialled within the egress rules, bounded in time, errors translated.

Why redis-py's connections and not its clients: a client reconnects behind our back, and a new connection is a new
client to the server, for which nothing is tracked. RESP2 is spoken on purpose: every Redis knows it, and in it a
subscribed connection is the only one that ever speaks unasked.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio.connection import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from scaler.aio import Cell
from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.tls import untrusted
from scaler.probes.redis.params import Server

DIAL_TIMEOUT: Final = 2.0  # s for connecting, TLS, login and selecting the database together
ANSWER_TIMEOUT: Final = 2.0  # s for all answers of a round trip together, however slowly they drip
NAME: Final = "warmscaler"  # what CLIENT LIST shows
_DETAIL: Final = 200  # characters of an error that are repeated

Command = tuple[str | int, ...]
Answer = object
"""What a server answered: bytes, numbers, lists of them, ``None``, or a :class:`ResponseError` as a value."""

Locate = Callable[[], Awaitable[tuple[str, int]]]
"""Where the node is now, as host and port. Here it is always the same; a Sentinel or a Cluster will be asked."""

_CAUSES: Final[tuple[tuple[type[BaseException], Cause], ...]] = (
    (AuthenticationError, Cause.DENIED),
    (AuthenticationWrongNumberOfArgsError, Cause.DENIED),
    (AuthorizationError, Cause.DENIED),
    (NoPermissionError, Cause.DENIED),
    (BusyLoadingError, Cause.LOADING),
    (ClusterDownError, Cause.UNREACHABLE),  # MASTERDOWN too: a replica that lost its master and says nothing rather
    (ReadOnlyError, Cause.UNREACHABLE),  # a master that became a replica; the data is elsewhere now
    (AskError, Cause.INVALID),  # MOVED and ASK: a node of a cluster
    (RedisTimeoutError, Cause.TIMEOUT),
    (TimeoutError, Cause.TIMEOUT),
    (RedisConnectionError, Cause.UNREACHABLE),
    (OSError, Cause.UNREACHABLE),
)
"""First match wins: redis-py derives most of these from its ConnectionError."""


def unavailable(error: Exception) -> SourceUnavailable:
    """Translate what the library raised, or what the server answered, into what an operator should know."""
    cause = next((cause for kind, cause in _CAUSES if isinstance(error, kind)), Cause.INVALID)
    text = str(error)[:_DETAIL] or "no answer in time"
    if cause is Cause.UNREACHABLE and untrusted(error):
        cause = Cause.DENIED
    if text.startswith("DENIED "):  # protected mode; redis-py has no class for it
        cause = Cause.DENIED
    if isinstance(error, AskError):
        text = f"the key is on another node of a cluster ({text}); this kind reads standalone servers"
    return SourceUnavailable(cause, text)


@contextmanager
def translated() -> Iterator[None]:
    """Let nothing of the library out."""
    try:
        yield
    except (RedisError, OSError, ValueError) as error:
        # ValueError: what redis-py's parser makes of answers that no Redis gives.
        raise unavailable(error) from error


class _Wire(Connection):
    """redis-py's connection, to a checked address under the name that the certificate must show."""

    def __init__(self, *, name: str, context: ssl.SSLContext | None, **options: Any) -> None:  # noqa: ANN401 - redis-py's
        super().__init__(**options)
        self._security: Mapping[str, object] = {"ssl": context, "server_hostname": name} if context else {}
        self._transport: asyncio.WriteTransport | None = None

    def _connection_arguments(self) -> Mapping[str, object]:
        return {**super()._connection_arguments(), **self._security}

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[no-untyped-call] # redis-py left it without hints
        self._transport = self._writer.transport if self._writer else None

    def standing(self) -> bool:
        """Tell whether nobody has closed it, as far as the loop knows."""
        return self.is_connected and self._transport is not None and not self._transport.is_closing()

    async def drop(self) -> None:
        """Close the socket now: the farewell that TLS would say is waited for, and the peer may be dead."""
        if self._transport is not None:
            self._transport.abort()
        await self.disconnect(nowait=True)


class Link:
    """One connection. It lives once: after an error it is closed, never mended."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    async def usable(self) -> bool:
        """Tell whether the connection still stands, as far as can be told without a word to the server."""
        return self._wire.standing() and not await self._wire.can_read()

    async def ask(self, commands: Sequence[Command]) -> list[Answer]:
        """Send all ``commands`` at once and return their answers in order; one that is an error spoils no other."""
        with translated():
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._send(commands)
                return [await self._answer() for _ in commands]

    async def say(self, commands: Sequence[Command]) -> None:
        """Send ``commands`` without waiting for answers."""
        with translated():
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._send(commands)

    async def hear(self, within: float) -> Answer:
        """Wait for what the server says next, ``None`` if nothing comes ``within`` seconds."""
        with translated():
            try:
                return await self._wire.read_response(timeout=within)
            except ResponseError as error:
                return error

    async def _send(self, commands: Sequence[Command]) -> None:
        await self._wire.send_packed_command(self._wire.pack_commands(commands), check_health=False)

    async def _answer(self) -> Answer:
        try:
            return await self._wire.read_response()
        except ResponseError as error:
            return error

    async def close(self) -> None:
        """Close the socket now."""
        await self._wire.drop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialler:
    """Makes connections to wherever the node is now."""

    login: Server
    locate: Locate
    egress: Egress
    context: ssl.SSLContext | None

    async def dial(self) -> Link:
        """Connect, log in and select the database; raise :class:`SourceUnavailable` within two seconds or so."""
        with translated():
            async with asyncio.timeout(DIAL_TIMEOUT):
                host, port = await self.locate()
                wire = self._wire(host, await self.egress.resolve(host, port), port)
                try:
                    await wire.connect()  # type: ignore[no-untyped-call] # redis-py left it without hints
                    link = Link(wire)
                    # The first answer also proves that somebody is there: without a login nothing was said so far.
                    # Being refused the name is no reason to fail.
                    await link.ask([("CLIENT", "SETNAME", NAME)])
                except BaseException:
                    await wire.drop()
                    raise
                return link

    def _wire(self, host: str, address: str, port: int) -> _Wire:
        return _Wire(
            name=host,
            context=self.context,
            host=address,
            port=port,
            db=self.login.database,
            username=self.login.username or None,
            password=password.get_secret_value() if (password := self.login.password) is not None else None,
            protocol=2,
            # None on purpose: with a number, redis-py sends by asyncio.wait_for, which on Python 3.11 loses a
            # cancellation now and then; and it would bound each answer, not all of them.
            socket_timeout=None,
            socket_connect_timeout=DIAL_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
        )


class Reader:
    """The connection that reads. It is dialled when needed, and ``dialled`` changes with each new one."""

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler
        self._link: Link | None = None
        self._turn = asyncio.Lock()
        self.dialled: Cell[None] = Cell(None)

    async def ask(self, commands: Sequence[Command]) -> list[Answer]:
        """Answer ``commands`` in one round trip, on a fresh connection if the last one was closed meanwhile."""
        async with self._turn:
            link = await self._standing()
            try:
                return await link.ask(commands)
            except BaseException:
                await self._drop()
                raise

    async def close(self) -> None:
        """Close the connection, whatever is under way on it."""
        await self._drop()

    async def _standing(self) -> Link:
        if self._link is not None and not await self._link.usable():
            await self._drop()
        if self._link is None:
            self._link = await self._dialler.dial()
            self.dialled.set(None)
        return self._link

    async def _drop(self) -> None:
        if self._link is not None:
            link, self._link = self._link, None
            await link.close()
