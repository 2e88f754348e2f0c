"""The yardstick for wake-ups, a trivial scaler that polls Redis: ``python -m tests.bench.trivial PORT REDIS``.

It does what is easy: a list longer than nothing is active, and each turn to that is said to whoever streams.
"""

import asyncio
import sys
from typing import Final, NoReturn

import grpc
from redis.asyncio import Redis

from scaler.rpc.pb.externalscaler_pb2 import (
    GetMetricSpecResponse,
    GetMetricsRequest,
    GetMetricsResponse,
    IsActiveResponse,
    MetricSpec,
    MetricValue,
    ScaledObjectRef,
)
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerServicer, add_ExternalScalerServicer_to_server

EVERY: Final = 0.010  # s

Context = grpc.aio.ServicerContext


class Trivial(ExternalScalerServicer):
    """Knows the length of every list that was ever asked for, ten milliseconds ago."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._lengths: dict[str, int] = {}
        self._rises: dict[str, asyncio.Event] = {}

    async def poll(self) -> NoReturn:
        """Look at all lists in one round trip, again and again."""
        while True:
            names = list(self._lengths)
            async with self._client.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.llen(name)
                found = await pipeline.execute()
            for name, length in zip(names, found, strict=True):
                if length and not self._lengths[name]:
                    self._rises[name].set()
                self._lengths[name] = length
            await asyncio.sleep(EVERY)

    def _name(self, ref: ScaledObjectRef) -> str:
        name = ref.scalerMetadata["listName"]
        self._lengths.setdefault(name, 0)
        self._rises.setdefault(name, asyncio.Event())
        return name

    async def StreamIsActive(self, request: ScaledObjectRef, context: Context) -> None:  # noqa: N802
        """Say ``true`` at each rise."""
        name = self._name(request)
        while True:
            await self._rises[name].wait()
            self._rises[name].clear()
            await context.write(IsActiveResponse(result=True))

    async def IsActive(self, request: ScaledObjectRef, context: Context) -> IsActiveResponse:  # noqa: N802
        """Tell whether the list is longer than nothing."""
        del context
        return IsActiveResponse(result=self._lengths[self._name(request)] > 0)

    async def GetMetricSpec(self, request: ScaledObjectRef, context: Context) -> GetMetricSpecResponse:  # noqa: N802
        """Aim at five."""
        del context
        spec = MetricSpec(metricName=self._name(request), targetSize=5, targetSizeFloat=5.0)
        return GetMetricSpecResponse(metricSpecs=[spec])

    async def GetMetrics(self, request: GetMetricsRequest, context: Context) -> GetMetricsResponse:  # noqa: N802
        """Give the length."""
        del context
        length = self._lengths[self._name(request.scaledObjectRef)]
        value = MetricValue(metricName=request.metricName, metricValue=length, metricValueFloat=length)
        return GetMetricsResponse(metricValues=[value])


async def main() -> None:
    """Serve until ended."""
    server = grpc.aio.server()
    scaler = Trivial(Redis(host="127.0.0.1", port=int(sys.argv[2])))
    add_ExternalScalerServicer_to_server(scaler, server)
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    await server.start()
    await scaler.poll()


if __name__ == "__main__":
    asyncio.run(main())
