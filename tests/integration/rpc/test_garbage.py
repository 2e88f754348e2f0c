"""Whatever comes in on the port: nobody else notices, and memory stays bounded."""

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest

from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from tests.integration.rpc.frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    call,
    frame,
    hello,
)
from tests.integration.rpc.process import Scaler
from tests.integration.rpc.served import refused

REF = ScaledObjectRef(namespace="shop", name="orders", scalerMetadata={"kind": "memory", "key": "orders"})
MIB = 2**20


@pytest.fixture(scope="module")
def scaler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scaler]:
    with Scaler(tmp_path_factory.mktemp("scaler")) as running:
        yield running


@asynccontextmanager
async def unnoticed(scaler: Scaler, grown_by: int = 64 * MIB) -> AsyncIterator[Any]:
    """Let something be done to the server; meanwhile and afterwards others are served, and its memory is bounded."""
    async with grpc.aio.insecure_channel(scaler.address) as channel:
        stub = ExternalScalerStub(channel)
        await stub.IsActive(REF)
        before, took = scaler.memory(), list[float]()

        async def ask() -> None:
            while True:
                began = time.monotonic()
                await stub.IsActive(REF)
                took.append(time.monotonic() - began)
                await asyncio.sleep(0.01)

        asking = asyncio.ensure_future(ask())
        yield stub
        await asyncio.sleep(0.2)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        assert max(took) < 2.0
        assert scaler.memory() - before < grown_by
        assert "Traceback" not in scaler.said()


async def throw(scaler: Scaler, *pieces: bytes, read: bool = True) -> None:
    """Connect, send what is given, read what comes for a moment, and leave."""
    reader, writer = await asyncio.open_connection(scaler.host, scaler.port)
    with suppress(ConnectionError, TimeoutError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if read:
            async with asyncio.timeout(0.3):
                while await reader.read(65536):
                    pass
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_random_bytes(scaler: Scaler) -> None:
    chance = random.Random(1)
    async with unnoticed(scaler):
        for _ in range(10):
            blobs = [chance.randbytes(chance.randrange(1, 20_000)) for _ in range(20)]
            await asyncio.gather(*(throw(scaler, blob) for blob in blobs))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="a browser"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, id="TLS"),
        pytest.param(b"*1\r\n$4\r\nPING\r\n", id="Redis"),
        pytest.param(PREFACE, id="half a greeting"),
        pytest.param(PREFACE[:10], id="less than half a greeting"),
        pytest.param(hello() + frame(SETTINGS, 0, 0, b"\x00" * 5), id="settings of a wrong length"),
        pytest.param(hello() + frame(SETTINGS, 0, 0, b"\x00\x04\xff\xff\xff\xff"), id="a window without bound"),
        pytest.param(hello() + frame(DATA, 0, 1, b"x" * 100), id="data of no stream"),
        pytest.param(hello() + frame(HEADERS, END_HEADERS, 0, call("IsActive")), id="headers of no stream"),
        pytest.param(hello() + frame(HEADERS, END_HEADERS, 2, call("IsActive")), id="a stream of the other side"),
        pytest.param(hello() + frame(HEADERS, END_HEADERS, 1, b"\xff" * 500), id="headers that cannot be unpacked"),
        pytest.param(hello() + frame(WINDOW_UPDATE, 0, 0, b"\x00\x00\x00\x00"), id="a window that grows by nothing"),
        pytest.param(hello() + frame(GOAWAY, 0, 0, b"\x00" * 8) + b"x" * 100, id="words after goodbye"),
        pytest.param(hello() + b"\xff\xff\xff" + b"\x00" * 6, id="a frame of sixteen million bytes"),
        pytest.param(hello() + frame(99, 0, 0, b"x" * 1000) * 50, id="frames of no kind"),
        pytest.param(hello() + frame(PING, 0, 0, b"12345678") * 5000, id="a flood of pings"),
        pytest.param(hello() + frame(SETTINGS, 0, 0) * 5000, id="a flood of settings"),
    ],
)
async def test_what_is_no_call(scaler: Scaler, text: bytes) -> None:
    async with unnoticed(scaler):
        await asyncio.gather(*(throw(scaler, text) for _ in range(5)))


