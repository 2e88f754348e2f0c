"""Being told of records by a real broker: soon, of all that is wanted, and of nothing else."""

import asyncio
import time

import pytest

from scaler.errors import Cause
from scaler.probes.kafka.lag import Lag
from scaler.probes.kafka.source import KafkaSource
from tests.faults.proxy import Proxy
from tests.faults.taps import KafkaTap
from tests.integration.probes.kafka_world import Ear, arranged, fresh, lags, opened, topic, watching
from tests.servers.kafka import Kafka
from tests.servers.kafka_desk import Desk
from tests.servers.mock_kafka import Api
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("kafka")

SOON = 2.0  # s; a hint takes some 10 ms, but the machine is shared, and nothing else would ever tell


async def query(server: Kafka, partitions: int = 1) -> Lag:
    """Make a topic and a group that has read all of it."""
    return (await queries(server, 1, partitions))[0]


async def queries(server: Kafka, many: int, partitions: int) -> list[Lag]:
    """Make topics, each with a group that has read all of it."""

    def arrange(desk: Desk) -> list[Lag]:
        made = [Lag(group=fresh("group"), topic=fresh("topic")) for _ in range(many)]
        for each in made:
            desk.create(each.topic, partitions=partitions)
            desk.commit(each.group, {(each.topic, n): 0 for n in range(partitions)})
        return made

    return await arranged(server, arrange)


async def test_a_record_is_hinted_soon_and_the_lag_can_be_read_then(kafka_server: Kafka) -> None:
    asked = await query(kafka_server, partitions=3)
    with kafka_server.desk() as desk:
        async with opened(kafka_server.address) as source, watching(source, asked) as ear:
            for n in range(6):
                assert await ear.quiet(0.1)
                await asyncio.to_thread(desk.produce, asked.topic, 1, partition=n % 3)
                assert await ear.hears(within=SOON) == {asked}
                assert await lags(source, asked) == [n + 1]


async def test_only_what_is_wanted_is_watched(kafka_server: Kafka) -> None:
    one, two = await query(kafka_server), await query(kafka_server)
    with kafka_server.desk() as desk:
        async with opened(kafka_server.address) as source, watching(source, one, two) as ear:
            ear.watching.wanted.set(frozenset({two}))
            await ear.covers(two)
            await asyncio.to_thread(desk.produce, one.topic, 1)
            await asyncio.to_thread(desk.produce, two.topic, 1)
            assert await ear.hears(within=SOON) == {two}
            assert await ear.quiet()


async def test_what_came_while_nobody_watched_is_hinted_at_once(kafka_server: Kafka) -> None:
    """A watch begins where the last reading ended, and not at the end of the log."""
    one, two = await query(kafka_server), await query(kafka_server)
    with kafka_server.desk() as desk:
        async with opened(kafka_server.address) as source, watching(source, one) as ear:
            await source.read([two])
            await asyncio.to_thread(desk.produce, two.topic, 1)
            ear.watching.wanted.set(frozenset({one, two}))
            assert await ear.hears(within=1.0) == {two}


async def test_queries_of_one_topic_are_hinted_together_and_apart(kafka_server: Kafka) -> None:
    whole = await query(kafka_server, partitions=4)
    part = Lag(group=fresh("other"), topic=whole.topic, only=((2, 3),))
    with kafka_server.desk() as desk:
        async with opened(kafka_server.address) as source, watching(source, whole, part) as ear:
            await asyncio.to_thread(desk.produce, whole.topic, 1, partition=0)
            assert await ear.hears() == {whole}
            await asyncio.to_thread(desk.produce, whole.topic, 1, partition=3)
            assert await ear.hears() == {whole, part}


