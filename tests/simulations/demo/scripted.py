"""An external scaler that does what it is told, and remembers what it was asked and when."""
# ruff: noqa: N802, ARG002 - gRPC names the methods and their arguments

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from scaler.rpc.pb.externalscaler_pb2 import (
    GetMetricSpecResponse,
    GetMetricsResponse,
    IsActiveResponse,
    MetricSpec,
    MetricValue,
)
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerServicer, add_ExternalScalerServicer_to_server

PATIENCE: Final = 20.0  # s of the wall
UNAVAILABLE: Final = grpc.StatusCode.UNAVAILABLE
UNIMPLEMENTED: Final = grpc.StatusCode.UNIMPLEMENTED

Context = grpc.aio.ServicerContext[Any, Any]
Turn = grpc.StatusCode | None | list[bool]
"""What one call does: fail with a status, answer (``None``), or, for a stream, say these and end with OK."""


@dataclass(eq=False)
class Scripted(ExternalScalerServicer):
    """``turns`` holds what the next calls of an RPC do; after them it answers, and streams stay open and silent."""

    value: float = 7.0
    active: bool = True
    target: float = 5.0
    turns: defaultdict[str, deque[Turn]] = field(default_factory=lambda: defaultdict(deque))
    asked: list[str] = field(default_factory=list)
    asked_at: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def script(self, rpc: str, *turns: Turn) -> None:
        """Say what the next calls of ``rpc`` do."""
        self.turns[rpc].extend(turns)

    async def until(self, fact: Callable[[], bool]) -> None:
        """Wait until ``fact`` holds; looked at after each call."""
        async with asyncio.timeout(PATIENCE):
            while not fact():
                self._news.clear()
                await self._news.wait()

    async def called(self, rpc: str, times: int) -> None:
        """Wait until ``rpc`` was called so often."""
        await self.until(lambda: len(self.asked_at[rpc]) >= times)

    async def _turn(self, rpc: str, context: Context) -> list[bool] | None:
        self.asked.append(rpc)
        self.asked_at[rpc].append(time.monotonic())
        self._news.set()
        turn = self.turns[rpc].popleft() if self.turns[rpc] else None
        if isinstance(turn, grpc.StatusCode):
            await context.abort(turn, "as the script says")
        return turn

    async def GetMetricSpec(self, request: Any, context: Context) -> GetMetricSpecResponse:
        await self._turn("GetMetricSpec", context)
        return self._spec()

    async def GetMetrics(self, request: Any, context: Context) -> GetMetricsResponse:
        await self._turn("GetMetrics", context)
        assert request.metricName == "jobs"
        return GetMetricsResponse(metricValues=[MetricValue(metricName="jobs", metricValueFloat=self.value)])

    async def IsActive(self, request: Any, context: Context) -> IsActiveResponse:
        await self._turn("IsActive", context)
        return IsActiveResponse(result=self.active)

    async def StreamIsActive(self, request: Any, context: Context) -> None:
        for said in await self._said("StreamIsActive", context):
            await context.write(IsActiveResponse(result=said))

    async def StreamMetricSpec(self, request: Any, context: Context) -> None:
        for _ in await self._said("StreamMetricSpec", context):
            await context.write(self._spec())

    async def _said(self, rpc: str, context: Context) -> list[bool]:
        turn = await self._turn(rpc, context)
        if turn is None:
            await asyncio.Event().wait()
        return turn or []

    def _spec(self) -> GetMetricSpecResponse:
        return GetMetricSpecResponse(metricSpecs=[MetricSpec(metricName="jobs", targetSizeFloat=self.target)])


@asynccontextmanager
async def served(scaler: Scripted) -> AsyncIterator[str]:
    """Serve on loopback for as long as the block lasts, and yield the address."""
    server = grpc.aio.server()
    add_ExternalScalerServicer_to_server(scaler, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
