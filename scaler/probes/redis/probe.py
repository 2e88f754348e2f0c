"""The probe: parameters to a question, and a source of two connections that answers it and pushes."""

import asyncio
from collections.abc import Collection, Mapping
from typing import ClassVar, NoReturn

from scaler.model import Ask, Metric
from scaler.net.tls import client_context
from scaler.probes.base import Found, Pace, Surroundings, Watching
from scaler.probes.redis.params import Key, RedisParams, Server, server
from scaler.probes.redis.push import watch
from scaler.probes.redis.sizes import Sizes
from scaler.probes.redis.wire import Dialler, Link, Reader
from scaler.triggers.metadata import metric_name


class RedisSource:
    """One Redis: a connection that reads, and while somebody watches a second one that listens."""

    def __init__(self, dialler: Dialler) -> None:
        self._dialler = dialler
        self._reader = Reader(dialler)
        self._sizes = Sizes(self._reader)
        self._ear: Link | None = None

    async def greet(self) -> None:
        """Connect, so that what is wrong is known at once."""
        await self._reader.ask([("PING",)])

    async def read(self, queries: Collection[Key]) -> Mapping[Key, Found]:
        """Count what is in every key, one round trip for each 500."""
        return await self._sizes.read(queries)

    async def watch(self, watching: Watching[Key]) -> NoReturn:
        """Listen on a connection of its own."""
        self._ear = await self._dialler.dial()
        try:
            await watch(self._ear, self._reader, self._dialler.login.database, watching)
        finally:
            await self._ear.close()

    async def close(self) -> None:
        """Close both connections."""
        await self._reader.close()
        if self._ear is not None:
            await self._ear.close()


class Redis:
    """Keys of a standalone Redis, or of anything that speaks its protocol."""

    kind: ClassVar[str] = "redis"
    params = RedisParams
    pace = Pace(timeout=3.0, uncovered=0.25)

    def ask(self, params: RedisParams) -> Ask:
        """Ask for the size of one key."""
        return Ask(
            source=server(params),
            query=Key(params.list_name),
            metric=Metric(name=metric_name("redis", params.list_name), target=params.list_length),
            activation=params.activation_list_length,
        )

    async def open(self, source: Server, surroundings: Surroundings) -> RedisSource:
        """Connect and log in."""

        async def located() -> tuple[str, int]:
            return source.host, source.port

        context = await asyncio.to_thread(client_context, source.tls) if source.tls is not None else None
        dialler = Dialler(login=source, locate=located, egress=surroundings.egress, context=context)
        opened = RedisSource(dialler)
        await opened.greet()
        return opened
