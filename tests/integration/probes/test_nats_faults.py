"""What the NATS probe makes of servers that die, hang, drip, lie and flood."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable
from scaler.probes.base import Amount, Source
from scaler.probes.nats_jetstream import NatsJetStream
from scaler.probes.nats_jetstream.records import Consumer
from scaler.testing import World, check_probe
from tests.faults.pipe import Fault
from tests.faults.proxy import Proxy
from tests.integration.probes.nats_world import Ear, connections, opened, place, read, tried, until, watching, worker
from tests.servers.nats import Nats

pytestmark = pytest.mark.requires("nats")

CONSUMER = Consumer("FAULTS", "A")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Nats]:
    """Start a server for one test."""
    with Nats(tmp_path) as server:
        yield server


async def work(server: Nats, messages: int = 3) -> None:
    """Have a consumer with so many messages to do, on disk."""
    async with await worker(server) as jet:
        await jet.stream("FAULTS", "A", storage="file")
        await jet.publish("FAULTS.x", messages)


async def failure(source: Source[Consumer], within: float) -> Cause:
    """Read what cannot be read, and tell why not."""
    began = time.monotonic()
    try:
        (found,) = (await source.read([CONSUMER])).values()
    except SourceUnavailable as error:
        found = error
    assert time.monotonic() - began < within
    assert isinstance(found, SourceUnavailable)
    return found.cause


@pytest.mark.parametrize("way", ["natsServerURL", "natsServerMonitoringEndpoint"])
async def test_keeps_the_contract(own: Nats, way: str) -> None:
    async with await worker(own) as jet:
        await jet.stream("CHECK", "A", storage="file")

    async def fill(count: int) -> None:
        async with await worker(own) as jet:
            await jet.publish("CHECK.x", count)

    async def drain() -> None:
        async with await worker(own) as jet:
            waiting = (await jet.api("CONSUMER.INFO.CHECK.A"))["num_pending"]
            if waiting:
                await jet.fetch("CHECK", "A", waiting, ack=True)

    async def cut() -> None:
        await asyncio.to_thread(own.stop)  # killed, JetStream would forget the last acknowledgements

    async def mend() -> None:
        await asyncio.to_thread(own.start)

    address = own.url if way == "natsServerURL" else own.monitoring
    metadata = {"kind": "nats-jetstream", way: address, "account": "$G", "stream": "CHECK", "consumer": "A"}
    await check_probe(NatsJetStream(), metadata, World(fill=fill, drain=drain, cut=cut, mend=mend))


async def test_the_first_reading_after_a_crash_is_right(own: Nats) -> None:
    await work(own)
    async with opened(place(own.address)) as source:
        assert await read(source, CONSUMER) == [3]
        own.kill()
        assert await failure(source, within=1.0) is Cause.UNREACHABLE
        await asyncio.to_thread(own.start)
        assert await read(source, CONSUMER) == [3]
        assert len(connections(own)) == 1


async def test_a_server_that_hangs_is_given_up_in_time_and_taken_back(own: Nats) -> None:
    await work(own)
    async with opened(place(own.address)) as source:
        assert await read(source, CONSUMER) == [3]
        own.pause()
        for _ in range(2):  # the second time it is dialled anew, and accepts without a word
            assert await failure(source, within=3.5) is Cause.TIMEOUT
        own.resume()
        assert await read(source, CONSUMER) == [3]


async def test_a_lost_connection_ends_what_waits_on_it_at_once(own: Nats) -> None:
    await work(own)
    async with Proxy(own.address) as proxy, opened(place(proxy.address)) as source:
        proxy.answers = Fault(silent=True)
        waiting = asyncio.create_task(failure(source, within=0.5))
        await until(lambda: proxy.up.bytes > 300)
        proxy.reset()
        assert await waiting is Cause.UNREACHABLE
        await proxy.heal()
        assert await read(source, CONSUMER) == [3]


async def test_a_watch_ends_with_its_connection(own: Nats) -> None:
    await work(own)
    async with Proxy(own.address) as proxy, opened(place(proxy.address)) as source:
        ear = Ear([CONSUMER])
        watch = asyncio.create_task(source.watch(ear.watching))
        await ear.covers(CONSUMER)
        proxy.reset()
        with pytest.raises(SourceUnavailable):
            async with asyncio.timeout(1.0):
                await watch
        async with watching(source, CONSUMER) as ear:
            await ear.covers(CONSUMER)


@pytest.mark.parametrize("reset", [pytest.param(False, id="politely"), pytest.param(True, id="by a reset")])
async def test_an_answer_that_breaks_off_anywhere_is_no_number(own: Nats, *, reset: bool) -> None:
    await work(own)
    async with Proxy(own.address) as proxy:
        assert await tried(place(proxy.address), CONSUMER) == Amount.of(3)
        whole = proxy.down.bytes
        for length in range(1, whole, 11):
            proxy.answers = Fault(cut_after=length, reset=reset)
            found = await tried(place(proxy.address), CONSUMER)
            assert isinstance(found, SourceUnavailable) or found == Amount.of(3)


async def test_a_drip_does_not_stretch_the_patience(own: Nats) -> None:
    await work(own)
    async with Proxy(own.address) as proxy, opened(place(proxy.address)) as source:
        proxy.answers = Fault(rate=100)
        assert await failure(source, within=3.0) is Cause.TIMEOUT
        await proxy.heal()
        assert await read(source, CONSUMER) == [3]


async def test_latency_is_borne(own: Nats) -> None:
    await work(own)
    async with Proxy(own.address) as proxy:
        proxy.answers = Fault(latency=0.2, jitter=0.1)
        assert await tried(place(proxy.address), CONSUMER) == Amount.of(3)


# -- servers that are none, or mean harm -----------------------------------------------------------------------------

Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def impostor(play: Play) -> AsyncIterator[str]:
    """Serve something that is not NATS; yields its address."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            await play(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writers.discard(writer)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await until(lambda: not writers)


