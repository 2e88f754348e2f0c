"""The proxy forwards everything, and misbehaves exactly as it is told."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from scaler.errors import ApiRefused, ApiUnreachable
from scaler.net.kube import CONFIG_MAPS, Document, Event, Kube, running_kube
from tests.cluster.api import Api
from tests.cluster.api import Resource as Plural
from tests.cluster.api_proxy import Act, ApiProxy, Delay, Distort, Drop, Hang, Refuse, Stale
from tests.cluster.control_plane import ControlPlane
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster")

MAPS: Final = Plural(api="v1", plural="configmaps")
ONLY: Final = {"labelSelector": "test=proxy"}


def config_map(namespace: str, name: str, **data: str) -> Document:
    about = {"namespace": namespace, "name": name, "labels": {"test": "proxy"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}


@pytest.fixture
def proxy(control_plane: ControlPlane, tmp_path: Path) -> Iterator[ApiProxy]:
    with ApiProxy(control_plane.credentials, tmp_path) as proxy:
        yield proxy


async def call(proxy: ApiProxy, method: str, path: str, body: Document | None = None) -> Document:
    async with running_kube(proxy.kubeconfig()) as kube:
        assert kube is not None
        return await kube.call(method, path, body, query=ONLY if method == "GET" else None, patience=1.0)


async def test_what_is_asked_goes_through_and_is_written_down(proxy: ApiProxy, api: Api, namespace: str) -> None:
    made = await call(proxy, "POST", CONFIG_MAPS.path(namespace), config_map(namespace, "m", a="1"))
    assert api.get(MAPS, "m", namespace)["metadata"]["uid"] == made["metadata"]["uid"]
    with pytest.raises(ApiRefused) as refused:
        await call(proxy, "GET", CONFIG_MAPS.path(namespace, "none"))
    assert refused.value.status == 404
    first, second = proxy.asked
    assert (first.method, first.status, second.status) == ("POST", 201, 404)
    assert isinstance(first.body, dict)
    assert first.body["data"] == {"a": "1"}


async def test_a_token_is_the_callers_own(proxy: ApiProxy, control_plane: ControlPlane, namespace: str) -> None:
    account = {"namespace": namespace, "name": "nobody"}
    control_plane.api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    kubeconfig = proxy.kubeconfig("nobody", token=control_plane.api.token_of(namespace, "nobody"))
    async with running_kube(kubeconfig) as kube:
        assert kube is not None
        with pytest.raises(ApiRefused, match="nobody") as refused:
            await kube.call("GET", CONFIG_MAPS.path(namespace))
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("act", "outcome"),
    [
        pytest.param(Refuse(status=403), (ApiRefused, False), id="refused"),
        pytest.param(Refuse(status=429, retry_after=1), (ApiUnreachable, False), id="busy"),
        pytest.param(Drop(done=False), (ApiUnreachable, False), id="dropped before"),
        pytest.param(Drop(done=True), (ApiUnreachable, True), id="dropped after"),
        pytest.param(Hang(), (ApiUnreachable, False), id="hangs"),
        pytest.param(Delay(seconds=30.0), (ApiUnreachable, False), id="too late"),
    ],
)
async def test_a_write_meets_its_fate(
    proxy: ApiProxy, api: Api, namespace: str, act: Act, outcome: tuple[type[Exception], bool]
) -> None:
    error, made = outcome
    rule = proxy.rule(act, method="POST", path="configmaps$", times=1)
    path = CONFIG_MAPS.path(namespace)
    with pytest.raises(error):
        await call(proxy, "POST", path, config_map(namespace, "m"))
    assert (api.find(MAPS, "m", namespace) is not None, rule.met) == (made, 1)
    if not made:
        await call(proxy, "POST", path, config_map(namespace, "m"))


async def test_a_delay_is_one(proxy: ApiProxy, namespace: str) -> None:
    proxy.rule(Delay(seconds=0.5))
    began = time.monotonic()
    await call(proxy, "GET", CONFIG_MAPS.path(namespace))
    assert time.monotonic() - began >= 0.5


async def test_a_stale_list_is_the_first_one(proxy: ApiProxy, api: Api, namespace: str) -> None:
    path = CONFIG_MAPS.path(namespace)
    assert (await call(proxy, "GET", path))["items"] == []
    api.apply(config_map(namespace, "m"))
    rule = proxy.rule(Stale(), method="GET")
    assert (await call(proxy, "GET", path))["items"] == []
    assert rule.met == 1
    proxy.heal()
    assert len((await call(proxy, "GET", path))["items"]) == 1


@pytest.mark.parametrize(
    ("act", "told"),
    [
        pytest.param(Distort(), ["a", "b", "c"], id="nothing"),
        pytest.param(Distort(duplicate=True), ["a", "a", "b", "b", "c", "c"], id="twice"),
        pytest.param(Distort(reorder=True), ["b", "a", "c"], id="in another order"),
        pytest.param(Distort(drop=True), [], id="dropped"),
        pytest.param(Distort(closed=2), ["a", "b"], id="closed"),
        pytest.param(Distort(closed=1, outdated=True), ["a", "410"], id="outdated"),
    ],
)
async def test_a_watch_is_distorted(proxy: ApiProxy, api: Api, namespace: str, act: Distort, told: list[str]) -> None:
    path = CONFIG_MAPS.path(namespace)
    version = (await call(proxy, "GET", path))["metadata"]["resourceVersion"]
    for name in "abc":
        api.apply(config_map(namespace, name))
    proxy.rule(act, query="watch=true")
    async with running_kube(proxy.kubeconfig()) as kube:
        assert kube is not None
        seen = await heard(kube, path, {**ONLY, "resourceVersion": version})
    assert [name for name in seen if name] == told


async def heard(kube: Kube, path: str, query: dict[str, str], seconds: int = 1) -> list[str]:
    """Return the names that a watch tells."""
    seen: list[Event] = []
    try:
        async for event in kube.events(path, query, seconds):
            seen.append(event)  # noqa: PERF401 - what came before a refusal counts
    except ApiRefused as refused:
        return [*(each["metadata"].get("name", "") for _, each, _ in seen), str(refused.status)]
    return [each["metadata"].get("name", "") for kind, each, _ in seen if kind != "BOOKMARK"]


async def test_what_is_open_can_be_cut(proxy: ApiProxy, namespace: str) -> None:
    path = CONFIG_MAPS.path(namespace)
    async with running_kube(proxy.kubeconfig()) as kube:
        assert kube is not None
        watching = asyncio.create_task(heard(kube, path, {**ONLY, "resourceVersion": "0"}, seconds=30))
        await asyncio.to_thread(wait_until, lambda: bool(proxy.asked), within=5.0, what="a watch is asked for")
        await asyncio.to_thread(proxy.cut)
        await asyncio.wait({watching}, timeout=5.0)
        assert isinstance(watching.exception(), ApiUnreachable)
