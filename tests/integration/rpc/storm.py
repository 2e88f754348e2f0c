"""``python -m tests.integration.rpc.storm ADDRESS WHAT COUNT``: all at once, and how each of it went, as JSON."""
# ruff: noqa: T201 - its answer is what it prints

import asyncio
import json
import sys
from collections import Counter
from typing import Any

import grpc

from scaler.rpc.pb.externalscaler_pb2 import GetMetricsRequest, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub


def ref(number: int) -> ScaledObjectRef:
    metadata = {"kind": "memory", "key": f"key{number % 100}"}
    return ScaledObjectRef(namespace="shop", name=f"name{number % 100}", scalerMetadata=metadata)


async def ended(stream: Any) -> str:
    """Read a stream to its end and tell how that was."""
    try:
        async for _ in stream:
            pass
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return (await stream.code()).name


async def streams(stub: Any, count: int) -> Counter[str]:
    """Open streams at once and wait for their ends."""
    return Counter(await asyncio.gather(*(ended(stub.StreamIsActive(ref(number))) for number in range(count))))


async def calls(stub: Any, count: int) -> Counter[str]:
    """Make calls at once."""

    async def call(number: int) -> str:
        asked = GetMetricsRequest(scaledObjectRef=ref(number))
        try:
            await (stub.IsActive(ref(number)) if number % 2 else stub.GetMetrics(asked))
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    return Counter(await asyncio.gather(*(call(number) for number in range(count))))


async def main(address: str, what: str, count: int) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = ExternalScalerStub(channel)
        print(json.dumps(await {"streams": streams, "calls": calls}[what](stub, count)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
