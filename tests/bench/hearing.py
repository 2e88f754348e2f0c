"""A client beside KEDA: it hears the same ``true`` at the same time, so that KEDA's share of a wake-up can be told."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import grpc

from scaler.rpc.pb.externalscaler_pb2 import ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from tests.cluster.api import Document


class Hearing:
    """When each trigger, by its number, was said to be active; by ``time.perf_counter``."""

    def __init__(self) -> None:
        self._heard: dict[int, list[float]] = {}

    async def listen(self, number: int, stream: grpc.aio.UnaryStreamCall[ScaledObjectRef, object]) -> None:
        """Note every message, until cancelled."""
        instants = self._heard.setdefault(number, [])
        while await stream.read() is not grpc.aio.EOF:
            instants.append(time.perf_counter())

    def after(self, number: int, began: float) -> float:
        """Return the milliseconds from an instant to the first ``true`` after it."""
        return next((1000 * (at - began) for at in self._heard[number] if at >= began), float("inf"))


@asynccontextmanager
async def hearing(address: str, triggers: Mapping[int, Document]) -> AsyncIterator[Hearing]:
    """Open a stream for each trigger, for as long as the block lasts."""
    heard = Hearing()
    async with grpc.aio.insecure_channel(address) as channel, asyncio.TaskGroup() as tasks:
        stub = ExternalScalerStub(channel)
        listening = [
            tasks.create_task(heard.listen(number, stub.StreamIsActive(_reference(number, trigger))))
            for number, trigger in triggers.items()
        ]
        await asyncio.sleep(1.0)  # until they are open
        yield heard
        for each in listening:
            each.cancel()


def _reference(number: int, trigger: Document) -> ScaledObjectRef:
    return ScaledObjectRef(namespace="beside", name=f"beside-{number}", scalerMetadata=trigger["metadata"])
