"""How far a group is behind: pure arithmetic on offsets, equal to the native scaler's (keda 2.21, kafka_scaler.go)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isqrt
from typing import Final, NamedTuple

from scaler.model import Instant
from scaler.probes.base import Amount

PERSISTENT_AFTER: Final = 30.0  # s, the interval at which KEDA polls by default; see :func:`standing`


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.number}"


class Bound(StrEnum):
    """How many consumers can be of use: the metric never asks for more."""

    NONE = "as many as the lag asks for"
    PARTITIONS = "one a partition"
    LAGGING = "one a partition that lags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """The query: how far a group is behind, and how much of that counts.

    Without a ``topic``, all topics count for which the group has committed offsets. ``only`` lists the first and last
    numbers of the partitions that count; empty for all. ``earliest`` says that a partition without a commit is read
    from its beginning, and ``zero_unread`` that such a partition does not count. ``even`` rounds up to a number of
    consumers that divides the partitions.
    """

    group: str
    topic: str = ""
    only: tuple[tuple[int, int], ...] = ()
    earliest: bool = False
    zero_unread: bool = False
    threshold: int = 10
    bound: Bound = Bound.PARTITIONS
    even: bool = False
    exclude_persistent: bool = False

    def __str__(self) -> str:
        """Name what is read, for an operator."""
        only = "".join(f" {first}-{last}" for first, last in self.only)
        return (
            f"group {self.group}, "
            + (f"topic {self.topic}" if self.topic else "all topics")
            + (only and f" partitions{only}")
        )

    def counts(self, number: int) -> bool:
        """Tell whether the partition of this number is asked about."""
        return not self.only or any(first <= number <= last for first, last in self.only)

    def needs_start(self, committed: int | None) -> bool:
        """Tell whether the lag of a partition depends on where its log begins."""
        return committed is None and self.earliest and not self.zero_unread


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One partition: what the group committed, where the log ends and begins; ``None`` is what nobody told.

    ``stuck`` says that the lag is persistent.
    """

    committed: int | None = None
    end: int | None = None
    start: int | None = None
    stuck: bool = False


class Behind(NamedTuple):
    """A partition's lag, as it counts for the metric and for the activation."""

    metric: int
    activity: int


def behind(log: Log, ask: Lag) -> Behind:
    """Return the lag of one partition; negative if the group is ahead of a log that was made anew."""
    if log.committed is None and (ask.zero_unread or not ask.earliest):
        unread = 0 if ask.zero_unread else 1
        return Behind(unread, unread)
    if log.end is None:
        return Behind(0, 0)  # Azure Event Hubs leaves partitions out now and then
    read = log.committed if log.committed is not None else log.start or 0
    return Behind(0 if log.stuck else log.end - read, log.end - read)


def amount(logs: Collection[Log], ask: Lag) -> Amount:
    """Add up the partitions whose end is known, bounded for the metric and not for the activation."""
    lags = [behind(log, ask) for log in logs if log.end is not None]
    total = sum(lag.metric for lag in lags)
    activity = sum(lag.activity for lag in lags)
    if ask.even:
        total = even(total, len(lags), ask.threshold) * ask.threshold
    return Amount(value=max(0, _bounded(total, lags, ask)), activity=activity)


def even(lag: int, partitions: int, threshold: int) -> int:
    """Return the fewest consumers that divide ``partitions`` and are enough for ``lag``, or one a partition."""
    return next((factor for factor in factors(partitions) if factor * threshold >= lag), partitions)


def factors(number: int) -> list[int]:
    """List the divisors of ``number`` in order; none below 1."""
    small = [each for each in range(1, isqrt(max(number, 0)) + 1) if number % each == 0]
    return sorted({*small, *(number // each for each in small)})


def _bounded(total: int, lags: Collection[Behind], ask: Lag) -> int:
    """Cap ``total`` as the native scaler does: by whole thresholds, so the remainder may ask for one consumer more."""
    if ask.bound is Bound.NONE:
        return total
    useful = len(lags) if ask.bound is Bound.PARTITIONS else sum(lag.metric > 0 for lag in lags)
    return useful * ask.threshold if total // ask.threshold > useful else total


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A partition with unread records: the committed offset, and since when it has been seen to stand there."""

    committed: int
    since: Instant


def standing(
    before: Mapping[Partition, Standing], logs: Mapping[Partition, Log], at: Instant
) -> dict[Partition, Standing]:
    """Say for every partition with unread records since when its committed offset has not moved.

    Natively lag is persistent if the offset is that of the evaluation before, however soon that was. Here it is a
    matter of time: :data:`PERSISTENT_AFTER` seconds during which records waited and nothing was committed. So it does
    not depend on how often a source is read, and an idle partition is not stuck when its first record arrives.
    """
    return dict(_standing(before, logs, at))


def _standing(
    before: Mapping[Partition, Standing], logs: Mapping[Partition, Log], at: Instant
) -> Iterator[tuple[Partition, Standing]]:
    for partition, log in logs.items():
        if log.committed is None or log.end is None or log.end <= log.committed:
            continue
        known = before.get(partition)
        if known is None or known.committed != log.committed:
            known = Standing(committed=log.committed, since=at)
        yield partition, known


def marked(logs: Mapping[Partition, Log], stands: Mapping[Partition, Standing], at: Instant) -> list[Log]:
    """Mark the logs whose lag is persistent."""
    stuck = {each for each, stand in stands.items() if at - stand.since >= PERSISTENT_AFTER}
    return [replace(log, stuck=partition in stuck) for partition, log in logs.items()]
