"""What the Kafka probe reads from a real broker: every option, what a batch costs, and what it leaves behind."""

import asyncio
import threading
from functools import partial

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from scaler.errors import Cause
from scaler.probes.kafka import Kafka as Probe
from scaler.probes.kafka.lag import Bound, Lag
from scaler.testing import World, check_probe
from tests.faults.proxy import Proxy
from tests.faults.taps import KafkaTap
from tests.integration.probes.kafka_world import arranged, fresh, lags, opened, topic, until
from tests.servers.kafka import Kafka
from tests.servers.kafka_desk import Desk
from tests.servers.mock_kafka import Api
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("kafka")


async def test_keeps_the_contract(hidden_kafka: Kafka, kafka_proxy: Proxy) -> None:
    name, group = await topic(hidden_kafka), fresh("group")
    written = 0

    async def fill(records: int) -> None:
        nonlocal written
        written += records
        await arranged(hidden_kafka, lambda desk: desk.produce(name, records))

    async def drain() -> None:
        await arranged(hidden_kafka, lambda desk: desk.commit(group, {(name, 0): written}))

    metadata = {
        "kind": "kafka",
        "bootstrapServers": kafka_proxy.address,
        "consumerGroup": group,
        "topic": name,
        "interval": "200ms",
    }
    await check_probe(Probe(), metadata, World(fill=fill, drain=drain, cut=kafka_proxy.refuse, mend=kafka_proxy.heal))


# -- what is read --------------------------------------------------------------------------------------------------


async def test_every_option(kafka_server: Kafka) -> None:
    """Four partitions with ends 100, 40, 7, 0; the group has committed 90, 40 and nothing for the last two."""
    name, group = await topic(kafka_server, partitions=4), fresh("group")

    def arrange(desk: Desk) -> None:
        for partition, records in enumerate((100, 40, 7)):
            desk.produce(name, records, partition=partition)
        desk.commit(group, {(name, 0): 90, (name, 1): 40})

    await arranged(kafka_server, arrange)
    ask = partial(Lag, group=group, topic=name)
    expected = {
        ask(): 10 + 0 + 1 + 1,
        ask(zero_unread=True): 10,
        ask(earliest=True): 10 + 0 + 7 + 0,
        ask(earliest=True, zero_unread=True): 10,
        ask(only=((0, 0), (2, 2))): 10 + 1,
        ask(only=((1, 1),)): 0,
        ask(threshold=1): 4,
        ask(threshold=1, bound=Bound.NONE): 12,
        ask(threshold=1, bound=Bound.LAGGING): 3,
        ask(threshold=5, even=True): 4 * 5,
        Lag(group=group): 10 + 0 + 1 + 1,
        Lag(group=fresh("never")): 0,
    }
    async with opened(kafka_server.address) as source:
        assert await lags(source, *expected) == list(expected.values())


async def test_a_log_that_begins_late_is_read_from_its_beginning(kafka_server: Kafka) -> None:
    name = await topic(kafka_server)

    def arrange(desk: Desk) -> None:
        desk.produce(name, 20)
        desk.admin.delete_records({TopicPartition(name, 0): 12})

    await arranged(kafka_server, arrange)
    async with opened(kafka_server.address) as source:
        assert await lags(source, Lag(group=fresh("group"), topic=name, earliest=True)) == [8]


async def test_a_group_without_a_topic_follows_what_it_has_committed(kafka_server: Kafka) -> None:
    one, two, group = await topic(kafka_server), await topic(kafka_server), fresh("group")
    async with opened(kafka_server.address) as source:
        assert await lags(source, Lag(group=group)) == [0]
        await arranged(kafka_server, lambda desk: desk.produce(one, 3))
        await arranged(kafka_server, lambda desk: desk.produce(two, 4))
        await arranged(kafka_server, lambda desk: desk.commit(group, {(one, 0): 1}))
        assert await lags(source, Lag(group=group)) == [2]
        await arranged(kafka_server, lambda desk: desk.commit(group, {(two, 0): 0}))
        assert await lags(source, Lag(group=group)) == [6]


async def test_offsets_of_an_open_transaction_do_not_count_and_do_not_disturb(kafka_server: Kafka) -> None:
    name, group = await topic(kafka_server), fresh("group")
    query = Lag(group=group, topic=name)

    def arrange(desk: Desk) -> KafkaProducer:
        desk.produce(name, 10)
        desk.commit(group, {(name, 0): 4})
        producer = KafkaProducer(bootstrap_servers=kafka_server.direct, transactional_id=fresh("transaction"))
        producer.init_transactions()
        producer.begin_transaction()
        producer.send_offsets_to_transaction({TopicPartition(name, 0): OffsetAndMetadata(9, "", -1)}, group)
        return producer

    producer = await arranged(kafka_server, arrange)
    async with opened(kafka_server.address) as source:
        assert await lags(source, query) == [6]
        await asyncio.to_thread(producer.commit_transaction)
        await until(source, query, lambda answer: answer == 1)
    await asyncio.to_thread(producer.close)


