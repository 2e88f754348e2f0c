"""``warmscaler probe`` against real servers: what is there is what it says."""

import asyncio

import nats
from nats.js.api import AckPolicy, ConsumerConfig

from scaler.net.egress import Egress
from scaler.probes.registry import installed
from scaler.verbs.probe import Probed, probe
from tests.servers.kafka import Kafka
from tests.servers.nats import Nats
from tests.servers.redis import Redis

CATALOGUE = installed()


async def probed(kind: str, **pairs: str) -> Probed:
    arguments = [f"{key}={value}" for key, value in pairs.items()]
    return await probe(kind, arguments, CATALOGUE, Egress(loopback=True), env={})


async def test_a_list_of_redis(redis_server: Redis) -> None:
    await asyncio.to_thread(redis_server.cli, "RPUSH", "probe-verb", *"abc")
    found = await probed("redis", address=redis_server.address, listName="probe-verb")
    assert (found.value, found.active, found.outage) == (3, True, None)


async def test_a_consumer_of_jetstream(nats_server: Nats) -> None:
    client = await nats.connect(nats_server.url)
    stream = client.jetstream()
    await stream.add_stream(name="PROBEVERB", subjects=["probe-verb"])
    await stream.add_consumer("PROBEVERB", ConsumerConfig(durable_name="c", ack_policy=AckPolicy.EXPLICIT))
    for _ in range(4):
        await stream.publish("probe-verb", b"x")
    await client.close()
    found = await probed("nats-jetstream", natsServerURL=nats_server.url, stream="PROBEVERB", consumer="c")
    assert (found.value, found.active, found.outage) == (4, True, None)


async def test_a_group_of_kafka(kafka_server: Kafka) -> None:
    def arrange() -> None:
        with kafka_server.desk() as desk:
            desk.create("probe-verb", partitions=1)
            desk.produce("probe-verb", 5, partition=0)
            desk.commit("probe-verb-group", {("probe-verb", 0): 2})

    await asyncio.to_thread(arrange)
    server = kafka_server.address
    found = await probed("kafka", bootstrapServers=server, consumerGroup="probe-verb-group", topic="probe-verb")
    assert (found.value, found.active, found.outage) == (3, True, None)