async def test_a_group_without_a_topic_is_told_of_all_its_topics(kafka_server: Kafka) -> None:
    one, two, group = await topic(kafka_server), await topic(kafka_server), fresh("group")
    asked = Lag(group=group)
    with kafka_server.desk() as desk:
        await asyncio.to_thread(desk.commit, group, {(one, 0): 0})
        async with opened(kafka_server.address) as source, watching(source, asked) as ear:
            await asyncio.to_thread(desk.commit, group, {(two, 0): 0})
            assert await lags(source, asked) == [0]
            await asyncio.sleep(0.6)  # until the second topic is watched too; what would tell is a hint
            await asyncio.to_thread(desk.produce, two, 1)
            assert await ear.hears(within=SOON) == {asked}


async def test_nothing_is_covered_that_was_never_read(kafka_server: Kafka) -> None:
    known, unknown = await query(kafka_server), await query(kafka_server)
    async with opened(kafka_server.address) as source, watching(source, known) as ear:
        ear.watching.wanted.set(frozenset({known, unknown, Lag(group=fresh("none"))}))
        assert await ear.quiet()
        assert ear.watching.covered == {known}
        await source.read([unknown])
        await ear.covers(known, unknown)


async def test_a_busy_log_is_not_streamed_to_us(hidden_kafka: Kafka, kafka_proxy: Proxy, kafka_tap: KafkaTap) -> None:
    """A topic that is written all the time while its trigger stays quiet costs some requests, and not its data."""
    asked = await query(hidden_kafka)

    def flood(desk: Desk, seconds: float) -> int:
        end, sent = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            desk.produce(asked.topic, 20, value=b"x" * 5_000)
            sent += 20 * 5_000
        return sent

    with hidden_kafka.desk() as desk:
        async with opened(kafka_proxy.address) as source, watching(source, asked) as ear:
            fetches, received = kafka_tap.requests[Api.FETCH], kafka_proxy.down.bytes
            sent = await asyncio.to_thread(flood, desk, 2.0)
            assert kafka_tap.requests[Api.FETCH] - fetches <= 2.0 / 0.05 + 10
            assert kafka_proxy.down.bytes - received < sent / 2
            assert not ear.hints.empty()


async def test_the_connections_of_a_watch_are_its_own_and_end_with_it(hidden_kafka: Kafka, kafka_proxy: Proxy) -> None:
    asked = await query(hidden_kafka)
    async with opened(kafka_proxy.address) as source:
        async with watching(source, asked):
            await source.read([asked])
            assert kafka_proxy.connections == 2
        await asyncio.to_thread(wait_until, lambda: kafka_proxy.connections == 1, within=2, what="the watch's end")


async def test_a_lost_broker_ends_the_watch_and_it_can_be_begun_again(hidden_kafka: Kafka, kafka_proxy: Proxy) -> None:
    asked = await query(hidden_kafka)
    with hidden_kafka.desk() as desk:
        async with opened(kafka_proxy.address) as source:
            async with watching(source, asked) as ear:
                await kafka_proxy.refuse()
                assert (await ear.ends()).cause is Cause.UNREACHABLE
            await kafka_proxy.heal()
            async with watching(source, asked) as ear:
                await asyncio.to_thread(desk.produce, asked.topic, 1)
                assert await ear.hears(within=SOON) == {asked}


async def test_a_thousand_partitions_are_covered_and_hinted_soon(kafka_server: Kafka) -> None:
    asked = await queries(kafka_server, 20, partitions=50)
    with kafka_server.desk() as desk:
        async with opened(kafka_server.address) as source, watching(source, *asked) as ear:
            delays = sorted([await _delay(desk, ear, source, asked[n % 20]) for n in range(40)])
    # A sanity check on a shared machine; the benchmarks have the numbers.
    assert delays[20] < 0.1, delays


async def _delay(desk: Desk, ear: Ear, source: KafkaSource, asked: Lag) -> float:
    """Produce a record, and tell after how many seconds its lag was read on the strength of a hint."""
    (before,) = await lags(source, asked)
    began = time.monotonic()
    producing = asyncio.create_task(asyncio.to_thread(desk.produce, asked.topic, 1))
    assert asked in await ear.hears()
    assert await lags(source, asked) != [before]
    delay = time.monotonic() - began
    await producing
    assert await ear.quiet(0.06)
    return delay
