"""The pool that the demo shows: the real controller, beside the scaler and of its life, and the size that people give.

Times that no configuration says (:class:`~scaler.pool.deeds.Pace`) and the rate of refilling are those of a cluster,
divided and multiplied by the demo's speed. Not scaled are those that are real: the Lease, and the two seconds in which
every node knows of a changed Service.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from scaler.config.pools import FunctionsSection, PoolSection, RefillSection, SizeSection
from scaler.decisions import Decisions
from scaler.pool.controller import Controller, running_controller
from scaler.pool.deeds import PACE, Pace
from scaler.pool.signals import InProcess
from scaler.pooling import pool_of
from scaler.probes.registry import installed
from scaler.rpc.servicer import identify
from simulations.cluster.api import SimulatedApi
from simulations.cluster.client import Faults, SimulatedKube
from simulations.demo.cluster import NAMESPACE
from simulations.demo.options import LARGEST_POOL

API_LATENCY: Final = (
    0.003,
    0.012,
)  # wall seconds for each call of the controller's; measured, a PATCH takes 5 to 10 ms
UNDER_WAY: Final = 1.0  # wall seconds in which what was begun for another size may still be done
REFILL: Final = RefillSection()
FASTEST_REFILL: Final = 100.0  # pods a second that a configuration may say


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a pool was good for, and what it cost: ``idle_pod_seconds`` in the demo's time."""

    hits: int = 0
    misses: int = 0
    idle_pod_seconds: float = 0.0

    def __add__(self, other: "Figures") -> "Figures":
        """Sum up."""
        return Figures(
            hits=self.hits + other.hits,
            misses=self.misses + other.misses,
            idle_pod_seconds=self.idle_pod_seconds + other.idle_pod_seconds,
        )


class Pool:
    """The warm pods of one Deployment, kept while the scaler runs: a controller that comes later finds their labels."""

    def __init__(self, api: SimulatedApi, deployment: str, size: int, speed: float) -> None:
        self.size = size
        self.on = True
        self._kube = SimulatedKube(api, "warmscaler", faults=Faults(latency=API_LATENCY), namespace=NAMESPACE)
        self._deployment = deployment
        self._speed = speed
        self._controller: Controller | None = None
        self._before = Figures()
        self._until = (float("-inf"), 0)

    @property
    def wanted(self) -> int:
        """How many warm pods there are to be."""
        return self.size if self.on else 0

    def most(self) -> int:
        """How many unclaimed pods there may be: the size and its surge, and for a moment what was before."""
        until, before = self._until
        return max(self.wanted + self._section().surge, before if time.monotonic() < until else 0)

    def toggle(self) -> bool:
        """Keep no warm pods any more, or as many as before; returns whether any are to be kept."""
        self._until = (time.monotonic() + UNDER_WAY, self.most())
        self.on = not self.on
        self._configure()
        return self.on

    def resize(self, by: int) -> int:
        """Keep more or fewer, from 1 to :data:`~simulations.demo.options.LARGEST_POOL`; returns how many."""
        self._until = (time.monotonic() + UNDER_WAY, self.most())
        self.size = max(1, min(LARGEST_POOL, self.size + by))
        self.on = True
        self._configure()
        return self.size

    def figures(self) -> Figures:
        """Sum up all controllers so far."""
        if self._controller is None:
            return self._before
        now = Figures()
        for told in self._controller.told()["functions"]:
            idle = told["idle_pod_seconds"] * self._speed
            now += Figures(hits=told["hits"], misses=told["misses"], idle_pod_seconds=idle)
        return self._before + now

    @asynccontextmanager
    async def kept(self, decisions: Decisions) -> AsyncIterator[None]:
        """Run a controller that hears these decisions for as long as the block lasts."""
        signals = InProcess(decisions, identify)
        controller = pool_of(self._kube, signals, installed().kinds, namespace=NAMESPACE, dev=True, pace=self._pace())
        try:
            async with running_controller(controller):
                self._controller = controller
                self._configure()
                try:
                    yield
                finally:
                    self._before, self._controller = self.figures(), None
        finally:
            signals.end()

    def _configure(self) -> None:
        if self._controller is not None:
            self._controller.configure({self._deployment: self._section()})

    def _section(self) -> PoolSection:
        return PoolSection(
            functions=FunctionsSection(namespace=NAMESPACE, deployment=self._deployment),
            size=SizeSection(fixed=self.wanted),
            confirm=self.wanted,
            refill=RefillSection(rate=min(FASTEST_REFILL, REFILL.rate * self._speed), burst=REFILL.burst),
        )

    def _pace(self) -> Pace:
        return replace(
            PACE,
            linger=PACE.linger / self._speed,
            grace=PACE.grace / self._speed,
            start_within=PACE.start_within / self._speed,
            take_within=PACE.take_within / self._speed,
            guard=PACE.guard / self._speed,
        )
