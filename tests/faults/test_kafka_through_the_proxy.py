import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.faults.proxy import Proxy
from tests.faults.taps import KafkaTap
from tests.servers.kafka import Kafka
from tests.servers.kafka_desk import impatient
from tests.servers.mock_kafka import Api
from tests.servers.ports import free_port

pytestmark = pytest.mark.requires("kafka")

TAP = KafkaTap()


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[Proxy]:
    port = free_port()
    async with (
        Kafka(tmp_path, advertise=port) as server,
        Proxy(server.address, port=port, tap=TAP) as proxy,
    ):
        yield proxy


def _dial(proxy: Proxy) -> KafkaAdminClient:
    return impatient(KafkaAdminClient(bootstrap_servers=proxy.address, request_timeout_ms=1_000))


async def test_a_client_finds_the_broker_behind_the_proxy_and_nowhere_else(proxy: Proxy) -> None:
    client = await asyncio.to_thread(_dial, proxy)
    (broker,) = (await asyncio.to_thread(client.describe_cluster))["brokers"]
    assert broker["port"] == proxy.port
    assert TAP.requests[Api.METADATA] >= 1
    proxy.silence()
    with pytest.raises(KafkaError):
        await asyncio.to_thread(client.list_topics)
    await proxy.heal()
    assert await asyncio.to_thread(_patient, client) == []
    await asyncio.to_thread(client.close)


def _patient(client: KafkaAdminClient) -> list[str]:
    for _ in range(10):
        try:
            return list(client.list_topics())
        except KafkaError:
            continue
    raise TimeoutError
