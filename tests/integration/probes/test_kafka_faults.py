"""Brokers that die, freeze and hand over: an outage for just the queries it matters to, and never a number."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress, Rule
from scaler.probes.kafka.lag import Lag
from tests.faults.proxy import Proxy
from tests.integration.probes.kafka_world import SURROUNDINGS, arranged, fresh, lags, opened, topic, until, watching
from tests.servers.kafka import Kafka, KafkaCluster
from tests.servers.kafka_desk import Desk
from tests.servers.ports import free_port

pytestmark = pytest.mark.requires("kafka")

OUT = {Cause.UNREACHABLE, Cause.TIMEOUT, Cause.LOADING}


async def spread(cluster: KafkaCluster, copies: Sequence[Sequence[int]]) -> list[Lag]:
    """Make a topic for each list of brokers (the leader first) with 5 records, and one group that has read none."""
    group = fresh("group")
    queries = [Lag(group=group, topic=fresh("topic")) for _ in copies]

    def arrange(desk: Desk) -> None:
        for query, brokers in zip(queries, copies, strict=True):
            desk.create(query.topic, brokers={0: list(brokers)})
            desk.produce(query.topic, 5)
        desk.commit(group, {(query.topic, 0): 0 for query in queries})

    await arranged(cluster, arrange)
    return queries


def servers(cluster: KafkaCluster) -> list[str]:
    return [broker.address for broker in cluster.brokers.values()]


async def coordinator(cluster: KafkaCluster, group: str) -> Kafka:
    found = await asyncio.to_thread(cluster.coordinator, group)
    assert found is not None
    return found


def connections(port: int) -> int:
    """Count this machine's connections to a port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(fields[2].endswith(f":{port:04X}") and fields[3] == "01" for fields in lines)


async def test_a_group_is_found_again_when_its_coordinator_dies(kafka_cluster: KafkaCluster) -> None:
    """The library remembers coordinators for ever: measured, 40 of 40 reads failed until a new client was made.

    And a coordinator that has just taken over may not know the latest commits, and say so only if it is asked to.
    """
    (query,) = await spread(kafka_cluster, [[1, 2, 3]])
    async with opened(*servers(kafka_cluster)) as source:
        await until(source, query, lambda answer: answer == 5)
        (await coordinator(kafka_cluster, query.group)).kill()
        seen = [*await until(source, query, lambda answer: answer in OUT)]
        seen += await until(source, query, lambda answer: answer == 5)
        assert set(seen) <= {5, *OUT}, seen
        assert [answer for _ in range(20) for answer in await lags(source, query)] == [5] * 20


async def test_a_leader_that_dies_is_replaced(kafka_cluster: KafkaCluster) -> None:
    queries = await spread(kafka_cluster, [[1, 2, 3], [2, 3, 1], [3, 1, 2]])
    async with opened(*servers(kafka_cluster)) as source:
        for query in queries:
            await until(source, query, lambda answer: answer == 5)
        kafka_cluster.brokers[2].kill()
        for query in queries:
            assert set(await until(source, query, lambda answer: answer == 5)) <= {5, *OUT}


async def test_what_only_a_dead_broker_has_fails_alone_and_comes_back(kafka_cluster: KafkaCluster) -> None:
    one, two, three = await spread(kafka_cluster, [[1], [2], [3]])
    keeper = await coordinator(kafka_cluster, one.group)
    asked = [query for query, broker in ((one, 1), (two, 2), (three, 3)) if broker != keeper.node]
    victim = next(broker for query, broker in ((one, 1), (two, 2), (three, 3)) if query is asked[0])
    async with opened(*servers(kafka_cluster)) as source:
        for query in asked:
            await until(source, query, lambda answer: answer == 5)
        kafka_cluster.brokers[victim].kill()
        await until(source, asked[0], lambda answer: answer in OUT)
        for _ in range(10):
            dead, alive = await lags(source, *asked)
            assert dead in OUT
            assert alive == 5
        await asyncio.to_thread(kafka_cluster.brokers[victim].start)
        assert set(await until(source, asked[0], lambda answer: answer == 5)) <= {5, *OUT}


async def test_a_frozen_broker_fails_alone(kafka_cluster: KafkaCluster) -> None:
    one, two, three = await spread(kafka_cluster, [[1], [2], [3]])
    keeper = await coordinator(kafka_cluster, one.group)
    by_broker = {broker: query for query, broker in ((one, 1), (two, 2), (three, 3)) if broker != keeper.node}
    victim, other = by_broker
    async with opened(*servers(kafka_cluster)) as source:
        for query in by_broker.values():
            await until(source, query, lambda answer: answer == 5)
        kafka_cluster.brokers[victim].pause()
        for _ in range(4):
            began = time.monotonic()
            frozen, fine = await lags(source, by_broker[victim], by_broker[other])
            assert (frozen in OUT, fine) == (True, 5)
            assert time.monotonic() - began < 4.0
        kafka_cluster.brokers[victim].resume()
        await until(source, by_broker[victim], lambda answer: answer == 5)


async def test_a_watch_follows_leaders_that_move(kafka_cluster: KafkaCluster) -> None:
    (query,) = await spread(kafka_cluster, [[2, 3, 1]])
    async with opened(*servers(kafka_cluster)) as source:
        async with watching(source, query) as ear:
            kafka_cluster.brokers[2].kill()
            assert (await ear.ends()).cause in OUT
        await until(source, query, lambda answer: answer == 5)
        async with watching(source, query) as ear:
            await arranged(kafka_cluster, lambda desk: desk.produce(query.topic, 1))
            assert await ear.hears() == {query}


