"""Readings: one feed per source, shared by everybody who asks something of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager

from scaler.agenda import Following
from scaler.feed import Feed
from scaler.model import Ask, Reading
from scaler.probes.base import Surroundings
from scaler.probes.registry import AnyProbe


class Hub:
    """The feeds, by source."""

    def __init__(self, tasks: asyncio.TaskGroup, surroundings: Surroundings) -> None:
        self._tasks = tasks
        self._surroundings = surroundings
        self._feeds: dict[Hashable, tuple[Feed, asyncio.Task[None]]] = {}

    def follow(self, probe: AnyProbe, ask: Ask, interval: float, on_reading: Callable[[Reading], None]) -> Following:
        """Call ``on_reading`` with each reading of ``ask.query``, the latest one at once if there is one."""
        feed = self._feed(probe, ask.source)
        return feed.follow(ask.query, interval, on_reading)

    def surround(self, surroundings: Surroundings) -> None:
        """Let every source be opened anew under other surroundings, such as other egress rules."""
        if surroundings != self._surroundings:
            self._surroundings = surroundings
            for feed, _ in self._feeds.values():
                feed.surround(surroundings)

    def stop(self) -> None:
        """Cancel every feed; the task group waits for their ends."""
        for _, task in self._feeds.values():
            task.cancel()

    def _feed(self, probe: AnyProbe, source: Hashable) -> Feed:
        key = (probe.kind, source)  # two plugins may well call their sources by equal names
        if key in self._feeds:
            return self._feeds[key][0]
        feed = Feed(probe, source, self._surroundings, lambda: self._drop(key))
        self._feeds[key] = (feed, self._tasks.create_task(feed.run(), name=f"feed {probe.kind}"))
        return feed

    def _drop(self, key: Hashable) -> None:
        _, task = self._feeds.pop(key)
        task.cancel()


@asynccontextmanager
async def running_hub(surroundings: Surroundings) -> AsyncIterator[Hub]:
    """Run a hub for as long as the block lasts; leaving it closes every source."""
    async with asyncio.TaskGroup() as tasks:
        hub = Hub(tasks, surroundings)
        try:
            yield hub
        finally:
            hub.stop()
