"""A hub over fake sources, and decisions over that, for the tests of both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from pydantic import SecretStr

from scaler.agenda import Following
from scaler.decisions import Decisions, running_decisions
from scaler.errors import Cause, SourceUnavailable
from scaler.feed import BREATH
from scaler.hub import Hub, running_hub
from scaler.live import Live
from scaler.model import Ask, Decision, Metric, Reading, Snapshot, Undecided
from scaler.net.kube import Kube
from scaler.probes.base import Amount, Pace, Surroundings
from scaler.testing import Follower
from scaler.testing.clocks import jumping_clock
from scaler.testing.fakes import FakePlace, FakeProbe, FakeWorld

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


OK = {"kind": "fake", "key": "jobs"}


class Deciding:
    """Decisions over one fake kind."""

    def __init__(self, decisions: Decisions, probe: FakeProbe) -> None:
        self.decisions = decisions
        self.probe = probe

    @property
    def world(self) -> FakeWorld:
        return self.probe.world

    def ask(self, name: str = "orders", **metadata: str) -> Live:
        """Do as a call does."""
        said = {**OK, **metadata}
        identity = repr((name, sorted(said.items()))).encode()
        return self.decisions.known(identity) or self.decisions.admit(identity, ("shop", name, said))


@asynccontextmanager
async def deciding(
    pace: Pace | None = None, jobs: float | None = None, kube: Kube | None = None
) -> AsyncIterator[Deciding]:
    probe = FakeProbe(pace)
    if jobs is not None:
        probe.world.numbers["jobs"] = Amount.of(jobs)
    async with (
        running_hub(Surroundings(clock=jumping_clock)) as hub,
        running_decisions(hub, {"fake": probe}, jumping_clock, kube) as decisions,
    ):
        yield Deciding(decisions, probe)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not probe.world.watches


def judged(live: Live) -> str:
    """Write what KEDA is told as a word, a value and a standing."""
    match live.judge.verdict:
        case Decision(active=active, value=value, standing=standing):
            return f"{'active' if active else 'inactive'} {value:g} {standing}"
        case Undecided(why=why):
            return f"undecided: {why}"
