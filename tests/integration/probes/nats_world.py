"""What the tests of the NATS probe share: somebody who works with JetStream, an open source, an ear for its hints."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import nats
from nats.aio.client import Client

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Instant
from scaler.net.egress import Egress, split_host_port
from scaler.net.tls import Tls
from scaler.probes.base import Amount, Found, Source, Surroundings, Unwatchable, Watching
from scaler.probes.nats_jetstream import NatsJetStream
from scaler.probes.nats_jetstream.records import Address, Consumer, Login, Monitoring, Servers
from scaler.probes.registry import AnyProbe
from tests.servers.nats import Nats

KINDS: dict[str, AnyProbe] = {"nats-jetstream": NatsJetStream()}
SURROUNDINGS = Surroundings(clock=lambda: Instant(time.monotonic()), egress=Egress(loopback=True))


class Worker:
    """A client of JetStream that makes streams and consumers, publishes, fetches and acknowledges."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def api(self, verb: str, **what: Any) -> dict[str, Any]:
        """Ask the API; an error of it is an error of the test."""
        said = json.loads((await self.client.request(f"$JS.API.{verb}", json.dumps(what).encode(), timeout=5)).data)
        assert "error" not in said, said
        return said

    async def stream(self, name: str, *consumers: str, **config: Any) -> None:
        """Make a stream and consumers of it; the stream takes ``<name>.>`` unless ``config`` says otherwise."""
        usual = {"retention": "limits", "storage": "memory", "num_replicas": 1}
        subjects = {} if "mirror" in config else {"subjects": [f"{name}.>"]}
        await self.api(f"STREAM.CREATE.{name}", **{"name": name, **usual, **subjects, **config})
        for consumer in consumers:
            await self.consumer(name, consumer)

    async def consumer(self, stream: str, name: str, **config: Any) -> None:
        """Make a durable pull consumer."""
        durable = {"durable_name": name, "ack_policy": "explicit", **config}
        await self.api(f"CONSUMER.DURABLE.CREATE.{stream}.{name}", stream_name=stream, config=durable)

    async def publish(self, subject: str, times: int = 1) -> None:
        """Publish, and wait until the last one is stored; what nobody heard is sent again.

        A cluster tells its nodes of a new stream's subjects one by one: until ours knows, it says that nobody listens.
        """
        async with asyncio.timeout(30):
            while times:
                try:
                    await self.client.request(subject, b"work", timeout=5)
                    times -= 1
                except nats.errors.NoRespondersError:
                    await asyncio.sleep(0.05)

    async def fetch(self, stream: str, consumer: str, count: int, *, ack: bool) -> None:
        """Take messages, and acknowledge them or not."""
        pull = await self.client.jetstream().pull_subscribe_bind(consumer, stream)
        for message in await pull.fetch(count, timeout=5):
            if ack:
                await message.ack_sync()
        await pull.unsubscribe()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


async def _quiet(_: Exception) -> None:
    """Keep the client from printing what the test provokes."""


async def worker(server: Nats, **options: Any) -> Worker:
    """Connect somebody who works there."""
    return Worker(await nats.connect(server.url, allow_reconnect=False, error_cb=_quiet, **options))


def place(*addresses: str, secure: bool = False, tls: Tls | None = None, api: str = "$JS.API", **login: Any) -> Servers:
    """Name a source of the API by ``host:port``."""
    return Servers(
        addresses=tuple(Address(*split_host_port(each)) for each in addresses),
        secure=secure,
        tls=tls or Tls(),
        login=Login(**login),
        api=api,
    )


def pages(address: str, account: str = "$G", account_id: str | None = None, **more: Any) -> Monitoring:
    """Name a source of the monitoring pages."""
    scheme = "https" if more.pop("https", False) else "http"
    return Monitoring(
        base=f"{scheme}://{address}", account=account, account_id=account_id or account, tls=more.pop("tls", Tls())
    )


