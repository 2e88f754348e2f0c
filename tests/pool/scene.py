"""Processes that stand for election on one simulated API, and a watch that no two of them are elected."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from scaler.net.kube import LEASES, Document
from scaler.pool.elector import Elector, Leadership, Timing
from scaler.testing.clocks import jumping_clock
from simulations.cluster.api import SimulatedApi
from simulations.cluster.state import Request
from tests.pool.lines import NAME, NAMESPACE, PATH, Fate, Line

TIMING = Timing()
HELD = {"holderIdentity": "another", "leaseDurationSeconds": 8}
STEP = 0.05  # s between two looks at who holds the Lease


@dataclass
class Scene:
    """One API, and all who stand for election there; ``terms`` are the terms of all of them, in order."""

    api: SimulatedApi = field(default_factory=SimulatedApi)
    terms: list[tuple[str, Leadership]] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    two: list[str] = field(default_factory=list)

    def line(self, who: str, fates: Iterator[Fate] | None = None) -> Line:
        self.lines.append(Line(self.api, who, fates))
        return self.lines[-1]

    def elector(self, line: Line, clock: Callable[[], float] = jumping_clock, timing: Timing = TIMING) -> Elector:
        return Elector(line, NAMESPACE, NAME, line.who, timing, clock)

    async def lead(self, who: str, leadership: Leadership) -> None:
        """Lead for ever."""
        self.terms.append((who, leadership))
        await asyncio.Event().wait()

    def begin(self, tasks: asyncio.TaskGroup, elector: Elector) -> asyncio.Task[None]:
        return tasks.create_task(elector.run(lambda term: self.lead(elector.identity, term)))

    def leaders(self) -> list[str]:
        return [who for who, term in self.terms if term.holds]

    async def watch(self) -> None:
        """Note every instant at which two hold the Lease."""
        while True:
            if len(self.leaders()) > 1:
                self.two.append(f"{self.leaders()} at {jumping_clock():.2f}")
            await asyncio.sleep(STEP)

    async def until(self, fact: Callable[[], bool], within: float = 60.0) -> float:
        """Wait for a fact, and tell for how many seconds."""
        began = jumping_clock()
        async with asyncio.timeout(within):
            while not fact():  # noqa: ASYNC110 - in a time that jumps
                await asyncio.sleep(STEP)
        return jumping_clock() - began

    def lease(self) -> Document:
        return self.api.read(PATH, {})["spec"]

    def write(self, method: str, spec: Document, labels: Mapping[str, str] | None = None) -> None:
        """Write the Lease as somebody else who asks for nothing."""
        path = PATH if method == "PUT" else LEASES.path(NAMESPACE)
        about = {"namespace": NAMESPACE, "name": NAME}
        made: Document = {"apiVersion": LEASES.api, "kind": "Lease", "metadata": about, "spec": {}}
        before = self.api.read(PATH, {}) if method == "PUT" else made
        body = {
            **before,
            "metadata": {**before["metadata"], "labels": labels or {}},
            "spec": {**before["spec"], **spec},
        }
        self.api.handle(Request("somebody", method, path, body))

    def held_by_another(self, spec: Document | None = None) -> None:
        """Make a Lease that somebody holds who is not here."""
        self.write("POST", {"renewTime": "2020-01-01T00:00:00.000000Z", **HELD, **(spec or {})})


@asynccontextmanager
async def tasks_of(scene: Scene) -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks for as long as the block lasts, and see that there were never two leaders."""
    others = asyncio.all_tasks()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(scene.watch())
        try:
            yield tasks
        finally:
            for each in asyncio.all_tasks() - others:
                each.cancel()
    for line in scene.lines:
        await line.close()
    assert scene.two == []
