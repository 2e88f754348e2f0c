"""The configuration in force: followed while serving, and never worse than the last good one.

New content is put in force when it is valid as a whole; anything else changes nothing and is said: in the log, in
metrics, in ``/status`` and, where the configuration is an object of Kubernetes, in an Event of it. What is gone changes
nothing either. A process that starts while the content is bad serves by the last good one that an earlier one kept.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, assert_never

from structlog import get_logger

from scaler.config.document import Config
from scaler.config.reading import load
from scaler.config.source import Content, Origin, Unreadable
from scaler.errors import ConfigError
from scaler.model import Instant
from scaler.observe import metrics
from scaler.triggers.kind import Kinds

log = get_logger(__name__)

HASH: Final = 12  # characters: enough to tell two contents apart
TOLD: Final = 50  # problems that a log line and /status repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What is in force: the hash of its text (``None`` without one), and since when."""

    config: Config
    hash: str | None
    since: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A text that is in force now."""

    text: bytes
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A content that is not, and why."""

    problems: tuple[str, ...]


class LastGood:
    """The configuration in force, and what is wrong with the newest text, if anything is.

    ``apply`` is awaited with every new configuration, the first one included. ``outcomes`` is what became of each
    content, for whoever tells it to others.
    """

    def __init__(self, kinds: Kinds, apply: Callable[[Config], Awaitable[None]], clock: Callable[[], Instant]) -> None:
        self.loaded = Loaded(config=Config(), hash=None, since=clock())
        self.problems: tuple[str, ...] = ()
        self.outcomes: asyncio.Queue[Accepted | Rejected] = asyncio.Queue()
        self._kinds = kinds
        self._apply = apply
        self._clock = clock

    async def begin(self, content: Content, kept: Callable[[], Awaitable[bytes | None]]) -> None:
        """Take the first content or, if it is not good, what was ``kept`` of an earlier process.

        Raises :class:`ConfigError` with what is wrong with the first content if nothing better is known.
        """
        try:
            await self._take(content)
        except ConfigError as error:
            text = await kept()
            if text is None:
                raise
            try:
                await self._put_in_force(await self._read(text), _hash(text))
            except ConfigError as worse:
                log.warning("last good configuration is not good for this release", problems=list(worse.problems))
                raise error from worse
            self._refuse(content, error)

    async def offer(self, content: Content) -> None:
        """Take new content if it is good, else say why not and change nothing."""
        try:
            await self._take(content)
        except ConfigError as error:
            self._refuse(content, error)

    async def do_without(self) -> None:
        """Go on with the defaults."""
        await self._put_in_force(Config(), None)

    def told(self) -> dict[str, Any]:
        """Tell what is in force and whether the newest text is, for ``/status``; ``age`` in seconds."""
        return {
            "hash": self.loaded.hash,
            "valid": not self.problems,
            "problems": list(self.problems[:TOLD]),
            "age": round(self._clock() - self.loaded.since, 3),
        }

    async def _take(self, content: Content) -> None:
        if isinstance(content, Unreadable):
            raise ConfigError([str(content)])
        config, text_hash = await self._read(content), _hash(content)
        await self._put_in_force(config, text_hash)
        self.outcomes.put_nowait(Accepted(text=content, hash=text_hash))

    async def _read(self, text: bytes) -> Config:
        try:
            # In a thread: a text of the greatest length takes half a second, which KEDA's calls would have to wait.
            return await asyncio.to_thread(load, text, self._kinds)
        except ConfigError:
            raise
        except Exception as error:
            log.exception("configuration could not be examined")
            raise ConfigError([f"cannot be examined, which is a bug: {type(error).__name__}"]) from error

    async def _put_in_force(self, config: Config, text_hash: str | None) -> None:
        """Go on with ``config``; the one that was in force all the time keeps its age."""
        await self._apply(config)
        since = self.loaded.since if text_hash == self.loaded.hash else self._clock()
        self.loaded = Loaded(config=config, hash=text_hash, since=since)
        self.problems = ()
        metrics.CONFIG_GOOD.set(1)
        metrics.CONFIG_GOOD_AT.set(time.time())  # an instant for people's calendars, not for a duration of ours
        log.info("configuration in force", hash=text_hash)

    def _refuse(self, content: Content, error: ConfigError) -> None:
        reason = "unreadable" if isinstance(content, Unreadable) else "invalid"
        self.problems = error.problems
        self.outcomes.put_nowait(Rejected(problems=error.problems))
        metrics.CONFIG_GOOD.set(0)
        metrics.CONFIG_REJECTED.labels(reason).inc()
        log.error(
            "configuration rejected, the last good one serves on",
            reason=reason,
            problems=list(error.problems[:TOLD]),
            hash=self.loaded.hash,
        )


def _hash(text: bytes) -> str:
    return sha256(text).hexdigest()[:HASH]


@asynccontextmanager
async def following_config(
    origin: Origin | None, kinds: Kinds, apply: Callable[[Config], Awaitable[None]], clock: Callable[[], Instant]
) -> AsyncIterator[LastGood]:
    """Keep the configuration of ``origin`` in force for as long as the block lasts; without one, the defaults.

    Raises :class:`ConfigError` with every problem if it is not good to begin with, and no last good one is known.
    """
    last_good = LastGood(kinds, apply, clock)
    if origin is None:
        await last_good.do_without()
        yield last_good
        return
    try:
        await last_good.begin(await origin.first(), origin.kept)
    except ConfigError as error:
        await _tell(origin, Rejected(problems=error.problems))
        raise ConfigError(error.problems, about=f"configuration {origin}") from error
    async with asyncio.TaskGroup() as tasks:
        doing = [
            tasks.create_task(_follow(origin, last_good), name="configuration"),
            tasks.create_task(_tell_all(origin, last_good), name="telling of the configuration"),
        ]
        try:
            yield last_good
        finally:
            for each in doing:
                each.cancel()


async def _follow(origin: Origin, last_good: LastGood) -> None:
    """Offer every new content, until cancelled."""
    while True:
        await last_good.offer(await origin.changed())


async def _tell_all(origin: Origin, last_good: LastGood) -> None:
    """Tell what became of each content, in a task of its own: an API that is slow to listen delays no change."""
    while True:
        await _tell(origin, await last_good.outcomes.get())


async def _tell(origin: Origin, outcome: Accepted | Rejected) -> None:
    match outcome:
        case Accepted(text=text, hash=text_hash):
            await origin.accepted(text, text_hash)
        case Rejected(problems=problems):
            await origin.rejected(problems)
        case _:
            assert_never(outcome)