@asynccontextmanager
async def opened(
    source: Servers | Monitoring, surroundings: Surroundings = SURROUNDINGS
) -> AsyncIterator[Source[Consumer]]:
    """Open a source and close it."""
    opened = await NatsJetStream().open(source, surroundings)
    try:
        yield opened
    finally:
        await opened.close()


async def read(source: Source[Consumer], *queries: Consumer) -> list[float | Cause]:
    """Read, and tell numbers, or the causes of what failed."""
    found = await source.read(queries)
    return [_told(found[query]) for query in queries]


def _told(answer: Found) -> float | Cause:
    return answer.value if isinstance(answer, Amount) else answer.cause


async def tried(source: Servers | Monitoring, query: Consumer, surroundings: Surroundings = SURROUNDINGS) -> Found:
    """Open, read one consumer and close; tell the amount, or why there is none."""
    try:
        async with opened(source, surroundings) as reader:
            return (await reader.read([query]))[query]
    except SourceUnavailable as error:
        return error


async def until(fact: Callable[[], bool], within: float = 10.0) -> None:
    """Wait until ``fact`` holds."""
    async with asyncio.timeout(within):
        while not fact():  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)


class Ear:
    """Collects the hints of a watch."""

    def __init__(self, wanted: Collection[Consumer]) -> None:
        self.hints: asyncio.Queue[set[Consumer]] = asyncio.Queue()
        self.covered = asyncio.Event()
        self.watching: Watching[Consumer] = Watching(frozenset(wanted), self._hint, self.covered.set)

    def _hint(self, queries: Collection[Consumer]) -> None:
        self.hints.put_nowait(set(queries))

    async def hears(self, within: float = 5.0) -> set[Consumer]:
        """Wait for a hint."""
        async with asyncio.timeout(within):
            return await self.hints.get()

    async def hears_nothing(self, within: float = 0.4) -> bool:
        """Tell whether nothing is hinted for a while."""
        with suppress(TimeoutError):
            await self.hears(within)
            return False
        return True

    async def still(self) -> None:
        """Wait until the last hint has had all its echoes."""
        while not await self.hears_nothing():
            pass

    async def covers(self, *queries: Consumer) -> None:
        """Wait until exactly ``queries`` are covered."""
        async with asyncio.timeout(5.0):
            while self.watching.covered != frozenset(queries):
                self.covered.clear()
                await self.covered.wait()


@asynccontextmanager
async def watching(source: Source[Consumer], *queries: Consumer) -> AsyncIterator[Ear]:
    """Watch ``queries``."""
    ear = Ear(queries)
    task = asyncio.create_task(source.watch(ear.watching))
    try:
        yield ear
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, SourceUnavailable, Unwatchable):
            await task


class NoJetStream(Nats):
    """A NATS without JetStream."""

    def _basics(self) -> list[str]:
        return [line for line in super()._basics() if not line.startswith("jetstream")]


def connections(server: Nats) -> list[dict[str, Any]]:
    """List the connections of ours that the server has, as it sees them."""
    _, page = server.get("/connz?subs=1&limit=4096")
    return [each for each in (page or {}).get("connections", []) if each.get("name") == "warmscaler"]


def api_requests(server: Nats) -> int:
    """Count the requests that the JetStream API has had so far."""
    total: int = server.get("/jsz")[1]["api"]["total"]
    return total


def cause(found: object) -> Cause:
    assert isinstance(found, SourceUnavailable)
    return found.cause


def account(*streams: object, name: str = "$G", nodes: int = 0) -> dict[str, object]:
    details = [{"name": name, "id": name, "stream_detail": list(streams)}]
    return {"account_details": details, "meta_cluster": {"cluster_size": nodes}}


def stream(name: str, **consumers: Mapping[str, object]) -> dict[str, object]:
    counts = {"num_pending": 0, "num_ack_pending": 0}
    details = [{"stream_name": name, "name": key, **counts, **said} for key, said in consumers.items()]
    return {"name": name, "state": {"last_seq": 9999}, "consumer_detail": details}
