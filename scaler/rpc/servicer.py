"""The five RPCs of KEDA's external scaler. They translate and never think."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import ceil
from typing import Final

from scaler.aio import Closed
from scaler.decisions import Decisions
from scaler.errors import ConfigError, LimitReached
from scaler.keda import Reference
from scaler.live import Live
from scaler.model import Metric
from scaler.observe import metrics
from scaler.rpc.pb.externalscaler_pb2 import (
    GetMetricSpecResponse,
    GetMetricsRequest,
    GetMetricsResponse,
    IsActiveResponse,
    MetricSpec,
    MetricValue,
    ScaledObjectRef,
)
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerServicer
from scaler.rpc.status import Context, answered

RESEND: Final = (
    10.0  # s between two `true` while active: KEDA drops some (keda 2.21, #8168), and more would cost writes
)
MAX_INT64: Final = 2**63 - 1

_ACTIVE: Final = IsActiveResponse(result=True)
_INACTIVE: Final = IsActiveResponse(result=False)


class ExternalScaler(ExternalScalerServicer):
    """Answers KEDA from the decisions."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self._streams = 0

    @answered
    async def IsActive(self, request: ScaledObjectRef, context: Context) -> IsActiveResponse:  # noqa: N802
        """Tell whether there is work."""
        del context
        decision = await self._find(request).judged()
        return _ACTIVE if decision.active else _INACTIVE

    @answered
    async def GetMetrics(self, request: GetMetricsRequest, context: Context) -> GetMetricsResponse:  # noqa: N802
        """Give exactly one value: KEDA adds up whatever it gets, under whatever name."""
        del context
        live = self._find(request.scaledObjectRef)
        decision = await live.measured()
        return GetMetricsResponse(metricValues=[_value(request.metricName or live.metric.value.name, decision.value)])

    @answered
    async def GetMetricSpec(self, request: ScaledObjectRef, context: Context) -> GetMetricSpecResponse:  # noqa: N802
        """Give the one metric of the trigger; it follows from the metadata alone."""
        del context
        return _spec(self._find(request).metric.value)

    @answered
    async def StreamIsActive(self, request: ScaledObjectRef, context: Context) -> None:  # noqa: N802
        """Say ``true`` on open if active, at each rise at once, and again every :data:`RESEND` seconds while active.

        Never says ``false``: KEDA up to 2.17 would scale to zero although another trigger is active.
        """
        live = self._find(request)
        with self._streaming("StreamIsActive", live), suppress(Closed):
            seen, reason = live.rises.version, "open"
            while True:
                if live.judge.active or reason == "rise":
                    await context.write(_ACTIVE)
                    metrics.PUSHES.labels(reason).inc()
                seen, reason = await _next_push(live, seen)

    @answered
    async def StreamMetricSpec(self, request: ScaledObjectRef, context: Context) -> None:  # noqa: N802
        """Give the metric now and after each change; it always equals what GetMetricSpec answers."""
        live = self._find(request)
        with self._streaming("StreamMetricSpec", live), suppress(Closed):
            while True:
                seen = live.metric.version
                await context.write(_spec(live.metric.value))
                await live.metric.changed(seen)

    @contextmanager
    def _streaming(self, method: str, live: Live) -> Iterator[None]:
        """Count a stream; raise :class:`LimitReached` for one too many, since each costs some 30 KiB."""
        if self._streams >= self._decisions.most_streams:
            raise LimitReached(f"{self._streams} streams are open already, three for each of limits.triggers")
        gauge = metrics.STREAMS.labels(method)
        self._streams += 1
        gauge.inc()
        try:
            with live.streaming():
                yield
        finally:
            gauge.dec()
            self._streams -= 1

    def _find(self, ref: ScaledObjectRef) -> Live:
        identity = _identity(ref)
        known = self._decisions.known(identity)
        return known or self._admit(identity, ref)

    def _admit(self, identity: bytes, ref: ScaledObjectRef) -> Live:
        try:
            return self._decisions.admit(identity, (ref.namespace, ref.name, dict(ref.scalerMetadata)))
        except ConfigError:
            metrics.REJECTED.labels("metadata").inc()
            raise


def identify(reference: Reference) -> bytes:
    """Return the identity that a trigger has when KEDA asks for it."""
    namespace, name, metadata = reference
    return _identity(ScaledObjectRef(namespace=namespace, name=name, scalerMetadata=dict(metadata)))


def _identity(ref: ScaledObjectRef) -> bytes:
    # Deterministic means that the map is sorted: KEDA sends it in a new order each time.
    return ref.SerializeToString(deterministic=True)


async def _next_push(live: Live, seen: int) -> tuple[int, str]:
    """Wait for the next reason to speak: a rise, or that the trigger has been active for a while."""
    if not live.judge.active:
        return await live.rises.changed(seen), "rise"
    try:
        async with asyncio.timeout(RESEND):
            return await live.rises.changed(seen), "rise"
    except TimeoutError:
        return seen, "resend"


def _spec(metric: Metric) -> GetMetricSpecResponse:
    """Fill both targets: KEDA up to 2.16 reads the whole one only, and the HPA refuses zero."""
    whole = min(max(1, round(metric.target)), MAX_INT64)
    return GetMetricSpecResponse(
        metricSpecs=[MetricSpec(metricName=metric.name, targetSize=whole, targetSizeFloat=metric.target)]
    )


def _value(name: str, value: float) -> MetricValue:
    return MetricValue(metricName=name, metricValue=min(ceil(value), MAX_INT64), metricValueFloat=value)