async def test_at_most_three_connections_a_broker(kafka_cluster: KafkaCluster) -> None:
    queries = await spread(kafka_cluster, [[1], [2], [3]] * 5)
    async with opened(*servers(kafka_cluster)) as source, watching(source, *queries):
        for _ in range(5):
            assert await lags(source, *queries) == [5] * 15
        assert {connections(broker.port) for broker in kafka_cluster.brokers.values()} <= {1, 2, 3}
    assert {connections(broker.port) for broker in kafka_cluster.brokers.values()} == {0}


async def test_brokers_are_found_through_any_server_that_answers(kafka_cluster: KafkaCluster) -> None:
    (query,) = await spread(kafka_cluster, [[1, 2, 3]])
    dead = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    async with opened(*dead, kafka_cluster.brokers[1].address) as source:
        await until(source, query, lambda answer: answer == 5)


async def test_nothing_is_dialled_unless_something_is_asked(hidden_kafka: Kafka, kafka_proxy: Proxy) -> None:
    """The library's own clients look for a lost cluster for ever, whether or not anybody wants to know."""
    query = Lag(group=fresh("group"), topic=await topic(hidden_kafka))
    async with opened(kafka_proxy.address) as source:
        await until(source, query, lambda answer: answer == 1)
        await kafka_proxy.refuse()
        await until(source, query, lambda answer: answer in OUT)
        await kafka_proxy.heal()
        dialled = kafka_proxy.accepted
        await asyncio.sleep(0.5)  # what is not to happen cannot be waited for
        assert kafka_proxy.accepted == dialled
        await until(source, query, lambda answer: answer == 1)


# -- whom we may and can reach -------------------------------------------------------------------------------------


async def failure(*servers: str, egress: Egress = SURROUNDINGS.egress) -> tuple[SourceUnavailable, float]:
    """Try to open a source, and tell why that failed and after how many seconds."""
    began = time.monotonic()
    with pytest.raises(SourceUnavailable) as error:
        async with opened(*servers, egress=egress):
            pass
    return error.value, time.monotonic() - began


async def test_nobody_there_is_told_at_once() -> None:
    error, took = await failure(f"127.0.0.1:{free_port()}")
    assert error.cause is Cause.UNREACHABLE
    assert took < 2.0


async def test_a_name_without_an_address_is_told_at_once() -> None:
    error, took = await failure("no-such-host.invalid:9092")
    assert error.cause is Cause.UNREACHABLE
    assert took < 4.0


async def test_a_server_that_never_answers_is_given_up(kafka_server: Kafka) -> None:
    async with Proxy(kafka_server.address) as proxy:
        proxy.silence()
        error, took = await failure(proxy.address)
    assert error.cause in {Cause.TIMEOUT, Cause.UNREACHABLE}
    assert took < 4.0


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\x00\x00\x08garbage!", b""])
async def test_a_server_of_another_kind_is_an_outage(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        error, took = await failure(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert error.cause in {Cause.INVALID, Cause.UNREACHABLE, Cause.TIMEOUT}
    assert took < 4.0


async def test_bootstrap_servers_are_held_to_the_egress_rules(kafka_server: Kafka) -> None:
    error, _ = await failure(kafka_server.address, egress=Egress())
    assert error.cause is Cause.FORBIDDEN


async def test_servers_that_the_egress_rules_forbid_do_not_hide_one_that_they_allow(kafka_server: Kafka) -> None:
    forbidden = [f"127.0.0.{n}:{kafka_server.port}" for n in range(2, 12)]  # so many, for the order is random
    rules = Egress(loopback=True, deny=tuple(Rule(host=each.partition(":")[0]) for each in forbidden))
    query = Lag(group=fresh("group"), topic=await topic(kafka_server))
    async with opened(*forbidden, kafka_server.address, egress=rules) as source:
        assert await until(source, query, lambda answer: answer == 1)


async def test_a_name_is_resolved_once_and_that_address_dialled(kafka_server: Kafka) -> None:
    """A name that answers differently the second time gains nothing: the system does not know this one at all."""

    class Known(Egress):
        async def resolve(self, host: str, port: int) -> str:
            return await super().resolve("127.0.0.1" if host == "kafka.test" else host, port)

    async with opened(f"kafka.test:{kafka_server.port}", egress=Known(loopback=True)) as source:
        assert await lags(source, Lag(group=fresh("group"), topic=fresh("nothing"))) == [Cause.MISSING]


async def test_what_brokers_advertise_is_held_to_the_egress_rules(hidden_kafka: Kafka, kafka_proxy: Proxy) -> None:
    """A cluster may name any address as a broker's, so that is a request by a stranger too."""
    rules = Egress(loopback=True, deny=(Rule(host="*", port=kafka_proxy.port),))
    query = Lag(group=fresh("group"), topic=await topic(hidden_kafka))
    async with opened(hidden_kafka.address, egress=rules) as source:
        assert await lags(source, query) == [Cause.FORBIDDEN]
    assert kafka_proxy.accepted == 0
    async with opened(hidden_kafka.address) as source:
        await until(source, query, lambda answer: answer == 1)
    assert kafka_proxy.accepted > 0
