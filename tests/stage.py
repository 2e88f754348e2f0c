"""A hub over fake sources, for tests of feeds and of what stands on them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable
from scaler.feed import BREATH, Following
from scaler.hub import Hub, running_hub
from scaler.model import Ask, Metric, Reading, Snapshot
from scaler.probes.base import Amount, Pace, Surroundings
from scaler.testing import Follower
from scaler.testing.clocks import jumping_clock
from scaler.testing.fakes import FakePlace, FakeProbe

FIRST: Final = BREATH  # s after a source is wanted: whoever comes at the same time is in the first batch


def ask(query: str, place: str = "here", password: str = "") -> Ask:
    source = FakePlace(name=place, password=SecretStr(password))
    return Ask(source=source, query=query, metric=Metric(name=query, target=1.0))


class Stage:
    """A hub over one fake kind, and the time since it began."""

    def __init__(self, hub: Hub, probe: FakeProbe) -> None:
        self.hub = hub
        self.probe = probe
        self.world = probe.world
        self._began = jumping_clock()

    def follow(
        self, query: str, *, interval: float = 2.0, quiet: bool = False, place: str = "here", password: str = ""
    ) -> tuple[Follower, Following]:
        follower = Follower()
        following = self.hub.follow(self.probe, ask(query, place, password), interval, follower)
        following.set_quiet(quiet)
        return follower, following

    def since(self, instants: list[float]) -> list[float]:
        """Tell instants as seconds since the beginning."""
        return [round(at - self._began, 3) for at in instants]

    def reads(self) -> list[float]:
        return self.since([at for at, _ in self.world.reads])


@asynccontextmanager
async def staged(pace: Pace | None = None, **numbers: float) -> AsyncIterator[Stage]:
    probe = FakeProbe(pace)
    probe.world.numbers.update({query: Amount.of(number) for query, number in numbers.items()})
    async with running_hub(Surroundings(clock=jumping_clock)) as hub:
        yield Stage(hub, probe)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def told(readings: list[Reading]) -> list[float | Cause]:
    """Write readings as their numbers, or the cause of what kept them away."""
    return [each.value if isinstance(each, Snapshot) else each.cause for each in readings]


def raising(error: BaseException, times: int = 10**9) -> Callable[[], Awaitable[None]]:
    """Make something that raises, as often as said."""
    left = times

    async def act() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise error

    return act


async def hang() -> None:
    await asyncio.Event().wait()


DOWN: Final = SourceUnavailable(Cause.UNREACHABLE, "refused")


async def nothing() -> None:
    """Do nothing."""
