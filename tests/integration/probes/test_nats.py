"""What the NATS probe reads from a real JetStream through its API, and what it says when it cannot."""

import asyncio
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.probes.base import Amount, Surroundings
from scaler.probes.nats_jetstream import NatsJetStream
from scaler.probes.nats_jetstream.records import Consumer
from tests.integration.probes.nats_world import (
    SURROUNDINGS,
    NoJetStream,
    api_requests,
    connections,
    opened,
    place,
    read,
    tried,
    until,
    worker,
)
from tests.servers.nats import Nats

pytestmark = pytest.mark.requires("nats")


async def test_what_waits_and_what_is_not_acknowledged_counts(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        await jet.stream("COUNT", "A", "B")
        a, b = Consumer("COUNT", "A"), Consumer("COUNT", "B")
        assert await read(source, a, b) == [0, 0]
        await jet.publish("COUNT.x", 10)
        assert await read(source, a, b) == [10, 10]
        await jet.fetch("COUNT", "A", 3, ack=False)
        assert await read(source, a, b) == [10, 10]
        await jet.fetch("COUNT", "B", 4, ack=True)
        assert await read(source, a, b) == [10, 6]
        await jet.api("STREAM.PURGE.COUNT")
        assert await read(source, b) == [0]


async def test_what_is_missing_is_an_error_and_spoils_no_other(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        await jet.stream("HERE", "A")
        await jet.publish("HERE.x", 9999)
        here, no_consumer, no_stream = Consumer("HERE", "A"), Consumer("HERE", "NO"), Consumer("NOWHERE", "A")
        assert await read(source, here, no_consumer, no_stream) == [9999, Cause.MISSING, Cause.MISSING]
        await jet.api("CONSUMER.DELETE.HERE.A")
        assert await read(source, here) == [Cause.MISSING]
        await jet.consumer("HERE", "A")
        assert await read(source, here) == [9999]
        await jet.api("STREAM.DELETE.HERE")
        assert await read(source, here) == [Cause.MISSING]


async def test_many_consumers_are_read_by_the_page(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        names = [f"C{number}" for number in range(600)]
        await jet.stream("MANY", *names)
        await jet.publish("MANY.x", 2)
        before = api_requests(nats_server)
        assert set(await read(source, *(Consumer("MANY", name) for name in names))) == {2}
        assert api_requests(nats_server) - before == 3
        before = api_requests(nats_server)
        assert await read(source, *(Consumer("MANY", f"C{number}") for number in range(9))) == [2] * 9
        assert api_requests(nats_server) - before == 9


async def test_few_of_very_many_consumers_are_read_one_by_one(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        await jet.stream("SPARSE", *(f"C{number}" for number in range(100)))
        wanted = [Consumer("SPARSE", f"C{number}") for number in range(12)]
        await read(source, *wanted)  # here it is found out
        before = api_requests(nats_server)
        assert await read(source, *wanted) == [0] * 12
        assert api_requests(nats_server) - before == 12


async def test_a_thousand_consumers_of_many_streams_take_one_connection(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        wanted = [Consumer(f"W{number}", "C") for number in range(500)]
        for each in wanted:
            await jet.stream(each.stream, each.name)
        began = time.monotonic()
        assert await read(source, *wanted) == [0] * 500
        assert time.monotonic() - began < 1.0
        assert len(connections(nats_server)) == 1


async def test_reading_changes_nothing(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        await jet.stream("SAME", "A")
        await jet.publish("SAME.x", 3)
        before = await jet.api("CONSUMER.INFO.SAME.A"), (await jet.api("STREAM.INFO.SAME"))["state"]
        await read(source, Consumer("SAME", "A"))
        after = await jet.api("CONSUMER.INFO.SAME.A"), (await jet.api("STREAM.INFO.SAME"))["state"]
        for facts in (before[0], after[0]):
            facts.pop("ts")
        assert before == after


async def test_closing_leaves_nothing_behind(nats_server: Nats) -> None:
    tasks = asyncio.all_tasks()
    async with opened(place(nats_server.address)) as source:
        assert len(connections(nats_server)) == 1
        await read(source, Consumer("NO", "NO"))
    await until(lambda: not connections(nats_server))
    await until(lambda: asyncio.all_tasks() == tasks)


async def test_any_of_several_servers_will_do(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet:
        await jet.stream("ANY", "A")
    for _ in range(8):  # the order is one of chance
        assert await tried(place("127.0.0.1:9", nats_server.address), Consumer("ANY", "A")) == Amount.of(0)


async def test_a_domain_of_its_own(tmp_path: Path) -> None:
    async with Nats(tmp_path, config="jetstream { domain: hub }") as server, await worker(server) as jet:
        await jet.stream("D", "A")
        assert await tried(place(server.address, api="$JS.hub.API"), Consumer("D", "A")) == Amount.of(0)
        assert await failure(place(server.address, api="$JS.other.API"), Consumer("D", "A")) is Cause.UNREACHABLE


# -- what is said when it cannot be read -----------------------------------------------------------------------------


async def failure(source: object, query: Consumer, surroundings: Surroundings = SURROUNDINGS) -> Cause:
    found = await tried(source, query, surroundings)  # type: ignore[arg-type]
    assert isinstance(found, SourceUnavailable)
    return found.cause


async def test_nobody_there_is_unreachable() -> None:
    assert await failure(place("127.0.0.1:9"), Consumer("S", "C")) is Cause.UNREACHABLE


async def test_no_name_is_unreachable() -> None:
    assert await failure(place("no-such-host.invalid:4222"), Consumer("S", "C")) is Cause.UNREACHABLE


async def test_where_egress_forbids_it_nothing_is_dialled(nats_server: Nats) -> None:
    before = nats_server.get("/varz")[1]["total_connections"]
    closed = Surroundings(clock=SURROUNDINGS.clock, egress=Egress())
    assert await failure(place(nats_server.address), Consumer("S", "C"), closed) is Cause.FORBIDDEN
    assert nats_server.get("/varz")[1]["total_connections"] == before


async def test_a_server_without_jetstream_is_told_from_an_empty_stream(tmp_path: Path) -> None:
    async with NoJetStream(tmp_path) as server:
        found = await tried(place(server.address), Consumer("S", "C"))
        assert isinstance(found, SourceUnavailable)
        assert (found.cause, "JetStream" in found.detail) == (Cause.UNREACHABLE, True)


ACCOUNTS = """
accounts {
  WITH { jetstream: enabled, users: [
    { user: ada, password: secret },
    { user: blind, password: secret, permissions: { publish: { deny: "$JS.API.CONSUMER.>" } } },
    { user: deaf, password: secret, permissions: { subscribe: { deny: "_INBOX.>" } } },
  ] }
  WITHOUT { users: [ { user: bob, password: secret } ] }
}
"""


async def test_logins_accounts_and_permissions(tmp_path: Path) -> None:
    async with Nats(tmp_path, config=ACCOUNTS) as server:
        async with await worker(server, user="ada", password="secret") as jet:
            await jet.stream("S", "C")
        query = Consumer("S", "C")

        async def seen(user: str, password: str) -> object:
            found = await tried(place(server.address, username=user, password=SecretStr(password)), query)
            return found.value if isinstance(found, Amount) else found.cause

        assert await seen("ada", "secret") == 0
        assert await seen("ada", "wrong") is Cause.DENIED
        assert await seen("bob", "secret") is Cause.DENIED
        began = time.monotonic()
        assert await seen("blind", "secret") is Cause.DENIED
        assert await seen("deaf", "secret") is Cause.DENIED
        assert time.monotonic() - began < 1.0
        assert await failure(place(server.address), query) is Cause.DENIED
        assert not connections(server)


async def test_a_wrong_password_is_said_without_the_password(tmp_path: Path) -> None:
    async with Nats(tmp_path, user="ada", password="secret") as server:
        with pytest.raises(SourceUnavailable, match="Authorization Violation") as error:
            await NatsJetStream().open(place(server.address, username="ada", password=SecretStr("hush")), SURROUNDINGS)
        assert "hush" not in str(error.value)


async def test_a_token(tmp_path: Path) -> None:
    async with Nats(tmp_path, token="tk") as server:
        assert await failure(place(server.address, token=SecretStr("no")), Consumer("S", "C")) is Cause.DENIED
        assert await failure(place(server.address, token=SecretStr("tk")), Consumer("S", "C")) is Cause.MISSING
