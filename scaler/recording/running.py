"""A recording, from the first trigger to the last: everything of it is started and stopped here."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from structlog import get_logger

from scaler.decisions import Decisions
from scaler.model import Instant
from scaler.net.kube import Kube
from scaler.recording.files import Place
from scaler.recording.journal import writing
from scaler.recording.pools import record_pools
from scaler.recording.recorder import recording_triggers
from scaler.recording.scales import Scales

log = get_logger(__name__)


@asynccontextmanager
async def recording(
    place: Place,
    decisions: Decisions,
    clock: Callable[[], Instant],
    *,
    kube: Kube | None = None,
    pools: Callable[[], Mapping[str, Any]] | None = None,
) -> AsyncIterator[None]:
    """Record for as long as the block lasts; replicas where there is an API, and what is told of ``pools``.

    The time is the calendar's of the beginning, and goes on with ``clock``: it never goes back.
    """
    began = time.time() - clock()

    def at() -> float:
        return began + clock()

    log.info("recording", folder=str(place.folder), limit=place.limit)
    with writing(place) as journal, recording_triggers(decisions, journal, at) as recorder:
        async with asyncio.TaskGroup() as tasks:
            looks = [Scales(kube, recorder, journal, at).run()] if kube is not None else []
            looks += [record_pools(pools, journal, at)] if pools is not None else []
            looking = [tasks.create_task(_harmless(look), name="recording") for look in looks]
            try:
                yield
            finally:
                for task in looking:
                    task.cancel()


async def _harmless(look: Coroutine[Any, Any, None]) -> None:
    """Do what must not end the service, whatever is wrong with it."""
    try:
        await look
    except Exception:
        log.exception("a part of the recording failed, and the rest goes on")
