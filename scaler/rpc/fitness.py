"""Asking a pod for its gRPC health (``grpc.health.v1``): only this package speaks gRPC."""

from typing import Final

import grpc
from grpc.aio import AioRpcError
from grpc_health.v1 import health_pb2, health_pb2_grpc

OPTIONS: Final = (
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own: an old one says nothing of new ones
    ("grpc.min_reconnect_backoff_ms", 1_000),  # and no attempt to connect, which outlives its channel, takes 20 s
    ("grpc.max_receive_message_length", 4096),
    ("grpc.enable_http_proxy", 0),
)


async def ask_health(address: str, port: int, patience: float) -> str:
    """Ask the server at an IP address whether it serves, within ``patience`` seconds.

    Returns what is wrong, for a person; empty if it serves.
    """
    host = f"[{address}]" if ":" in address else address
    async with grpc.aio.insecure_channel(f"{host}:{port}", options=OPTIONS) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=patience)
        except AioRpcError as error:
            return _reason(error)
    statuses = health_pb2.HealthCheckResponse
    return "" if answer.status == statuses.SERVING else "its gRPC health is not SERVING"


def _reason(error: AioRpcError) -> str:
    match error.code():
        case grpc.StatusCode.UNIMPLEMENTED:
            return "it has no gRPC health service; check it by tcp instead"
        case grpc.StatusCode.NOT_FOUND:
            return "its gRPC health service does not know the server as a whole"
        case code:
            return f"gRPC health: {code.name}"
