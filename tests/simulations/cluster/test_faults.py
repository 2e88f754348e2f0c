"""What may go wrong between a client and the API, and that it goes wrong alike for one seed."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import CONFIG_MAPS, JSON_PATCH, PODS
from scaler.testing.clocks import in_jumping_time
from simulations.cluster.api import SimulatedApi
from simulations.cluster.client import Faults, SimulatedKube
from tests.conformance import objects
from tests.conformance.asking import Asked

HERE = "test"
PATH = CONFIG_MAPS.path(HERE)


async def _made(kube: SimulatedKube, count: int) -> None:
    for number in range(count):
        await kube.call("POST", PATH, objects.config_map(f"c{number}"))


async def _heard(kube: SimulatedKube) -> int:
    return len([each async for each in kube.events(PATH, {}, 60)])


def _there(api: SimulatedApi) -> int:
    return len(api.objects(CONFIG_MAPS))


@in_jumping_time
async def test_a_write_whose_answer_is_lost_is_done() -> None:
    api = SimulatedApi()
    kube = SimulatedKube(api, faults=Faults(unanswered=1.0))
    with pytest.raises(ApiUnreachable):
        await _made(kube, 1)
    assert _there(api) == 1


@in_jumping_time
async def test_a_write_that_is_not_heard_is_not_done() -> None:
    api = SimulatedApi()
    kube = SimulatedKube(api, faults=Faults(unheard=1.0))
    with pytest.raises(ApiUnreachable):
        await _made(kube, 1)
    assert (_there(api), list(api.writes)) == (0, [])


@pytest.mark.parametrize(("status", "error"), [(403, ApiRefused), (429, ApiUnreachable), (500, ApiUnreachable)])
@in_jumping_time
async def test_a_write_may_be_refused(status: int, error: type[Exception]) -> None:
    api = SimulatedApi()
    kube = SimulatedKube(api, faults=Faults(refused=1.0, refusal=status))
    with pytest.raises(error):
        await _made(kube, 1)
    assert _there(api) == 0


@in_jumping_time
async def test_nothing_goes_through_after_death() -> None:
    api = SimulatedApi()
    kube = SimulatedKube(api, faults=Faults(dies_after=3))
    watch = asyncio.ensure_future(_heard(kube))
    with pytest.raises(ApiUnreachable, match="killed"):
        await _made(kube, 10)
    assert (_there(api), kube.calls.died.is_set()) == (3, True)
    with pytest.raises(ApiUnreachable):
        await kube.call("GET", PATH)
    with pytest.raises(ApiUnreachable):
        await watch
    await SimulatedKube(api, "successor").call("DELETE", f"{PATH}/c0")
    assert _there(api) == 2


@in_jumping_time
async def test_a_list_from_any_version_may_be_old_and_others_never_are() -> None:
    api = SimulatedApi()
    kube = SimulatedKube(api, faults=Faults(stale=5))
    await _made(kube, 10)
    ages = {len((await kube.call("GET", PATH, query={"resourceVersion": "0"}))["items"]) for _ in range(100)}
    assert ages == {5, 6, 7, 8, 9, 10}
    assert {len((await kube.call("GET", PATH))["items"]) for _ in range(20)} == {10}


@in_jumping_time
async def test_a_watch_may_be_late_and_stays_in_order() -> None:
    api, loop = SimulatedApi(), asyncio.get_running_loop()
    kube = SimulatedKube(api, faults=Faults(watch_lag=(1.0, 3.0)))
    await _made(SimulatedKube(api), 5)
    begun, heard = loop.time(), []
    async for kind, seen, _ in kube.events(PATH, {"resourceVersion": "1"}, 60):
        if kind != "BOOKMARK":
            heard.append((seen["metadata"]["name"], loop.time() - begun))
    assert [name for name, _ in heard] == [f"c{number}" for number in range(5)]
    assert all(1.0 <= late <= 3.0 + 1e-6 for _, late in heard)


@in_jumping_time
async def test_a_forgotten_version_is_gone() -> None:
    api = SimulatedApi(kept=5)
    kube = SimulatedKube(api)
    await _made(kube, 10)
    page = await kube.call("GET", PATH, query={"limit": "2"})
    for version in ("1", "2", "3"):
        with pytest.raises(ApiRefused) as refused:
            await anext(kube.events(PATH, {"resourceVersion": version}, 60))
        assert refused.value.status == 410
    assert (await anext(kube.events(PATH, {"resourceVersion": "9"}, 60)))[1]["metadata"]["name"] == "c8"
    api.compact()
    await kube.call("POST", PATH, objects.config_map("newer"))
    await kube.call("DELETE", f"{PATH}/newer")
    api.compact()
    with pytest.raises(ApiRefused) as refused:
        await kube.call("GET", PATH, query={"limit": "2", "continue": page["metadata"]["continue"]})
    assert refused.value.status == 410


@in_jumping_time
async def test_a_watch_can_be_cut() -> None:
    kube = SimulatedKube(SimulatedApi())
    told = asyncio.ensure_future(_heard(kube))
    await asyncio.sleep(1.0)
    kube.cut()
    with pytest.raises(ApiUnreachable):
        await told


@in_jumping_time
async def test_a_call_takes_its_time_and_no_more_than_the_patience_of_its_caller() -> None:
    loop = asyncio.get_running_loop()
    kube = SimulatedKube(SimulatedApi(), faults=Faults(latency=(2.0, 2.0)))
    begun = loop.time()
    await kube.call("GET", PATH)
    assert loop.time() - begun == pytest.approx(2.0)
    for patience, done in [(0.5, 0), (1.5, 1)]:
        with pytest.raises(ApiUnreachable, match="in time"):
            await kube.call("POST", PATH, objects.config_map("c"), patience=patience)
        assert _there(kube.api) == done
    assert loop.time() - begun == pytest.approx(4.0)


@in_jumping_time
async def test_a_full_quota_refuses_pods() -> None:
    api = SimulatedApi()
    api.quota[HERE] = 1
    asked = Asked(SimulatedKube(api), HERE)
    await asked.make(PODS, objects.pod("p"))
    with pytest.raises(ApiRefused, match="exceeded quota") as refused:
        await asked.make(PODS, objects.pod("q"))
    assert refused.value.status == 403
    await asked.delete(PODS, "p")
    await asked.make(PODS, objects.pod("q"))


async def _race(seed: int, pods: int) -> list[tuple[str, int]]:
    """Let two clients claim all pods, and return who was told what, in order."""
    api = SimulatedApi(seed=seed)
    for number in range(pods):
        await Asked(SimulatedKube(api), HERE).make(PODS, objects.pod(f"p{number}", {"stage": "warm"}))
    api.writes.clear()

    async def claim(kube: SimulatedKube) -> None:
        for pod in (await kube.call("GET", PODS.path(HERE), query={"labelSelector": "stage=warm"}))["items"]:
            tests = [
                {"op": "test", "path": "/metadata/resourceVersion", "value": pod["metadata"]["resourceVersion"]},
                {"op": "replace", "path": "/metadata/labels/stage", "value": kube.who},
            ]
            with suppress(ApiRefused):
                await kube.call("PATCH", PODS.path(HERE, pod["metadata"]["name"]), tests, content=JSON_PATCH)

    await asyncio.gather(*(claim(SimulatedKube(api, who)) for who in ("one", "other")))
    return [(write.who, write.status) for write in api.writes]


@in_jumping_time
async def test_a_pod_is_claimed_once_and_the_race_is_the_same_for_a_seed() -> None:
    races = [await _race(seed, 100) for seed in (1, 1, 2)]
    for race in races:
        won = Counter(who for who, status in race if status == 200)
        assert (won.total(), len(won)) == (100, 2)
        assert {status for _, status in race} == {200, 422}
    assert races[0] == races[1] != races[2]


@in_jumping_time
async def test_what_is_given_and_what_was_sent_is_nobody_elses() -> None:
    api = SimulatedApi()
    asked = Asked(SimulatedKube(api), HERE)
    sent = objects.pod("p", {"a": "b"})
    made = await asked.make(PODS, sent)
    sent["metadata"]["labels"]["a"] = made["metadata"]["labels"]["a"] = "changed"
    (await asked.get(PODS, "p"))["metadata"]["labels"]["a"] = "changed"
    assert (await asked.get(PODS, "p"))["metadata"]["labels"] == {"a": "b"}
    assert api.writes[0].body != sent
