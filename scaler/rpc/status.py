"""One table from our errors to gRPC status codes, and the wrapper that applies it, so that no RPC has a ``try``."""

import time
from collections.abc import Awaitable, Callable
from functools import wraps
from traceback import format_tb
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import quote

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
_DETAILS: Final = 6000  # bytes of a message: it travels in a header, and clients refuse more than 8 KiB of them
_PLAIN: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")  # what travels as it is

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
            await _refuse(context, method, code_of(error), str(error))
        except Exception as error:  # noqa: BLE001 - see above
            _report(error, method)
            await _refuse(context, method, grpc.StatusCode.INTERNAL, "a bug in the scaler; its log tells more")
        finally:
            tally.add(time.perf_counter() - began)

    return wrapped


def code_of(error: ScalerError) -> grpc.StatusCode:
    """Return the code of the nearest class in the table; INTERNAL for an error of ours that nobody entered there."""
    return next((CODES[each] for each in type(error).__mro__ if each in CODES), grpc.StatusCode.INTERNAL)


async def _refuse(context: Context, method: str, code: grpc.StatusCode, message: str) -> NoReturn:
    metrics.REFUSED.labels(method, code.name).inc()
    await context.abort(code, _fitting(message))


def _report(error: Exception, method: str) -> None:
    """Log where a bug is, without its message: that may repeat what the caller sent, secrets included."""
    log.error("an RPC failed", method=method, error=type(error).__name__, frames=format_tb(error.__traceback__))


def _fitting(message: str) -> str:
    """Cut a message to what a header carries, where a byte beyond ASCII takes three."""
    while len(quote(message, safe=_PLAIN)) > _DETAILS:
        message = message[: len(message) * 9 // 10]
    return message
