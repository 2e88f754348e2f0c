"""The pool's controller: a candidate that keeps the pools while it leads, and tells people what it does and why."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from structlog import get_logger

from scaler.aio import ungrouped
from scaler.config.pools import difference
from scaler.errors import LeadershipLost
from scaler.net.events import record
from scaler.net.kube import Document
from scaler.pool.elector import Elector, Leadership
from scaler.pool.fleet import SIZED, Fleet, Outside, Pools
from scaler.pool.keeper import Keeper
from scaler.pool.preflight import Preflight
from scaler.pool.view import Stage

log = get_logger(__name__)

LEASE: Final = "warmscaler-pool"
EVENTS: Final = 200  # that wait to be written, at most: what is more is in the log anyway


class Controller:
    """Keeps ``pools`` for as long as it is the leader."""

    def __init__(self, outside: Outside, elector: Elector, preflight: Preflight) -> None:
        self._outside = replace(outside, said=self._say, headless=preflight.concern, dns_bound=lambda: preflight.bound)
        preflight.said = self._say
        self._elector = elector
        self._preflight = preflight
        self._pools: Pools = {}
        self._fleet: Fleet | None = None
        self._events: asyncio.Queue[tuple[Document, str, str]] = asyncio.Queue(EVENTS)

    def configure(self, pools: Pools) -> None:
        """Go on with other pools; what differs is logged."""
        for line in difference(self._pools, pools):
            log.info("pools changed", change=line)
        self._pools = pools
        if self._fleet is not None:
            self._fleet.configure(pools)

    async def run(self) -> None:
        """Stand for election and lead, until cancelled; the Lease is released then."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._elector.run(self._lead), name="elector")
            tasks.create_task(self._write_events(), name="events of pools")
            tasks.create_task(self._preflight.run(), name="DNS preflight")

    async def _lead(self, leadership: Leadership) -> None:
        try:
            with ungrouped():
                await self._keep(leadership)
        except Exception:
            # A defect here must cost nobody the scaler, whose process this may be: another term begins soon.
            log.exception("the pool failed, and begins anew")
        finally:
            if self._fleet is not None:
                self._fleet.end()
            self._fleet = None

    async def _keep(self, leadership: Leadership) -> None:
        """Keep the pools until a write comes too late; there may be several at once."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._fleet = Fleet(self._outside, leadership, tasks)
                self._fleet.configure(self._pools)
                await self._fleet.run()
        except* LeadershipLost as late:
            log.warning("writes were not made", why=str(late.exceptions[0]))

    # -- what people are told ------------------------------------------------------------------------------------

    def told(self) -> dict[str, Any]:
        """Tell who leads and, of the leader, each function's pool, for ``/status``."""
        keepers = list(self._fleet or ())
        return {
            "leader": self._fleet is not None,
            "holder": self._elector.holder,
            "problem": self._elector.problem or None,
            "dns": self._preflight.told(),
            "unseen": self._fleet.unseen if self._fleet is not None else {},
            "functions": [told(each) for each in sorted(keepers, key=_place)],
        }

    def _say(self, regarding: Document, reason: str, message: str) -> None:
        if not self._events.full():
            self._events.put_nowait((regarding, reason, message))

    async def _write_events(self) -> None:
        while True:
            regarding, reason, message = await self._events.get()
            await record(self._outside.kube, regarding, reason, message, warning=reason != SIZED)


def _place(keeper: Keeper) -> tuple[str, str, str]:
    return keeper.function.pool, keeper.function.namespace, keeper.function.workload.name


def told(keeper: Keeper) -> dict[str, Any]:
    """Tell of one function: its size and why, what is there, what is wanted, and what stands in the way."""
    function, view = keeper.function, keeper.view
    stages = Counter(pod.stage for pod in view.pods if not pod.leaving)
    return {
        "pool": function.pool,
        "namespace": function.namespace,
        "function": function.workload.name,
        "size": keeper.size,
        "why": keeper.why,
        "pods": {stage.value: stages[stage] for stage in Stage},
        "creating": view.creating,
        "wanted": view.wanted,
        "replicas": view.replicas.asked,
        "ready": view.replicas.ready,
        "handoff": function.handoff,
        "not_adopted_since": function.why or None,
        "hold": view.hold or None,
        "problem": "; ".join(filter(None, (function.problem, keeper.ear.problem, keeper.problem, keeper.ill))) or None,
        "hits": keeper.account.hits,
        "misses": keeper.account.misses,
        "idle_pod_seconds": round(keeper.account.idle_pod_seconds, 1),
    }


@asynccontextmanager
async def running_controller(controller: Controller) -> AsyncIterator[Controller]:
    """Run the controller for as long as the block lasts; afterwards it has let go of the Lease."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(controller.run(), name="pool")
        try:
            yield controller
        finally:
            running.cancel()
