"""Being told of changes, without anything configured on the server.

A second connection listens. On Redis 6 and newer the reading connection has tracking on, redirected to the listening
one: the server remembers every key that was read there and, at its next change, expiry, eviction or flush, says so
once, until the key is read again. A flood of writes is therefore one message a read. Older servers, and users who may
not track, get keyspace notifications if the server sends them.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from typing import Any, Final, NoReturn, Protocol

from redis.exceptions import ResponseError

from scaler.errors import Cause, SourceUnavailable
from scaler.probes.base import Unwatchable, Watching
from scaler.probes.redis.params import Key
from scaler.probes.redis.wire import Answer, Link, Reader

INVALIDATE: Final = "__redis__:invalidate"
QUIET: Final = 5.0  # s of silence before both connections are asked whether they still live
PONG: Final = 2.0  # s for the answer

Keys = Collection[Key] | None
"""Which keys may have changed; ``None`` for all of them."""


class Channel(Protocol):
    """One way to be told."""

    async def follow(self, watching: Watching[Key]) -> NoReturn:
        """Keep what is covered equal to what is wanted."""
        ...

    def meaning(self, message: Answer) -> Keys:
        """Say which keys a message of the server is about."""
        ...


async def watch(ear: Link, reader: Reader, database: int, watching: Watching[Key]) -> NoReturn:
    """Hint until cancelled; raises what :meth:`scaler.probes.base.Source.watch` may raise."""
    channel = await _channel(ear, reader, database)
    await _together(channel.follow(watching), _listen(channel, ear, reader, watching))


async def _channel(ear: Link, reader: Reader, database: int) -> Channel:
    """Choose the best way that this server and this user allow."""
    (identity,) = await ear.ask([("CLIENT", "ID")])
    if isinstance(identity, int) and (tracked := await _track(reader, identity)) is not None:
        (heard,) = await ear.ask([("SUBSCRIBE", INVALIDATE)])
        if not isinstance(heard, ResponseError):
            return Tracking(reader, identity, tracked)
    (flags,) = await reader.ask([("CONFIG", "GET", "notify-keyspace-events")])
    if _notifies(flags):
        return Keyspace(ear, database)
    raise Unwatchable("neither client tracking nor keyspace notifications are to be had")


async def _track(reader: Reader, identity: int) -> int | None:
    """Have the server remember what is read, and tell the connection ``identity`` of changes.

    Return which reading connection, by ``reader.dialled``, does it now; ``None`` if the server refused.
    """
    (answer,) = await reader.ask([("CLIENT", "TRACKING", "ON", "REDIRECT", identity)])
    return None if isinstance(answer, ResponseError) else reader.dialled.version


async def _listen(channel: Channel, ear: Link, reader: Reader, watching: Watching[Key]) -> NoReturn:
    """Turn messages into hints, and silence into a question whether anybody is there."""
    while True:
        message = await ear.hear(within=QUIET)
        if message is None:
            message = await _still_there(ear, reader)
        keys = channel.meaning(message)
        wanted = watching.wanted.value
        if changed := wanted if keys is None else wanted.intersection(keys):
            watching.hint(changed)


async def _still_there(ear: Link, reader: Reader) -> Answer:
    """Ping both connections: a dead listener, or a reader that tracks no more, looks like peace.

    Return what the listener heard.
    """
    await reader.ask([("PING",)])
    await ear.say([("PING",)])
    message = await ear.hear(within=PONG)
    if message is None:
        raise SourceUnavailable(Cause.TIMEOUT, f"the listening connection does not answer within {PONG:g} s")
    return message


class Tracking:
    """The server tells of keys that were read on the reading connection."""

    def __init__(self, reader: Reader, identity: int, tracked: int) -> None:
        self._reader = reader
        self._identity = identity
        self._tracked = tracked

    async def follow(self, watching: Watching[Key]) -> NoReturn:
        """Cover whatever is wanted: it only has to be read once more, which the hub does."""
        await _together(self._cover(watching), self._renew(watching))

    async def _cover(self, watching: Watching[Key]) -> NoReturn:
        seen = -1
        while True:
            seen = await watching.wanted.changed(seen)
            watching.covers(watching.wanted.value)

    async def _renew(self, watching: Watching[Key]) -> NoReturn:
        """Track again on each new reading connection, and have everything read there anew."""
        while True:
            await self._reader.dialled.changed(self._tracked)
            tracked = await _track(self._reader, self._identity)
            if tracked is None:
                raise SourceUnavailable(Cause.UNREACHABLE, "the listening connection is gone")
            self._tracked = tracked
            watching.hint(watching.wanted.value)

    def meaning(self, message: Answer) -> Keys:
        """Read ``message``, the channel, and the keys or nothing, which means that a whole database was flushed."""
        match message:
            case [b"message", _, None]:
                return None
            case [b"message", _, list(names)]:
                return [Key(name.decode(errors="replace")) for name in names]
            case _:
                return ()


class Keyspace:
    """The server publishes what happens to a key on a channel of its own; only those of wanted keys are heard."""

    def __init__(self, ear: Link, database: int) -> None:
        self._ear = ear
        self._prefix = f"__keyspace@{database}__:"
        self._pending: dict[bytes, asyncio.Event] = {}
        self._asked = 0

    async def follow(self, watching: Watching[Key]) -> NoReturn:
        """Subscribe and unsubscribe the difference; covered is what the server has confirmed."""
        seen, heard = -1, frozenset[Key]()
        while True:
            seen = await watching.wanted.changed(seen)
            wanted = watching.wanted.value
            await self._say("UNSUBSCRIBE", heard - wanted)
            await self._say("SUBSCRIBE", wanted - heard)
            await self._confirmed()
            watching.covers(wanted)
            heard = wanted

    async def _say(self, word: str, keys: Iterable[Key]) -> None:
        await self._ear.say([(word, f"{self._prefix}{key.name}") for key in keys])

    async def _confirmed(self) -> None:
        """Wait until the server has done all it was told: it answers in order, so a ping comes back last."""
        self._asked += 1
        token = str(self._asked)
        self._pending[token.encode()] = event = asyncio.Event()
        await self._ear.say([("PING", token)])
        await event.wait()

    def meaning(self, message: Answer) -> Keys:
        """Read ``message``, the channel with the key in it, and the event; or the answer to a ping."""
        match message:
            case [b"message", bytes(channel), _]:
                return [Key(channel.decode(errors="replace").removeprefix(self._prefix))]
            case [b"pong", bytes(token)] | bytes(token) if token in self._pending:  # bare when nothing is subscribed
                self._pending.pop(token).set()
            case ResponseError():
                raise Unwatchable(f"keyspace notifications may not be heard: {message}")
            case _:
                pass  # the server confirms what it was told
        return ()


def _notifies(answer: Answer) -> bool:
    """Tell whether keyspace events of every countable type are published (``K`` with ``A``, or with ``g l s h z``)."""
    match answer:
        case [_, bytes(flags)]:
            return b"K" in flags and (b"A" in flags or all(flag in flags for flag in b"glshz"))
        case _:
            return False


async def _together(*parts: Coroutine[Any, Any, NoReturn]) -> NoReturn:
    """Run endless parts until one fails, and fail like it."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for part in parts:
                tasks.create_task(part)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    raise AssertionError("endless parts have ended")
