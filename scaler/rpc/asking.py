"""A scaler elsewhere, asked through KEDA's own contract, for who wants to know of each change at once.

It speaks of a trigger as the pool's ``Signals`` do, and asks no more of a scaler than KEDA itself does.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from random import uniform
from typing import Final

import grpc
from grpc.aio import AioRpcError

from scaler.aio import Telling, delays, woken
from scaler.errors import ConfigError
from scaler.keda import Reference, said
from scaler.net.egress import split_host_port
from scaler.policy.demand import Signal
from scaler.rpc.pb.externalscaler_pb2 import GetMetricSpecResponse, GetMetricsRequest, MetricValue, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub

PATIENCE: Final = 2.0  # s that a call may take: what KEDA is promised as well
LOOK: Final = 1.0  # s between two looks at an active trigger, or at any whose stream is not open
REST: Final = 30.0  # s between two looks at an inactive one, which the stream tells of: KEDA's own pace
KEEP: Final = 30.0  # s that what was last said counts, when nothing is said any more
SPECS: Final = 60.0  # s between two questions for the target, where the scaler does not stream it
LASTED: Final = 5.0  # s after which a stream that ends was a good one, and is opened again without a long wait

OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.keepalive_time_ms", 30_000),  # notice a dead scaler, whose stream would be silent for ever
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_receive_message_length", 256 * 1024),
    ("grpc.use_local_subchannel_pool", 1),
)
"""One connection to one replica: another one may not know yet what a stream has told."""

Heard = Callable[[Signal | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientTls:
    """Paths of PEM files: the CA that the scaler's certificate must be of, and ours with its key, both or neither.

    They are read once, at the start. The scaler's certificate must have the name of the host that is dialled.
    """

    ca: Path
    cert: Path | None = None
    key: Path | None = None


def from_paths(ca: Path | None, cert: Path | None, key: Path | None) -> ClientTls | None:
    """Put the three paths of a command line together; ``None``, no TLS, is without any.

    Raises :class:`ConfigError` where one is missing: what was meant to be encrypted is never sent in plain text.
    """
    if (cert is None) != (key is None):
        raise ConfigError(["--tls-cert and --tls-key go together"])
    if ca is not None:
        return ClientTls(ca=ca, cert=cert, key=key)
    if cert is not None:
        raise ConfigError(["--tls-cert and --tls-key need --tls-ca, the CA of the scaler's certificate"])
    return None


class Asking:
    """Follows triggers of the scaler at the other end of a channel, each by tasks of its own."""

    def __init__(self, channel: grpc.aio.Channel, tasks: asyncio.TaskGroup) -> None:
        self._stub = ExternalScalerStub(channel)
        self._tasks = tasks
        self._asked: set[Asked] = set()

    def follow(self, reference: Reference, heard: Heard) -> "Asked":
        """Call ``heard`` with ``None`` at once, and with a signal as soon as the scaler has told one, and so on.

        The last one counts for :data:`KEEP` seconds after the scaler went silent. What a scaler answers in place of
        a reading that it does not have cannot be told from one. A trigger with values from the environment, which KEDA
        alone can read, is never known here.
        """
        asked = Asked(self._stub, reference, heard, self._asked.discard)
        self._asked.add(asked)
        asked.begin(self._tasks)
        return asked

    def end(self) -> None:
        """Hear no more of any trigger."""
        for asked in tuple(self._asked):
            asked.end()


class Asked:
    """One trigger of a scaler elsewhere. ``problem`` says why nothing new is known of it; else it is empty."""

    def __init__(
        self, stub: ExternalScalerStub, reference: Reference, heard: Heard, ended: Callable[["Asked"], object]
    ) -> None:
        namespace, name, metadata = reference
        self.problem = ""
        if said(metadata) != dict(metadata):
            self.problem = "it reads the environment, which KEDA alone can: let the scaler's own process follow it"
        self._ref = ScaledObjectRef(namespace=namespace, name=name, scalerMetadata=dict(metadata))
        self._stub = stub
        self._told = Telling(heard)
        self._ended = ended
        self._signal: Signal | None = None
        self._target = 0.0
        self._metric = ""
        self._good_at = float("-inf")
        self._open = False
        self._rises = 0
        self._look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to ask, if the scaler can be."""
        self._told.tell(None)
        if not self.problem:
            self._task = tasks.create_task(self._run(), name=f"ask {self._ref.namespace}/{self._ref.name}")

    def end(self) -> None:
        """Hear no more of it; once more does no harm."""
        if self._task is not None:
            self._task.cancel()
        self._ended(self)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._follow_specs())
            tasks.create_task(self._keep_looking())

    # -- the stream ----------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Keep StreamIsActive open; look at once after each end, for what was missed meanwhile."""
        loop, waits = asyncio.get_running_loop(), delays(cap=LASTED)
        while True:
            began = loop.time()
            unknown = await self._listen_once()
            self._look.set()
            if loop.time() - began > LASTED:
                waits = delays(cap=LASTED)
            await asyncio.sleep(SPECS if unknown else _about(next(waits)))

    async def _listen_once(self) -> bool:
        """Listen until the stream ends; tell whether the scaler has no such thing."""
        stream = self._stub.StreamIsActive(self._ref)
        self._open = True
        try:
            async for push in stream:
                if push.result:
                    self._rise()
        except AioRpcError as error:
            return error.code() is grpc.StatusCode.UNIMPLEMENTED
        finally:
            self._open = False
            stream.cancel()
        return False

    def _rise(self) -> None:
        """Tell that it is active, with the number of before, and ask for the new one; a repetition tells nothing."""
        self._good_at = asyncio.get_running_loop().time()
        if self._signal is not None and self._signal.active:
            return
        self._rises += 1
        self._look.set()
        if self._target:
            value = self._signal.value if self._signal is not None else 0.0
            self._tell(Signal(active=True, value=value, target=self._target))

    # -- the target ----------------------------------------------------------------------------------------

    async def _follow_specs(self) -> None:
        """Follow the target by StreamMetricSpec; ask for it now and then where the scaler has no such thing."""
        waits = delays(cap=LASTED)
        while True:
            stream = self._stub.StreamMetricSpec(self._ref)
            try:
                async for answer in stream:
                    waits = delays(cap=LASTED)
                    self._specify(answer)
                wait = next(waits)
            except AioRpcError as error:
                wait = SPECS if error.code() is grpc.StatusCode.UNIMPLEMENTED else next(waits)
            finally:
                stream.cancel()
            await asyncio.sleep(_about(wait))
            with suppress(AioRpcError):
                await self._ask_spec()

    async def _ask_spec(self) -> None:
        self._specify(await self._stub.GetMetricSpec(self._ref, timeout=PATIENCE))

    def _specify(self, answer: GetMetricSpecResponse) -> None:
        """Take the one metric; an answer without a usable target is as good as none."""
        for spec in answer.metricSpecs[:1]:
            target = spec.targetSizeFloat if spec.targetSizeFloat > 0 else float(spec.targetSize)
            if isfinite(target) and target > 0:
                self._metric, self._target = spec.metricName, target
                if self._signal is not None:
                    self._tell(Signal(active=self._signal.active, value=self._signal.value, target=target))

    # -- the value -----------------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        waits = delays(LOOK, cap=2 * LOOK)
        while True:
            self._look.clear()
            try:
                await self._ask()
                waits = delays(LOOK, cap=2 * LOOK)
                idle = self._open and self._signal is not None and not self._signal.active
                wait = REST if idle else LOOK
            except AioRpcError as error:
                self._fail(f"{error.code().name}: {error.details()}")
                wait = next(waits)
            await woken(self._look, _about(wait))

    async def _ask(self) -> None:
        """Ask for the value and then the activity, as KEDA does.

        Of an answer that a rise has overtaken only the value counts; the next one is asked for at once.
        """
        rises = self._rises
        if not self._target:
            await self._ask_spec()
        if not self._target:
            self._fail("the scaler names no target above zero")
            return
        asked = GetMetricsRequest(scaledObjectRef=self._ref, metricName=self._metric)
        found = await self._stub.GetMetrics(asked, timeout=PATIENCE)
        active = (await self._stub.IsActive(self._ref, timeout=PATIENCE)).result or rises != self._rises
        if rises != self._rises:
            self._look.set()
        self.problem = ""
        self._good_at = asyncio.get_running_loop().time()
        value = sum(_amount(each) for each in found.metricValues)
        self._tell(Signal(active=active, value=value, target=self._target))

    def _fail(self, problem: str) -> None:
        self.problem = problem
        if asyncio.get_running_loop().time() - self._good_at >= KEEP:
            self._tell(None)

    def _tell(self, signal: Signal | None) -> None:
        self._signal = signal
        self._told.tell(signal)


