"""That a hundred thousand contended claims take seconds."""

import asyncio
import time
from collections import Counter
from contextlib import suppress

from scaler.errors import ApiRefused
from scaler.net.kube import JSON_PATCH, PODS
from simulations.cluster.api import SimulatedApi
from simulations.cluster.client import SimulatedKube
from tests.conformance import objects
from tests.conformance.asking import Asked

HERE = "test"
PODS_THERE = 500
ROUNDS = 10
SLOWEST = 4_000  # patches a second; five times that on an idle core (python -m tests.simulations.cluster.test_speed)


async def claims(rounds: int) -> tuple[Counter[int], float]:
    """Let two clients claim every pod again and again: how often which status was answered, seconds of a core."""
    api = SimulatedApi()
    for number in range(PODS_THERE):
        await Asked(SimulatedKube(api), HERE).make(PODS, objects.pod(f"p{number}", {"stage": "warm", "pool": "p"}))
    api.writes.clear()
    begun = time.process_time()
    await asyncio.gather(*(_claim(SimulatedKube(api, who), rounds) for who in ("one", "other")))
    return Counter(write.status for write in api.writes), time.process_time() - begun


async def _claim(kube: SimulatedKube, rounds: int) -> None:
    for number in range(rounds):
        for pod in (await kube.call("GET", PODS.path(HERE)))["items"]:
            about = pod["metadata"]
            operations = [
                {"op": "test", "path": "/metadata/uid", "value": about["uid"]},
                {"op": "test", "path": "/metadata/resourceVersion", "value": about["resourceVersion"]},
                {"op": "replace", "path": "/metadata/labels/stage", "value": f"{kube.who}-{number}"},
                {"op": "add", "path": "/metadata/labels/openfunction.io~1serving", "value": "s"},
            ]
            with suppress(ApiRefused):
                await kube.call("PATCH", PODS.path(HERE, about["name"]), operations, content=JSON_PATCH)


async def test_claims_are_fast_and_each_state_is_claimed_once() -> None:
    answered, seconds = await claims(ROUNDS)
    assert set(answered) == {200, 422}
    assert answered.total() == 2 * ROUNDS * PODS_THERE
    assert answered.total() / seconds > SLOWEST


if __name__ == "__main__":
    done, took = asyncio.run(claims(100))
    print(f"{done.total():,} contended claims in {took:.1f} s, {done.total() / took:,.0f}/s: {dict(done)}")  # noqa: T201 - for a person
