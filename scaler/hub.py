"""Readings: one feed per source, shared by everybody who asks something of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import replace

from scaler.agenda import Following
from scaler.feed import Feed
from scaler.model import Ask, Reading
from scaler.probes.base import Surroundings
from scaler.probes.registry import AnyProbe

FeedKey = tuple[str, Hashable, bool]
"""Kind, source, and whether metadata names it: a source of the configuration's is nobody else's."""


class Hub:
    """The feeds, by source."""

    def __init__(self, tasks: asyncio.TaskGroup, surroundings: Surroundings) -> None:
        self._tasks = tasks
        self._surroundings = surroundings
        self._feeds: dict[FeedKey, tuple[Feed, asyncio.Task[None]]] = {}

    def follow(self, probe: AnyProbe, ask: Ask, interval: float, on_reading: Callable[[Reading], None]) -> Following:
        """Call ``on_reading`` with each reading of ``ask.query``, the latest one at once if there is one."""
        feed = self._feed(probe, ask)
        return feed.follow(ask.query, interval, on_reading)

    def surround(self, surroundings: Surroundings) -> None:
        """Let every source be opened anew under other surroundings, such as other egress rules."""
        before, self._surroundings = self._surroundings, surroundings
        for (_, _, inline), (feed, _) in self._feeds.items():
            if _around(before, inline=inline) != (around := _around(surroundings, inline=inline)):
                feed.surround(around)

    def stop(self) -> None:
        """Cancel every feed; the task group waits for their ends."""
        for _, task in self._feeds.values():
            task.cancel()

    def _feed(self, probe: AnyProbe, ask: Ask) -> Feed:
        key = (probe.kind, ask.source, ask.inline)  # two plugins may well call their sources by equal names
        if key in self._feeds:
            return self._feeds[key][0]
        around = _around(self._surroundings, inline=ask.inline)
        feed = Feed(probe, ask.source, around, lambda: self._drop(key))
        self._feeds[key] = (feed, self._tasks.create_task(feed.run(), name=f"feed {probe.kind}"))
        return feed

    def _drop(self, key: FeedKey) -> None:
        _, task = self._feeds.pop(key)
        task.cancel()


def _around(surroundings: Surroundings, *, inline: bool) -> Surroundings:
    """Return what a source may use of the world: what the configuration names is not named in metadata."""
    return surroundings if inline else replace(surroundings, egress=replace(surroundings.egress, inline=True))


@asynccontextmanager
async def running_hub(surroundings: Surroundings) -> AsyncIterator[Hub]:
    """Run a hub for as long as the block lasts; leaving it closes every source."""
    async with asyncio.TaskGroup() as tasks:
        hub = Hub(tasks, surroundings)
        try:
            yield hub
        finally:
            hub.stop()
