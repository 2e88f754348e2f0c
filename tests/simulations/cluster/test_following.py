"""That what the service follows the API with works on the simulated one, whatever goes wrong on the way."""

import asyncio
from random import Random

from scaler.net.kube import CONFIG_MAPS, PODS, Document
from scaler.net.mirror import Mirror
from scaler.testing.clocks import in_jumping_time
from simulations.cluster.api import SimulatedApi
from simulations.cluster.client import Faults, SimulatedKube
from tests.conformance import objects
from tests.conformance.asking import Asked

HERE = "test"


@in_jumping_time
async def test_one_object_is_followed() -> None:
    api, seen = SimulatedApi(), list[str | None]()
    asked = Asked(SimulatedKube(api), HERE)

    def note(document: Document | None) -> None:
        seen.append(document["data"]["a"] if document else None)

    following = asyncio.ensure_future(asked.kube.follow(CONFIG_MAPS, HERE, "c", note))
    await asyncio.sleep(1.0)
    await asked.make(CONFIG_MAPS, objects.config_map("c", a="1"))
    await asked.make(CONFIG_MAPS, objects.config_map("other", a="9"))
    await asyncio.sleep(300.0)
    await asked.merge(CONFIG_MAPS, "c", {"data": {"a": "2"}})
    await asked.delete(CONFIG_MAPS, "c")
    await asyncio.sleep(1.0)
    following.cancel()
    assert seen == [None, "1", "2", None]


@in_jumping_time
async def test_a_mirror_ends_equal_to_the_api() -> None:
    api, chance = SimulatedApi(kept=20), Random(7)
    faults = Faults(unheard=0.2, stale=10, watch_lag=(0.0, 2.0))
    mirror: Mirror[str] = Mirror(
        SimulatedKube(api, "mirror", faults=faults),
        PODS,
        HERE,
        lambda pod: str(pod["metadata"]["labels"]["n"]),
        lambda *_: None,
    )
    following = asyncio.ensure_future(mirror.run())
    asked = Asked(SimulatedKube(api), HERE)
    for number in range(300):
        name = f"p{chance.randrange(10)}"
        if await asked.find(PODS, name) is None:
            await asked.make(PODS, objects.pod(name, {"n": str(number)}))
        elif chance.random() < 0.3:
            await asked.delete(PODS, name)
        else:
            await asked.merge(PODS, name, {"metadata": {"labels": {"n": str(number)}}})
        await asyncio.sleep(chance.random())
    faults.unheard, faults.stale = 0.0, 0
    await asyncio.sleep(30.0)
    following.cancel()
    assert dict(mirror.objects) == {
        pod["metadata"]["name"]: pod["metadata"]["labels"]["n"] for pod in api.objects(PODS)
    }
