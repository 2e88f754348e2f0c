"""The configuration in force: followed while serving, and never worse than the last good one.

New content is put in force when it is valid as a whole; anything else changes nothing and is said: in the log, in
metrics and in ``/status``. A file that is gone changes nothing either.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from structlog import get_logger

from scaler.config.document import Config
from scaler.config.reading import load
from scaler.config.source import Content, Unreadable, read_file
from scaler.errors import ConfigError
from scaler.model import Instant
from scaler.observe import metrics
from scaler.triggers.kind import Kinds

log = get_logger(__name__)

LOOK_EVERY: Final = 0.2  # s
SETTLED: Final = 0.1  # s in which a file must not change before it is read: a writer may be half way through
IMPATIENT: Final = 0.5  # s after which a file that never settles is read as it is
HASH: Final = 12  # characters: enough to tell two contents apart
TOLD: Final = 50  # problems that a log line and /status repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What is in force: the hash of its text (``None`` without a file), and since when."""

    config: Config
    hash: str | None
    since: Instant


class LastGood:
    """The configuration in force, and what is wrong with the newest text, if anything is.

    ``apply`` is awaited with every new configuration, the first one included.
    """

    def __init__(self, kinds: Kinds, apply: Callable[[Config], Awaitable[None]], clock: Callable[[], Instant]) -> None:
        self.loaded = Loaded(config=Config(), hash=None, since=clock())
        self.problems: tuple[str, ...] = ()
        self._kinds = kinds
        self._apply = apply
        self._clock = clock

    async def begin(self, content: Content) -> None:
        """Take the first content; raise :class:`ConfigError` if it is not good: nothing better is known yet."""
        await self._take(content)

    async def offer(self, content: Content) -> None:
        """Take new content if it is good, else say why not and change nothing."""
        try:
            await self._take(content)
        except ConfigError as error:
            self._refuse(content, error)

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
        try:
            # In a thread: a text of the greatest length takes half a second, which KEDA's calls would have to wait.
            config = await asyncio.to_thread(load, content, self._kinds)
        except ConfigError:
            raise
        except Exception as error:
            log.exception("configuration could not be examined")
            raise ConfigError([f"cannot be examined, which is a bug: {type(error).__name__}"]) from error
        await self.put_in_force(config, sha256(content).hexdigest()[:HASH])

    async def put_in_force(self, config: Config, text_hash: str | None) -> None:
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
        metrics.CONFIG_GOOD.set(0)
        metrics.CONFIG_REJECTED.labels(reason).inc()
        log.error(
            "configuration rejected, the last good one serves on",
            reason=reason,
            problems=list(error.problems[:TOLD]),
            hash=self.loaded.hash,
        )


@asynccontextmanager
async def following_config(
    path: Path | None, kinds: Kinds, apply: Callable[[Config], Awaitable[None]], clock: Callable[[], Instant]
) -> AsyncIterator[LastGood]:
    """Keep the configuration of ``path`` in force for as long as the block lasts; without one, the defaults.

    Raises :class:`ConfigError` with every problem if the file is not good to begin with.
    """
    last_good = LastGood(kinds, apply, clock)
    if path is None:
        await last_good.put_in_force(Config(), None)
        yield last_good
        return
    content = await asyncio.to_thread(read_file, path)
    try:
        await last_good.begin(content)
    except ConfigError as error:
        raise ConfigError(error.problems, about=f"configuration {path}") from error
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow(path, content, last_good), name="configuration")
        try:
            yield last_good
        finally:
            following.cancel()


async def follow(path: Path, seen: Content, last_good: LastGood) -> None:
    """Offer every new content of ``path``, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        content = await asyncio.to_thread(read_file, path)
        if content != seen:
            seen = await _settled(path, content)
            await last_good.offer(seen)


async def _settled(path: Path, content: Content) -> Content:
    """Wait until the file stays as it is for a moment, and return what it says then."""
    deadline = asyncio.get_running_loop().time() + IMPATIENT
    while asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(SETTLED)
        before, content = content, await asyncio.to_thread(read_file, path)
        if before == content:
            break
    return content
