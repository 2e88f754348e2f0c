"""KEDA's client of an external scaler: which RPCs it makes, in which order, and how often it tries again.

After keda main of 2026-08 (2.21), external_scaler.go and scalers_cache.go. No call has a deadline there, so none has
one here; whoever runs this cancels it.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Final

import grpc
from grpc.aio import AioRpcError

from scaler.rpc.pb.externalscaler_pb2 import GetMetricSpecResponse, GetMetricsRequest, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from simulations.keda import Answer, Failed, Told, quantity

RPCS: Final = ("GetMetricSpec", "GetMetrics", "IsActive", "StreamIsActive", "StreamMetricSpec")


def dial(address: str, speed: float) -> grpc.aio.Channel:
    """Open the one connection that all ScaledObjects of an address share.

    Fail-fast, with grpc-go's waits between two attempts to connect: 1 s, times 1.6 each, 120 s at most.
    """
    waits = {"initial": 1_000, "max": 120_000}
    options = [(f"grpc.{name}_reconnect_backoff_ms", round(wait / speed)) for name, wait in waits.items()]
    return grpc.aio.insecure_channel(address, options=options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The metric of a trigger: its name without the ``sN-`` of the HPA, and its target in milli units."""

    name: str
    target: int


class Trigger:
    """One trigger of one ScaledObject, with KEDA's cache of it; ``last_error`` names the status that came last."""

    def __init__(self, channel: grpc.aio.Channel, name: str, metadata: Mapping[str, str], calls: Counter[str]) -> None:
        self.last_error = ""
        self._stub = ExternalScalerStub(channel)
        self._ref = ScaledObjectRef(name=name, namespace="demo", scalerMetadata=dict(metadata))
        self._calls = calls
        self._streamed: Spec | None = None

    async def spec(self) -> Spec | None:
        """Ask for the metric, as a reconcile does; ``None`` if that fails."""
        return self._streamed or await self._spec()

    async def answer(self) -> Answer:
        """Ask for specs, value and activity, as a check and a query of the HPA do.

        Specs that came by stream are used without asking. Whatever fails is tried once more at once with a scaler made
        anew; if that fails too, the cache is dropped, and what came by stream with it.
        """
        spec = await self.spec() or await self._spec()
        if spec is None:
            return self._failed(unspecified=True)
        return await self._told(spec) or await self._told(spec) or self._failed(unspecified=False)

    async def pushes(self) -> AsyncGenerator[bool, None]:
        """Open StreamIsActive and yield what it says; raises ``AioRpcError`` unless it ends with OK."""
        self._calls["StreamIsActive"] += 1
        stream = self._stub.StreamIsActive(self._ref)
        try:
            async for said in stream:
                yield said.result
        finally:
            stream.cancel()

    async def streamed_specs(self) -> AsyncGenerator[Spec, None]:
        """Open StreamMetricSpec, keep what it says, and yield it; raises ``AioRpcError`` unless it ends with OK."""
        self._calls["StreamMetricSpec"] += 1
        stream = self._stub.StreamMetricSpec(self._ref)
        try:
            async for said in stream:
                if (spec := _understood(said)) is not None:
                    self._streamed = spec
                    yield spec
        finally:
            stream.cancel()

    async def _spec(self) -> Spec | None:
        self._calls["GetMetricSpec"] += 1
        try:
            return _understood(await self._stub.GetMetricSpec(self._ref))
        except AioRpcError as error:
            self._refresh(error)
            return None

    async def _told(self, spec: Spec) -> Told | None:
        """Ask for the value and then the activity: if one of them fails, both have."""
        try:
            self._calls["GetMetrics"] += 1
            found = await self._stub.GetMetrics(GetMetricsRequest(scaledObjectRef=self._ref, metricName=spec.name))
            self._calls["IsActive"] += 1
            active = await self._stub.IsActive(self._ref)
        except AioRpcError as error:
            self._refresh(error)
            return None
        value = sum(quantity(each.metricValueFloat, each.metricValue) for each in found.metricValues)
        return Told(value=value, active=active.result)

    def _refresh(self, error: AioRpcError) -> None:
        """Make the scaler anew, which forgets what was streamed."""
        self.last_error = error.code().name
        self._streamed = None

    def _failed(self, *, unspecified: bool) -> Failed:
        self._streamed = None
        return Failed(unspecified=unspecified)


def _understood(said: GetMetricSpecResponse) -> Spec | None:
    """Take the one metric; an empty answer is as good as none."""
    if not said.metricSpecs:
        return None
    spec = said.metricSpecs[0]
    return Spec(name=spec.metricName, target=quantity(spec.targetSizeFloat, spec.targetSize))
