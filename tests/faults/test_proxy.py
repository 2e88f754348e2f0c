import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

import pytest

from tests.faults.pipe import NONE, Fault
from tests.faults.proxy import Proxy
from tests.servers.ports import free_port

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[], Awaitable[Streams]]


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with Proxy(f"{host}:{port}", seed=1) as proxy:
        yield proxy
    server.close()


@pytest.fixture
async def dial(proxy: Proxy) -> AsyncIterator[Dial]:
    opened: list[asyncio.StreamWriter] = []

    async def dialled() -> Streams:
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
        opened.append(writer)
        return reader, writer

    yield dialled
    for writer in opened:
        writer.transport.abort()


async def _ask(streams: Streams, said: bytes, within: float = 2.0) -> bytes:
    reader, writer = streams
    writer.write(said)
    async with asyncio.timeout(within):
        return await reader.readexactly(len(said))


async def test_without_a_fault_everything_comes_through_and_is_counted(proxy: Proxy, dial: Dial) -> None:
    said = bytes(range(256)) * 4096
    assert await _ask(await dial(), said) == said
    assert (proxy.accepted, proxy.connections, proxy.up.bytes, proxy.down.bytes) == (1, 1, len(said), len(said))


async def test_the_end_of_a_stream_comes_through_after_the_last_byte(dial: Dial) -> None:
    reader, writer = await dial()
    writer.write(b"last words")
    writer.write_eof()
    assert await reader.read(-1) == b"last words"


async def test_latency_delays_each_answer(proxy: Proxy, dial: Dial) -> None:
    proxy.answers = Fault(latency=0.1, jitter=0.02)
    streams = await dial()
    started = monotonic()
    await _ask(streams, b"a")
    assert 0.08 <= monotonic() - started < 1.0


async def test_latency_keeps_the_order(proxy: Proxy, dial: Dial) -> None:
    proxy.requests = Fault(latency=0.02, jitter=0.02, slice=3)
    said = bytes(range(256))
    assert await _ask(await dial(), said) == said


async def test_a_black_hole_accepts_and_says_nothing_until_it_is_healed(proxy: Proxy, dial: Dial) -> None:
    before = await dial()
    await _ask(before, b"a")
    proxy.silence()
    with pytest.raises(TimeoutError):
        await _ask(before, b"b", within=0.1)
    during = await dial()
    with pytest.raises(TimeoutError):
        await _ask(during, b"c", within=0.1)
    await proxy.heal()
    assert await asyncio.wait_for(before[0].readexactly(1), 2) == b"b"
    assert await asyncio.wait_for(during[0].readexactly(1), 2) == b"c"


async def test_only_the_answers_may_be_lost(proxy: Proxy, dial: Dial) -> None:
    proxy.answers = Fault(silent=True)
    with pytest.raises(TimeoutError):
        await _ask(await dial(), b"abc", within=0.1)
    assert proxy.up.bytes == 3


async def test_refusing_resets_open_connections_and_takes_no_new_ones(proxy: Proxy, dial: Dial) -> None:
    streams = await dial()
    await _ask(streams, b"a")
    await proxy.refuse()
    with pytest.raises(ConnectionError):
        await _ask(streams, b"b")
    with pytest.raises(ConnectionRefusedError):
        await dial()
    await proxy.heal()
    assert await _ask(await dial(), b"c") == b"c"


async def test_a_reset_spares_new_connections(proxy: Proxy, dial: Dial) -> None:
    streams = await dial()
    await _ask(streams, b"a")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await _ask(streams, b"b")
    assert await _ask(await dial(), b"c") == b"c"


async def test_a_dead_server_is_a_reset() -> None:
    async with Proxy(f"127.0.0.1:{free_port()}") as nowhere:
        reader, writer = await asyncio.open_connection(nowhere.host, nowhere.port)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()


@pytest.mark.parametrize(
    ("reset", "end"),
    [
        pytest.param(False, asyncio.IncompleteReadError, id="closed"),
        pytest.param(True, ConnectionResetError, id="reset"),
    ],
)
async def test_an_answer_is_cut_in_the_middle(proxy: Proxy, dial: Dial, reset: bool, end: type[Exception]) -> None:
    streams = await dial()
    await _ask(streams, b"whole")
    proxy.answers = Fault(cut_after=3, reset=reset)
    with pytest.raises(end):
        await _ask(streams, b"halved")
    proxy.answers = NONE
    assert await _ask(await dial(), b"whole") == b"whole"


async def test_a_slow_line_takes_its_time(proxy: Proxy, dial: Dial) -> None:
    proxy.answers = Fault(rate=10_000)
    started = monotonic()
    await _ask(await dial(), bytes(2_000))
    assert 0.15 <= monotonic() - started < 1.5


async def test_slices_arrive_one_by_one(proxy: Proxy, dial: Dial) -> None:
    proxy.answers = Fault(slice=2)
    reader, writer = await dial()
    writer.write(b"abcdef")
    assert [await reader.read(100) for _ in range(3)] == [b"ab", b"cd", b"ef"]


async def test_the_same_seed_gives_the_same_jitter() -> None:
    proxies = [Proxy("127.0.0.1:1", seed=seed) for seed in (7, 7, 8)]
    for proxy in proxies:
        proxy.answers = Fault(latency=1.0, jitter=1.0)
    late = [[proxy.down.lateness() for _ in range(5)] for proxy in proxies]
    assert late[0] == late[1] != late[2]
