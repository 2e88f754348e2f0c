"""How brokers' answers read where they say less than they were asked."""

from typing import Any

import pytest
from kafka.protocol.consumer import OffsetFetchResponse

from scaler.errors import Cause, SourceUnavailable
from scaler.probes.kafka.lag import Partition
from scaler.probes.kafka.questions import Wanted, committed


def said(offsets: dict[int, int]) -> Any:
    """Answer for some partitions of topic t."""
    of_topic = OffsetFetchResponse.OffsetFetchResponseTopic
    partitions = [
        of_topic.OffsetFetchResponsePartition(partition_index=n, committed_offset=at, error_code=0)
        for n, at in offsets.items()
    ]
    return OffsetFetchResponse(topics=[of_topic(name="t", partitions=partitions)], error_code=0)


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        pytest.param({"t": [0, 1, 2]}, {Partition("t", 2)}, id="a partition"),
        pytest.param({"t": [0, 1], "u": [0]}, {Partition("u", 0)}, id="a topic"),
    ],
)
def test_what_was_asked_for_by_number_and_is_not_answered_is_a_failure_and_not_an_absent_commit(
    wanted: Wanted, places: set[Partition]
) -> None:
    commits = committed(said({0: 7, 1: -1}), "g", wanted)
    assert not isinstance(commits, SourceUnavailable)
    failed = {place: each.cause for place, each in commits.items() if isinstance(each, SourceUnavailable)}
    assert failed == dict.fromkeys(places, Cause.INVALID)
    assert (commits[Partition("t", 0)], commits[Partition("t", 1)]) == (7, None)


def test_where_all_commits_are_asked_for_nothing_is_missed() -> None:
    assert committed(said({0: 7}), "g", None) == {Partition("t", 0): 7}
