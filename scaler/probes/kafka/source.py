"""A cluster that is open: what it remembers between looks, and its watch."""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NoReturn

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Instant
from scaler.probes.base import Found, Watching
from scaler.probes.kafka.brokers import Brokers, Thread
from scaler.probes.kafka.dial import Message
from scaler.probes.kafka.lag import Lag, Partition, Standing, amount, marked, standing
from scaler.probes.kafka.look import Look, Seen
from scaler.probes.kafka.marks import Marks
from scaler.probes.kafka.recent import Recent
from scaler.probes.kafka.routes import Routes
from scaler.probes.kafka.watch import Watch

MOVING: Final = frozenset({Cause.LOADING, Cause.UNREACHABLE})
"""What a leader or coordinator that has moved, or died, looks like: worth one more look with fresh routes."""

ABSENT: Final = frozenset({Cause.TIMEOUT, Cause.UNREACHABLE})
"""If nothing but this comes of a batch, it is the cluster and not a query that failed."""


class KafkaSource:
    """One cluster, read over one connection a broker and watched over another."""

    def __init__(self, thread: Thread, brokers: Brokers, clock: Callable[[], Instant]) -> None:
        self._thread = thread
        self._brokers = brokers
        self._clock = clock
        self._routes = Routes(brokers, clock, self._learn)
        self._marks = Marks(clock)
        self._stands: Recent[Lag, Mapping[Partition, Standing]] = Recent(clock)
        self._known: Message = None
        self._watchers: Brokers | None = None

    async def start(self) -> None:
        """Find the brokers."""
        self._known = await self._brokers.bootstrap()

    async def read(self, queries: Collection[Lag]) -> Mapping[Lag, Found]:
        """Answer each query; what has moved meanwhile is looked up anew and asked once more."""
        found = await self._look(queries)
        moved = [query for query, answer in found.items() if _failed(answer, MOVING)]
        if moved:
            found |= await self._look(moved)
        if found and all(_failed(answer, ABSENT) for answer in found.values()):
            raise next(answer for answer in found.values() if isinstance(answer, SourceUnavailable))
        return found

    async def watch(self, watching: Watching[Lag]) -> NoReturn:
        """Hint as soon as a record arrives in a partition that a wanted query is about."""
        brokers = await self._thread.brokers()
        self._watchers = brokers
        try:
            brokers.learn(self._known)
            await Watch(brokers, self._marks, watching).run()
        finally:
            self._watchers = None
            await brokers.close()

    async def close(self) -> None:
        """Close the connections and end the thread."""
        await self._thread.close()

    def _learn(self, response: Message) -> None:
        """Let all connections know the brokers that a metadata response names."""
        self._known = response
        for brokers in (self._brokers, self._watchers):
            if brokers is not None:
                brokers.learn(response)

    async def _look(self, queries: Collection[Lag]) -> dict[Lag, Found]:
        at = self._clock()
        found = await Look(self._brokers, self._routes).at(queries)
        return {query: self._found(query, seen, at) for query, seen in found.items()}

    def _found(self, query: Lag, seen: Seen | SourceUnavailable, at: Instant) -> Found:
        """Add up what a look saw, and remember what the next one and the watch need."""
        if isinstance(seen, SourceUnavailable):
            return seen
        self._marks.note(query, seen.spots, {each: log.end for each, log in seen.logs.items() if log.end is not None})
        if not query.exclude_persistent:
            return amount(seen.logs.values(), query)
        stands = standing(self._stands.get(query) or {}, seen.logs, at)
        self._stands.put(query, stands)
        return amount(marked(seen.logs, stands, at), query)


def _failed(answer: Found, causes: Collection[Cause]) -> bool:
    return isinstance(answer, SourceUnavailable) and answer.cause in causes