async def test_headers_without_end(scaler: Scaler) -> None:
    async with unnoticed(scaler):
        endless = [frame(CONTINUATION, 0, 1, b"\x00\x01a" + b"\x7f\x00" + b"b" * 127) * 100] * 200
        await throw(scaler, hello(), frame(HEADERS, 0, 1, call("IsActive")), *endless)


async def test_calls_that_are_reset_at_once(scaler: Scaler) -> None:
    # Each one that waits to be accepted takes some 8 KiB; how many may wait is bounded (rpc/server.py).
    async with unnoticed(scaler, grown_by=256 * MIB):
        for _ in range(5):
            burst = b"".join(
                frame(HEADERS, END_HEADERS, number, call("StreamIsActive"))
                + frame(RST_STREAM, 0, number, b"\x00\x00\x00\x08")
                for number in range(1, 8001, 2)
            )
            await throw(scaler, hello(), burst)


@pytest.mark.parametrize("size", [256 * 1024 + 1, 5 * MIB])
async def test_a_message_that_is_too_large_is_refused(scaler: Scaler, size: int) -> None:
    large = ScaledObjectRef(name="orders", scalerMetadata={"kind": "x" * size})
    async with unnoticed(scaler) as stub:
        for answer in (stub.IsActive(large), stub.GetMetrics(GetMetricsRequest(scaledObjectRef=large))):
            assert (await refused(answer))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xff" * 100, id="no field"),
        pytest.param(b"\x0a\xff\xff\xff\x7f", id="a text without end"),
        pytest.param(b"\x1a\x02\x0a\x05", id="half a map"),
        pytest.param(b"\x0a\x02\xff\xfe", id="no UTF-8"),
    ],
)
async def test_a_message_that_is_none_is_refused(scaler: Scaler, body: bytes) -> None:
    async with unnoticed(scaler), grpc.aio.insecure_channel(scaler.address) as channel:
        for method in ("IsActive", "GetMetrics", "GetMetricSpec"):
            asked: Any = channel.unary_unary(f"/externalscaler.ExternalScaler/{method}", request_serializer=bytes)
            code, _ = await refused(asked(body))
            assert code in {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT}


async def test_a_call_that_does_not_exist_is_refused(scaler: Scaler) -> None:
    async with unnoticed(scaler), grpc.aio.insecure_channel(scaler.address) as channel:
        asked: Any = channel.unary_unary("/externalscaler.ExternalScaler/Quux", request_serializer=bytes)
        assert (await refused(asked(b"")))[0] is grpc.StatusCode.UNIMPLEMENTED


async def test_a_client_that_opens_streams_and_never_reads(scaler: Scaler) -> None:
    opening = hello() + b"".join(
        frame(HEADERS, END_HEADERS, number, call("StreamMetricSpec"))
        + frame(
            DATA,
            END_STREAM,
            number,
            b"\x00" + len(REF.SerializeToString()).to_bytes(4, "big") + REF.SerializeToString(),
        )
        for number in range(1, 4001, 2)
    )
    async with unnoticed(scaler, grown_by=128 * MIB):
        held = []
        for _ in range(2):
            client = socket.create_connection((scaler.host, scaler.port))
            await asyncio.to_thread(client.sendall, opening)
            held.append(client)
        await asyncio.sleep(2)
        for client in held:
            client.close()
    async with unnoticed(scaler):
        pass


async def test_connections_that_say_nothing(scaler: Scaler) -> None:
    async with unnoticed(scaler):
        silent = [socket.create_connection((scaler.host, scaler.port)) for _ in range(500)]
        await asyncio.sleep(1)
        for client in silent:
            client.close()
