"""A pool over a long time: old pods are replaced, a function without a Service is adopted into, numbers add up."""

import asyncio

from scaler.net.kube import SERVICES
from scaler.observe.metrics import REGISTRY
from scaler.testing.clocks import in_jumping_time
from tests.pool.stage import COLD, NAME, NAMESPACE, SIZE, section, staged

LABELS = {"pool": "p", "namespace": NAMESPACE, "function": NAME}


def counted(name: str, **labels: str) -> float:
    """Return a metric's value, 0 where there is none."""
    return REGISTRY.get_sample_value(f"warmscaler_{name}", labels) or 0.0


@in_jumping_time
async def test_old_pods_are_replaced_one_by_one() -> None:
    said = section("auto").model_copy(update={"max_age": 60.0})
    async with staged() as stage, stage.controller(stage.cluster.client("pool"), said):
        await asyncio.sleep(50.0)
        first = {each["metadata"]["uid"] for each in stage.warm()}
        fewest = SIZE
        for _ in range(150):
            await asyncio.sleep(1.0)
            fewest = min(fewest, len(stage.warm()))
        assert {each["metadata"]["uid"] for each in stage.warm()}.isdisjoint(first)
        assert fewest == SIZE
        assert stage.wrong == []


@in_jumping_time
async def test_without_a_service_a_pod_can_only_be_adopted() -> None:
    async with staged() as stage:
        await stage.cluster.client("user").call("DELETE", SERVICES.path(NAMESPACE, NAME))
        async with stage.controller(stage.cluster.client("pool"), section("adopt")):
            await asyncio.sleep(60.0)
            warm = {each["metadata"]["uid"] for each in stage.warm()}
            assert len(warm) == SIZE
            await stage.want(1)
            await asyncio.sleep(COLD / 2)
            (replica,) = stage.replicas()
            assert replica["metadata"]["uid"] in warm


@in_jumping_time
async def test_the_numbers_of_a_hand_over_add_up() -> None:
    warm_before = REGISTRY.get_sample_value("warmscaler_pool_warmup_duration_seconds_count") or 0.0
    created = counted("pool_creates_total", outcome="done")
    async with staged() as stage, stage.controller(stage.cluster.client("pool"), section("auto")):
        await asyncio.sleep(60.0)
        idle = counted("pool_idle_pod_seconds_total", **LABELS)
        assert counted("pool_target", **LABELS) == SIZE
        assert counted("pool_pods", **LABELS, stage="available") == SIZE
        await stage.want(SIZE + 1)
        await asyncio.sleep(120.0)
        assert counted("pool_claims_total", **LABELS, result="warm") == SIZE
        assert counted("pool_claims_total", **LABELS, result="cold") == 1
        avoided = counted("pool_cold_starts_avoided_total", **LABELS)
        assert avoided == SIZE + 1, "the third one came late, and still before the cold pod"
        assert counted("pool_idle_pod_seconds_total", **LABELS) > idle + 120.0
        assert counted("pool_over_target", **LABELS) == 0
    assert counted("pool_creates_total", outcome="done") == created + SIZE + avoided
    assert counted("pool_warmup_duration_seconds_count") == warm_before + SIZE + avoided
    assert counted("pool_target", **LABELS) == 0, "who is not kept any more is not told of"
