"""Where work waits, by queue: what a trigger says to read one, and what a test does with it. Blocking.

Each call connects anew, so a source may be killed and started between two of them.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Final

import nats
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig
from redis import Redis as Client

from tests.servers.kafka import Kafka
from tests.servers.kafka_desk import Desk
from tests.servers.nats import Nats
from tests.servers.process import Server
from tests.servers.redis import Redis

PARTITIONS: Final = 4  # of a Kafka topic: its group cannot use more replicas than that


class Source(ABC):
    """One kind on its real server. ``target`` and ``activation`` are its words for what they are.

    ``most`` is how many replicas can work at one queue, None if there is no end.
    """

    kind: ClassVar[str]
    target: ClassVar[str]
    activation: ClassVar[str]
    most: ClassVar[int | None] = None
    server: Server

    @abstractmethod
    def words(self, queue: str) -> dict[str, str]:
        """Say how a trigger reads a queue."""

    @abstractmethod
    def make(self, queue: str) -> None:
        """Make an empty queue, of a name that no other test uses."""

    @abstractmethod
    def put(self, queue: str, events: int) -> None:
        """Let so many more events wait; the server has them when this returns."""

    @abstractmethod
    def drain(self, queue: str) -> None:
        """Take all events away."""


class RedisLists(Source):
    """Lists of a Redis."""

    kind = "redis"
    target = "listLength"
    activation = "activationListLength"

    def __init__(self, server: Redis) -> None:
        self.server = server
        self._client = Client(host=server.host, port=server.port, socket_timeout=5.0)

    def words(self, queue: str) -> dict[str, str]:
        """Name the list."""
        return {"address": self.server.address, "listName": queue}

    def make(self, queue: str) -> None:
        """Do nothing: a list is there as soon as something is in it."""

    def put(self, queue: str, events: int) -> None:
        """Push."""
        self._client.lpush(queue, *range(events))

    def drain(self, queue: str) -> None:
        """Delete the list, as the last pop would."""
        self._client.delete(queue)

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()


class JetStreams(Source):
    """Streams of a NATS server, each with one consumer."""

    kind = "nats-jetstream"
    target = "lagThreshold"
    activation = "activationLagThreshold"

    def __init__(self, server: Nats) -> None:
        self.server = server
        self._url = server.url

    def words(self, queue: str) -> dict[str, str]:
        """Name the stream and its consumer."""
        return {"natsServerURL": self._url, "stream": queue, "consumer": "work"}

    def make(self, queue: str) -> None:
        """Make the stream and its consumer."""

        async def act(js: JetStreamContext) -> None:
            await js.add_stream(StreamConfig(name=queue, subjects=[f"{queue}.>"]))
            await js.add_consumer(queue, ConsumerConfig(durable_name="work"))

        self._in(act)

    def put(self, queue: str, events: int) -> None:
        """Publish."""

        async def act(js: JetStreamContext) -> None:
            await asyncio.gather(*(js.publish(f"{queue}.a", b"work") for _ in range(events)))

        self._in(act)

    def drain(self, queue: str) -> None:
        """Purge the stream."""
        self._in(lambda js: js.purge_stream(queue))

    def _in(self, act: Callable[[JetStreamContext], Awaitable[object]]) -> None:
        async def connected() -> None:
            client = await nats.connect(self._url)
            try:
                await act(client.jetstream())
            finally:
                await client.close()

        asyncio.run(connected())


class KafkaTopics(Source):
    """Topics of a Kafka broker, each with a group of the same name that has read everything at first."""

    kind = "kafka"
    target = "lagThreshold"
    activation = "activationLagThreshold"
    most = PARTITIONS

    def __init__(self, server: Kafka) -> None:
        self.server = server
        self._desk = server.desk
        self._produced: dict[str, int] = {}

    def words(self, queue: str) -> dict[str, str]:
        """Name the topic and its group."""
        return {"bootstrapServers": self.server.address, "topic": queue, "consumerGroup": queue}

    def make(self, queue: str) -> None:
        """Make the topic, with one record in each partition: an end of 0 cannot be told from no commit."""
        self._produced[queue] = 0
        with self._desk() as desk:
            desk.create(queue, partitions=PARTITIONS)
            self._produce(desk, queue, PARTITIONS)
            self._commit(desk, queue)

    def put(self, queue: str, events: int) -> None:
        """Produce, one partition after the other."""
        with self._desk() as desk:
            self._produce(desk, queue, events)

    def drain(self, queue: str) -> None:
        """Commit the ends."""
        with self._desk() as desk:
            self._commit(desk, queue)

    def _produce(self, desk: Desk, queue: str, events: int) -> None:
        before = self._ends(queue)
        self._produced[queue] += events
        for partition, end in self._ends(queue).items():
            desk.produce(queue, end - before[partition], partition=partition)

    def _commit(self, desk: Desk, queue: str) -> None:
        desk.commit(queue, {(queue, partition): end for partition, end in self._ends(queue).items()})

    def _ends(self, queue: str) -> dict[int, int]:
        whole, rest = divmod(self._produced[queue], PARTITIONS)
        return {partition: whole + (partition < rest) for partition in range(PARTITIONS)}


@contextmanager
def sources(redis: Redis, nats_server: Nats, kafka: Kafka) -> Iterator[Sequence[Source]]:
    """Yield one source of each kind on running servers."""
    lists = RedisLists(redis)
    try:
        yield lists, JetStreams(nats_server), KafkaTopics(kafka)
    finally:
        lists.close()
