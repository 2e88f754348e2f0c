"""What was recorded: values only. Times are whole microseconds since the recording's beginning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from simulations.model import Ints, Series

SHOWN: Final = 5
"""Bad lines that are named."""
Named = tuple[str, str]
"""Namespace and name of a scaled object, or of a workload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A whole number over time: ``values[i]`` holds from ``times[i]`` on; nothing is known of before."""

    times: Ints
    values: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One trigger of a scaled object.

    ``series`` is what KEDA could be told. ``backlog`` is what the source was read to hold, in whole units, and only
    where it was read. ``unknown`` is for how many microseconds nothing true could be said: the series holds what it was
    before. ``pushed`` tells whether KEDA had a stream open at a rise; ``interval`` is seconds between two readings.
    """

    namespace: str
    name: str
    kind: str
    metric: str
    target: float
    activation: float
    interval: float
    series: Series
    backlog: Steps
    unknown: int = 0
    pushed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """One scaled object: its triggers in the order of its spec, and how many replicas its target had.

    ``spec`` is as the API had it at last, without metadata, ``None`` where the API was not read; of its triggers those
    with a ``n`` are recorded, in this order. ``asked`` is ``spec.replicas`` of the target, ``there`` its status, each
    seen every ``every`` seconds. Of its pool: the last size, its hits and misses.
    """

    namespace: str
    name: str
    triggers: tuple[Watched, ...]
    kind: str | None = None
    spec: Mapping[str, Any] | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    asked: Steps | None = None
    there: Steps | None = None
    every: float = 0.0
    pool: str | None = None
    pool_size: int = 0
    hits: int = 0
    missed: int = 0

    @property
    def full_name(self) -> str:
        """Return namespace and name as people write them."""
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True, kw_only=True)
class Troubles:
    """What could not be used: lines that are none (``bad``, with the first of them), lines that were never written.

    A ``torn`` file was not closed: it is written still, or its process was killed, and up to a second is missing.
    """

    files: int = 0
    lines: int = 0
    torn: list[str] = field(default_factory=list)
    bad: int = 0
    shown: list[str] = field(default_factory=list)
    lost: int = 0

    def complain(self, why: str) -> None:
        """Count a bad line, and name it if it is one of the first."""
        self.bad += 1
        if len(self.shown) < SHOWN:
            self.shown.append(why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Everything of one folder: it begins at ``begin``, seconds since 1970, and lasts ``end`` microseconds."""

    begin: float
    end: int
    scaled: tuple[Scaled, ...]
    troubles: Troubles
