"""Hazards in the settings of a world: what they do to this load, and what would be right.

They are found in the records, before anything is simulated; the numbers in them are measured on the arrivals.
"""

from collections.abc import Mapping

from simulations.hazards.load import load
from simulations.hazards.model import Hazard
from simulations.hazards.pools import of_one, of_pool
from simulations.hazards.scaling import OF_JOBS, OF_REPLICAS
from simulations.model import Function, Pool, World

__all__ = ["Hazard", "hazards", "of_function"]


def hazards(world: World) -> tuple[Hazard, ...]:
    """Return the hazards of every function and every pool, in the world's order."""
    found = [each for function in world.functions for each in of_function(function, _pool(function, world.pools))]
    for name, pool in world.pools.items():
        found += of_pool(name, pool, [each for each in world.functions if each.pool == name])
    return tuple(found)


def of_function(function: Function, pool: Pool | None = None) -> tuple[Hazard, ...]:
    """Return the hazards of one function, and of its pool as far as it alone is concerned."""
    measured = load(function)
    rules = () if function.knative is not None else OF_REPLICAS if function.job is None else OF_JOBS
    found = [each for rule in rules for each in rule(function, measured)]
    return (*found, *(of_one(function, measured, pool) if pool is not None else ()))


def _pool(function: Function, pools: Mapping[str, Pool]) -> Pool | None:
    return pools.get(function.pool) if function.pool is not None else None
