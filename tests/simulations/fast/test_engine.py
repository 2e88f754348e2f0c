"""Both engines, and both ways to run the fast one, live through any world alike, to the microsecond."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from scaler.model import OnUnknown, Rules
from simulations.fast.engine import FastKernel, suits
from simulations.keda import Fallback
from simulations.kernel import Kernel
from simulations.model import Function, Happening, Job, KnativeRules, World
from simulations.world import Made, lived
from tests.simulations.engine.worlds import function, scaled, work
from tests.simulations.fast.drawn import shared, worlds

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


def reference(each: Function, world: World) -> Kernel:
    pooled = each.pool is not None
    return Kernel(each, end=world.end, warmup=world.warmup, bins=world.bins, pooled=pooled)


def fast(*, jit: bool) -> Made:
    return lambda each, world: FastKernel(each, world, jit=jit) if suits(each) else reference(each, world)


@pytest.mark.parametrize("jit", ENGINES)
@settings(max_examples=60)
@given(worlds())
def test_any_world_comes_to_the_same(jit: bool, world: World) -> None:
    assert figures(world, fast(jit=jit)) == figures(world, reference)


@pytest.mark.parametrize("jit", ENGINES)
@settings(max_examples=30)
@given(shared())
def test_functions_that_share_a_budget_and_hand_requests_on_come_to_the_same(jit: bool, world: World) -> None:
    assert figures(world, fast(jit=jit)) == figures(world, reference)


@pytest.mark.parametrize("jit", ENGINES)
def test_there_is_room_for_as_many_moves_as_there_are(jit: bool) -> None:
    often = function(
        work(range(0, 6_000, 20), service=0.1), rules=scaled(polling_interval=1.0, cooldown=2.0), start=0.5
    )
    world = World(functions=(often,), end=6_000_000_000)
    found = figures(world, lambda each, world: FastKernel(each, world, jit=jit))
    assert len(found["orders"]["moves"]) == 600
    assert found == figures(world, reference)


ERRORS = Rules(on_unknown=OnUnknown.ERROR)
ORDERS = function(work([100.0]))
FALLS_BACK = replace(ORDERS, scaled=scaled(fallback=Fallback(replicas=2, failure_threshold=3)))


@pytest.mark.parametrize(
    ("load", "held"),
    [
        pytest.param(ORDERS, True, id="one trigger"),
        pytest.param(FALLS_BACK, True, id="a fallback that nothing can call for"),
        pytest.param(
            replace(FALLS_BACK, triggers=(replace(ORDERS.triggers[0], rules=ERRORS),)),
            False,
            id="a fallback, and a scaler that may answer with an error",
        ),
        pytest.param(
            replace(function(work([]), incidents={9.0: Happening.SCALER_DOWN}), scaled=FALLS_BACK.scaled),
            False,
            id="a fallback, and a scaler that stops",
        ),
        pytest.param(replace(ORDERS, triggers=ORDERS.triggers * 2), False, id="two triggers"),
        pytest.param(function(work([]), knative=KnativeRules()), False, id="Knative"),
        pytest.param(replace(ORDERS, job=Job()), False, id="a ScaledJob"),
        pytest.param(replace(ORDERS, scaled=scaled(paused=True)), False, id="paused from the beginning"),
    ],
)
def test_what_the_arrays_do_not_hold_is_left_to_the_reference(load: Function, held: bool) -> None:
    assert suits(load) is held
