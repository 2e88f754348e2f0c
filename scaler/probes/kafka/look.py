"""One look at a cluster: from queries to the offsets they are about, in as few requests as the protocol allows."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from kafka.protocol.consumer import OffsetFetchRequest, OffsetSpec

from scaler.errors import Cause, SourceUnavailable
from scaler.probes.kafka import questions
from scaler.probes.kafka.brokers import Brokers, gathered
from scaler.probes.kafka.lag import Lag, Log, Partition
from scaler.probes.kafka.questions import NOBODY, Commits, Leaders, Unsettled, Wanted
from scaler.probes.kafka.routes import Routes

T = TypeVar("T")

Spots = Mapping[Partition, int]
"""Partitions, each with the broker that leads it."""

Offsets = Mapping[Partition, int | SourceUnavailable]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look found out for one query: where its partitions are, and their offsets."""

    spots: Spots
    logs: Mapping[Partition, Log]


@dataclass(frozen=True, slots=True)
class _Place:
    """A partition of a query, half way: its leader, and what the query's group has committed."""

    leader: int
    committed: int | None


_Places = Mapping[Partition, _Place]


class Look:
    """Asks the brokers that :class:`Routes` names, and tells it which of them were the wrong ones."""

    def __init__(self, brokers: Brokers, routes: Routes) -> None:
        self._brokers = brokers
        self._routes = routes

    async def at(self, queries: Collection[Lag]) -> dict[Lag, Seen | SourceUnavailable]:
        """Return what each query is about; what fails fails only those it matters to.

        Committed offsets are read before the ends of logs, so a lag is never too small for the time in between.
        """
        leaders, coordinators = await asyncio.gather(
            self._routes.leaders({query.topic for query in queries if query.topic}),
            self._routes.coordinators({query.group for query in queries}),
        )
        commits = await self._commits(_wanted(queries, leaders), coordinators)
        roaming = _topics(commits[query.group] for query in queries if not query.topic)
        leaders = {**leaders, **await self._routes.leaders(roaming - leaders.keys())}  # those asked about stay
        places = {query: _attempt(partial(_places, query, leaders, commits)) for query in queries}
        ends, starts = await asyncio.gather(
            self._offsets(_spots(places, lambda *_: True), OffsetSpec.LATEST),
            self._offsets(_spots(places, lambda query, place: query.needs_start(place.committed)), OffsetSpec.EARLIEST),
        )
        seen = {query: _attempt(partial(_seen, found, ends, starts)) for query, found in places.items()}
        failed = [query for query, each in seen.items() if isinstance(each, SourceUnavailable)]
        self._routes.forget({query.topic for query in failed}, {query.group for query in failed})
        return seen

    async def _commits(
        self, wanted: Mapping[str, Wanted], coordinators: Mapping[str, int | SourceUnavailable]
    ) -> dict[str, Commits | SourceUnavailable]:
        """Read the committed offsets of each group from its coordinator."""
        found: dict[str, Commits | SourceUnavailable] = {}
        of_node: defaultdict[int, dict[str, Wanted]] = defaultdict(dict)
        for group, partitions in wanted.items():
            node = coordinators[group]
            if isinstance(node, SourceUnavailable):
                found[group] = node
            else:
                of_node[node][group] = partitions
        for node, commits in (await gathered(of_node, lambda node: self._commits_at(node, of_node[node]))).items():
            found |= dict.fromkeys(of_node[node], commits) if isinstance(commits, SourceUnavailable) else commits
        return found

    async def _commits_at(self, node: int, wanted: Mapping[str, Wanted]) -> dict[str, Commits | SourceUnavailable]:
        """Ask one coordinator; for groups in the midst of a transaction, ask what they had committed before it."""
        said = await self._commits_said(node, wanted, settled=True)
        unsettled = {group: wanted[group] for group, each in said.items() if _unsettled(each)}
        return said | await self._commits_said(node, unsettled, settled=False) if unsettled else said

    async def _commits_said(
        self, node: int, wanted: Mapping[str, Wanted], *, settled: bool
    ) -> dict[str, Commits | SourceUnavailable]:
        if not self._brokers.speaks(OffsetFetchRequest, questions.MANY_GROUPS):
            return await gathered(wanted, lambda group: self._commits_of(node, group, wanted[group], settled=settled))
        response = await self._brokers.ask(questions.commits(wanted, settled=settled), node)
        said = {each.group_id: each for each in response.groups}
        silence = SourceUnavailable(Cause.INVALID, f"broker {node} did not answer for the group")
        return {
            group: questions.committed(said[group], group, asked) if group in said else silence
            for group, asked in wanted.items()
        }

    async def _commits_of(self, node: int, group: str, wanted: Wanted, *, settled: bool) -> Commits | SourceUnavailable:
        request = questions.commits_of(group, wanted, settled=settled)
        return questions.committed(await self._brokers.ask(request, node), group, wanted)

    async def _offsets(self, spots: Spots, spec: OffsetSpec) -> Offsets:
        """Read where logs end or begin from their leaders; a partition that a leader leaves out is absent."""
        of_leader: defaultdict[int, list[Partition]] = defaultdict(list)
        for partition, leader in spots.items():
            of_leader[leader].append(partition)
        found: dict[Partition, int | SourceUnavailable] = {
            partition: SourceUnavailable(Cause.LOADING, f"nobody leads {partition} now")
            for partition in of_leader.pop(NOBODY, ())
        }
        for leader, said in (
            await gathered(of_leader, lambda leader: self._offsets_at(leader, of_leader[leader], spec))
        ).items():
            found |= dict.fromkeys(of_leader[leader], said) if isinstance(said, SourceUnavailable) else said
        wrong = {partition.topic for partition, each in found.items() if isinstance(each, SourceUnavailable)}
        self._routes.forget(wrong, ())
        return found

    async def _offsets_at(self, leader: int, partitions: Collection[Partition], spec: OffsetSpec) -> Offsets:
        return dict(questions.listed(await self._brokers.ask(questions.offsets(partitions, spec), leader)))


