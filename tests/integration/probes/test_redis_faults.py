"""What the Redis probe makes of a server, or a network, that misbehaves: never a wrong number, never for long."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.tls import Tls
from scaler.probes.redis import Redis as Probe
from scaler.probes.redis.params import Key, Server
from tests.faults.pipe import NONE, Fault
from tests.faults.proxy import Proxy
from tests.integration.probes.redis_world import SURROUNDINGS, opened, sizes, tried
from tests.servers.redis import Redis

pytestmark = pytest.mark.requires("redis")

EXCHANGE = 60  # bytes: more than everything that a server says until a first size is read


async def test_a_killed_server_is_unreachable_at_once_and_read_again_when_it_is_back(redis_server: Redis) -> None:
    redis_server.cli("DEL", "f:kill")
    redis_server.cli("RPUSH", "f:kill", "a", "b")
    async with opened(redis_server.host, redis_server.port) as source:
        assert await sizes(source, "f:kill") == [2]
        redis_server.kill()
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(SourceUnavailable) as error:
                await sizes(source, "f:kill")
            assert error.value.cause is Cause.UNREACHABLE
        assert time.monotonic() - began < 0.5
        await asyncio.to_thread(redis_server.start)
        assert await sizes(source, "f:kill") == [2]


async def test_a_server_that_comes_back_empty_is_empty(redis_server: Redis) -> None:
    redis_server.cli("RPUSH", "f:lost", "a")
    async with opened(redis_server.host, redis_server.port) as source:
        assert await sizes(source, "f:lost") == [1]
        await asyncio.to_thread(redis_server.restart, fresh=True)
        assert await sizes(source, "f:lost") == [0]


async def test_a_restart_between_two_reads_is_no_outage(redis_server: Redis) -> None:
    redis_server.cli("DEL", "f:restart")
    redis_server.cli("RPUSH", "f:restart", "a")
    async with opened(redis_server.host, redis_server.port) as source:
        for _ in range(2):
            assert await sizes(source, "f:restart") == [1]
            await asyncio.to_thread(redis_server.restart)
        assert await sizes(source, "f:restart") == [1]


async def test_a_paused_server_times_out_and_what_it_says_late_is_not_believed(redis_server: Redis) -> None:
    redis_server.cli("DEL", "f:seven", "f:none")
    redis_server.cli("RPUSH", "f:seven", *"abcdefg")
    async with opened(redis_server.host, redis_server.port) as source:
        assert await sizes(source, "f:seven") == [7]
        redis_server.pause()
        began = time.monotonic()
        with pytest.raises(SourceUnavailable) as error:
            await sizes(source, "f:seven")
        assert (error.value.cause, time.monotonic() - began < 2.5) == (Cause.TIMEOUT, True)
        redis_server.resume()
        assert await sizes(source, "f:none") == [0]


async def test_a_read_that_is_given_up_leaves_nothing_for_the_next(redis_server: Redis) -> None:
    redis_server.cli("DEL", "f:three", "f:none")
    redis_server.cli("RPUSH", "f:three", *"abc")
    async with Proxy(redis_server.address) as proxy, opened(proxy.host, proxy.port) as source:
        for given_up_after in (0.0, 0.01, 0.02, 0.05):
            proxy.answers = Fault(latency=0.03)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(source.read([Key("f:three")] * 3), given_up_after / 10)
            proxy.answers = NONE
            assert await sizes(source, "f:none") == [0]


@pytest.mark.parametrize("reset", [pytest.param(False, id="closed"), pytest.param(True, id="reset")])
async def test_an_answer_cut_at_any_byte_is_no_number(redis_server: Redis, *, reset: bool) -> None:
    redis_server.cli("DEL", "f:hundred")
    redis_server.cli("RPUSH", "f:hundred", *map(str, range(112)))
    told: list[float | Cause] = []
    async with Proxy(redis_server.address) as proxy:
        for cut in range(EXCHANGE):
            proxy.answers = Fault(cut_after=cut, reset=reset)
            told.append(await tried(proxy.host, proxy.port, "f:hundred"))
    assert set(told) == {Cause.UNREACHABLE, 112}


async def test_an_answer_in_single_bytes_is_an_answer(redis_server: Redis) -> None:
    redis_server.cli("DEL", "f:bytes")
    redis_server.cli("RPUSH", "f:bytes", *map(str, range(112)))
    async with Proxy(redis_server.address) as proxy:
        proxy.answers = Fault(slice=1)
        async with opened(proxy.host, proxy.port) as source:
            assert await sizes(source, "f:bytes", "f:none") == [112, 0]


async def test_a_black_hole_is_noticed_in_time_and_leaves_nothing() -> None:
    async with Proxy("127.0.0.1:1") as proxy:
        proxy.silence()
        tasks = asyncio.all_tasks()
        began = time.monotonic()
        with pytest.raises(SourceUnavailable) as error:
            await Probe().open(Server(host=proxy.host, port=proxy.port), SURROUNDINGS)
        assert (error.value.cause, error.value.detail) == (Cause.TIMEOUT, "no answer in time")
        assert time.monotonic() - began < 2.5
        assert len(asyncio.all_tasks() - tasks) <= proxy.accepted * 4  # only the proxy's own


async def test_closing_during_a_black_hole_is_prompt(redis_server: Redis) -> None:
    async with Proxy(redis_server.address) as proxy:
        source = await Probe().open(Server(host=proxy.host, port=proxy.port), SURROUNDINGS)
        proxy.silence()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(source.read([Key("f:none")]), 0.1)
        await source.close()
        assert time.monotonic() - began < 0.3


@pytest.mark.parametrize(
    "spoken",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param(b"-MOVED nonsense\r\n", id="a redirection that is none"),
        pytest.param(b"*-7\r\n", id="an impossible length"),
        pytest.param(b"+OK\r\n+PONG\r\n+many\r\n", id="a word for a number"),
        pytest.param(b"+OK\r\n+PONG\r\n$3\r\n123\r\n", id="a text for a number"),
        pytest.param(b"+OK\r\n+PONG\r\n*1\r\n:5\r\n", id="a list for a number"),
        pytest.param(b"+OK\r\n+PONG\r\n_\r\n", id="nothing for a number"),
    ],
)
async def test_what_no_redis_says_is_no_number(spoken: bytes) -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(spoken)
        await writer.drain()
        await done.wait()
        writer.close()

    done = asyncio.Event()
    async with await asyncio.start_server(speak, "127.0.0.1", 0) as nonsense:
        host, port = nonsense.sockets[0].getsockname()
        assert await tried(host, port, "l") is Cause.INVALID
        done.set()


async def test_an_address_that_may_not_be_reached_is_not_dialled(redis_server: Redis) -> None:
    async with Proxy(redis_server.address) as proxy:
        with pytest.raises(SourceUnavailable) as error:
            await Probe().open(
                Server(host=proxy.host, port=proxy.port), replace(SURROUNDINGS, egress=Egress(loopback=False))
            )
        assert (error.value.cause, proxy.accepted) == (Cause.FORBIDDEN, 0)


async def test_a_name_without_address_is_unreachable() -> None:
    with pytest.raises(SourceUnavailable) as error:
        await Probe().open(Server(host="no-such-host.invalid", port=6379), SURROUNDINGS)
    assert error.value.cause is Cause.UNREACHABLE


async def test_answers_that_drip_are_bounded_together(redis_server: Redis) -> None:
    async with Proxy(redis_server.address) as proxy, opened(proxy.host, proxy.port) as source:
        proxy.answers = Fault(rate=100)  # bytes a second: each answer of 4 bytes is in time, all 500 are not
        began = time.monotonic()
        with pytest.raises(SourceUnavailable) as error:
            await source.read([Key(f"f:none:{number}") for number in range(500)])
        assert error.value.cause is Cause.TIMEOUT
        assert time.monotonic() - began < 2.5


async def test_a_peer_that_dies_within_tls_keeps_no_socket_open(tmp_path: Path) -> None:
    async with Redis(tmp_path, tls=True) as server, Proxy(f"{server.host}:{server.tls_port}") as proxy:
        login = Server(host=proxy.host, port=proxy.port, tls=Tls(verify=False))
        source = await Probe().open(login, SURROUNDINGS)
        assert _connected_to(proxy.port) == 1
        proxy.silence()
        with pytest.raises(SourceUnavailable):
            await source.read([Key("f:none")])
        await asyncio.sleep(0)  # the loop closes sockets in its next turn
        assert _connected_to(proxy.port) == 0
        await source.close()


def _connected_to(port: int) -> int:
    """Count the established connections to a loopback port, as Linux tells them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for row in rows if row[2].endswith(f":{port:04X}") and row[3] == "01")
