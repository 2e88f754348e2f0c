"""Checks of pods against real servers on loopback: each that is fit, and each way not to be."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import grpc
import pytest
from aiohttp import web
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from scaler.config.pools import CheckSection
from scaler.pool.checks import PATIENCE, Check, Unfit, checking
from scaler.rpc.fitness import ask_health

HERE = "127.0.0.1"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def check(**section: object) -> Check:
    return checking(CheckSection.model_validate(section), ask_health, loopback=True)


@asynccontextmanager
async def listening(handle: Handler) -> AsyncIterator[int]:
    """Listen for as long as the block lasts, and end with every connection closed."""
    handled: list[asyncio.Task[None] | None] = []

    async def handling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handled.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await handle(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(handling, HERE, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.sleep(0.05)  # a connection that was made may not be accepted yet
        server.close()
        await asyncio.sleep(0.05)
        await asyncio.wait_for(asyncio.gather(*[task for task in handled if task is not None]), 10)


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader, writer


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.read()  # until the other side has gone


def saying(data: bytes) -> Handler:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()

    return say


async def closed_port() -> int:
    async with listening(close) as port:
        return port


async def unfit(wanted: Check, address: str = HERE) -> str:
    began = time.monotonic()
    with pytest.raises(Unfit) as raised:
        await wanted(address)
    assert time.monotonic() - began < PATIENCE + 2
    return str(raised.value)


# -- tcp -------------------------------------------------------------------------------------------------------


async def test_a_port_that_accepts_is_enough() -> None:
    async with listening(hang) as port:
        await check(tcp=port)(HERE)


async def test_a_port_that_nobody_listens_on_is_unfit() -> None:
    assert "onnect" in await unfit(check(tcp=await closed_port()))


# -- http ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def pages() -> AsyncIterator[int]:
    async def page(request: web.Request) -> web.Response:
        status = int(request.match_info["status"])
        return web.Response(status=status, text=request.query_string, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_get("/status/{status}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, HERE, 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("status", [200, 204, 302, 399])
async def test_any_answer_below_400_is_a_good_one_and_no_redirect_is_followed(status: int) -> None:
    async with pages() as port:
        await check(http={"port": port, "path": f"/status/{status}?deep=1"})(HERE)


@pytest.mark.parametrize("status", [400, 404, 503])
async def test_any_other_answer_is_unfit(status: int) -> None:
    async with pages() as port:
        said = await unfit(check(http={"port": port, "path": f"/status/{status}"}))
        assert said == f"it answers HTTP {status}"


async def test_a_body_without_an_end_is_not_read() -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with listening(pour) as port:
        await check(http={"port": port})(HERE)


@pytest.mark.parametrize(
    "data", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, b"HTTP/1.1 999999 \r\n\r\n"]
)
async def test_what_does_not_speak_http_is_unfit(data: bytes) -> None:
    async with listening(saying(data)) as port:
        assert await unfit(check(http={"port": port}))


@pytest.mark.parametrize("kind", ["http", "grpc"])
async def test_a_server_that_never_answers_is_unfit_in_time(kind: str) -> None:
    async with listening(hang) as port:
        said = await unfit(check(**{kind: {"port": port} if kind == "http" else port}))
        assert said in {
            f"no answer within {PATIENCE:g} s",
            "gRPC health: DEADLINE_EXCEEDED",
            "gRPC health: UNAVAILABLE",
        }


# -- grpc ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def served(status: "health_pb2.HealthCheckResponse.ServingStatus | None") -> AsyncIterator[int]:
    server = grpc.aio.server()
    if status is not None:
        servicer = health.aio.HealthServicer()
        await servicer.set("", status)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"{HERE}:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


async def test_grpc_health_that_serves_is_fit() -> None:
    async with served(health_pb2.HealthCheckResponse.SERVING) as port:
        await check(grpc=port)(HERE)


async def test_grpc_health_that_does_not_serve_is_unfit() -> None:
    async with served(health_pb2.HealthCheckResponse.NOT_SERVING) as port:
        assert await unfit(check(grpc=port)) == "its gRPC health is not SERVING"


async def test_grpc_without_health_is_told_what_to_do() -> None:
    async with served(None) as port:
        assert "check it by tcp" in await unfit(check(grpc=port))


async def test_a_grpc_port_that_nobody_listens_on_is_unfit() -> None:
    assert await unfit(check(grpc=await closed_port())) == "gRPC health: UNAVAILABLE"


# -- where -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "0.0.0.0", "::ffff:127.0.0.1", "pod"],  # noqa: S104
)
async def test_an_address_that_is_no_pods_is_refused(address: str) -> None:
    async with listening(hang) as port:
        refusing = checking(CheckSection(tcp=port), ask_health)
        assert await unfit(refusing, address)


async def test_without_a_check_every_pod_is_fit() -> None:
    await checking(None, ask_health)("10.0.0.1")
