"""A kind of source that does what a test says: every right and every wrong thing that a plugin may do."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NoReturn

from pydantic import Field, SecretStr

from scaler.model import Ask, Metric
from scaler.probes.base import Amount, Found, Pace, Surroundings, Watching
from scaler.triggers.metadata import metric_name
from scaler.triggers.params import SourceParams
from scaler.triggers.values import Number

FakeQuery = str
Doing = Callable[[], Awaitable[object]]


async def _nothing() -> None:
    """Do nothing, at once."""


@dataclass(kw_only=True)
class FakeWorld:
    """A source that does what a test says, and keeps what was done to it.

    ``numbers`` are answered as they are, right or wrong; a query without one is not answered. ``on_open``, ``on_read``
    and ``on_close`` run first and may raise or hang. ``opens`` has the instant of each attempt, ``opened`` counts those
    that came to something; ``reads`` has the instant and the queries of each batch.
    """

    numbers: dict[FakeQuery, object] = field(default_factory=dict)
    answer: object = None
    on_open: Doing = _nothing
    on_read: Doing = _nothing
    on_close: Doing = _nothing
    on_watch: Doing = _nothing
    covering: bool = True
    opens: list[float] = field(default_factory=list)
    opened: int = 0
    closes: int = 0
    reads: list[tuple[float, frozenset[FakeQuery]]] = field(default_factory=list)
    watches: list[Watching[FakeQuery]] = field(default_factory=list)

    def put(self, query: FakeQuery, value: float) -> None:
        """Change a number and hint at it, as a source would."""
        self.numbers[query] = Amount.of(value)
        self.hint(query)

    def hint(self, *queries: FakeQuery) -> None:
        """Say that something may have changed."""
        for watching in self.watches:
            watching.hint(queries)

    def asked(self, query: FakeQuery) -> list[float]:
        """List the instants at which a query was read."""
        return [at for at, queries in self.reads if query in queries]


@dataclass(kw_only=True)
class FakeSource:
    """A source opened on a :class:`FakeWorld`."""

    world: FakeWorld

    async def read(self, queries: Collection[FakeQuery]) -> Mapping[FakeQuery, Found]:
        """Answer as the world says."""
        self.world.reads.append((_loop_time(), frozenset(queries)))
        await self.world.on_read()
        found: Any = self.world.answer or {
            each: self.world.numbers[each] for each in queries if each in self.world.numbers
        }
        return found  # type: ignore[no-any-return]  # garbage is what it is for

    async def watch(self, watching: Watching[FakeQuery]) -> NoReturn:
        """Cover what is wanted, and hint when the world does."""
        await self.world.on_watch()
        self.world.watches.append(watching)
        try:
            seen = -1
            while True:
                seen = await watching.wanted.changed(seen)
                if self.world.covering:
                    watching.covers(watching.wanted.value)
        finally:
            self.world.watches.remove(watching)

    async def close(self) -> None:
        """Count it."""
        self.world.closes += 1
        await self.world.on_close()


class FakeSourceParams(SourceParams):
    """Which fake source, and what opens it."""

    place: Annotated[str, Field(description="The source.")] = "here"
    password: Annotated[SecretStr, Field(description="What nobody may see.")] = SecretStr("")


class FakeParams(FakeSourceParams):
    """Which number of a fake source, and how it counts."""

    key: Annotated[str, Field(description="The number.")]
    target: Annotated[Number, Field(gt=0, description="How much one replica takes.")] = 5.0
    activation: Annotated[Number, Field(ge=0, description="Active means more than this.")] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FakePlace:
    """Where a fake source is."""

    name: str
    password: SecretStr


class FakeProbe:
    """A kind whose sources are worlds, by the name of their place."""

    kind: ClassVar[str] = "fake"
    params = FakeParams

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.worlds: defaultdict[str, FakeWorld] = defaultdict(FakeWorld)

    @property
    def world(self) -> FakeWorld:
        """The one source of tests that need no more."""
        return self.worlds["here"]

    def ask(self, params: FakeParams) -> Ask:
        """Ask for one number."""
        metric = Metric(name=metric_name("fake", params.key), target=params.target)
        place = FakePlace(name=params.place, password=params.password)
        return Ask(source=place, query=params.key, metric=metric, activation=params.activation)

    async def open(self, source: FakePlace, surroundings: Surroundings) -> FakeSource:
        """Open a world."""
        del surroundings
        world = self.worlds[source.name]
        world.opens.append(_loop_time())
        await world.on_open()
        world.opened += 1
        return FakeSource(world=world)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
