"""Where logs ended when they were last read: from there on, whatever is appended is news.

Readings leave marks and the watch starts from them. So it needs no requests of its own to find the ends, and nothing
that was appended between a reading and the start of its watch is missed.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from scaler.aio import Cell
from scaler.model import Instant
from scaler.probes.kafka.lag import Lag, Partition
from scaler.probes.kafka.recent import Recent

Spots = Mapping[Partition, int]
"""The partitions that a query is about, each with the broker that leads it."""


class Marks:
    """For each query its partitions and their leaders; for each partition its last known end.

    ``changed`` is set when a query's partitions or their leaders are other ones than before.
    """

    def __init__(self, clock: Callable[[], Instant]) -> None:
        self._spots: Recent[Lag, Spots] = Recent(clock)
        self._ends: Recent[Partition, int] = Recent(clock)
        self.changed: Cell[None] = Cell(None)

    def note(self, query: Lag, spots: Spots, ends: Mapping[Partition, int]) -> None:
        """Remember what a reading saw."""
        for partition, end in ends.items():
            self._ends.put(partition, end)
        before = self._spots.get(query)
        if before != spots:
            self._spots.put(query, MappingProxyType(dict(spots)))
            self.changed.set(None)

    def spots(self, query: Lag) -> Spots | None:
        """Return the partitions of a query; the same object for as long as nothing changed, ``None`` if never read."""
        return self._spots.get(query)

    def end(self, partition: Partition) -> int | None:
        """Return where a partition ended when last read."""
        return self._ends.get(partition)
