"""Servers that only the tests of probes need."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.faults.proxy import Proxy
from tests.faults.taps import KafkaTap
from tests.servers.kafka import Kafka
from tests.servers.plugin import need
from tests.servers.ports import free_port


@pytest.fixture(scope="session")
def hidden_kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One broker that calls itself by the port of a proxy; ``kafka_proxy`` is that."""
    need(request.config, "kafka")
    with Kafka(tmp_path_factory.mktemp("hidden"), advertise=free_port()) as server:
        yield server


@pytest.fixture
def kafka_tap() -> KafkaTap:
    """Count the requests that pass ``kafka_proxy``."""
    return KafkaTap()


@pytest.fixture
async def kafka_proxy(hidden_kafka: Kafka, kafka_tap: KafkaTap) -> AsyncIterator[Proxy]:
    """Stand in front of the hidden broker."""
    async with Proxy(hidden_kafka.address, port=hidden_kafka.advertise, tap=kafka_tap) as proxy:
        yield proxy