def _amount(value: MetricValue) -> float:
    """Read a value as KEDA does (2.21): the float if it is above zero, else the whole one; never below zero."""
    amount = value.metricValueFloat if value.metricValueFloat > 0 else float(value.metricValue)
    return max(0.0, amount) if isfinite(amount) else 0.0


def _about(seconds: float) -> float:
    """Spread what many would do at once."""
    return seconds * uniform(0.8, 1.2)  # noqa: S311 - nothing secret


@asynccontextmanager
async def running_asking(address: str, tls: ClientTls | None = None) -> AsyncIterator[Asking]:
    """Offer the triggers of the scaler at ``host:port`` for as long as the block lasts; it need not be there yet.

    Raises :class:`ConfigError` for what is no address, and for files that cannot be read.
    """
    async with _dial(address, tls) as channel, asyncio.TaskGroup() as tasks:
        asking = Asking(channel, tasks)
        try:
            yield asking
        finally:
            asking.end()


def _dial(address: str, tls: ClientTls | None) -> grpc.aio.Channel:
    try:
        split_host_port(address)
    except ValueError as error:
        raise ConfigError([f"cannot ask a scaler: {error}"]) from error
    if tls is None:
        return grpc.aio.insecure_channel(address, options=OPTIONS)
    try:
        ca, key, cert = (path.read_bytes() if path is not None else None for path in (tls.ca, tls.key, tls.cert))
    except OSError as error:
        raise ConfigError([f"{error.filename} cannot be read: {error.strerror}"], about="TLS") from error
    return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(ca, key, cert), options=OPTIONS)
