"""What a test does with Kafka itself: topics, records, committed offsets, and who leads what."""

from collections.abc import Mapping
from typing import Any, Self

from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from tests.servers.process import wait_until

_OFFSETS = "__consumer_offsets"
_OFFSETS_PARTITIONS = 4  # offsets.topic.num.partitions of our brokers


def impatient(client: KafkaAdminClient, seconds: float = 1.0) -> KafkaAdminClient:
    """Bound how long ``client`` connects anew after a timeout: kafka-python 3.0.12 tries for 10, 20, 30 s, unasked."""
    config = client._manager.config  # noqa: SLF001 (see above)
    config["socket_connection_setup_timeout_ms"] = config["socket_connection_setup_timeout_max_ms"] = seconds * 1_000
    return client


class Desk:
    """A patient but bounded client; every call returns when the cluster has taken it. Blocking.

    ``options`` go to every kafka-python client, such as ``api_version`` for a mock cluster.
    """

    def __init__(self, *addresses: str, **options: Any) -> None:
        self._common = {"bootstrap_servers": list(addresses), "client_id": "tests", **options}
        self.admin = KafkaAdminClient(**self._common, bootstrap_timeout_ms=5_000, request_timeout_ms=10_000)
        self._producer: KafkaProducer | None = None

    def brokers(self) -> set[int]:
        """Return the node ids of the brokers alive."""
        return {broker["broker_id"] for broker in self.admin.describe_cluster()["brokers"]}

    def create(
        self, topic: str, *, partitions: int = 1, copies: int = 1, brokers: Mapping[int, list[int]] | None = None
    ) -> None:
        """Create a topic, each partition with a leader when this returns.

        ``brokers`` says which brokers keep which partition, the leader first; instead of ``partitions`` and ``copies``.
        """
        size = (
            {"assignments": dict(brokers)} if brokers else {"num_partitions": partitions, "replication_factor": copies}
        )
        self.admin.create_topics({topic: size}, wait_for_metadata=True)

    def delete(self, topic: str) -> None:
        """Delete a topic."""
        self.admin.delete_topics([topic])

    def produce(self, topic: str, count: int, *, partition: int = 0, value: bytes = b"x") -> None:
        """Append ``count`` records to one partition; all are acknowledged when this returns."""
        if self._producer is None:
            self._producer = KafkaProducer(**self._common, linger_ms=1, max_block_ms=10_000)
        sent = [self._producer.send(topic, value, partition=partition) for _ in range(count)]
        for record in sent:
            record.get(timeout=10)

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Set an idle group's committed offsets: ``{(topic, partition): offset}``."""
        self._await_coordinator(group)
        wanted = {TopicPartition(*at): OffsetAndMetadata(offset, "", -1) for at, offset in offsets.items()}
        refused = {at: why for at, why in self.admin.alter_group_offsets(group, wanted).items() if why.errno}
        assert not refused, refused

    def leader(self, topic: str, partition: int = 0) -> int:
        """Return the node that leads the partition, -1 if nobody does."""
        (found,) = self.admin.describe_topics([topic])
        for one in found["partitions"]:
            if one["partition_index"] == partition:
                return int(one["leader_id"])
        raise LookupError(f"{topic} has no partition {partition}")

    def coordinator(self, group: str) -> int:
        """Return the node that keeps the group's offsets, -1 if nobody does. Only for real brokers."""
        self._await_coordinator(group)
        return self.leader(_OFFSETS, abs(_java_hash(group)) % _OFFSETS_PARTITIONS)

    def _await_coordinator(self, group: str) -> None:
        """Wait for the topic that a new cluster makes when somebody asks for the first group."""

        def found() -> bool:
            try:
                self.admin.list_group_offsets({group: []})
            except KafkaError:
                return False
            return True

        wait_until(found, within=20, what=f"a coordinator of {group}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._producer is not None:
            self._producer.close(timeout=5)
        self.admin.close()


def _java_hash(text: str) -> int:
    """Return Java's String.hashCode, by which Kafka spreads groups over its offsets topic."""
    value = 0
    for letter in text:
        value = (value * 31 + ord(letter)) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
