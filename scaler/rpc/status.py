"""One table from our errors to gRPC status codes, and the wrapper that applies it, so that no RPC has a ``try``."""

import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final, NoReturn, TypeVar

import grpc
from structlog import get_logger

from scaler.errors import ConfigError, LimitReached, ScalerError, SourceUnavailable, Undecidable
from scaler.observe import metrics

log = get_logger(__name__)

CODES: Final[dict[type[ScalerError], grpc.StatusCode]] = {
    ConfigError: grpc.StatusCode.INVALID_ARGUMENT,
    LimitReached: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Undecidable: grpc.StatusCode.UNAVAILABLE,
    SourceUnavailable: grpc.StatusCode.UNAVAILABLE,
}
_DETAILS: Final = 4000  # characters of a message: it travels in a header, and those are bounded

S = TypeVar("S")
Asked = TypeVar("Asked")
Said = TypeVar("Said")
Context = grpc.aio.ServicerContext[Any, Any]
Rpc = Callable[[S, Asked, Context], Awaitable[Said]]


def answered(rpc: Rpc[S, Asked, Said]) -> Rpc[S, Asked, Said]:
    """Give an RPC its status code, and count and time it; a decorator costs a call less than an interceptor.

    An error of ours becomes its code and its message. Any other exception is a bug: it is logged here, and the caller
    learns nothing of it but INTERNAL, since its text may hold anything.
    """
    method = getattr(rpc, "__name__", "?")
    tally = metrics.RPC_SECONDS.of(method)

    @wraps(rpc)
    async def wrapped(self: S, request: Asked, context: Context) -> Said:
        began = time.perf_counter()
        try:
            return await rpc(self, request, context)
        except ScalerError as error:
            await _refuse(context, method, CODES[type(error)], str(error))
        except Exception:
            log.exception("an RPC failed", method=method)
            await _refuse(context, method, grpc.StatusCode.INTERNAL, "a bug in the scaler; its log tells more")
        finally:
            tally.add(time.perf_counter() - began)

    return wrapped


async def _refuse(context: Context, method: str, code: grpc.StatusCode, message: str) -> NoReturn:
    metrics.REFUSED.labels(method, code.name).inc()
    await context.abort(code, message[:_DETAILS])
