"""A controller that ends at any of its writes, or loses the answer to one: another finishes what it began."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from scaler.errors import ApiUnreachable
from scaler.net.kube import Body, Document, Kube, running_kube
from scaler.pool.controller import Controller, running_controller
from tests.cluster.control_plane import ControlPlane
from tests.cluster.scripted import Play, Scripted, controller_of, playing

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(300)]

AT_ONCE = 8  # runs side by side, one for each number of a write
WRITES = frozenset({"POST", "PATCH", "DELETE"})
STAYS = 1.5  # s for which nothing may change any more, in the end
Story = Callable[[Play], Coroutine[None, None, None]]


class Fate(StrEnum):
    """What becomes of the n-th write to a pod, and of its controller."""

    KILLED = "the write is done, and the controller ends before it knows"
    LATE = "the controller ends, and the write comes when the next one has begun"
    LOST = "the write is done, and its answer is lost"


class Mortal(Scripted):
    """A client whose n-th write meets its fate. ``died`` is set then, and what is called afterwards gets nowhere."""

    def __init__(self, kube: Kube, nth: int, fate: Fate) -> None:
        super().__init__(kube)
        self.died = asyncio.Event()
        self.late = asyncio.Event()
        self.writes: list[str] = []
        self.errands: set[asyncio.Task[None]] = set()
        self._nth = nth
        self._fate = fate

    async def call(self, method: str, path: str, body: Body | None = None, **how: Any) -> Document:
        """Make one call; see :class:`Kube`."""
        if self.died.is_set():
            raise ApiUnreachable("the process is no more")
        if method not in WRITES or "/pods" not in path:
            return await super().call(method, path, body, **how)
        self.writes.append(f"{method} {json.dumps(body)[:400]}")
        if len(self.writes) != self._nth:
            return await super().call(method, path, body, **how)
        write = super().call(method, path, body, **how)
        if self._fate is Fate.LATE:
            self.died.set()
            self.errands.add(asyncio.create_task(self._come_late(write)))
        else:
            await write
            if self._fate is Fate.KILLED:
                self.died.set()
        raise ApiUnreachable("no answer")

    async def _come_late(self, write: Awaitable[Document]) -> None:
        await self.late.wait()
        with suppress(Exception):  # whatever the API says, nobody is there to hear it
            await write


async def wake(play: Play) -> None:
    """Go from none to one, by adoption."""
    await play.filled()
    await play.want(1)
    await play.whole(1)
    await asyncio.sleep(STAYS)
    await play.whole(1, within=1.0)
    assert play.onlooker.claims.total() >= 1


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


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize(
    ("story", "section"),
    [
        pytest.param(wake, {}, id="adopted"),
        pytest.param(bridge, {"handoff": "bridge", "refill": SLOW}, id="bridged and recycled"),
        pytest.param(redeploy, {}, id="redeployed"),
    ],
)
async def test_whichever_write_is_the_last_the_end_is_the_same(  # noqa: PLR0913, PLR0917 - fixtures
    control_plane: ControlPlane,
    namespace: str,
    story: Story,
    section: dict[str, Any],
    fate: Fate,
    measured: Callable[[str], None],
) -> None:
    runs: list[list[str]] = []
    for first in count(1, AT_ONCE):
        numbers = range(first, first + AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            each = [
                tasks.create_task(_run(control_plane.kubeconfig, f"{namespace}-{nth}", nth, fate, story, section))
                for nth in numbers
            ]
        runs += [one.result() for one in each]
        if any(len(writes) < nth for nth, writes in zip(numbers, runs[first - 1 :], strict=True)):
            break
    measured(f"{story.__name__}, {fate.name.lower()} at each of {max(map(len, runs))} writes: the end is the same")


async def _run(  # noqa: PLR0913, PLR0917 - one case
    kubeconfig: Path,
    namespace: str,
    nth: int,
    fate: Fate,
    story: Story,
    section: dict[str, Any],
) -> list[str]:
    """Let the story go on while its first controller meets its fate; return what that one wrote."""
    async with playing(kubeconfig, namespace) as play, running_kube(kubeconfig) as kube:
        assert kube is not None
        first = Mortal(kube, nth, fate)
        lives = asyncio.create_task(_lives(play, first, section))
        told = asyncio.create_task(story(play))
        try:
            await asyncio.wait({lives, told}, return_when=asyncio.FIRST_COMPLETED)
            if not told.done():
                await lives
            await told
        except BaseException as why:
            why.add_note(f"n = {nth}, {fate}\n" + "\n".join(first.writes))
            raise
        finally:
            lives.cancel()
            told.cancel()
            await asyncio.wait({lives, told})
        if fate is Fate.LOST or len(first.writes) < nth:
            return first.writes
        assert first.died.is_set()
        return first.writes


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
