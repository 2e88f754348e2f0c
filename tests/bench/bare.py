"""The yardstick: a bare ``grpc.aio`` handler that answers a constant. ``python -m tests.bench.bare PORT``."""

import asyncio
import sys

import grpc

from scaler.rpc.pb.externalscaler_pb2 import IsActiveResponse, ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerServicer, add_ExternalScalerServicer_to_server
from scaler.rpc.server import OPTIONS


class Bare(ExternalScalerServicer):
    """Knows nothing."""

    async def IsActive(self, request: ScaledObjectRef, context: grpc.aio.ServicerContext) -> IsActiveResponse:  # noqa: N802
        """Answer ``true``, whatever is asked."""
        del request, context
        return IsActiveResponse(result=True)


async def main() -> None:
    """Serve until ended."""
    server = grpc.aio.server(options=OPTIONS)
    add_ExternalScalerServicer_to_server(Bare(), server)
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
