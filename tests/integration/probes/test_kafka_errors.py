"""Kafka's error numbers on demand, from librdkafka's mock cluster: each is an outage of just what it is about."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from scaler.errors import Cause
from scaler.probes.kafka.lag import Lag
from scaler.probes.kafka.source import KafkaSource
from tests.integration.probes.kafka_world import MockReadable, arranged, lags, opened, until, watching
from tests.servers.mock_kafka import Api, MockKafka

pytestmark = pytest.mark.requires("mock-kafka")

ONE, TWO, THREE = (Lag(group=f"g{n}", topic=f"t{n}") for n in (1, 2, 3))


@pytest.fixture
async def source(mock_kafka: MockKafka) -> AsyncIterator[KafkaSource]:
    """Read a cluster where broker n leads topic tn and coordinates group gn, which has never committed: lag 1."""
    for n in (1, 2, 3):
        mock_kafka.create(f"t{n}")
        mock_kafka.move_leader(f"t{n}", 0, n)
        mock_kafka.move_coordinator(f"g{n}", n)
    async with opened(*mock_kafka.address.split(","), probe=MockReadable()) as source:
        assert await lags(source, ONE, TWO, THREE) == [1, 1, 1]
        yield source


@pytest.mark.parametrize(
    ("api", "code", "cause"),
    [
        pytest.param(Api.LIST_OFFSETS, 29, Cause.DENIED, id="offsets of a topic are forbidden"),
        pytest.param(Api.LIST_OFFSETS, 3, Cause.MISSING, id="a partition is unknown to its leader"),
        pytest.param(Api.LIST_OFFSETS, 56, Cause.LOADING, id="a leader's disk has failed"),
        pytest.param(Api.LIST_OFFSETS, 78, Cause.LOADING, id="a new leader does not know its end yet"),
        pytest.param(Api.LIST_OFFSETS, 42, Cause.INVALID, id="a request is not understood"),
        pytest.param(Api.OFFSET_FETCH, 30, Cause.DENIED, id="a group is forbidden"),
        pytest.param(Api.OFFSET_FETCH, 14, Cause.LOADING, id="a coordinator is loading"),
        pytest.param(Api.OFFSET_FETCH, 15, Cause.LOADING, id="there is no coordinator"),
        pytest.param(Api.OFFSET_FETCH, 24, Cause.INVALID, id="a group's name is not allowed"),
        pytest.param(Api.OFFSET_FETCH, -1, Cause.INVALID, id="a broker does not know what is wrong"),
    ],
)
async def test_an_error_is_an_outage_of_what_it_is_about(
    mock_kafka: MockKafka, source: KafkaSource, api: Api, code: int, cause: Cause
) -> None:
    mock_kafka.fail(api, *[code] * 4, broker=2)
    assert await lags(source, ONE, TWO, THREE) == [1, cause, 1]
    mock_kafka.forgive(api)
    await until(source, TWO, lambda answer: answer == 1)


@pytest.mark.parametrize(("code", "cause"), [(3, Cause.MISSING), (29, Cause.DENIED), (17, Cause.MISSING)])
async def test_a_topic_that_cannot_be_described_fails_alone(
    mock_kafka: MockKafka, source: KafkaSource, code: int, cause: Cause
) -> None:
    mock_kafka.create("t4")
    mock_kafka.fail_topic("t4", code)
    other = Lag(group="g1", topic="t4")
    assert await lags(source, ONE, other) == [1, cause]
    mock_kafka.fail_topic("t4", 0)
    assert await lags(source, ONE, other) == [1, 1]


@pytest.mark.parametrize(
    ("api", "code"),
    [
        pytest.param(Api.LIST_OFFSETS, 6, id="a leader has moved"),
        pytest.param(Api.LIST_OFFSETS, 74, id="a leader has an older epoch"),
        pytest.param(Api.OFFSET_FETCH, 16, id="a coordinator has moved"),
        pytest.param(Api.LIST_OFFSETS, -195, id="a leader hangs up"),
        pytest.param(Api.OFFSET_FETCH, -195, id="a coordinator hangs up"),
    ],
)
async def test_what_has_moved_is_found_in_the_same_read(
    mock_kafka: MockKafka, source: KafkaSource, api: Api, code: int
) -> None:
    mock_kafka.fail(api, code, broker=2)
    assert await lags(source, ONE, TWO, THREE) == [1, 1, 1]


async def test_moves_are_followed_without_an_outage(mock_kafka: MockKafka, source: KafkaSource) -> None:
    for n in (2, 3, 1):
        mock_kafka.move_leader("t1", 0, n)
        mock_kafka.move_coordinator("g1", n)
        assert await lags(source, ONE, TWO, THREE) == [1, 1, 1]


async def test_a_coordinator_that_moved_away_from_a_dead_broker_is_found(
    mock_kafka: MockKafka, source: KafkaSource
) -> None:
    """The library's own client asks the dead one for ever."""
    mock_kafka.down(1)
    mock_kafka.move_leader("t1", 0, 3)
    mock_kafka.move_coordinator("g1", 3)
    assert await lags(source, ONE, TWO, THREE) == [1, 1, 1]


async def test_a_partition_without_a_leader_is_an_outage(mock_kafka: MockKafka, source: KafkaSource) -> None:
    mock_kafka.move_leader("t2", 0, -1)
    assert await lags(source, ONE, TWO, THREE) == [1, Cause.LOADING, 1]
    mock_kafka.move_leader("t2", 0, 3)
    assert await lags(source, ONE, TWO, THREE) == [1, 1, 1]