def _wanted(queries: Iterable[Lag], leaders: Mapping[str, Leaders | SourceUnavailable]) -> dict[str, Wanted]:
    """Say what is asked of each group: the partitions of its queries, or all there are if one has no topic."""
    some: defaultdict[str, dict[str, set[int]]] = defaultdict(dict)
    for query in queries:
        known = leaders.get(query.topic, {})
        if not isinstance(known, SourceUnavailable):
            some[query.group].setdefault(query.topic, set()).update(filter(query.counts, known))
    return {**some, **{query.group: None for query in queries if not query.topic}}


def _unsettled(commits: Commits | SourceUnavailable) -> bool:
    return not isinstance(commits, SourceUnavailable) and any(isinstance(at, Unsettled) for at in commits.values())


def _topics(commits: Iterable[Commits | SourceUnavailable]) -> set[str]:
    """List the topics for which there are committed offsets."""
    return {place.topic for known in commits if not isinstance(known, SourceUnavailable) for place in known}


def _places(
    query: Lag,
    leaders: Mapping[str, Leaders | SourceUnavailable],
    commits: Mapping[str, Commits | SourceUnavailable],
) -> _Places:
    """List the partitions of a query, with what its group has committed; without a topic and commits, none."""
    if query.topic:
        topics = {query.topic: _good(leaders[query.topic])}
    else:
        topics = {topic: _good(leaders[topic]) for topic in _topics([commits[query.group]])}
    known = _good(commits[query.group])
    found = {
        Partition(topic, number): _Place(leader, _good(known.get(Partition(topic, number))))
        for topic, led in topics.items()
        for number, leader in led.items()
        if query.counts(number)
    }
    if query.topic and not found:
        raise SourceUnavailable(Cause.MISSING, f"topic {query.topic} has none of the partitions asked for")
    return found


def _spots(places: Mapping[Lag, _Places | SourceUnavailable], chosen: Callable[[Lag, _Place], bool]) -> Spots:
    """List the partitions that were chosen, each once, with their leaders."""
    return {
        partition: place.leader
        for query, found in places.items()
        if not isinstance(found, SourceUnavailable)
        for partition, place in found.items()
        if chosen(query, place)
    }


def _seen(places: _Places | SourceUnavailable, ends: Offsets, starts: Offsets) -> Seen:
    known = _good(places)
    return Seen(
        spots={partition: place.leader for partition, place in known.items()},
        logs={
            partition: Log(
                committed=place.committed,
                end=_good(ends.get(partition)),
                start=_told(starts.get(partition)),
            )
            for partition, place in known.items()
        },
    )


def _told(start: int | SourceUnavailable | None) -> int | None:
    """Make do without the beginning of a log, as the native scaler does."""
    return None if isinstance(start, SourceUnavailable) else start


def _good(value: T | SourceUnavailable) -> T:
    """Return ``value``, or raise it if it is a failure."""
    if isinstance(value, SourceUnavailable):
        raise value
    return value


def _attempt(act: Callable[[], T]) -> T | SourceUnavailable:
    """Return what ``act`` returns, or its failure as a value."""
    try:
        return act()
    except SourceUnavailable as failure:
        return failure
