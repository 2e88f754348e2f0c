"""What is said to one broker to be told of new records: an incremental fetch session (KIP-227), and no I/O.

No record is ever looked at. A broker answers a fetch as soon as a log has grown beyond the offset asked for, and says
where the log ends now; that is the news, and the offset to ask for next.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from kafka.protocol.consumer import FetchRequest

from scaler.probes.kafka.dial import Message
from scaler.probes.kafka.failures import refused
from scaler.probes.kafka.lag import Partition

LEAST: Final = 1  # byte: the broker sends one batch at least, and all of it, whatever it is allowed
DROPPED: Final = frozenset({70, 71, 106})  # session not found, wrong epoch, topic ids against names
OPENING: Final = 0  # the epoch that asks for a new session
WITHOUT_TOPIC_IDS: Final = 12  # the last version that names topics


@dataclass(frozen=True, slots=True)
class News:
    """What an answer said: the partitions that changed, and those that this broker does not serve."""

    moved: frozenset[Partition]
    lost: frozenset[Partition]


@dataclass(slots=True)
class Session:
    """The partitions asked of one broker, each from an offset, and how much of that the broker has been told."""

    offsets: dict[Partition, int] = field(default_factory=dict)
    _untold: set[Partition] = field(default_factory=set)
    _gone: set[Partition] = field(default_factory=set)
    _id: int = 0
    _epoch: int = OPENING

    def add(self, partition: Partition, offset: int) -> None:
        """Ask for what comes after ``offset``."""
        self.offsets[partition] = offset
        self._untold.add(partition)
        self._gone.discard(partition)

    def remove(self, partition: Partition) -> None:
        """Do not ask any more."""
        del self.offsets[partition]
        self._untold.discard(partition)
        self._gone.add(partition)

    def request(self, wait: float) -> FetchRequest:
        """Make the next request, which the broker answers after ``wait`` seconds if there is no news."""
        told = self.offsets if self._epoch == OPENING else {each: self.offsets[each] for each in self._untold}
        gone = () if self._epoch == OPENING else self._gone
        request = FetchRequest(
            max_wait_ms=round(wait * 1000),
            min_bytes=1,
            max_bytes=LEAST,
            isolation_level=0,
            session_id=self._id,
            session_epoch=self._epoch,
            topics=[FetchRequest.FetchTopic(topic=t, partitions=each) for t, each in _asked(told).items()],
            forgotten_topics_data=[
                FetchRequest.ForgottenTopic(topic=t, partitions=each) for t, each in _named(gone).items()
            ],
            max_version=WITHOUT_TOPIC_IDS,
        )
        self._untold, self._gone = set(), set()
        return request

    def answered(self, response: Message) -> News:
        """Take in the answer to the last request. A session the broker has dropped is opened anew by the next.

        Raises :class:`SourceUnavailable` if the broker refuses as a whole.
        """
        refusal = refused(response.error_code, "fetching")
        if response.error_code in DROPPED:
            self._id, self._epoch = 0, OPENING
            return News(frozenset(), frozenset())
        if refusal is not None:
            raise refusal
        self._id = response.session_id
        self._epoch = self._epoch + 1 if self._id else OPENING
        moved, lost = set(), set()
        for partition, error, end in _ends(response):
            if error and partition in self.offsets:
                self.remove(partition)
                lost.add(partition)
            elif self.offsets.get(partition, end) != end:
                self.add(partition, end)
                moved.add(partition)
        return News(frozenset(moved), frozenset(lost))


def _ends(response: Message) -> Iterator[tuple[Partition, int, int]]:
    for topic in response.responses:
        for one in topic.partitions:
            yield Partition(topic.topic, one.partition_index), one.error_code, one.high_watermark


def _asked(offsets: Mapping[Partition, int]) -> Mapping[str, list[Message]]:
    asked: defaultdict[str, list[Message]] = defaultdict(list)
    for (topic, number), offset in offsets.items():
        one = FetchRequest.FetchTopic.FetchPartition(
            partition=number,
            current_leader_epoch=-1,
            fetch_offset=offset,
            last_fetched_epoch=-1,
            partition_max_bytes=LEAST,
        )
        asked[topic].append(one)
    return asked


def _named(partitions: Iterable[Partition]) -> Mapping[str, list[int]]:
    named: defaultdict[str, list[int]] = defaultdict(list)
    for topic, number in partitions:
        named[topic].append(number)
    return named
