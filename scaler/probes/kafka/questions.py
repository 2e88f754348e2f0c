"""What is asked of brokers, and how their answers read. A bad item in an answer is a value, so the others keep theirs.

Nothing here can change anything on a cluster: metadata is asked without creating topics, offsets without committing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from kafka.errors import UnstableOffsetCommitError
from kafka.protocol.consumer import ListOffsetsRequest, OffsetFetchRequest, OffsetSpec
from kafka.protocol.metadata import CoordinatorType, FindCoordinatorRequest, MetadataRequest

from scaler.errors import Cause, SourceUnavailable
from scaler.probes.kafka.dial import Message
from scaler.probes.kafka.failures import refused
from scaler.probes.kafka.lag import Partition

Leaders = Mapping[int, int]
"""The partitions of one topic, each with the broker that leads it; :data:`NOBODY` if none does."""

NOBODY: Final = -1
MANY_COORDINATORS: Final = 4  # the version of FindCoordinator from which one request names many groups (Kafka 3.0)
MANY_GROUPS: Final = 8  # the version of OffsetFetch from which one request asks for many groups (Kafka 3.0)

Wanted = Mapping[str, Collection[int]] | None
"""The partitions of each topic whose committed offsets are asked for; ``None`` for all there are."""

Commits = Mapping[Partition, int | SourceUnavailable | None]
"""A group's committed offsets; ``None`` where it has none."""


class Unsettled(SourceUnavailable):
    """A transaction is about to commit another offset; the one before it can still be asked for."""


def metadata(topics: Iterable[str]) -> MetadataRequest:
    """Ask who leads the partitions of ``topics``; creates none of them, which needs Kafka 0.11."""
    return MetadataRequest(
        topics=[MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics],
        allow_auto_topic_creation=False,
        include_cluster_authorized_operations=False,
        include_topic_authorized_operations=False,
        min_version=4,
    )


def leaders(topics: Iterable[Message]) -> dict[str, Leaders | SourceUnavailable]:
    """Read the topics of a metadata response."""
    return {
        topic.name: refused(topic.error_code, f"topic {topic.name}")
        or {partition.partition_index: partition.leader_id for partition in topic.partitions}
        for topic in topics
    }


def coordinators(groups: Collection[str]) -> FindCoordinatorRequest:
    """Ask which brokers keep the offsets of ``groups``."""
    return FindCoordinatorRequest(
        key_type=CoordinatorType.GROUP.value, coordinator_keys=list(groups), min_version=MANY_COORDINATORS
    )


def coordinator(group: str) -> FindCoordinatorRequest:
    """Ask the same of brokers that answer for one group at a time."""
    return FindCoordinatorRequest(key=group, key_type=CoordinatorType.GROUP.value, max_version=MANY_COORDINATORS - 1)


def coordinates(said: Message, group: str) -> int | SourceUnavailable:
    """Read which broker keeps the offsets of a group."""
    return refused(said.error_code, f"group {group}") or int(said.node_id)


def commits(groups: Mapping[str, Wanted], *, settled: bool) -> OffsetFetchRequest:
    """Ask for the committed offsets of many groups.

    ``settled`` waits for what a coordinator does not know to be safe yet. Without it a coordinator that has just taken
    over answers with what was committed a while ago, or that nothing was (measured on Kafka 4.3).
    """
    of_group = OffsetFetchRequest.OffsetFetchRequestGroup
    asked = [
        of_group(group_id=group, topics=_topics(of_group.OffsetFetchRequestTopics, wanted))
        for group, wanted in groups.items()
    ]
    return OffsetFetchRequest(groups=asked, require_stable=settled, min_version=MANY_GROUPS, max_version=MANY_GROUPS)


def commits_of(group: str, wanted: Wanted, *, settled: bool) -> OffsetFetchRequest:
    """Ask the same of brokers that answer for one group at a time."""
    topics = _topics(OffsetFetchRequest.OffsetFetchRequestTopic, wanted)
    least = 2 if topics is None else 1
    return OffsetFetchRequest(
        group_id=group, topics=topics, require_stable=settled, min_version=least, max_version=MANY_GROUPS - 1
    )


def _topics(kind: Message, wanted: Wanted) -> list[Message] | None:
    if wanted is None:
        return None
    return [kind(name=topic, partition_indexes=list(numbers)) for topic, numbers in wanted.items()]


def committed(said: Message, group: str, wanted: Wanted) -> Commits | SourceUnavailable:
    """Read what one group has committed; offset -1 is how brokers say that it has nothing.

    A partition that was asked for by its number and left out is a failure: nobody said that it has no commit.
    """
    silence = {
        place: SourceUnavailable(Cause.INVALID, f"commit of {place}: the broker did not say")
        for place in (Partition(topic, number) for topic, numbers in (wanted or {}).items() for number in numbers)
    }
    return refused(getattr(said, "error_code", 0), f"group {group}") or {**silence, **dict(_committed(said))}


def _committed(said: Message) -> Iterator[tuple[Partition, int | SourceUnavailable | None]]:
    for topic in said.topics:
        for one in topic.partitions:
            place = Partition(topic.name, one.partition_index)
            offset = int(one.committed_offset)
            refusal = refused(one.error_code, f"commit of {place}")
            if one.error_code == UnstableOffsetCommitError.errno:
                refusal = Unsettled(Cause.LOADING, f"commit of {place} is part of a transaction")
            yield place, refusal or (offset if offset >= 0 else None)


def offsets(partitions: Iterable[Partition], spec: OffsetSpec) -> ListOffsetsRequest:
    """Ask where the logs of ``partitions`` end, or begin."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for topic, number in partitions:
        numbers[topic].append(number)
    of_topic = ListOffsetsRequest.ListOffsetsTopic
    asked = [
        of_topic(
            name=topic, partitions=[of_topic.ListOffsetsPartition(partition_index=n, timestamp=spec) for n in some]
        )
        for topic, some in numbers.items()
    ]
    return ListOffsetsRequest(topics=asked, min_version=1)


def listed(said: Message) -> Iterator[tuple[Partition, int | SourceUnavailable]]:
    """Read where logs end, or begin."""
    for topic in said.topics:
        for one in topic.partitions:
            place = Partition(topic.name, one.partition_index)
            yield place, refused(one.error_code, f"offsets of {place}") or _offset(one, place)


def _offset(one: Message, place: Partition) -> int | SourceUnavailable:
    offset = int(one.offset)
    return offset if offset >= 0 else SourceUnavailable(Cause.LOADING, f"offsets of {place}: none yet")
