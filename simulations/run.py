"""One run of one world, by either engine."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from simulations.fast.engine import fast_kernel
from simulations.figures import Outcome
from simulations.jobs import JobKernel
from simulations.kernel import Kernel
from simulations.model import Function, World
from simulations.requests import NEVER
from simulations.world import Made, Simulated, lived


class Engine(StrEnum):
    """How the functions of a world are simulated; the results are the same."""

    FAST = "fast"
    """Arrays, compiled where numba is installed; the reference for what they do not hold (``simulations.fast``)."""
    REFERENCE = "reference"
    """Event by event, with the service's own code: to read, and to check the other one."""


def simulate(world: World, engine: Engine = Engine.FAST) -> Outcome:
    """Run a world from 0 to its end.

    Raises ``ValueError`` where requests go round in a circle among its functions, or where a function's gaps between
    syncs end before the run does.
    """
    short = [each.name for each in world.functions if _looked(each) <= world.end]
    if short:
        raise ValueError(f"the gaps between syncs end before the run does: {', '.join(short)}")
    return lived(world, _MAKERS[engine])


def _looked(function: Function) -> int:
    """Return how far the syncs of the HPA reach; each resumption takes one gap more."""
    gaps = function.phases.gaps[len(function.incidents) :]
    return NEVER if function.knative or function.job else function.phases.sync + int(gaps.sum())


def _reference(function: Function, world: World) -> Simulated:
    pooled = function.pool is not None
    made = Kernel if function.job is None else JobKernel
    return made(function, end=world.end, warmup=world.warmup, bins=world.bins, pooled=pooled)


def _fast(function: Function, world: World) -> Simulated:
    return fast_kernel(function, world) or _reference(function, world)


_MAKERS: Final[Mapping[Engine, Made]] = {Engine.REFERENCE: _reference, Engine.FAST: _fast}
