"""The gRPC server: limits that survive bursts, health, reflection, TLS, and a drain that KEDA does not notice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from structlog import get_logger

from scaler.decisions import Decisions
from scaler.errors import ConfigError
from scaler.net.egress import split_host_port
from scaler.rpc.pb import externalscaler_pb2
from scaler.rpc.pb.externalscaler_pb2_grpc import add_ExternalScalerServicer_to_server
from scaler.rpc.servicer import ExternalScaler
from scaler.rpc.tls import ServerTls, server_credentials

log = get_logger(__name__)

LINGER: Final = 1.0  # s after it is unready in which all is served as before: who routes clients hears of it late
APART: Final = 3.0  # s from the end of the pushes to that of the other streams; KEDA is back after 2 s
QUIET: Final = 0.02  # s without a call that are waited for before clients are sent away
PATIENT: Final = 1.0  # s that such a moment is waited for
GRACE: Final = 5.0  # s that calls get to finish once the port no longer accepts
LIVENESS: Final = "liveness"
READINESS: Final = "readiness"

OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # grpc core refuses at random past 1,000 calls that wait to be accepted, and all past 3,000: an operator that
    # reconnects opens two streams for each trigger at once.
    ("grpc.server.max_pending_requests", 50_000),
    ("grpc.server.max_pending_requests_hard_limit", 100_000),
    ("grpc.max_receive_message_length", 256 * 1024),
    ("grpc.so_reuseport", 0),  # a port in use is an error, not a silent partner
    ("grpc.keepalive_time_ms", 30_000),  # notice a dead operator, whose streams would stay for ever
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),  # proxies and meshes ping as they like
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where and how to serve: ``address`` is host:port, port 0 picks a free one; plain text without ``tls``.

    ``linger`` is how many seconds everything is still served after it has said that it is not ready.
    """

    address: str
    tls: ServerTls | None = None
    linger: float = LINGER


class Health:
    """The two names that probes of Kubernetes ask for, and the empty one of the protocol (``grpc.health.v1``)."""

    def __init__(self) -> None:
        self.servicer = health.aio.HealthServicer()
        self.ready = False

    async def begin(self) -> None:
        """Live, but not ready."""
        await self._set(LIVENESS, serving=True)
        await self.set_ready(ready=False)

    async def set_ready(self, *, ready: bool) -> None:
        """Ready means configured and bound, never that a broker answers: else all replicas would drop out together."""
        self.ready = ready
        await self._set(READINESS, serving=ready)
        await self._set("", serving=ready)

    async def _set(self, name: str, *, serving: bool) -> None:
        statuses = health_pb2.HealthCheckResponse
        await self.servicer.set(name, statuses.SERVING if serving else statuses.NOT_SERVING)


@asynccontextmanager
async def running_server(listen: Listen, decisions: Decisions, health_of: Health) -> AsyncIterator[int]:
    """Serve for as long as the block lasts and yield the port.

    Raises :class:`ConfigError` if the port cannot be bound.
    """
    server = grpc.aio.server(options=OPTIONS)
    add_ExternalScalerServicer_to_server(ExternalScaler(decisions), server)
    health_pb2_grpc.add_HealthServicer_to_server(health_of.servicer, server)
    reflection.enable_server_reflection(_service_names(), server)
    port = _bind(server, listen)
    await health_of.begin()
    await server.start()
    try:
        yield port
    finally:
        await health_of.set_ready(ready=False)
        await asyncio.sleep(listen.linger)
        await _drain(server, decisions)


async def _drain(server: grpc.aio.Server, decisions: Decisions) -> None:
    """Send clients away, end every stream with OK, let calls finish within :data:`GRACE`, then close the port.

    An error would make KEDA wait up to a minute before it opens the stream again; after OK it waits 2 s (keda 2.21,
    external_scaler.go), and no server can shorten that. Clients are sent away first: what they open from now on goes
    to another replica, instead of ending here once more. The streams of targets end later than those that push: each
    that is opened again costs KEDA a reconciliation, and a thousand of them would hold up the next push.

    A call that comes in the very instant in which clients are sent away is cancelled by grpc core, and KEDA repeats it
    at once. So that instant is one in which nobody calls, where there is one.
    """
    for _ in range(round(PATIENT / QUIET)):
        if decisions.unasked_for >= QUIET:
            break
        await asyncio.sleep(QUIET)
    async with asyncio.TaskGroup() as tasks:
        stopping = tasks.create_task(server.stop(GRACE), name="stop")
        await asyncio.sleep(0)  # it is on its way before the first stream ends
        decisions.drain_pushes()
        await asyncio.wait({stopping}, timeout=APART)
        decisions.drain()


def _bind(server: grpc.aio.Server, listen: Listen) -> int:
    try:
        split_host_port(listen.address, lowest=0)  # grpc takes port 65536 for 0
    except ValueError as error:
        raise ConfigError([f"cannot listen: {error}"]) from error
    try:
        if listen.tls is None:
            return server.add_insecure_port(listen.address)
        return server.add_secure_port(listen.address, server_credentials(listen.tls))
    except RuntimeError as error:
        raise ConfigError([f"cannot listen on {listen.address}: is the port in use?"]) from error


def _service_names() -> tuple[str, ...]:
    return (
        externalscaler_pb2.DESCRIPTOR.services_by_name["ExternalScaler"].full_name,
        health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
        reflection.SERVICE_NAME,
    )
