"""The contract of a probe: how to ask, how to open a source, how to read it in batches, how to wait for change.

Why three roles instead of one object: asking is pure and happens for every RPC of a new trigger; a source is one
connection that many triggers share; a watch lives and dies on its own while readings go on.

The model of a kind's parameters derives from a class of its own with those that reach the source and prove who we are
to it, which derives from :class:`scaler.triggers.params.SourceParams`. Where a trigger names a connection of the
configuration, none of them may stand in its metadata. For a kind that does not tell them apart, a trigger with a
connection is refused whatever would change ``Ask.source``.
"""

from abc import abstractmethod
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Generic, NoReturn, Protocol, TypeVar

from scaler.aio import Cell
from scaler.errors import Cause, SourceUnavailable
from scaler.model import Ask, Instant
from scaler.net.egress import Egress
from scaler.triggers.params import Params

P_contra = TypeVar("P_contra", bound=Params, contravariant=True)
Q = TypeVar("Q", bound=Hashable)
S_contra = TypeVar("S_contra", bound=Hashable, contravariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What one query found: ``value`` for the metric, ``activity`` for the activation threshold. Finite numbers."""

    value: float
    activity: float

    @classmethod
    def of(cls, value: float) -> "Amount":
        """Make the usual amount, whose activity is its value."""
        return cls(value=value, activity=value)


Found = Amount | SourceUnavailable
"""The answer to one query of a batch; an exception as a value, so that one bad query does not spoil the others."""


class Watching(Generic[Q]):
    """The two-way slate between the hub and a running watch.

    The hub writes ``wanted``: the queries whose triggers are quiet, so that any change matters at once. The watch
    reports through ``covers`` which of them it would notice now, and calls ``hint`` when something may have changed.
    """

    def __init__(
        self, wanted: frozenset[Q], hint: Callable[[Collection[Q]], None], covered: Callable[[], None]
    ) -> None:
        self.wanted: Cell[frozenset[Q]] = Cell(wanted)
        self.hint = hint
        self.covered: frozenset[Q] = frozenset()
        self._on_covered = covered

    def covers(self, queries: frozenset[Q]) -> None:
        """Say that from now on a change of any of ``queries`` will be hinted. The hub reads what is newly covered."""
        self.covered = queries
        self._on_covered()


class Source(Protocol[Q]):
    """One open connection to one server or cluster. It survives errors: a failed read may be followed by a good one."""

    async def read(self, queries: Collection[Q]) -> Mapping[Q, Found]:
        """Answer every query, in as few requests as the protocol allows.

        Raises :class:`SourceUnavailable` when the whole source cannot be read. Cancelled when it takes too long.
        """
        ...

    async def watch(self, watching: Watching[Q]) -> NoReturn:
        """Hint whenever a wanted query may have changed, until cancelled.

        A hint is never a value: it makes a batch read happen now. Raises :class:`Unwatchable` if this server cannot
        tell, :class:`SourceUnavailable` if it cannot tell now; the hub then reads more often and starts it again.
        """
        ...

    async def close(self) -> None:
        """Free everything, also after a failure and within a second or so; never raises."""
        ...


class Unwatchable(Exception):
    """The source has no way to tell of a change; reading at intervals is all there is.

    ``uncovered`` is this source's own interval for quiet queries, in seconds, where the one of its :class:`Pace` costs
    it too much.
    """

    def __init__(self, reason: str = "", *, uncovered: float | None = None) -> None:
        super().__init__(reason)
        self.uncovered = uncovered


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a kind of source may be read, in seconds.

    ``timeout`` bounds one batch. ``uncovered`` is the interval for quiet queries that no watch covers; ``None`` means
    that the trigger's own interval is short enough.
    """

    timeout: float = 3.0
    uncovered: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a source may use of the world: the only way out, the clock its instants are on, and the calendar.

    ``wall`` tells date and time with their zone. It may be set forward and back at any moment: never measure by it.
    """

    clock: Callable[[], Instant]
    egress: Egress = field(default_factory=Egress)
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)


class Probe(Protocol[P_contra, S_contra, Q]):
    """A kind of source: what its triggers may say, what they ask, and how it is opened. Holds no state of its own."""

    kind: ClassVar[str]
    pace: Pace

    @property
    def params(self) -> type[Params]:
        """The model of what its triggers may say; a class attribute will do."""
        ...

    @abstractmethod
    def ask(self, params: P_contra) -> Ask:
        """Turn parameters into source, query, metric and activation threshold; pure, and it never fails."""

    @abstractmethod
    async def open(self, source: S_contra, surroundings: Surroundings) -> Source[Q]:
        """Connect; raise :class:`SourceUnavailable` if that is not possible now. Cancelled when it takes too long."""


__all__ = [
    "Amount",
    "Cause",
    "Found",
    "Pace",
    "Probe",
    "Source",
    "SourceUnavailable",
    "Surroundings",
    "Unwatchable",
    "Watching",
]
