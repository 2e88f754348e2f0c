"""Whether DNS caches, found out of a real CoreDNS as clusters configure it, and of servers that misbehave."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scaler.pool.dns import UNKNOWN, Caching, find_caching
from tests.cluster.coredns import CoreDns
from tests.servers.process import HOST

SERVED = {"kubernetes.default.svc": ["10.96.0.1"], "greeter.functions.svc": [f"10.0.0.{number}" for number in range(9)]}
ALL = ["disable success cluster.local", "disable denial cluster.local"]


# -- CoreDNS ---------------------------------------------------------------------------------------------------


@pytest.mark.requires("coredns")
@pytest.mark.parametrize(
    ("cache", "positive", "negative", "bound"),
    [
        pytest.param([], True, True, 30.0, id="as most clusters have it"),
        pytest.param(None, False, False, 0.0, id="without the plugin"),
        pytest.param(ALL, False, False, 0.0, id="as kubeadm has it since 1.32"),
        pytest.param(ALL[:1], False, True, 30.0, id="names that are not there only"),
        pytest.param(["success 1000 9", "denial 1000 4"], True, True, 9.0, id="for a shorter time"),
    ],
)
async def test_what_coredns_caches_is_found_out(
    tmp_path: Path, cache: list[str] | None, positive: bool, negative: bool, bound: float
) -> None:
    server = CoreDns(tmp_path / "dns", SERVED, cache=cache)
    await asyncio.to_thread(server.start)
    try:
        began = time.monotonic()
        found = await find_caching("greeter.functions", resolv=server.resolv, port=server.port)
        took = time.monotonic() - began
    finally:
        await asyncio.to_thread(server.stop)
    assert (found.positive, found.negative, found.bound) == (positive, negative, bound), found
    assert ("disable success cluster.local" in found.fix) is (bound > 0)
    assert took < 5


@pytest.mark.requires("coredns")
async def test_a_zone_of_another_name_is_found_in_the_search_list(tmp_path: Path) -> None:
    server = CoreDns(tmp_path / "dns", SERVED, cache=[], zone="example.internal")
    await asyncio.to_thread(server.start)
    try:
        found = await find_caching(resolv=server.resolv, port=server.port)
    finally:
        await asyncio.to_thread(server.stop)
    assert (found.positive, found.negative) == (True, True)
    assert "disable denial example.internal" in found.fix


@pytest.mark.requires("coredns")
async def test_any_service_may_be_asked_for_by_a_short_or_a_full_name(tmp_path: Path) -> None:
    server = CoreDns(tmp_path / "dns", SERVED, cache=[])
    await asyncio.to_thread(server.start)
    try:
        asking = [
            find_caching(name, resolv=server.resolv, port=server.port)
            for name in ("kubernetes.default", "greeter.functions.svc.cluster.local.")
        ]
        found = await asyncio.gather(*asking)
    finally:
        await asyncio.to_thread(server.stop)
    assert [(each.positive, each.negative) for each in found] == [(True, True)] * 2


@pytest.mark.requires("coredns")
async def test_a_service_without_addresses_tells_of_absence_only(tmp_path: Path) -> None:
    server = CoreDns(tmp_path / "dns", SERVED, cache=[])
    await asyncio.to_thread(server.start)
    try:
        found = await find_caching("asleep.functions", resolv=server.resolv, port=server.port)
    finally:
        await asyncio.to_thread(server.stop)
    assert (found.positive, found.negative, found.bound) == (None, True, 30.0)


# -- servers that misbehave ------------------------------------------------------------------------------------


class Scripted(asyncio.DatagramProtocol):
    """Answers each question as a function of it says, or not at all."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self.answer = answer
        self.asked = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if (said := self.answer(data)) is not None:
            self.transport.sendto(said, addr)


@asynccontextmanager
async def answering(answer: Callable[[bytes], bytes | None]) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Scripted(answer), local_addr=(HOST, 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


@pytest.fixture
def resolv(tmp_path: Path) -> Path:
    file = tmp_path / "resolv.conf"
    file.write_text(f"nameserver {HOST}\n")
    return file


def unknown(found: Caching) -> bool:
    return (found.positive, found.negative, found.bound) == (None, None, UNKNOWN)


def addressed(query: bytes, ttl: int = 5) -> bytes:
    """Answer with one address."""
    head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
    return head + query[12:] + struct.pack("!HHHIH4s", 0xC00C, 1, 1, ttl, 4, b"\x0a\0\0\1")


def _other_number(query: bytes) -> bytes:
    return bytes([query[0] ^ 1]) + addressed(query)[1:]


def _question(query: bytes) -> bytes:
    return query


def _refused(query: bytes) -> bytes:
    return query[:2] + b"\x81\x85" + query[4:]


def _cut(query: bytes) -> bytes:
    return addressed(query)[:-7]


def _endless_name(query: bytes) -> bytes:
    return addressed(query)[:12] + b"\x3f" * 400


def _noise(query: bytes) -> bytes:
    return query[:2] + b"\xff" * 510


def _silence(query: bytes) -> None:
    del query


@pytest.mark.parametrize("answer", [_silence, _other_number, _question, _refused, _cut, _endless_name, _noise])
async def test_what_is_no_answer_leaves_it_unknown(resolv: Path, answer: Callable[[bytes], bytes | None]) -> None:
    async with answering(answer) as port:
        began = time.monotonic()
        found = await find_caching(resolv=resolv, port=port, apart=0.01)
        assert time.monotonic() - began < 4
    assert unknown(found)
    assert "did not answer" in found.why
    assert found.fix


async def test_a_lost_answer_is_asked_for_again(resolv: Path) -> None:
    lost: set[bytes] = set()

    def forgetful(query: bytes) -> bytes | None:
        if len(lost) < 3:
            lost.add(query)
            return None
        return addressed(query)

    async with answering(forgetful) as port:
        found = await find_caching(resolv=resolv, port=port, apart=0.01)
    assert found.positive is False


async def test_a_cache_behind_one_of_several_replicas_is_enough(resolv: Path) -> None:
    asked = 0

    def replicas(query: bytes) -> bytes:
        nonlocal asked
        asked += b"kubernetes" in query
        return addressed(query, ttl=30 if asked < 6 else 28)

    async with answering(replicas) as port:
        found = await find_caching(resolv=resolv, port=port, apart=0.05)
    assert (found.positive, found.bound) == (True, 30.0)


@pytest.mark.parametrize("text", ["", "search a.b\n", "nameserver nowhere\n", "nameserver\n"])
async def test_a_file_that_names_no_server_leaves_it_unknown(tmp_path: Path, text: str) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text)
    assert unknown(await find_caching(resolv=file, port=1, apart=0.01))


async def test_no_file_and_no_name_leave_it_unknown(tmp_path: Path, resolv: Path) -> None:
    assert unknown(await find_caching(resolv=tmp_path / "none"))
    assert unknown(await find_caching("." * 9, resolv=resolv, port=1, apart=0.01))


async def test_nobody_there_leaves_it_unknown(resolv: Path) -> None:
    async with answering(_silence) as port:
        pass
    assert unknown(await find_caching(resolv=resolv, port=port, apart=0.01))