def says(*lines: bytes, stay: bool = True) -> Play:
    """Send a line before everything the client sends, and then be silent, or hang up."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line in lines:
            writer.write(line)
            await writer.drain()
            await reader.read(4096)
        if stay:
            await reader.read()

    return play


INFO = b'INFO {"server_id":"x","version":"2.15.0","headers":true,"max_payload":1048576}\r\n'


@pytest.mark.parametrize(
    ("play", "cause"),
    [
        pytest.param(says(stay=False), Cause.UNREACHABLE, id="it hangs up"),
        pytest.param(says(), Cause.TIMEOUT, id="it says nothing"),
        pytest.param(says(b"HTTP/1.1 400 Bad Request\r\n"), Cause.UNREACHABLE, id="it speaks HTTP"),
        pytest.param(says(b"INFO {oops\r\n"), Cause.UNREACHABLE, id="its INFO is not JSON"),
        pytest.param(says(b"INFO 7\r\n"), Cause.INVALID, id="its INFO is not an object"),
        pytest.param(says(b"x" * 100_000), Cause.INVALID, id="its first line has no end"),
        pytest.param(says(INFO, b"HELLO\r\n"), Cause.INVALID, id="it does not know PING"),
        pytest.param(says(INFO, b"-ERR 'Authorization Violation'\r\n"), Cause.DENIED, id="it refuses us"),
        pytest.param(
            says(INFO, b"-ERR 'maximum connections exceeded'\r\n"), Cause.UNREACHABLE, id="it has too many clients"
        ),
        pytest.param(says(INFO, b"PONG\r\n"), Cause.TIMEOUT, id="it goes silent after the greeting"),
        pytest.param(says(INFO, b"PONG\r\n", b"INFO {oops\r\n"), Cause.TIMEOUT, id="it breaks the library's reading"),
    ],
)
async def test_what_does_not_speak_nats_is_said_to_be_so(
    play: Play, cause: Cause, capfd: pytest.CaptureFixture[str]
) -> None:
    tasks = asyncio.all_tasks()
    async with impostor(play) as address:
        began = time.monotonic()
        found = await tried(place(address), CONSUMER)
        assert time.monotonic() - began < 3.0
        assert isinstance(found, SourceUnavailable)
        assert found.cause is cause
    await until(lambda: asyncio.all_tasks() == tasks)
    assert capfd.readouterr() == ("", "")


async def test_no_other_server_is_dialled_that_a_server_tells_of() -> None:
    dialled = asyncio.Event()

    async def trap(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        dialled.set()

    async with impostor(trap) as elsewhere:
        told = json.dumps({"headers": True, "max_payload": 1024, "connect_urls": [elsewhere]})
        async with impostor(says(f"INFO {told}\r\n".encode(), stay=False)) as address:
            for _ in range(3):
                assert isinstance(await tried(place(address), CONSUMER), SourceUnavailable)
    assert not dialled.is_set()


async def test_no_word_of_ours_goes_out_in_plain_text_if_tls_was_asked_for() -> None:
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        heard.extend(await reader.read())

    async with impostor(listen) as address:
        found = await tried(place(address, secure=True, username="ada", password=SecretStr("hush")), CONSUMER)
    assert isinstance(found, SourceUnavailable)
    assert (found.cause, bytes(heard)) == (Cause.DENIED, b"")


async def test_a_round_trip_comes_after_what_was_sent_before_it() -> None:
    """The library's own ping may overtake a subscription; then a refusal would be heard too late."""
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        for _ in range(2):
            heard.extend(await reader.readuntil(b"PING\r\n"))
            writer.write(b"PONG\r\n")

    for _ in range(20):
        heard.clear()
        async with impostor(listen) as address:
            await tried(place(address), CONSUMER)
        assert heard.index(b"SUB _INBOX") < heard.rindex(b"PING\r\n")


async def test_a_message_without_end_is_not_kept() -> None:
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(INFO)
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\nMSG x 1 99999999999\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with impostor(pour) as address:
        found = await tried(place(address), CONSUMER)
        assert isinstance(found, SourceUnavailable)
    assert sent < 80 * 1024 * 1024


async def test_the_librarys_tracebacks_are_not_printed(own: Nats, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with opened(place(own.address)) as source:
        own.kill()
        await failure(source, within=2.0)
    assert not [record for record in caplog.records if record.name.startswith("nats")]
