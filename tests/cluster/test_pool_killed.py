"""A controller that ends at any of its writes, or loses the answer to one: another finishes what it began."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from scaler.errors import ApiUnreachable
from scaler.net.kube import Body, Document, Kube, running_kube
from scaler.pool.controller import Controller, running_controller
from tests.cluster.control_plane import ControlPlane
from tests.cluster.scripted import Play, Scripted, controller_of, playing

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(300)]

AT_ONCE = 11  # numbers of a write, side by side
WRITES = frozenset({"POST", "PATCH", "DELETE"})
STAYS = 1.5  # s for which nothing may change any more, in the end
Story = Callable[[Play], Coroutine[None, None, None]]


class Fate(StrEnum):
    """What becomes of the n-th write to a pod, and of its controller."""

    KILLED = "the write is done, and the controller ends before it knows"
    LATE = "the controller ends, and the write comes when the next one has begun"
    LOST = "the write is done, and its answer is lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What becomes of which write, counted from 1."""

    nth: int
    fate: Fate

    def __str__(self) -> str:
        return f"{self.fate.name.lower()}-{self.nth}"


class Mortal(Scripted):
    """A client whose n-th write meets its fate. ``died`` is set then, and what is called afterwards gets nowhere."""

    def __init__(self, kube: Kube, case: Case) -> None:
        super().__init__(kube)
        self.died = asyncio.Event()
        self.late = asyncio.Event()
        self.writes: list[str] = []
        self.errands: set[asyncio.Task[None]] = set()
        self._case = case

    async def call(self, method: str, path: str, body: Body | None = None, **how: Any) -> Document:
        """Make one call; see :class:`Kube`."""
        if self.died.is_set():
            raise ApiUnreachable("the process is no more")
        if method not in WRITES or "/pods" not in path:
            return await super().call(method, path, body, **how)
        self.writes.append(f"{method} {json.dumps(body)[:400]}")
        if len(self.writes) != self._case.nth:
            return await super().call(method, path, body, **how)
        write = partial(super().call, method, path, body, **how)
        if self._case.fate is Fate.LATE:
            self.died.set()
            self.errands.add(asyncio.create_task(self._come_late(write)))
            raise ApiUnreachable("no answer")
        try:
            await write()
        finally:
            if self._case.fate is Fate.KILLED:
                self.died.set()
        raise ApiUnreachable("no answer")

    async def _come_late(self, write: Callable[[], Awaitable[Document]]) -> None:
        await self.late.wait()
        with suppress(Exception):  # whatever the API says, nobody is there to hear it
            await write()


async def wake(play: Play) -> None:
    """Go from none to one, by adoption."""
    await play.filled()
    await play.want(1)
    await play.whole(1)
    await asyncio.sleep(STAYS)
    await play.whole(1, within=1.0)
    assert play.onlooker.claims.total() >= 1
    assert play.onlooker.kept <= play.onlooker.pods.keys()


async def bridge(play: Play) -> None:
    """Go from none to two and back, by bridges: they are drained, and wait again or end."""
    await play.filled()
    await play.want(2)
    await play.whole(2)
    await play.want(0)
    await play.whole(0)
    await asyncio.sleep(STAYS)
    await play.whole(0, within=1.0)


async def redeploy(play: Play) -> None:
    """Replace the warm pods by those of another template, and claim one."""
    await play.filled()
    await play.redeploy("example.org/function:2")
    old = set(play.onlooker.pods)
    await play.onlooker.until(lambda: not old & play.onlooker.pods.keys(), what="others")
    await wake(play)


SLOW = {"rate": 0.1, "burst": 2}  # so that a place is free when a drained pod is


@pytest.mark.parametrize(
    ("story", "section"),
    [
        pytest.param(wake, {}, id="adopted"),
        pytest.param(bridge, {"handoff": "bridge", "refill": SLOW}, id="bridged and recycled"),
        pytest.param(redeploy, {}, id="redeployed"),
    ],
)
async def test_whichever_write_is_the_last_the_end_is_the_same(
    control_plane: ControlPlane,
    namespace: str,
    story: Story,
    section: dict[str, Any],
    measured: Callable[[str], None],
) -> None:
    begun, most, recycled = monotonic(), list[int](), 0
    for first in count(1, AT_ONCE):
        cases = [Case(nth=nth, fate=fate) for nth in range(first, first + AT_ONCE) for fate in Fate]
        async with asyncio.TaskGroup() as tasks:
            runs = [
                tasks.create_task(_run(control_plane.kubeconfig, f"{namespace}-{each}", each, story, section))
                for each in cases
            ]
        most.append(max(run.result()[0] for run in runs))
        recycled += sum(run.result()[1] for run in runs)
        if most[-1] < first + AT_ONCE - 1:
            break
    told = f"{story.__name__}: {len(Fate)} fates of each of {max(most)} writes"
    measured(f"{told}, {recycled} pods recycled, {monotonic() - begun:.0f} s")
    assert recycled or story is not bridge


async def _run(kubeconfig: Path, namespace: str, case: Case, story: Story, section: dict[str, Any]) -> tuple[int, int]:
    """Let the story go on while its first controller meets its fate.

    Return how many writes that one made, and how many pods were recycled by anyone.
    """
    async with running_kube(kubeconfig) as kube:
        assert kube is not None
        first = Mortal(kube, case)
        try:
            async with playing(kubeconfig, namespace) as play:
                await _told(story(play), _lives(play, first, section))
        except BaseException as why:
            why.add_note(f"{case}\n" + "\n".join(first.writes))
            raise
    assert case.fate is Fate.LOST or first.died.is_set() == (len(first.writes) >= case.nth)
    return len(first.writes), play.onlooker.recycled.total()


async def _told(story: Coroutine[None, None, None], lives: Coroutine[None, None, None]) -> None:
    """Let the story come to its end while the controllers live."""
    async with asyncio.TaskGroup() as tasks:
        living = tasks.create_task(lives)
        await story
        living.cancel()


async def _lives(play: Play, first: Mortal, section: dict[str, Any]) -> None:
    """Run the first controller until it dies, then another; each by a Lease of its own, so that nobody waits."""
    await _until(first.died, controller_of(play, first, lease="first", **section))
    async with running_controller(controller_of(play, Scripted(first), lease="second", **section)) as second:
        async with asyncio.timeout(20.0):
            while not second.told()["functions"]:  # noqa: ASYNC110 - a controller tells nobody
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # in which it begins what there is to do
        first.late.set()
        await asyncio.Event().wait()


async def _until(died: asyncio.Event, controller: Controller) -> None:
    """Run a controller until it is dead: nothing of what it does to end reaches the API."""
    async with running_controller(controller):
        await died.wait()
