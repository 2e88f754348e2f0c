"""Whom to ask: which broker leads a partition, and which keeps a group's offsets. Remembered until it proves wrong."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from kafka.protocol.metadata import FindCoordinatorRequest

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Instant
from scaler.probes.kafka import questions
from scaler.probes.kafka.brokers import Brokers, gathered
from scaler.probes.kafka.dial import Message
from scaler.probes.kafka.questions import Leaders
from scaler.probes.kafka.recent import Recent

METADATA_AGE: Final = 5.0  # s after which a topic is looked up again, for it may have grown


@dataclass(frozen=True, slots=True)
class _Seen:
    """A topic as it was at an instant."""

    at: Instant
    leaders: Leaders


class Routes:
    """What is known of one cluster."""

    def __init__(self, brokers: Brokers, clock: Callable[[], Instant], learn: Callable[[Message], None]) -> None:
        self._brokers = brokers
        self._clock = clock
        self._learn = learn
        self._topics: Recent[str, _Seen] = Recent(clock)
        self._coordinators: Recent[str, int] = Recent(clock)

    async def leaders(self, topics: Collection[str]) -> Mapping[str, Leaders | SourceUnavailable]:
        """Say who leads the partitions of each topic; asks for those that are new or old, in one request."""
        known = {topic: self._topics.get(topic) for topic in topics}
        now = self._clock()
        old = [topic for topic, seen in known.items() if seen is None or now - seen.at > METADATA_AGE]
        asked = await self._described(old)
        found: dict[str, Leaders | SourceUnavailable] = {}
        for topic, seen in known.items():
            # What was known stays good enough if the cluster cannot be asked: the leaders themselves will object.
            answer = asked.get(topic)
            stale = seen is not None and isinstance(answer, SourceUnavailable) and answer.cause is not Cause.MISSING
            found[topic] = seen.leaders if seen is not None and (stale or answer is None) else answer or {}
        return found

    async def _described(self, topics: Collection[str]) -> Mapping[str, Leaders | SourceUnavailable]:
        if not topics:
            return {}
        try:
            response = await self._brokers.ask(questions.metadata(topics), self._brokers.anyone())
        except SourceUnavailable as error:
            return dict.fromkeys(topics, error)
        found = questions.leaders(response.topics)
        response.topics = []
        self._learn(response)
        for topic, leaders in found.items():
            if not isinstance(leaders, SourceUnavailable):
                self._topics.put(topic, _Seen(self._clock(), leaders))
        return found

    async def coordinators(self, groups: Iterable[str]) -> Mapping[str, int | SourceUnavailable]:
        """Say which broker keeps the offsets of each group; asks for the unknown ones, in one request if possible."""
        known = {group: self._coordinators.get(group) for group in groups}
        unknown = [group for group, node in known.items() if node is None]
        found = await self._coordinated(unknown) if unknown else {}
        for group, node in found.items():
            if isinstance(node, int):
                self._coordinators.put(group, node)
        return {group: found[group] if node is None else node for group, node in known.items()}

    async def _coordinated(self, groups: Collection[str]) -> dict[str, int | SourceUnavailable]:
        if not self._brokers.speaks(FindCoordinatorRequest, questions.MANY_COORDINATORS):
            return await gathered(groups, self._coordinator)
        missing = SourceUnavailable(Cause.LOADING, "no coordinator was named")
        try:
            response = await self._brokers.ask(questions.coordinators(groups), self._brokers.anyone())
        except SourceUnavailable as error:
            return dict.fromkeys(groups, error)
        named = {said.key: questions.coordinates(said, said.key) for said in response.coordinators}
        return {group: named.get(group, missing) for group in groups}

    async def _coordinator(self, group: str) -> int | SourceUnavailable:
        response = await self._brokers.ask(questions.coordinator(group), self._brokers.anyone())
        return questions.coordinates(response, group)

    def forget(self, topics: Iterable[str], groups: Iterable[str]) -> None:
        """Look these up again when they are asked for next."""
        for topic in topics:
            self._topics.drop(topic)
        for group in groups:
            self._coordinators.drop(group)
