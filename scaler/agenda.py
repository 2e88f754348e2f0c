"""What is read of one source, by whom, and when next; all of it cheap for ten thousand queries. It reads nothing."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Final

from scaler.model import Instant, Outage, Reading, Snapshot

TOGETHER: Final = 0.005  # s: what is due so soon after another query is read with it


@dataclass(slots=True, eq=False)
class Following:
    """One follower of one query. ``quiet`` says that its trigger is inactive, so that any change matters at once.

    ``read_within`` has the query read in so many seconds at the latest, once.
    """

    interval: float
    on_reading: Callable[[Reading], None]
    end: Callable[[], None]
    set_quiet: Callable[[bool], None]
    read_within: Callable[[float], None]
    quiet: bool = False


@dataclass(slots=True, eq=False)
class Entry:
    """What is known of one query; ``due`` is when it should be read next, ``good`` the last answer that was one."""

    due: Instant
    followings: list[Following] = field(default_factory=list)
    latest: Reading | None = None
    good: Snapshot | None = None
    quiet: bool = False
    interval: float = 0.0

    def known(self) -> Iterator[Reading]:
        """Yield what a newcomer must hear: in an outage, first what it is an outage of."""
        if isinstance(self.latest, Outage) and self.good is not None:
            yield self.good
        if self.latest is not None:
            yield self.latest

    def weigh(self) -> None:
        """Look at the followers again: the shortest interval counts, and whether any of them is quiet."""
        self.interval = min((each.interval for each in self.followings), default=0.0)
        self.quiet = any(each.quiet for each in self.followings)


class Agenda:
    """Entries by query, in the order in which they are due."""

    def __init__(self) -> None:
        self.entries: dict[Hashable, Entry] = {}
        self.quiet: set[Hashable] = set()
        self._order: list[tuple[float, int, Hashable]] = []
        self._numbers = count()

    def enter(self, query: Hashable, now: Instant) -> Entry:
        """Return the entry of a query; a new one is due now."""
        entry = self.entries.get(query)
        if entry is None:
            entry = self.entries[query] = Entry(due=now)
            self.put(query, entry, now)
        return entry

    def put(self, query: Hashable, entry: Entry, due: Instant) -> None:
        """Set when a query is due."""
        entry.due = due
        heappush(self._order, (due, next(self._numbers), query))

    def weigh(self, query: Hashable, entry: Entry) -> None:
        """Take in a change of an entry's followers; without any it is dropped."""
        entry.weigh()
        if not entry.followings:
            del self.entries[query]
        if entry.quiet:
            self.quiet.add(query)
        else:
            self.quiet.discard(query)

    def next_due(self) -> float:
        """Tell when something is due next; never is infinity."""
        self._drop_outdated()
        return self._order[0][0] if self._order else float("inf")

    def take_due(self, now: Instant) -> list[Hashable]:
        """Take everything that is due now, or so soon after that it is the same batch; each must be put again."""
        taken = []
        while self.next_due() <= now + TOGETHER:
            query = heappop(self._order)[2]
            self.entries[query].due = Instant(float("inf"))
            taken.append(query)
        return taken

    def _drop_outdated(self) -> None:
        """Remove what heads the order although its query was put elsewhere since, or is gone."""
        while self._order and not self._stands(*self._order[0]):
            heappop(self._order)

    def _stands(self, due: float, _: int, query: Hashable) -> bool:
        entry = self.entries.get(query)
        return entry is not None and entry.due == due
