"""Both engines, and both ways to run the fast one, live through any world alike, to the microsecond."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from simulations.fast.engine import FastKernel, suits
from simulations.kernel import Kernel
from simulations.model import Function, World
from simulations.world import Made, lived
from tests.simulations.fast.drawn import worlds

ENGINES = [pytest.param(False, id="twin"), pytest.param(True, id="compiled")]


def plain(value: object) -> object:
    """Return a value that ``==`` compares: arrays as lists, records as mappings."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "__dataclass_fields__"):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}  # type: ignore[arg-type]
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def figures(world: World, make: Made) -> Mapping[str, Any]:
    outcome = lived(world, make)
    return {each.name: plain(each) for each in outcome.figures}


def reference(function: Function, world: World) -> Kernel:
    pooled = function.pool is not None
    return Kernel(function, end=world.end, warmup=world.warmup, bins=world.bins, pooled=pooled)


@pytest.mark.parametrize("jit", ENGINES)
@settings(max_examples=300)
@given(worlds())
def test_any_world_comes_to_the_same(jit: bool, world: World) -> None:
    def fast(function: Function, world: World) -> FastKernel | Kernel:
        return FastKernel(function, world, jit=jit) if suits(function) else reference(function, world)

    assert figures(world, fast) == figures(world, reference)
