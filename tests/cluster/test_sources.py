"""The other sources on their real servers: an event wakes, the backlog counts, and without any the function sleeps."""

import asyncio
from collections.abc import Callable

import nats
import pytest
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamConfig

from tests.cluster import manifests
from tests.cluster.functions import Function, Stage
from tests.servers.kafka import Kafka
from tests.servers.nats import Nats

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")

PARTITIONS = 8  # a group cannot use more replicas than that
Words = dict[str, str]


def test_a_jetstream_consumer_wakes_grows_and_sleeps(
    stage: Stage, nats_server: Nats, measured: Callable[[str], None]
) -> None:
    stream = stage.namespace
    words = {"natsServerURL": nats_server.url, "stream": stream, "consumer": "work", "lagThreshold": "5"}
    _in_jetstream(nats_server, lambda js: js.add_stream(StreamConfig(name=stream, subjects=[f"{stream}.>"])))
    _in_jetstream(nats_server, lambda js: js.add_consumer(stream, ConsumerConfig(durable_name="work")))
    function = _deploy(stage, "nats-jetstream", words)
    took = stage.wake("f", lambda: _in_jetstream(nats_server, lambda js: js.publish(f"{stream}.a", b"work")))
    measured(f"NATS publish (with its connection) -> spec.replicas 1: {1_000 * took:.0f} ms")
    for _ in range(11):
        _in_jetstream(nats_server, lambda js: js.publish(f"{stream}.a", b"work"))
    function.wait_replicas(3, within=30.0)
    _in_jetstream(nats_server, lambda js: js.purge_stream(stream))
    function.wait_replicas(0, within=30.0)


def test_a_kafka_group_wakes_grows_and_sleeps(
    stage: Stage, kafka_server: Kafka, measured: Callable[[str], None]
) -> None:
    topic = stage.namespace
    words = {"bootstrapServers": kafka_server.address, "consumerGroup": topic, "topic": topic, "lagThreshold": "5"}
    with kafka_server.desk() as desk:
        desk.create(topic, partitions=PARTITIONS)
        desk.commit(topic, {(topic, partition): 0 for partition in range(PARTITIONS)})
        function = _deploy(stage, "kafka", words)
        took = stage.wake("f", lambda: desk.produce(topic, 1, partition=0))
        measured(f"Kafka produce (with its producer) -> spec.replicas 1: {1_000 * took:.0f} ms")
        for partition in range(1, 4):
            desk.produce(topic, 4, partition=partition)
        function.wait_replicas(3, within=30.0)
        desk.commit(topic, {(topic, 0): 1, **{(topic, partition): 4 for partition in range(1, 4)}})
    function.wait_replicas(0, within=30.0)


def _deploy(stage: Stage, kind: str, words: Words) -> Function:
    stage.api.apply(manifests.deployment(stage.namespace, "f"))
    function = stage.scale("f", [manifests.trigger(stage.scaler.address, kind, words)])
    stage.wait_streams(1)
    return function


def _in_jetstream(server: Nats, act: Callable[[JetStreamContext], object]) -> None:
    async def connected() -> None:
        client = await nats.connect(server.url)
        try:
            await act(client.jetstream())  # type: ignore[misc]
        finally:
            await client.close()

    asyncio.run(connected())
