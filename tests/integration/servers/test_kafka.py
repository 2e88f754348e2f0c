from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from tests.servers.kafka import Kafka, KafkaCluster
from tests.servers.kafka_desk import impatient
from tests.servers.plugin import need
from tests.servers.process import wait_until


def test_records_and_offsets_survive_a_kill_and_not_a_fresh_restart(kafka_server: Kafka) -> None:
    topic, group = "survivors", "readers"
    with kafka_server.desk() as desk:
        desk.create(topic, partitions=2)
        desk.produce(topic, 7, partition=1)
        desk.commit(group, {(topic, 1): 3})
    kafka_server.kill()
    kafka_server.start()
    with kafka_server.desk() as desk:
        desk.coordinator(group)
        at = TopicPartition(topic, 1)
        assert desk.admin.list_partition_offsets({at: OffsetSpec.LATEST})[at].offset == 7
        assert desk.admin.list_group_offsets({group: [at]})[group][at].offset == 3
    kafka_server.restart(fresh=True)
    with kafka_server.desk() as desk:
        assert topic not in desk.admin.list_topics()


def test_a_paused_broker_is_silent_and_goes_on_afterwards(kafka_server: Kafka) -> None:
    client = impatient(KafkaAdminClient(bootstrap_servers=kafka_server.address, request_timeout_ms=1_000))
    kafka_server.pause()
    with pytest.raises(KafkaError):
        client.list_topics()
    kafka_server.resume()
    wait_until(lambda: _serves(client), within=10, what="the broker goes on")
    client.close()


def _serves(client: KafkaAdminClient) -> bool:
    try:
        client.list_topics()
    except KafkaError:
        return False
    return True


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password_is_asked_for(secured: Kafka, mechanism: str) -> None:
    assert secured.certificates is not None
    client = KafkaAdminClient(
        bootstrap_servers=secured.address,
        security_protocol="SASL_SSL",
        sasl_mechanism=mechanism,
        sasl_plain_username="ada",
        sasl_plain_password="engine",
        ssl_cafile=str(secured.certificates.ca),
    )
    assert len(client.describe_cluster()["brokers"]) == 1
    client.close()


@pytest.fixture(scope="module")
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    need(request.config, "kafka")
    with Kafka(tmp_path_factory.mktemp("secured"), users={"ada": "engine"}) as server:
        yield server


def test_leader_and_coordinator_move_when_their_broker_dies(kafka_cluster: KafkaCluster) -> None:
    with kafka_cluster.desk() as desk:
        desk.create("moving", brokers={0: [2, 3, 1]})
        assert desk.leader("moving") == 2
    keeper = kafka_cluster.coordinator("movers")
    assert keeper is not None
    for node in {2, keeper.node}:
        kafka_cluster.brokers[node].kill()
        kafka_cluster.brokers[node].start()
        wait_until(
            lambda: None not in (kafka_cluster.leader("moving"), kafka_cluster.coordinator("movers")),
            within=20,
            what="a leader and a coordinator",
        )


def test_a_cluster_loses_one_broker_and_goes_on(kafka_cluster: KafkaCluster) -> None:
    with kafka_cluster.desk() as desk:
        desk.create("surviving", brokers={0: [1, 2, 3]})
    others = (kafka_cluster.brokers[2], kafka_cluster.brokers[3])
    kafka_cluster.brokers[1].kill()
    wait_until(lambda: kafka_cluster.leader("surviving") in others, within=20, what="another leader")
    with kafka_cluster.desk() as desk:
        desk.produce("surviving", 1)
