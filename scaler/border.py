"""The border to plugins: what they do ends in time, and whatever they do wrong becomes a value here.

A plugin is foreign code: it may hang, raise anything, or answer with anything. None of that may reach the triggers of
other sources, so nothing of a plugin is awaited or believed but through a :class:`Border`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from structlog import get_logger

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Instant, Outage, Reading, Snapshot
from scaler.net.secrets import redacted
from scaler.probes.base import Amount, Found

log = get_logger(__name__)

T = TypeVar("T")

SHOWN: Final = 300  # characters of a detail: it is shown in one line, again and again


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """What is known of one source: its kind, and the ``secrets`` that no text from it may show."""

    kind: str
    secrets: tuple[str, ...]

    async def attempt(self, act: Callable[[], Awaitable[T]], seconds: float) -> T | SourceUnavailable:
        """Await what a plugin does, at most ``seconds``; every failure is a value, and a defect is logged.

        No traceback is logged: its lines may show the source's credentials.
        """
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await act()
        except SourceUnavailable as error:
            return self.cleaned(error)
        except TimeoutError as error:
            said = f"no answer within {seconds:g} s" if limit.expired() else str(error) or "timed out"
            return SourceUnavailable(Cause.TIMEOUT, self.clean(said))
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - this is the border
            return self.defect(error)

    def defect(self, error: BaseException) -> SourceUnavailable:
        """Log a failure that a plugin should have translated, and return it as an outage; our own end goes on."""
        if isinstance(error, asyncio.CancelledError) and _ending():
            raise error
        said = self.clean(repr(error))
        log.error("probe failed", kind=self.kind, error=said)
        return SourceUnavailable(Cause.BUG, said)

    def answers(self, found: object, asked: Collection[Hashable]) -> dict[Hashable, Found]:
        """Give every query that was ``asked`` an answer of the right type, whatever the plugin returned."""
        given: Mapping[object, object] = found if isinstance(found, Mapping) else {}
        return {query: self._answer(given.get(query)) for query in asked}

    def reading(self, found: Found, before: Reading | None, at: Instant) -> Reading:
        """Turn an answer into a reading; an outage goes on since it began."""
        if isinstance(found, Amount):
            try:
                return Snapshot(at=at, value=float(found.value), activity=float(found.activity))
            except (TypeError, ValueError, OverflowError) as error:
                found = SourceUnavailable(Cause.INVALID, self.clean(str(error)))
        since = before.since if isinstance(before, Outage) else at
        return Outage(at=at, since=since, cause=found.cause, detail=found.detail)

    def cleaned(self, failure: SourceUnavailable) -> SourceUnavailable:
        """Return ``failure`` with a known cause, and without secrets."""
        cause, detail = getattr(failure, "cause", None), getattr(failure, "detail", "")
        return SourceUnavailable(cause if isinstance(cause, Cause) else Cause.BUG, self.clean(str(detail)))

    def name(self, thing: object) -> str:
        """Call a plugin's record by its name, or by its type if it cannot say."""
        try:
            return self.clean(str(thing))
        except Exception:  # noqa: BLE001 - as above
            return type(thing).__name__

    def clean(self, text: str) -> str:
        """Return ``text`` as one short line that shows no secret."""
        return redacted(text, self.secrets)[:SHOWN]

    def _answer(self, found: object) -> Found:
        match found:
            case Amount():
                return found
            case SourceUnavailable():
                return self.cleaned(found)
            case None:
                return SourceUnavailable(Cause.BUG, "the probe did not answer this query")
            case _:
                return SourceUnavailable(Cause.BUG, f"the probe answered with {type(found).__name__}")


def _ending() -> bool:
    """Tell whether somebody is ending this task; a library may also cancel what it promised and blame its caller."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