async def test_the_beginning_of_a_log_is_not_worth_an_outage(mock_kafka: MockKafka, source: KafkaSource) -> None:
    query = Lag(group="g2", topic="t1", earliest=True)
    await arranged(mock_kafka, lambda desk: desk.produce("t1", 10))
    assert await lags(source, query) == [10]
    mock_kafka.fail(Api.LIST_OFFSETS, 0, 42, broker=1)
    assert await lags(source, query) == [10]


async def test_a_cluster_that_is_gone_is_an_outage_as_a_whole(mock_kafka: MockKafka, source: KafkaSource) -> None:
    mock_kafka.down()
    assert set(await lags(source, ONE, TWO, THREE)) <= {Cause.UNREACHABLE, Cause.TIMEOUT}
    mock_kafka.up()
    for query in (ONE, TWO, THREE):
        await until(source, query, lambda answer: answer == 1)


async def test_a_broker_that_does_not_answer_is_waited_for_once(mock_kafka: MockKafka, source: KafkaSource) -> None:
    mock_kafka.delay(3_600, broker=2)
    assert await lags(source, ONE, TWO, THREE) == [1, Cause.TIMEOUT, 1]
    began = time.monotonic()
    assert await lags(source, ONE, TWO, THREE) == [1, Cause.TIMEOUT, 1]
    assert time.monotonic() - began < 1.0
    mock_kafka.delay(0)
    await until(source, TWO, lambda answer: answer == 1)


async def test_a_slow_cluster_is_waited_for(mock_kafka: MockKafka, source: KafkaSource) -> None:
    mock_kafka.delay(0.4)
    assert await lags(source, ONE, TWO, THREE) == [1, 1, 1]


async def test_old_brokers_are_asked_group_by_group(mock_kafka: MockKafka, source: KafkaSource) -> None:
    """The mock speaks the protocol of Kafka 2.3, where a request asks for one group."""
    mock_kafka.create("many")
    queries = [Lag(group=f"many-{n}", topic="many") for n in range(80)]
    await source.read(queries)
    with mock_kafka.counting() as requests:
        assert await lags(source, *queries) == [1] * 80
    assert requests == {Api.OFFSET_FETCH: 80, Api.LIST_OFFSETS: 1}


async def test_old_brokers_push_too(mock_kafka: MockKafka, source: KafkaSource) -> None:
    with mock_kafka.desk() as desk:
        async with watching(source, ONE, TWO, THREE) as ear:
            await asyncio.to_thread(desk.produce, "t2", 1)
            assert await ear.hears() == {TWO}
            assert await ear.quiet()


async def test_a_partition_that_its_broker_disowns_is_uncovered_until_it_is_read(
    mock_kafka: MockKafka, source: KafkaSource
) -> None:
    with mock_kafka.desk() as desk:
        async with watching(source, ONE, TWO) as ear:
            mock_kafka.move_leader("t2", 0, 3)
            assert await ear.hears() == {TWO}
            await ear.covers(ONE)
            assert await lags(source, TWO) == [1]
            await ear.covers(ONE, TWO)
            while not ear.hints.empty():
                ear.hints.get_nowait()
            await asyncio.to_thread(desk.produce, "t2", 1)
            assert await ear.hears() == {TWO}


@pytest.mark.parametrize("code", [70, 71])
async def test_a_session_that_a_broker_has_dropped_is_opened_anew(
    mock_kafka: MockKafka, source: KafkaSource, code: int
) -> None:
    with mock_kafka.desk() as desk:
        async with watching(source, ONE, TWO) as ear:
            mock_kafka.fail(Api.FETCH, code, broker=2)
            await asyncio.to_thread(desk.produce, "t2", 1)
            assert await ear.hears() == {TWO}


async def test_a_fetch_that_is_refused_is_tried_again(mock_kafka: MockKafka, source: KafkaSource) -> None:
    async with watching(source, ONE, TWO) as ear:
        mock_kafka.fail(Api.FETCH, 31, broker=2)
        assert await ear.hears() == {TWO}
        await ear.covers(ONE)
        await ear.covers(ONE, TWO)


async def test_a_watch_whose_every_fetch_is_refused_ends(mock_kafka: MockKafka, source: KafkaSource) -> None:
    async with watching(source, ONE, TWO) as ear:
        for broker in (1, 2):
            mock_kafka.fail(Api.FETCH, *[31] * 20, broker=broker)
        assert (await ear.ends()).cause is Cause.DENIED


async def test_a_lost_broker_takes_only_its_own_partitions_out_of_the_watch(
    mock_kafka: MockKafka, source: KafkaSource
) -> None:
    """Where nobody else has a copy its partitions stay away for as long as it does."""
    with mock_kafka.desk() as desk:
        async with watching(source, ONE, TWO) as ear:
            mock_kafka.down(2)
            assert await ear.hears() == {TWO}
            await ear.covers(ONE)
            assert await ear.quiet(2.5)  # while it is asked again and again
            await asyncio.to_thread(desk.produce, "t1", 1)
            assert await ear.hears() == {ONE}
            mock_kafka.up(2)
            await ear.covers(ONE, TWO)
            await asyncio.to_thread(desk.produce, "t2", 1)
            assert await ear.hears() == {TWO}
