"""Real brokers with numbered queues of work: put work in, take all out, and what a trigger says to read them."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import nats
from nats.js.api import AckPolicy, ConsumerConfig
from redis.asyncio import Redis as RedisClient

from tests.servers.kafka import Kafka
from tests.servers.kafka_desk import Desk
from tests.servers.nats import Nats
from tests.servers.process import Server
from tests.servers.redis import Redis

PARTITIONS: Final = 1000  # of all topics of Kafka together, where nothing else is said
TOPICS: Final = 10


class Queues(ABC):
    """Numbered queues of one broker, which is ``server``; ``target`` is the key by which a trigger names its target."""

    server: Server
    target: ClassVar[str]

    @property
    def port(self) -> int:
        """The broker's port."""
        return self.server.port

    @abstractmethod
    def metadata(self, number: int) -> dict[str, str]:
        """Say how a trigger reads queue ``number``."""

    @abstractmethod
    async def put(self, number: int, count: int = 1) -> None:
        """Put some pieces of work into a queue; the broker has them when this returns."""

    @abstractmethod
    async def empty(self, number: int) -> None:
        """Take everything out."""


class RedisQueues(Queues):
    """Lists."""

    server: Redis
    target = "listLength"

    def __init__(self, server: Redis, client: RedisClient) -> None:
        self.server = server
        self._client = client

    def metadata(self, number: int) -> dict[str, str]:
        """Name the list."""
        return {"kind": "redis", "address": self.server.address, "listName": f"jobs-{number}"}

    async def put(self, number: int, count: int = 1) -> None:
        """Push."""
        await self._client.lpush(f"jobs-{number}", *["x"] * count)

    async def empty(self, number: int) -> None:
        """Delete the list, as the last pop would."""
        await self._client.delete(f"jobs-{number}")

    async def round_trips(self) -> float:
        """Count the reads that the server has done from any connection."""
        return float((await self._client.info("stats"))["total_reads_processed"])

    async def commands(self) -> float:
        """Count the commands that the server has run for any connection."""
        return float((await self._client.info("stats"))["total_commands_processed"])


class NatsQueues(Queues):
    """Consumers of one stream, each with a subject of its own."""

    server: Nats
    target = "lagThreshold"

    def __init__(self, server: Nats, client: Any) -> None:
        self.server = server
        self._js = client.jetstream()
        self._pulls: dict[int, Any] = {}

    async def set_up(self, consumers: int) -> None:
        """Make the stream and its consumers."""
        await self._js.add_stream(name="JOBS", subjects=["jobs.>"])
        for number in range(consumers):
            config = ConsumerConfig(
                durable_name=f"c{number}", filter_subject=f"jobs.{number}", ack_policy=AckPolicy.EXPLICIT
            )
            await self._js.add_consumer("JOBS", config)

    def metadata(self, number: int) -> dict[str, str]:
        """Name the consumer."""
        return {
            "kind": "nats-jetstream",
            "natsServerMonitoringEndpoint": f"127.0.0.1:{self.server.monitoring_port}",
            "natsServerURL": self.server.url,
            "account": "$G",
            "stream": "JOBS",
            "consumer": f"c{number}",
        }

    async def put(self, number: int, count: int = 1) -> None:
        """Publish."""
        for _ in range(count):
            await self._js.publish(f"jobs.{number}", b"x")

    async def empty(self, number: int) -> None:
        """Fetch and acknowledge what is there."""
        if number not in self._pulls:
            self._pulls[number] = await self._js.pull_subscribe_bind(f"c{number}", stream="JOBS")
        if waiting := (await self._js.consumer_info("JOBS", f"c{number}")).num_pending:
            for message in await self._pulls[number].fetch(waiting, timeout=2):
                await message.ack_sync()

    async def round_trips(self) -> float:
        """Count the messages that clients have sent."""
        return float(self.server.get("/varz")[1]["in_msgs"])


class KafkaQueues(Queues):
    """Consumer groups: queue n is group n on one of a few topics, which have many partitions together."""

    server: Kafka
    target = "lagThreshold"

    def __init__(
        self, server: Kafka, desk: Desk, pool: ThreadPoolExecutor, *, topics: int = TOPICS, partitions: int = PARTITIONS
    ) -> None:
        self.server = server
        self.direct = server.direct
        self._topics = topics
        self._each = partitions // topics
        self._desk = desk
        self._pool = pool
        self._ends: dict[tuple[str, int], int] = {}
        self._chance = random.Random(1)

    async def set_up(self) -> None:
        """Make the topics, with one record in each partition (an end of 0 cannot be told from no commit)."""
        for number in range(self._topics):
            topic = self._topic(number)
            await self._call(partial(self._desk.create, topic, partitions=self._each))
            for partition in range(self._each):
                self._ends[topic, partition] = 0

    async def commit_all(self, number: int) -> None:
        """Let group ``number`` have consumed everything."""
        topic = self._topic(number)
        ends = {key: end for key, end in self._ends.items() if key[0] == topic}
        await self._call(lambda: self._desk.commit(f"g{number}", ends))

    def metadata(self, number: int) -> dict[str, str]:
        """Name the group and its topic."""
        return {
            "kind": "kafka",
            "bootstrapServers": self.server.address,
            "consumerGroup": f"g{number}",
            "topic": self._topic(number),
        }

    async def put(self, number: int, count: int = 1) -> None:
        """Produce records to some partition."""
        topic = self._topic(number)
        partition = self._chance.randrange(self._each)
        self._ends[topic, partition] += count
        await self._call(lambda: self._desk.produce(topic, count, partition=partition))

    async def empty(self, number: int) -> None:
        """Commit the ends."""
        await self.commit_all(number)

    async def _call(self, function: Callable[[], object]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, function)

    def _topic(self, number: int) -> str:
        return f"topic-{number % self._topics}"


@asynccontextmanager
async def redis_queues(home: Path) -> AsyncIterator[RedisQueues]:
    """Start Redis."""
    with Redis(home / "redis") as server:
        async with RedisClient.from_url(server.url) as client:
            yield RedisQueues(server, client)


@asynccontextmanager
async def nats_queues(home: Path, consumers: int) -> AsyncIterator[NatsQueues]:
    """Start NATS with a stream."""
    with Nats(home / "nats") as server:
        client = await nats.connect(server.url)
        try:
            queues = NatsQueues(server, client)
            await queues.set_up(consumers)
            yield queues
        finally:
            await client.close()


@asynccontextmanager
async def kafka_queues(
    home: Path, *, topics: int = TOPICS, partitions: int = PARTITIONS, advertise: int | None = None
) -> AsyncIterator[KafkaQueues]:
    """Start Kafka with so many topics, which share so many partitions."""
    with Kafka(home / "kafka", advertise=advertise) as server, ThreadPoolExecutor(1) as pool, server.desk() as desk:
        queues = KafkaQueues(server, desk, pool, topics=topics, partitions=partitions)
        await queues.set_up()
        await queues.commit_all(0)  # a new cluster has no coordinators before somebody commits
        yield queues
