"""What a trigger may say of a Kafka cluster and of a group on it."""

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from scaler.probes.kafka.lag import Bound, Lag
from scaler.probes.kafka.login import Cluster
from scaler.probes.kafka.security import ClusterParams
from scaler.triggers.values import Boolean, Whole

_INT32: Final = 2**31
_VERSION: Final = re.compile(r"0\.\d+\.\d+\.\d+|[1-9]\d*\.\d+\.\d+", re.ASCII)


def partition_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Read ``1-4,8,10-12`` as first and last numbers."""
    return tuple(_range(part.strip()) for part in text.split(","))


def _range(part: str) -> tuple[int, int]:
    ends = [end.strip() for end in part.split("-")]
    if not all(end.isascii() and end.isdigit() and int(end) < _INT32 for end in ends) or len(ends) not in {1, 2}:
        raise ValueError(f"{part!r} is neither a partition nor a range such as 1-4")
    if int(ends[0]) > int(ends[-1]):
        raise ValueError(f"{part!r} runs backwards")
    return int(ends[0]), int(ends[-1])


def kafka_version(text: str) -> str:
    """Check that ``text`` is a version as Kafka numbers them."""
    if not _VERSION.fullmatch(text):
        raise ValueError("is not a Kafka version such as 3.9.0 or 0.11.0.2")
    return text


class KafkaParams(ClusterParams):
    """How many records a consumer group has still to read, in one topic or in all that it has committed offsets for.

    Nothing is consumed, committed or created. The user needs Describe on the group and on the topics, and Read on the
    topics to be told of records at once; where that is not allowed, quiet triggers are read four times a second. A
    topic that does not exist is an outage. Partitions that a topic gains, and topics that a group gains, are
    noticed within the trigger's interval and five seconds more, also where records are told at once.

    `excludePersistentLag` leaves out partitions whose committed offset has not moved for 30 seconds while records
    waited; the native scaler compares with its last evaluation instead. `version` and `fullMetadata` are accepted and
    change nothing: the protocol version is negotiated, and metadata is always asked for the topics in question alone.
    """

    consumer_group: Annotated[str, Field(description="The group whose lag is measured.")]
    topic: Annotated[
        str, Field(description="The topic; without it, all topics for which the group has committed offsets.")
    ] = ""
    partition_limitation: Annotated[
        tuple[tuple[int, int], ...],
        BeforeValidator(lambda value: partition_ranges(value) if isinstance(value, str) else value),
        Field(description="The partitions that count, such as `1-4,8`; without it, all. Ignored without `topic`."),
    ] = ()
    lag_threshold: Annotated[Whole, Field(gt=0, description="How many records one replica takes.")] = 10
    activation_lag_threshold: Annotated[Whole, Field(ge=0, description="Active means more records than this.")] = 0
    offset_reset_policy: Annotated[
        Literal["latest", "earliest"],
        Field(description="Where the group begins to read a partition for which it has no committed offset."),
    ] = "latest"
    allow_idle_consumers: Annotated[Boolean, Field(description="Allow more replicas than there are partitions.")] = (
        False
    )
    exclude_persistent_lag: Annotated[
        Boolean, Field(description="Do not scale on partitions whose consumer makes no progress; see above.")
    ] = False
    scale_to_zero_on_invalid_offset: Annotated[
        Boolean, Field(description="Count nothing for a partition without a committed offset.")
    ] = False
    limit_to_partitions_with_lag: Annotated[
        Boolean, Field(description="At most one replica for each partition that lags; needs `topic`.")
    ] = False
    ensure_even_distribution_of_partitions: Annotated[
        Boolean, Field(description="Only numbers of replicas that divide the partitions evenly; needs `topic`.")
    ] = False
    full_metadata: Annotated[Boolean, Field(description="No effect; false needs `topic`.")] = True
    version: Annotated[
        str,
        BeforeValidator(lambda value: kafka_version(value) if value else value),
        Field(description="No effect; must be a Kafka version."),
    ] = ""

    def problems(self) -> Iterator[str]:
        """Check the cluster and combinations."""
        yield from super().problems()
        yield from self._bad_combinations()

    def _bad_combinations(self) -> Iterator[str]:
        limit, distribute = self.limit_to_partitions_with_lag, self.ensure_even_distribution_of_partitions
        if self.allow_idle_consumers and limit:
            yield "'allowIdleConsumers' and 'limitToPartitionsWithLag' exclude each other"
        if limit and distribute:
            yield "'limitToPartitionsWithLag' and 'ensureEvenDistributionOfPartitions' exclude each other"
        if self.topic:
            return
        if limit:
            yield "'limitToPartitionsWithLag' needs 'topic'"
        if distribute:
            yield "'ensureEvenDistributionOfPartitions' needs 'topic'"
        if not self.full_metadata:
            yield "'fullMetadata' may only be false with 'topic'"


def cluster(params: KafkaParams) -> Cluster:
    """Name the source: equal for all triggers that may share its connections."""
    servers = tuple(sorted(set(params.bootstrap_servers)))
    return Cluster(servers=servers, login=params.login(), tls=params.transport())


def query(params: KafkaParams) -> Lag:
    """Say what is asked of the cluster."""
    return Lag(
        group=params.consumer_group,
        topic=params.topic,
        only=params.partition_limitation if params.topic else (),
        earliest=params.offset_reset_policy == "earliest",
        zero_unread=params.scale_to_zero_on_invalid_offset,
        threshold=params.lag_threshold,
        bound=_bound(params),
        even=params.ensure_even_distribution_of_partitions,
        exclude_persistent=params.exclude_persistent_lag,
    )


def _bound(params: KafkaParams) -> Bound:
    if params.limit_to_partitions_with_lag:
        return Bound.LAGGING
    if params.allow_idle_consumers and not params.ensure_even_distribution_of_partitions:
        return Bound.NONE
    return Bound.PARTITIONS
