from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from tests.servers.kafka_desk import impatient
from tests.servers.mock_kafka import CLIENT_OPTIONS, Api, MockKafka
from tests.servers.process import wait_until

AT = TopicPartition("jobs", 0)


def _end(client: KafkaAdminClient) -> int | None:
    """Return the end offset, nothing while it cannot be had."""
    try:
        return int(client.list_partition_offsets({AT: OffsetSpec.LATEST})[AT].offset)
    except KafkaError:
        return None


@pytest.fixture
def client(mock_kafka: MockKafka) -> Iterator[KafkaAdminClient]:
    mock_kafka.create("jobs", partitions=2)
    with mock_kafka.desk() as desk:
        desk.produce("jobs", 5)
    patience = {
        "request_timeout_ms": 1_000,
        "reconnect_backoff_ms": 50,
        "reconnect_backoff_max_ms": 50,
    }
    client = KafkaAdminClient(bootstrap_servers=mock_kafka.address.split(","), **CLIENT_OPTIONS, **patience)
    impatient(client)
    yield client
    client.close()


def test_a_leader_moves(mock_kafka: MockKafka, client: KafkaAdminClient) -> None:
    for broker in (1, 2, 3):
        mock_kafka.move_leader("jobs", 0, broker)
        with mock_kafka.desk() as desk:
            assert desk.leader("jobs") == broker
        wait_until(lambda: _end(client) == 5, within=10, what="the end offset from the new leader")


def test_a_coordinator_moves_and_knows_what_was_committed(mock_kafka: MockKafka) -> None:
    mock_kafka.create("jobs")
    for broker in (1, 2):
        mock_kafka.move_coordinator("readers", broker)
        with mock_kafka.desk() as desk:
            desk.commit("readers", {("jobs", 0): broker})
            assert desk.admin.list_group_offsets({"readers": [AT]})["readers"][AT].offset == broker


def test_brokers_go_down_and_come_up(mock_kafka: MockKafka, client: KafkaAdminClient) -> None:
    mock_kafka.kill()
    wait_until(lambda: _end(client) is None, within=5, what="no answer")
    mock_kafka.start()
    wait_until(lambda: _end(client) == 5, within=10, what="an answer")


def test_a_paused_cluster_is_silent(mock_kafka: MockKafka, client: KafkaAdminClient) -> None:
    mock_kafka.pause()
    assert _end(client) is None
    mock_kafka.resume()
    wait_until(lambda: _end(client) == 5, within=10, what="an answer")


def test_errors_come_on_demand(mock_kafka: MockKafka, client: KafkaAdminClient) -> None:
    mock_kafka.fail(Api.LIST_OFFSETS, UnknownTopicOrPartitionError.errno)
    with pytest.raises(UnknownTopicOrPartitionError):
        client.list_partition_offsets({AT: OffsetSpec.LATEST})
    assert _end(client) == 5
    mock_kafka.fail(Api.LIST_OFFSETS, UnknownTopicOrPartitionError.errno, broker=1)
    mock_kafka.fail(Api.LIST_OFFSETS, UnknownTopicOrPartitionError.errno, broker=2)
    mock_kafka.fail(Api.LIST_OFFSETS, UnknownTopicOrPartitionError.errno, broker=3)
    assert _end(client) is None


def test_requests_are_counted(mock_kafka: MockKafka, client: KafkaAdminClient) -> None:
    with mock_kafka.counting() as requests:
        assert _end(client) == 5
    assert requests[Api.LIST_OFFSETS] == 1
