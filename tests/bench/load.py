"""Many triggers on one scaler, asked for as KEDA asks."""

import asyncio
from collections.abc import Mapping, Sequence

import grpc

from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from tests.bench.process import Running

AT_ONCE = 64


async def follow(server: Running, metadatas: Sequence[Mapping[str, str]]) -> None:
    """Poll one ScaledObject for each metadata until the scaler has a reading for all of them."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = ExternalScalerStub(channel)
        gate = asyncio.Semaphore(AT_ONCE)

        async def poll(number: int, metadata: Mapping[str, str]) -> None:
            ref = ScaledObjectRef(namespace="bench", name=f"so-{number}", scalerMetadata=metadata)
            async with gate:
                await stub.GetMetricSpec(ref)
                await _until_read(stub, ref)

        async with asyncio.TaskGroup() as tasks:
            for number, metadata in enumerate(metadatas):
                tasks.create_task(poll(number, metadata))


async def _until_read(stub: ExternalScalerStub, ref: ScaledObjectRef) -> None:
    said: str | None = None
    for _ in range(30):
        try:
            await stub.GetMetrics(GetMetricsRequest(scaledObjectRef=ref, metricName="m"))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            said = error.details()
        else:
            return
    raise RuntimeError(f"never read: {said}")
