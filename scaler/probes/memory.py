"""The smallest probe: named numbers in this process. For the demo, for tests, and for readers of the contract."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, NoReturn

from pydantic import Field

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Ask, Metric
from scaler.probes.base import Amount, Found, Pace, Surroundings, Watching
from scaler.triggers.metadata import metric_name
from scaler.triggers.params import Params
from scaler.triggers.values import Number


class MemoryParams(Params):
    """A number that the same process keeps under a name."""

    key: Annotated[str, Field(description="The name of the number.")]
    target: Annotated[Number, Field(gt=0, description="How much of it one replica takes.")] = 5.0
    activation: Annotated[Number, Field(ge=0, description="Active means more than this.")] = 0.0


@dataclass(frozen=True, slots=True)
class Shelves:
    """The source: there is one in a process."""

    def __str__(self) -> str:
        """Name it, for an operator."""
        return "this process"


@dataclass(frozen=True, slots=True)
class Key:
    """The query: the number under a name."""

    name: str

    def __str__(self) -> str:
        """Name it, for an operator."""
        return f"number {self.name}"


class Shelf:
    """Named numbers that can be changed and watched, and a switch that puts them out of reach."""

    def __init__(self) -> None:
        self.reachable = True
        self.numbers: dict[str, float] = {}
        self.watches: list[Watching[Key]] = []

    def put(self, name: str, value: float) -> None:
        """Change a number; every watch is hinted."""
        self.numbers[name] = value
        for watching in self.watches:
            watching.hint([Key(name)])


SHELF: Final = Shelf()


class MemorySource:
    """An open shelf."""

    async def read(self, queries: Collection[Key]) -> Mapping[Key, Found]:
        """Look up every name; one that was never put is an honest zero."""
        if not SHELF.reachable:
            raise SourceUnavailable(Cause.UNREACHABLE, "the shelf was put out of reach")
        return {query: Amount.of(SHELF.numbers.get(query.name, 0.0)) for query in queries}

    async def watch(self, watching: Watching[Key]) -> NoReturn:
        """Be told by the shelf itself."""
        SHELF.watches.append(watching)
        try:
            seen = -1
            while True:
                seen = await watching.wanted.changed(seen)
                watching.covers(watching.wanted.value)
        finally:
            SHELF.watches.remove(watching)

    async def close(self) -> None:
        """Nothing is held."""


class Memory:
    """Numbers kept by this process itself; only something that runs inside it can change them."""

    kind: ClassVar[str] = "memory"
    params = MemoryParams
    pace = Pace(timeout=1.0)

    def ask(self, params: MemoryParams) -> Ask:
        """Ask for one number."""
        return Ask(
            source=Shelves(),
            query=Key(params.key),
            metric=Metric(name=metric_name("memory", params.key), target=params.target),
            activation=params.activation,
        )

    async def open(self, source: Shelves, surroundings: Surroundings) -> MemorySource:
        """Open the shelf, which is always possible."""
        del source, surroundings
        return MemorySource()
