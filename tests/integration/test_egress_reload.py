"""Egress rules that change while real sources are read: what is forbidden is closed and held, and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.js.api import AckPolicy, ConsumerConfig

from scaler.decisions import Decisions
from scaler.model import Decision, Outage, Verdict, Why
from scaler.rpc.server import Listen
from scaler.service import Settings, running
from tests.servers.kafka import Kafka
from tests.servers.nats import Nats
from tests.servers.redis import Redis

ALLOWED = "version: 1\negress: {loopback: true}\n"
FORBIDDEN = "version: 1\negress: {loopback: true, deny: [{cidr: 127.0.0.0/8}, {cidr: '::1/128'}]}\n"
PATIENCE = 30.0  # s: what a busy machine may take before a test gives up


def write(file: Path, text: str) -> None:
    file.write_text(text)


@asynccontextmanager
async def judged(file: Path, metadata: Mapping[str, str]) -> AsyncIterator[Callable[[], Verdict]]:
    """Serve, follow one trigger, and return what tells its verdict."""
    write(file, ALLOWED)
    settings = Settings(listen=Listen(address="127.0.0.1:0", linger=0), http="127.0.0.1:0", config=file)
    async with running(settings) as service:
        yield _begin(service.decisions, metadata)


def _begin(decisions: Decisions, metadata: Mapping[str, str]) -> Callable[[], Verdict]:
    live = decisions.admit(b"it", ("n", "o", metadata))

    def verdict() -> Verdict:
        reading = live.judge.reading
        assert not isinstance(reading, Outage) or reading.cause.name == "FORBIDDEN", reading
        return live.judge.verdict

    return verdict


async def until(fact: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not fact():
        assert time.monotonic() - began < PATIENCE, "it never came true"
        await asyncio.sleep(0.02)


async def check(file: Path, metadata: Mapping[str, str], value: float) -> None:
    """See the value, forbid the source and see the value held, allow it and see it read again."""
    async with judged(file, metadata) as verdict:
        await until(lambda: verdict().why is Why.BACKLOG)
        write(file, FORBIDDEN)
        await until(lambda: verdict().why is Why.HELD)
        held = verdict()
        assert isinstance(held, Decision)
        assert (held.active, held.value) == (True, value)
        write(file, ALLOWED)
        await until(lambda: verdict().why is Why.BACKLOG)


async def test_redis(redis_server: Redis, tmp_path: Path) -> None:
    await asyncio.to_thread(redis_server.cli, "RPUSH", "egress-reload", *"abc")
    await check(
        tmp_path / "c.yaml", {"kind": "redis", "address": redis_server.address, "listName": "egress-reload"}, value=3
    )


async def test_no_connection_is_left_to_a_redis_that_is_forbidden(redis_server: Redis, tmp_path: Path) -> None:
    def connections() -> int:
        lines = redis_server.cli("CLIENT", "LIST").splitlines()
        return len([line for line in lines if line.strip() and "cmd=client" not in line])

    await asyncio.to_thread(redis_server.cli, "RPUSH", "egress-reload", "x")
    before = await asyncio.to_thread(connections)
    metadata = {"kind": "redis", "address": redis_server.address, "listName": "egress-reload"}
    async with judged(tmp_path / "c.yaml", metadata) as verdict:
        await until(lambda: verdict().why is Why.BACKLOG)
        assert await asyncio.to_thread(connections) > before
        write(tmp_path / "c.yaml", FORBIDDEN)
        await until(lambda: verdict().why is Why.HELD)
        assert await asyncio.to_thread(connections) == before


async def test_nats(nats_server: Nats, tmp_path: Path) -> None:
    client = await nats.connect(nats_server.url)
    stream = client.jetstream()
    await stream.add_stream(name="EGRESSRELOAD", subjects=["egress-reload"])
    await stream.add_consumer("EGRESSRELOAD", ConsumerConfig(durable_name="c", ack_policy=AckPolicy.EXPLICIT))
    await stream.publish("egress-reload", b"x")
    await client.close()
    metadata = {"kind": "nats-jetstream", "natsServerURL": nats_server.url, "stream": "EGRESSRELOAD", "consumer": "c"}
    await check(tmp_path / "c.yaml", metadata, value=1)


async def test_kafka(kafka_server: Kafka, tmp_path: Path) -> None:
    def arrange() -> None:
        with kafka_server.desk() as desk:
            desk.create("egress-reload", partitions=1)
            desk.produce("egress-reload", 5, partition=0)
            desk.commit("egress-reload-group", {("egress-reload", 0): 3})

    await asyncio.to_thread(arrange)
    metadata = {
        "kind": "kafka",
        "bootstrapServers": kafka_server.address,
        "consumerGroup": "egress-reload-group",
        "topic": "egress-reload",
    }
    await check(tmp_path / "c.yaml", metadata, value=2)
