"""The task of one source: opened, watched, read in batches, closed, and opened again when it stays broken.

A query is read at the shortest interval a follower wants, and at once when its source hints that something changed.
Hints are damped: however many come, a source is read at most every :data:`BREATH` seconds. Whatever goes wrong with a
source becomes an :class:`Outage` of its own queries, and of nobody else's.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from math import floor
from typing import Any, Final

from structlog import get_logger

from scaler.agenda import Agenda, Entry, Following
from scaler.aio import delays, woken
from scaler.border import Border
from scaler.errors import SourceUnavailable
from scaler.model import Instant, Outage, Reading, Snapshot, Unresolved
from scaler.net.secrets import secrets_of
from scaler.observe import metrics
from scaler.probes.base import Found, Source, Surroundings, Unwatchable, Watching
from scaler.probes.registry import AnyProbe

log = get_logger(__name__)

BREATH: Final = 0.010  # s between two reads of one source, however many hints come
SLACK: Final = 0.2  # of its interval: how much earlier than its beat a reading counts as the one of that beat
SETTLE: Final = 0.05  # s in which changes of what is quiet are gathered before the watch hears of them
OPEN_TIMEOUT: Final = 5.0  # s
CLOSE_TIMEOUT: Final = 2.0  # s
MISSES: Final = 3  # wholly failed reads in a row before a source is opened afresh, which cures stale clients
REOPEN_CAP: Final = 3.0  # s between two attempts to connect, at most: one attempt a source costs nobody anything
HEALTHY: Final = 10.0  # s that a watch must have lasted for its next failure to count as the first


_Turn = tuple[str, str, str]


class Feed:
    """Everything that is done with one source, by one task that somebody else owns: :meth:`run`."""

    def __init__(self, probe: AnyProbe, key: Hashable, surroundings: Surroundings, unused: Callable[[], None]) -> None:
        self._probe = probe
        self._key = key
        self._surroundings = surroundings
        self._border = Border(kind=probe.kind, secrets=tuple(secrets_of(key)))
        self._clock = surroundings.clock
        self._unused = unused
        self._agenda = Agenda()
        self._wake = asyncio.Event()
        self._began = self._read_at = self._clock()
        self._watching: Watching[Any] | None = None
        self._covered: frozenset[Hashable] = frozenset()
        self._uncovered = probe.pace.uncovered
        self._requieted = False
        self._outdated = False

    # -- followers ---------------------------------------------------------------------------------------------

    def follow(self, query: Hashable, interval: float, on_reading: Callable[[Reading], None]) -> Following:
        """Begin to read ``query`` and call ``on_reading`` with each reading, what is known of it at once."""
        entry = self._agenda.enter(query, self._clock())
        following = Following(
            interval=interval,
            on_reading=on_reading,
            end=lambda: self._end(query, following),
            set_quiet=lambda quiet: self._set_quiet(query, following, quiet=quiet),
            read_within=lambda seconds: self._bring_forward(query, Instant(self._clock() + seconds)),
        )
        entry.followings.append(following)
        self._agenda.weigh(query, entry)
        for reading in entry.known():
            on_reading(reading)
        self._reschedule(query, entry)
        self._wake.set()
        return following

    def _end(self, query: Hashable, following: Following) -> None:
        entry = self._agenda.entries[query]
        entry.followings.remove(following)
        self._agenda.weigh(query, entry)
        self._requiet_soon()
        if not self._agenda.entries:
            self._unused()

    def _set_quiet(self, query: Hashable, following: Following, *, quiet: bool) -> None:
        if following.quiet != quiet:
            following.quiet = quiet
            entry = self._agenda.entries[query]
            self._agenda.weigh(query, entry)
            self._reschedule(query, entry)
            self._requiet_soon()
            if quiet and query in self._covered:  # what was hinted while it was active, nobody has looked at
                self._read_now([query])

    def surround(self, surroundings: Surroundings) -> None:
        """Go on under other surroundings: what is open is closed, and opened anew if it still may be."""
        self._surroundings = surroundings
        self._outdated = True
        self._wake.set()

    # -- the task ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Open, read until the source stays broken, close and begin again, until cancelled."""
        metrics.SOURCES.labels(self._probe.kind).inc()
        try:
            retries = delays(cap=REOPEN_CAP)
            while True:
                source = await self._open()
                if isinstance(source, SourceUnavailable):
                    await self._sit_out(source, next(retries))
                elif await self._serve(source):
                    retries = delays(cap=REOPEN_CAP)
        finally:
            metrics.SOURCES.labels(self._probe.kind).dec()

    async def _open(self) -> Source[Any] | SourceUnavailable:
        self._outdated = False
        if isinstance(self._key, Unresolved):
            return SourceUnavailable(self._key.cause, self._border.clean(self._key.detail))
        opened: Source[Any] | SourceUnavailable = await self._border.attempt(
            lambda: self._probe.open(self._key, self._surroundings), OPEN_TIMEOUT
        )
        outcome = opened.cause.value if isinstance(opened, SourceUnavailable) else "ok"
        metrics.OPENS.labels(self._probe.kind, outcome).inc()
        return opened

    async def _sit_out(self, failure: SourceUnavailable, delay: float) -> None:
        """Tell everybody of the failure, newcomers too, until it is time to try again."""
        again_at = Instant(self._clock() + delay)
        self._put_off(list(self._agenda.entries), failure, again_at)
        while (remaining := again_at - self._clock()) > 0 and not self._outdated:
            if await woken(self._wake, remaining):
                self._put_off(self._agenda.take_due(self._clock()), failure, again_at)

    def _put_off(self, queries: Collection[Hashable], failure: SourceUnavailable, until: Instant) -> None:
        self._deliver(dict.fromkeys(queries, failure), self._clock())
        for query in queries:
            if entry := self._agenda.entries.get(query):
                self._agenda.put(query, entry, until)

    async def _serve(self, source: Source[Any]) -> bool:
        """Watch and read an open source until it fails for good; tell whether it ever answered."""
        answered = False
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._watch(source), name=f"watch {self._probe.kind}")
                answered = await self._read_until_broken(source)
                watch.cancel()
        finally:
            await self._border.attempt(lambda: source.close(), CLOSE_TIMEOUT)  # noqa: PLW0108 - it may lack the method
        return answered

    async def _read_until_broken(self, source: Source[Any]) -> bool:
        answered = False
        misses = 0
        while misses < MISSES and await self._until_due():
            if due := self._agenda.take_due(self._clock()):
                misses = 0 if await self._read(source, due) else misses + 1
                answered = answered or misses == 0
        return answered

    async def _until_due(self) -> bool:
        """Wait until some query is due, and until the source has had its breath; tell whether it may still be read."""
        while (ahead := self._agenda.next_due() - self._clock()) > 0 and not self._outdated:
            await woken(self._wake, ahead if ahead < float("inf") else None)
        self._wake.clear()
        await asyncio.sleep(self._read_at + BREATH - self._clock())
        return not self._outdated

    async def _read(self, source: Source[Any], due: Collection[Hashable]) -> bool:
        """Read one batch and deliver it; tell whether the source answered at all."""
        self._read_at = at = self._clock()
        for query in due:
            entry = self._agenda.entries[query]
            self._agenda.put(query, entry, self._after(at, self._pace(query, entry)))
        found = await self._border.attempt(lambda: source.read(due), self._probe.pace.timeout)
        metrics.READ_SECONDS.labels(self._probe.kind).observe(self._clock() - at)
        metrics.BATCH.labels(self._probe.kind).observe(len(due))
        if isinstance(found, SourceUnavailable):
            self._deliver(dict.fromkeys(due, found), at)
            return False
        self._deliver(self._border.answers(found, due), at)
        return True

    # -- when --------------------------------------------------------------------------------------------------

    def _pace(self, query: Hashable, entry: Entry) -> float:
        """Say how long a query may wait: less while nothing would tell us that its quiet is over."""
        if isinstance(entry.latest, Outage):
            return min(entry.interval, REOPEN_CAP)
        unseen = entry.quiet and query not in self._covered
        return min(entry.interval, self._uncovered) if unseen and self._uncovered is not None else entry.interval

    def _after(self, at: Instant, pace: float) -> Instant:
        """Say when what was read ``at`` is due again: on a beat that all queries of this pace share, so one batch."""
        beats = floor((at - self._began) / pace + SLACK) + 1
        return Instant(self._began + beats * pace)

    def _reschedule(self, query: Hashable, entry: Entry) -> None:
        self._bring_forward(query, self._after(self._read_at, self._pace(query, entry)))

    def _bring_forward(self, query: Hashable, due: Instant) -> None:
        """Have a query read by ``due``; what is due before that stays so."""
        entry = self._agenda.entries.get(query)
        if entry is not None and due < entry.due:
            self._agenda.put(query, entry, due)
            self._wake.set()

    # -- being told --------------------------------------------------------------------------------------------

    async def _watch(self, source: Source[Any]) -> None:
        """Keep a watch running; it may fail as often as it likes, since reading goes on without it."""
        retries = delays(cap=REOPEN_CAP)
        while True:
            began = self._clock()
            self._watching = Watching(self._quiet(), self._hinted, self._newly_covered)
            try:
                await source.watch(self._watching)
            except Unwatchable as reason:
                self._uncovered = reason.uncovered or self._uncovered
                log.info("source cannot push", **self._named(), reason=self._border.clean(str(reason)))
                return
            except SourceUnavailable as error:
                log.debug("watch lost", kind=self._probe.kind, reason=self._border.clean(str(error)))
            except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - see the border
                self._border.defect(error)
            finally:
                self._uncover()
            retries = delays(cap=REOPEN_CAP) if self._clock() - began > HEALTHY else retries
            await asyncio.sleep(next(retries))

    def _quiet(self) -> frozenset[Hashable]:
        return frozenset(self._agenda.quiet)

    def _requiet_soon(self) -> None:
        """Tell the watch, once for all changes of a short while, which queries are quiet."""
        if not self._requieted:
            self._requieted = True
            asyncio.get_running_loop().call_later(SETTLE, self._requiet)

    def _requiet(self) -> None:
        self._requieted = False
        if self._watching is not None:
            self._watching.wanted.set(self._quiet())

    def _hinted(self, queries: Collection[Hashable]) -> None:
        metrics.HINTS.labels(self._probe.kind).inc()
        self._read_now(query for query in queries if query in self._agenda.quiet)

    def _newly_covered(self) -> None:
        """Read what has just come under watch: it may have changed between the last reading and now.

        What has just left it is due at the pace of what nobody watches.
        """
        before, self._covered = self._covered, self._watching.covered if self._watching is not None else frozenset()
        self._read_now(self._covered - before)
        for query in before - self._covered:
            if entry := self._agenda.entries.get(query):
                self._reschedule(query, entry)

    def _uncover(self) -> None:
        self._watching = None
        self._covered = frozenset()
        for query, entry in self._agenda.entries.items():
            self._reschedule(query, entry)

    def _read_now(self, queries: Iterable[Hashable]) -> None:
        now = self._clock()
        for query in queries:
            self._bring_forward(query, now)

    # -- telling -----------------------------------------------------------------------------------------------

    def _deliver(self, found: Mapping[Hashable, Found], at: Instant) -> None:
        """Hand each query's reading to its followers, and say once what was lost or came back."""
        turns: Counter[_Turn] = Counter()
        for query, answer in found.items():
            entry = self._agenda.entries.get(query)
            if entry is None:
                continue
            before, entry.latest = entry.latest, self._border.reading(answer, entry.latest, at)
            entry.good = entry.latest if isinstance(entry.latest, Snapshot) else entry.good
            turns[_turn(before, entry.latest)] += 1
            metrics.READS.labels(self._probe.kind, _outcome(entry.latest)).inc()
            for following in tuple(entry.followings):
                following.on_reading(entry.latest)
            self._reschedule(query, entry)
        self._say(turns)

    def _say(self, turns: Counter[_Turn]) -> None:
        for (event, cause, detail), queries in turns.items():
            if event == "answers again":
                log.info(event, **self._named(), queries=queries)
            elif event:
                log.warning(event, **self._named(), cause=cause, detail=detail, queries=queries)

    def _named(self) -> dict[str, str]:
        return {"kind": self._probe.kind, "source": self._border.name(self._key)}


def _turn(before: Reading | None, now: Reading) -> _Turn:
    """Name the change that an operator wants to hear of, if there is one: event, cause and detail."""
    if isinstance(now, Snapshot):
        return ("answers again" if isinstance(before, Outage) else "", "", "")
    if isinstance(before, Outage) and before.cause is now.cause:
        return ("", "", "")
    return ("unreadable", now.cause, now.detail)


def _outcome(reading: Reading) -> str:
    return "ok" if isinstance(reading, Snapshot) else reading.cause.value
