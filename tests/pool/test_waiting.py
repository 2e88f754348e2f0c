"""Why an adoption waits until the ReplicaSet's controller has observed that it wants the pod."""

import asyncio
from dataclasses import replace

import pytest

from scaler.config.pools import PoolSection, RefillSection
from scaler.observe.metrics import REGISTRY
from scaler.pool import keeper
from scaler.pool.plan import Plan, plan
from scaler.pool.view import PoolView, Rules
from scaler.testing.clocks import in_jumping_time
from simulations.cluster.cluster import Lags
from tests.pool.stage import SIZE, Stage, section, stage_of, staged

LATE = Lags(sets=(5.0, 5.0))  # the ReplicaSet controller sees pods at once, and ReplicaSets five seconds late


async def woken_up(stage: Stage, said: PoolSection) -> set[str]:
    """Wake the function by one; return the warm pods that its ReplicaSet has in the end."""
    async with stage.controller(stage.cluster.client("pool"), said):
        await asyncio.sleep(60.0)
        warm = {each["metadata"]["uid"] for each in stage.warm()}
        await stage.want(1)
        await asyncio.sleep(60.0)
        return warm & {each["metadata"]["uid"] for each in stage.replicas()}


@in_jumping_time
async def test_who_waits_keeps_the_pod() -> None:
    async with staged(lags=LATE) as stage:
        assert len(await woken_up(stage, section("auto"))) == 1
        assert stage.wrong == []


@in_jumping_time
async def test_who_does_not_wait_loses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the wait for ``status.observedGeneration`` is left out."""

    def careless(view: PoolView, rules: Rules) -> Plan:
        return plan(replace(view, replicas=replace(view.replicas, observed=True)), rules)

    monkeypatch.setattr(keeper, "plan", careless)
    lost = REGISTRY.get_sample_value("warmscaler_pool_handoffs_lost_total") or 0.0
    async with staged(lags=LATE) as stage:
        assert await woken_up(stage, section("auto")) == set()
        seen = [each for each in stage.wrong if "handed over and lost" in each]
    assert seen
    assert REGISTRY.get_sample_value("warmscaler_pool_handoffs_lost_total") == lost + len(seen), "and it is counted"


@in_jumping_time
async def test_a_bridge_that_is_not_needed_any_more_fills_a_place_that_is_still_empty() -> None:
    slowly = section("bridge").model_copy(update={"refill": RefillSection(rate=0.02, burst=SIZE)})
    async with staged() as stage, stage.controller(stage.cluster.client("pool"), slowly):
        await asyncio.sleep(60.0)
        warm = {each["metadata"]["uid"] for each in stage.warm()}
        stage.word.say(SIZE)
        await asyncio.sleep(1.0)
        bridged = {each["metadata"]["uid"] for each in stage.pods() if stage_of(each) == "bridged"}
        assert bridged == warm
        stage.word.say(0)
        await asyncio.sleep(40.0)
        assert {each["metadata"]["uid"] for each in stage.warm()} & bridged
