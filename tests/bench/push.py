"""Push: from the moment a broker has an event to the `true` at a gRPC client, always from zero."""

import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import grpc

from scaler.rpc.pb.externalscaler_pb2 import ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from tests.bench.brokers import TOPICS, Queues, kafka_queues, nats_queues, redis_queues
from tests.bench.facts import header, told
from tests.bench.process import scaler

EVENTS: Final = 200
PATIENCE: Final = 30.0  # s


def main() -> None:
    """Print one line a broker."""
    print(header("push"))
    asyncio.run(_all())
    print("polling every 30 s: mean 15000 ms, max 30000 ms (an event comes at any time between two polls)")


async def _all() -> None:
    with tempfile.TemporaryDirectory() as home:
        async with nats_queues(Path(home), TOPICS) as queues:
            await _measure("nats-jetstream", queues)
        async with redis_queues(Path(home)) as queues:
            await _measure("redis", queues)
        async with kafka_queues(Path(home)) as queues:
            for number in range(TOPICS):
                await queues.commit_all(number)
            await _measure("kafka, 1000 watched partitions", queues)


async def _measure(name: str, queues: Queues) -> None:
    with scaler() as server:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = ExternalScalerStub(channel)
            triggers = [_Trigger(stub, queues, number) for number in range(TOPICS)]
            for trigger in triggers:
                await trigger.until_quiet()
            await asyncio.sleep(1)  # let the watches settle: what is measured is the steady state
            chance = random.Random(1)
            latencies = []
            for event in range(EVENTS):
                await asyncio.sleep(chance.uniform(0.02, 0.2))  # at any time between two readings
                latencies.append(await triggers[event % TOPICS].event())
            print(f"{name:32} {told([each * 1000 for each in latencies])}")


class _Trigger:
    """One trigger with its open stream."""

    def __init__(self, stub: ExternalScalerStub, queues: Queues, number: int) -> None:
        metadata = {**queues.metadata(number), "interval": "500ms"}
        self._ref = ScaledObjectRef(namespace="bench", name=f"so-{number}", scalerMetadata=metadata)
        self._stub = stub
        self._queues = queues
        self._number = number
        self._stream: Any = stub.StreamIsActive(self._ref)

    async def event(self) -> float:
        """Put one piece of work in, wait for `true`, take it out again.

        Return the seconds from before the put, so that the broker's own share is counted, to `true`.
        """
        heard = asyncio.ensure_future(self._stream.read())
        began = time.perf_counter()
        await self._queues.put(self._number)
        async with asyncio.timeout(PATIENCE):
            await heard
        latency = time.perf_counter() - began
        await self._queues.empty(self._number)
        await self.until_quiet()
        return latency

    async def until_quiet(self) -> None:
        """Wait until the scaler has seen the queue empty."""
        async with asyncio.timeout(PATIENCE):
            while (await self._stub.IsActive(self._ref)).result:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)


if __name__ == "__main__":
    main()
