"""The whole service on loopback over fake sources, and KEDA's side of the wire."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Generic, TypeVar

import aiohttp
import grpc
from google.protobuf.message import Message

from scaler.decisions import Decisions
from scaler.probes.base import Amount, Pace
from scaler.probes.memory import Memory
from scaler.probes.registry import Catalogue
from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, MetricSpec, MetricValue, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from scaler.rpc.server import Listen
from scaler.rpc.tls import ServerTls
from scaler.service import Settings, running
from scaler.testing.fakes import FakeProbe, FakeWorld

PATIENCE = 20.0  # s: what a busy machine may take before a test gives up
M = TypeVar("M", bound=Message)


class Served:
    """A running service, a channel to it as KEDA has one, and the fake kind that it reads."""

    def __init__(self, port: int, http_port: int, decisions: Decisions, probe: FakeProbe, channel: Any) -> None:
        self.port = port
        self.http_port = http_port
        self.decisions = decisions
        self.probe = probe
        self.stub = ExternalScalerStub(channel)
        self.channel = channel

    @property
    def world(self) -> FakeWorld:
        """The source of triggers that name no other place."""
        return self.probe.world

    def put(self, value: float, key: str = "jobs") -> None:
        """Change a number of the source; it hints."""
        self.world.put(key, value)

    async def active(self, ref: ScaledObjectRef) -> bool:
        return bool((await self.stub.IsActive(ref)).result)

    async def metric(self, ref: ScaledObjectRef) -> MetricValue:
        """Ask for the metric; there is exactly one value."""
        (value,) = (await self.stub.GetMetrics(GetMetricsRequest(scaledObjectRef=ref, metricName="m"))).metricValues
        return value

    async def spec(self, ref: ScaledObjectRef) -> MetricSpec:
        (spec,) = (await self.stub.GetMetricSpec(ref)).metricSpecs
        return spec

    async def get(self, path: str) -> tuple[int, str]:
        """Read a page of the HTTP port: its status and its text."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.http_port}{path}") as page:
            return page.status, await page.text()

    async def status(self, name: str = "orders") -> dict[str, Any]:
        """Tell what ``/status`` says of a trigger."""
        _, text = await self.get("/status")
        (told,) = [each for each in json.loads(text)["triggers"] if each["name"] == name]
        return dict(told)


@asynccontextmanager
async def serving(
    *, pace: Pace | None = None, tls: ServerTls | None = None, linger: float = 0.05
) -> AsyncIterator[Served]:
    """Run the service with the kinds ``fake`` and ``memory``; what it watches holds 7 jobs."""
    probe = FakeProbe(pace or Pace(timeout=1.0))
    probe.world.numbers["jobs"] = Amount.of(7)
    catalogue = Catalogue(kinds={"fake": probe, "memory": Memory()})
    listen = Listen(address="127.0.0.1:0", tls=tls, linger=linger)
    settings = Settings(listen=listen, http="127.0.0.1:0", dev=True)
    async with (
        running(settings, catalogue) as service,
        grpc.aio.insecure_channel(f"127.0.0.1:{service.port}") as channel,
    ):
        yield Served(service.port, service.http_port, service.decisions, probe, channel)


def ref(name: str = "orders", **metadata: str) -> ScaledObjectRef:
    """Write a reference as KEDA does."""
    said = {"kind": "fake", "key": "jobs", "interval": "100ms", "scalerAddress": "warmscaler:6000"}
    return ScaledObjectRef(namespace="shop", name=name, scalerMetadata={**said, **metadata})


class Listener(Generic[M]):
    """Reads a stream until it ends and keeps what came when; ``code`` is its status then."""

    def __init__(self, call: Any) -> None:
        self.came: list[tuple[float, M]] = []
        self.code: grpc.StatusCode | None = None
        self._call = call
        self._news = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())

    async def until(self, what: Callable[["Listener[M]"], bool], within: float = PATIENCE) -> None:
        """Wait until ``what`` holds."""
        async with asyncio.timeout(within):
            while not what(self):
                self._news.clear()
                await self._news.wait()

    async def messages(self, count: int, within: float = PATIENCE) -> list[M]:
        """Wait for so many messages and return all that came."""
        await self.until(lambda self: len(self.came) >= count, within)
        return [message for _, message in self.came]

    async def ended(self, within: float = PATIENCE) -> grpc.StatusCode:
        """Wait for the end and return how it was."""
        await self.until(lambda self: self.code is not None, within)
        assert self.code is not None
        return self.code

    async def cancel(self) -> None:
        """Leave, as a client does."""
        self._call.cancel()
        await asyncio.wait([self._reading])

    async def _read(self) -> None:
        with suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
            async for message in self._call:
                self.came.append((time.monotonic(), message))
                self._news.set()
        self.code = await self._call.code()
        self._news.set()


@asynccontextmanager
async def listening(call: Any) -> AsyncIterator[Listener[Any]]:
    """Listen to a stream for as long as the block lasts."""
    listener: Listener[Any] = Listener(call)
    try:
        yield listener
    finally:
        await listener.cancel()


async def until(fact: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
    """Wait until ``fact`` holds, asked every few milliseconds."""
    deadline = time.monotonic() + within
    while not fact():
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within:g} s: {what}")
        await asyncio.sleep(0.005)


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    """Await a call that must fail, and tell how: its code and its message."""
    try:
        answer = await (call if isinstance(call, grpc.aio.UnaryUnaryCall) else call.read())
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    raise AssertionError(f"answered {answer}")
