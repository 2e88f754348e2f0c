"""What a look makes of brokers that answer for less than they were asked."""

import time
from typing import Any

import pytest
from kafka.protocol.consumer import ListOffsetsRequest, ListOffsetsResponse, OffsetFetchRequest, OffsetFetchResponse
from kafka.protocol.metadata import FindCoordinatorResponse, MetadataRequest, MetadataResponse

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Instant
from scaler.probes.kafka.brokers import Brokers, Node
from scaler.probes.kafka.lag import Lag, Log, Partition
from scaler.probes.kafka.look import Look, Seen
from scaler.probes.kafka.routes import Routes

NODE = 1
ENDS = {0: 9, 1: 9}


class Forgetful(Brokers):
    """One broker of topic t, which answers for no commit but the one of partition 0."""

    def __init__(self) -> None:
        """Connect nothing."""

    def speaks(self, request: Any, version: int) -> bool:
        """Be an old one."""
        del request, version
        return False

    def anyone(self) -> Node:
        """Name the only one there is."""
        return NODE

    async def ask(self, request: Any, node: Node, within: float = 0.0) -> Any:
        """Answer at once."""
        del node, within
        match request:
            case MetadataRequest():
                return _metadata()
            case OffsetFetchRequest():
                return _commits()
            case ListOffsetsRequest():
                return _ends()
            case _:
                return FindCoordinatorResponse(error_code=0, node_id=NODE)


def _metadata() -> Any:
    of_topic = MetadataResponse.MetadataResponseTopic
    partitions = [of_topic.MetadataResponsePartition(partition_index=n, leader_id=NODE) for n in ENDS]
    return MetadataResponse(topics=[of_topic(name="t", partitions=partitions, error_code=0)])


def _commits() -> Any:
    of_topic = OffsetFetchResponse.OffsetFetchResponseTopic
    known = of_topic.OffsetFetchResponsePartition(partition_index=0, committed_offset=7, error_code=0)
    return OffsetFetchResponse(topics=[of_topic(name="t", partitions=[known])], error_code=0)


def _ends() -> Any:
    of_topic = ListOffsetsResponse.ListOffsetsTopicResponse
    partitions = [
        of_topic.ListOffsetsPartitionResponse(partition_index=n, offset=end, error_code=0) for n, end in ENDS.items()
    ]
    return ListOffsetsResponse(topics=[of_topic(name="t", partitions=partitions)])


async def look(*queries: Lag) -> dict[Lag, Seen | SourceUnavailable]:
    brokers, clock = Forgetful(), lambda: Instant(time.monotonic())
    return await Look(brokers, Routes(brokers, clock, lambda _: None)).at(queries)


@pytest.mark.parametrize("zero_unread", [False, True])
async def test_a_commit_that_a_broker_leaves_out_is_unknown(*, zero_unread: bool) -> None:
    asked = Lag(group="g", topic="t", zero_unread=zero_unread)
    fine = Lag(group="h", topic="t", only=((0, 0),), zero_unread=zero_unread)
    found = await look(asked, fine)
    failure = found[asked]
    assert isinstance(failure, SourceUnavailable)
    assert failure.cause is Cause.INVALID
    assert isinstance(found[fine], Seen)


async def test_of_all_commits_of_a_group_what_is_left_out_is_none() -> None:
    asked = Lag(group="g")
    found = (await look(asked))[asked]
    assert isinstance(found, Seen)
    assert found.logs == {Partition("t", 0): Log(committed=7, end=9), Partition("t", 1): Log(end=9)}
