"""How to follow something of the Kubernetes API for ever: a list, then watches that go on where the last one ended."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from math import ceil
from typing import Final, NoReturn

from structlog import get_logger

from scaler.aio import delays
from scaler.errors import ApiRefused, ApiUnreachable
from scaler.observe import metrics

log = get_logger(__name__)

WATCHED: Final = 60  # s after which the server ends a watch, and a new one goes on where it ended
AGAIN_CAP: Final = 5.0  # s between two attempts to watch, at most
LASTING: Final = 1.0  # s that a watch must last, or bring something, for the next one to be begun at once
GONE: Final = 410  # the status of a version that the server does not remember any more


async def pursue(
    listed: Callable[[], Awaitable[str]],
    watched: Callable[[str, int], Awaitable[str]],
    on_failure: Callable[[ApiRefused | ApiUnreachable], None],
    *,
    about: Mapping[str, str],
    relist_every: float = float("inf"),
) -> NoReturn:
    """List, and watch from the version that this returns; a watch takes a version and seconds, and returns a version.

    It goes on for ever: a watch that ends is resumed, an outdated one (HTTP 410) begins anew with a list, and an API
    that cannot be reached or refuses is asked again, :data:`AGAIN_CAP` seconds later at most; ``on_failure`` hears of
    that once for each reason. After ``relist_every`` seconds of watching there is a list, too.
    """
    loop, retries, said, back = asyncio.get_running_loop(), delays(cap=AGAIN_CAP), "", True
    while True:
        begun = float("inf")
        try:
            version = await listed()
            if not back:
                log.info("follows again", **about)
            begun, back = loop.time(), True
            until = begun + relist_every
            while (left := until - loop.time()) > 0:
                begun, before, seconds = loop.time(), version, _seconds(left)
                version = await watched(version, seconds)
                _count_early_end(loop.time() - begun, seconds)
                if version == before and loop.time() - begun < LASTING:
                    await asyncio.sleep(next(retries))
        except (ApiRefused, ApiUnreachable) as error:
            metrics.WATCH_RESTARTS.labels(_reason(error)).inc()
            if loop.time() - begun > LASTING:  # it worked, so this is a new failure
                retries, said = delays(cap=AGAIN_CAP), ""
            if str(error) != said and not outdated(error):
                said, back = str(error), False
                log.warning("cannot follow", why=said, **about)
                on_failure(error)
            await asyncio.sleep(next(retries))


def outdated(error: ApiRefused | ApiUnreachable) -> bool:
    """Tell whether all that is wrong is that the server does not remember a version: nobody need be alarmed."""
    return isinstance(error, ApiRefused) and error.status == GONE


def _seconds(left: float) -> int:
    return WATCHED if left >= WATCHED else ceil(left)


def _count_early_end(lasted: float, asked: int) -> None:
    if lasted < asked - LASTING:
        metrics.WATCH_RESTARTS.labels("eof").inc()


def _reason(error: ApiRefused | ApiUnreachable) -> str:
    if outdated(error):
        return "410"
    return "timeout" if isinstance(error.__cause__, TimeoutError) else "error"