async def test_partitions_that_a_topic_gains_are_noticed(kafka_server: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaler.probes.kafka.routes.METADATA_AGE", 0.2)
    name = await topic(kafka_server)
    query = Lag(group=fresh("group"), topic=name)
    async with opened(kafka_server.address) as source:
        assert await lags(source, query) == [1]
        await arranged(kafka_server, lambda desk: desk.admin.create_partitions({name: 3}))
        await until(source, query, lambda answer: answer == 3)


async def test_a_topic_that_is_made_anew_is_read_anew(kafka_server: Kafka) -> None:
    name, group = await topic(kafka_server), fresh("group")
    query = Lag(group=group, topic=name, earliest=True)
    async with opened(kafka_server.address) as source:
        await arranged(kafka_server, lambda desk: desk.produce(name, 5))
        assert await lags(source, query) == [5]
        await arranged(kafka_server, lambda desk: desk.delete(name))
        gone = await until(source, query, lambda answer: answer is Cause.MISSING)
        assert set(gone) <= {5, Cause.MISSING, Cause.LOADING}
        await arranged(kafka_server, lambda desk: desk.create(name))
        await arranged(kafka_server, lambda desk: desk.produce(name, 2))
        await until(source, query, lambda answer: answer == 2)


async def test_what_is_missing_fails_alone(kafka_server: Kafka) -> None:
    name, group = await topic(kafka_server), fresh("group")
    good = Lag(group=group, topic=name)
    async with opened(kafka_server.address) as source:
        found = await lags(
            source,
            good,
            Lag(group=group, topic=fresh("unknown")),
            Lag(group=group, topic=name, only=((5, 9),)),
            Lag(group=group, topic="no such name/at all"),
        )
        assert found == [1, Cause.MISSING, Cause.MISSING, Cause.MISSING]
    topics = await arranged(kafka_server, lambda desk: desk.admin.list_topics())
    assert not [each for each in topics if each.startswith("unknown")], "asking has created a topic"


# -- what it costs -------------------------------------------------------------------------------------------------


async def test_a_batch_is_one_request_of_each_kind(
    hidden_kafka: Kafka, kafka_proxy: Proxy, kafka_tap: KafkaTap
) -> None:
    names = [await topic(hidden_kafka, partitions=5) for _ in range(4)]
    queries = [Lag(group=f"batch-{n}", topic=name, earliest=bool(n % 2)) for n in range(25) for name in names]
    async with opened(kafka_proxy.address) as source:
        await until(source, queries[0], lambda answer: answer == 5)
        await source.read(queries)
        kafka_tap.requests.clear()
        await source.read(queries)
        # Twice, because half of the queries need the beginnings of logs too.
        assert kafka_tap.requests == {Api.OFFSET_FETCH: 1, Api.LIST_OFFSETS: 2}
        assert kafka_proxy.connections == 1


async def test_many_reads_at_once_do_not_refuse_each_other(kafka_server: Kafka) -> None:
    """The library's limit of 5 requests in flight on a connection refuses the sixth instead of keeping it back."""
    query = Lag(group=fresh("group"), topic=await topic(kafka_server))
    async with opened(kafka_server.address) as source:
        await until(source, query, lambda answer: answer == 1)
        found = await asyncio.gather(*(lags(source, query) for _ in range(60)))
    assert found == [[1]] * 60


async def test_a_cancelled_read_leaves_nothing_behind(hidden_kafka: Kafka, kafka_proxy: Proxy) -> None:
    query = Lag(group=fresh("group"), topic=await topic(hidden_kafka))
    async with opened(kafka_proxy.address) as source:
        await until(source, query, lambda answer: answer == 1)
        kafka_proxy.silence()
        threads, tasks = threading.active_count(), len(asyncio.all_tasks())
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await source.read([query])
        assert threading.active_count() == threads
        assert len(asyncio.all_tasks()) == tasks
        await kafka_proxy.heal()
        await until(source, query, lambda answer: answer == 1)
    assert not [each for each in threading.enumerate() if each.name == "kafka-io-warmscaler"]
    await asyncio.to_thread(wait_until, lambda: kafka_proxy.connections == 0, within=5, what="the connections' end")
