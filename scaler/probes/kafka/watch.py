"""Being told of records: one pending fetch at each broker, from the ends of the logs that quiet triggers are about.

Nothing is consumed for anyone: there is no group, no commit, and what the brokers send is thrown away unread. A broker
answers one request of a connection at a time, so a partition can only be added when the pending fetch has ended: that
is why it waits no longer than :data:`WAIT`. A broker that is lost takes only its own partitions out of the watch.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

from scaler.aio import Cell
from scaler.errors import SourceUnavailable
from scaler.probes.base import Watching
from scaler.probes.kafka.brokers import REQUEST_TIMEOUT, Brokers
from scaler.probes.kafka.lag import Lag, Partition
from scaler.probes.kafka.marks import Marks, Spots
from scaler.probes.kafka.session import Session

WAIT: Final = 0.25  # s for which a fetch pends
BREATH: Final = 0.05  # s between news and the next fetch: a busy log costs 20 requests a second, not 500
MEND: Final = 1.0  # s after which a partition that a broker refused, or a broker that was lost, is asked again


@dataclass(slots=True)
class _Lane:
    """What is asked of one broker; ``asks`` is set while that is anything, ``lost`` from a failure to an answer."""

    node: int
    lost: bool = False
    session: Session = field(default_factory=Session)
    asks: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, partition: Partition, offset: int) -> None:
        """Ask for one more."""
        self.session.add(partition, offset)
        self.asks.set()

    def remove(self, partition: Partition) -> None:
        """Ask for one less."""
        if partition in self.session.offsets:
            self.session.remove(partition)
        if not self.session.offsets:
            self.asks.clear()

    def empty(self) -> frozenset[Partition]:
        """Ask for nothing any more, and forget what the broker was told; return what was asked."""
        asked = frozenset(self.session.offsets)
        self.session = Session()
        self.asks.clear()
        return asked


class Watch:
    """One run of a watch: which queries it follows, on which lanes, and which partitions brokers agreed to tell of."""

    def __init__(self, brokers: Brokers, marks: Marks, watching: Watching[Lag]) -> None:
        self._brokers = brokers
        self._marks = marks
        self._watching = watching
        self._tasks = asyncio.TaskGroup()
        self._lanes: dict[int, _Lane] = {}
        self._spots: dict[Lag, Spots] = {}
        self._lane_of: dict[Partition, _Lane] = {}
        self._queries: defaultdict[Partition, set[Lag]] = defaultdict(set)
        self._heard: set[Partition] = set()

    async def run(self) -> NoReturn:
        """Watch until cancelled; raise :class:`SourceUnavailable` when every broker that was asked is lost."""
        try:
            async with self._tasks as tasks:
                tasks.create_task(self._follow(self._watching.wanted), name="kafka wanted")
                tasks.create_task(self._follow(self._marks.changed), name="kafka marks")
        except ExceptionGroup as failures:
            raise _first(failures) from failures
        raise AssertionError("a watch does not end by itself")

    async def _follow(self, changes: Cell[frozenset[Lag]] | Cell[None]) -> NoReturn:
        """Adjust at every change, and now and then for what was refused."""
        seen = changes.version
        while True:
            self._adjust()
            with suppress(TimeoutError):
                async with asyncio.timeout(MEND):
                    seen = await changes.changed(seen)

    # -- what is asked -----------------------------------------------------------------------------------------

    def _adjust(self) -> None:
        """Follow what is wanted now, where it is now."""
        wanted = self._watching.wanted.value
        for query in self._spots.keys() - wanted:
            self._drop(query)
        for query in wanted:
            spots = self._marks.spots(query)
            if spots is not self._spots.get(query):
                self._drop(query)
                self._adopt(query, spots or {})
        self._report()

    def _adopt(self, query: Lag, spots: Spots) -> None:
        self._spots[query] = spots
        for partition, node in spots.items():
            self._queries[partition].add(query)
            self._place(partition, node)

    def _place(self, partition: Partition, node: int) -> None:
        """Ask ``node`` for what comes after the last reading, unless it is asked already."""
        lane, before = self._lane(node), self._lane_of.get(partition)
        end = self._marks.end(partition)
        if before is lane or end is None:
            return
        if before is not None:
            self._unplace(partition)
        self._lane_of[partition] = lane
        lane.add(partition, end)

    def _drop(self, query: Lag) -> None:
        for partition in self._spots.pop(query, ()):
            self._queries[partition].discard(query)
            if not self._queries[partition]:
                del self._queries[partition]
                self._unplace(partition)

    def _unplace(self, partition: Partition) -> None:
        self._heard.discard(partition)
        lane = self._lane_of.pop(partition, None)
        if lane is not None:
            lane.remove(partition)

    def _lane(self, node: int) -> _Lane:
        if node not in self._lanes:
            self._lanes[node] = lane = _Lane(node)
            self._tasks.create_task(self._listen(lane), name=f"kafka broker {node}")
        return self._lanes[node]

    # -- what is heard -----------------------------------------------------------------------------------------

    async def _listen(self, lane: _Lane) -> NoReturn:
        """Keep one fetch pending for as long as anything is asked of this broker."""
        while True:
            await lane.asks.wait()
            try:
                pause = await self._fetch(lane)
            except SourceUnavailable:
                self._lose(lane)
                if all(each.lost for each in self._lanes.values()):
                    raise
                pause = MEND  # meanwhile it may be asked for things again, which are not covered until it answers
            if pause:
                await asyncio.sleep(pause)

    async def _fetch(self, lane: _Lane) -> float:
        """Wait for one answer and pass it on; return after how many seconds to ask again."""
        asked = frozenset(lane.session.offsets)
        wait = WAIT if asked <= self._heard else 0.0  # what is new is confirmed at once
        response = await self._brokers.ask(lane.session.request(wait), lane.node, WAIT + REQUEST_TIMEOUT)
        news = lane.session.answered(response)
        lane.lost = False
        self._hint(news.moved | news.lost)
        self._hear(lane, asked - news.lost, news.lost)
        return BREATH if news.moved or response.error_code else 0.0

    def _lose(self, lane: _Lane) -> None:
        """Take back all that a lost broker was asked; what it had told of until now is looked at."""
        lane.lost = True
        lost = lane.empty()
        self._hint(lost & self._heard)
        self._hear(lane, frozenset(), lost)

    def _hear(self, lane: _Lane, heard: frozenset[Partition], lost: frozenset[Partition]) -> None:
        """Take note of what the broker tells of, and take back what it refused, to be asked for again later."""
        self._heard |= heard & lane.session.offsets.keys()
        for query in {query for partition in lost for query in self._queries.get(partition, ())}:
            self._drop(query)
        self._report()

    def _hint(self, partitions: frozenset[Partition]) -> None:
        queries = {query for partition in partitions for query in self._queries.get(partition, ())}
        if queries:
            self._watching.hint(queries)

    def _report(self) -> None:
        covered = frozenset(query for query, spots in self._spots.items() if spots and spots.keys() <= self._heard)
        if covered != self._watching.covered:
            self._watching.covers(covered)


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Pick the failure that says what is wrong with the source, or else any."""
    found = list(_leaves(failures))
    return next((each for each in found if isinstance(each, SourceUnavailable)), found[0])


def _leaves(failures: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for each in failures.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each
