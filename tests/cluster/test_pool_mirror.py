"""A mirror of a real API server's objects, through a proxy that cuts, repeats, mixes up, loses, and answers of old."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from scaler.net.kube import CONFIG_MAPS, Document, Kube, running_kube
from scaler.net.mirror import Mirror
from scaler.observe.metrics import REGISTRY
from tests.cluster.api import Api
from tests.cluster.api import Resource as Plural
from tests.cluster.api_proxy import Act, ApiProxy, Distort, Drop, Hang, Refuse, Stale
from tests.cluster.control_plane import ControlPlane
from tests.net.store import Witness

pytestmark = pytest.mark.requires("cluster")

MAPS = Plural(api="v1", plural="configmaps")
LABEL = "mirrored=yes"
WITHIN = 20.0  # s


def config_map(namespace: str, name: str, number: int, label: str = "yes") -> Document:
    about = {"namespace": namespace, "name": name, "labels": {"mirrored": label}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": {"number": str(number)}}


@pytest.fixture
def proxy(control_plane: ControlPlane, tmp_path: Path) -> Iterator[ApiProxy]:
    with ApiProxy(control_plane.credentials, tmp_path) as proxy:
        yield proxy


class Seen:
    """A mirror through the proxy, and what there really is."""

    def __init__(self, kube: Kube, api: Api, namespace: str, relist_every: float) -> None:
        self.kube = kube
        self.witness = Witness()
        self._api = api
        self._namespace = namespace
        self.mirror = Mirror(
            kube,
            CONFIG_MAPS,
            namespace,
            self.witness.read,
            self.witness.change,
            selector=LABEL,
            relist_every=relist_every,
        )

    def apply(self, name: str, number: int, label: str = "yes") -> Document:
        return self._api.apply(config_map(self._namespace, name, number, label))

    def delete(self, name: str) -> None:
        self._api.delete(MAPS, name, self._namespace)

    def churn(self) -> None:
        """Make, change, relabel, delete and make again."""
        for number in range(4):
            self.apply("changed", number)
            self.apply(f"made-{number}", number)
        self.delete("made-0")
        self.delete("made-1")
        self.apply("made-1", 7)
        self.apply("made-2", 8, label="no")
        self.apply("made-3", 9, label="no")
        self.apply("made-3", 10)

    def truth(self) -> dict[str, str]:
        there = self._api.all(MAPS, self._namespace, labelSelector=LABEL)
        return {each["metadata"]["name"]: self.witness.read(each) for each in there}

    async def until(self, fact: Callable[[], bool]) -> float:
        began = monotonic()
        async with asyncio.timeout(WITHIN):
            while not fact():  # noqa: ASYNC110 - a process of its own, which says nothing
                await asyncio.sleep(0.02)
        return monotonic() - began

    async def until_true(self) -> float:
        """Wait until the mirror shows what there is."""
        truth = self.truth()
        took = await self.until(lambda: self.mirror.objects == truth)
        for name in {name for name, _, _ in self.witness.changes}:
            versions = [int(each.split("@")[1]) for each in self.witness.of(name) if each]
            assert versions == sorted(set(versions)), f"{name} went back in time: {self.witness.of(name)}"
        return took


@asynccontextmanager
async def mirrored(proxy: ApiProxy, api: Api, namespace: str, relist_every: float = 300.0) -> AsyncIterator[Seen]:
    """Run a mirror through the proxy; it is synced."""
    async with running_kube(proxy.kubeconfig()) as kube, asyncio.TaskGroup() as tasks:
        assert kube is not None
        seen = Seen(kube, api, namespace, relist_every)
        running = tasks.create_task(seen.mirror.run())
        try:
            await seen.until(lambda: seen.mirror.synced)
            yield seen
        finally:
            running.cancel()


async def test_with_no_fault_it_shows_each_change_at_once(
    proxy: ApiProxy, api: Api, namespace: str, measured: Callable[[str], None]
) -> None:
    async with mirrored(proxy, api, namespace) as seen:
        seen.churn()
        took = await seen.until_true()
        assert len(seen.witness.of("changed")) == 4
        assert seen.witness.of("made-2")[-1] is None, "it does not match any more"
        measured(f"a mirror through a proxy shows the last of 15 changes {1000 * took:.0f} ms after it")
        assert len(proxy.of("GET", "configmaps")) == 2, "one list and one watch"


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(Distort(closed=1), id="every watch closed after one event"),
        pytest.param(Distort(closed=1, outdated=True), id="every watch outdated after one event"),
        pytest.param(Distort(bookmarks=False), id="no bookmarks"),
        pytest.param(Distort(duplicate=True), id="every event twice"),
        pytest.param(Distort(reorder=True), id="events in another order"),
        pytest.param(Distort(reorder=True, duplicate=True, closed=4, outdated=True), id="all of that"),
        pytest.param(Distort(drop=True), id="every event lost"),
        pytest.param(Refuse(status=410), id="every watch outdated at once"),
        pytest.param(Refuse(status=500), id="every watch an error"),
        pytest.param(Drop(done=False), id="every watch cut"),
    ],
)
async def test_what_becomes_of_watches_does_not_change_what_it_ends_with(
    proxy: ApiProxy, api: Api, namespace: str, act: Act
) -> None:
    proxy.rule(act, path="configmaps$", query="watch=true")
    async with mirrored(proxy, api, namespace, relist_every=2.0) as seen:
        seen.churn()
        await seen.until_true()
        seen.delete("changed")
        await seen.until_true()


async def test_a_connection_that_is_cut_is_made_again(
    proxy: ApiProxy, api: Api, namespace: str, measured: Callable[[str], None]
) -> None:
    async with mirrored(proxy, api, namespace) as seen:
        hanging = proxy.rule(Hang(), path="configmaps$")
        proxy.cut()
        await seen.until(lambda: hanging.met > 0)
        seen.churn()
        assert seen.mirror.objects == {}
        proxy.heal()
        took = await seen.until_true()
        assert seen.mirror.problem == ""
        measured(f"a mirror is right again {took:.2f} s after its API is back")


async def test_a_connection_on_which_nothing_is_heard_is_given_up(
    proxy: ApiProxy, api: Api, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaler.net.kube.SILENCE", 0.5)
    async with mirrored(proxy, api, namespace, relist_every=1.0) as seen:
        before = REGISTRY.get_sample_value("warmscaler_watch_restarts_total", {"reason": "timeout"}) or 0.0
        hanging = proxy.rule(Hang(), path="configmaps$", query="watch=true")
        await seen.until(lambda: hanging.met > 0)
        seen.apply("m", 1)
        await seen.until(lambda: hanging.met > 1)
        await seen.until_true()
        after = REGISTRY.get_sample_value("warmscaler_watch_restarts_total", {"reason": "timeout"}) or 0.0
        assert after > before


async def test_an_old_list_undoes_nothing(proxy: ApiProxy, api: Api, namespace: str) -> None:
    proxy.rule(Distort(closed=3, outdated=True), path="configmaps$", query="watch=true")
    for name in ("kept", "changed", "deleted"):
        api.apply(config_map(namespace, name, 0))
    async with mirrored(proxy, api, namespace) as seen:
        assert sorted(seen.mirror.objects) == ["changed", "deleted", "kept"]
        stale = proxy.rule(Stale(), path="configmaps$", query="limit")
        seen.apply("changed", 1)
        seen.apply("new", 1)
        seen.delete("deleted")
        await seen.until(lambda: stale.met > 0)
        await seen.until_true()
        before = list(seen.witness.changes)
        await seen.until(lambda: stale.met > 2)
        assert seen.witness.changes == before
        assert seen.truth() == seen.mirror.objects


async def test_what_our_own_call_returned_is_not_undone_by_an_older_list(
    proxy: ApiProxy, api: Api, namespace: str
) -> None:
    proxy.rule(Refuse(status=410), path="configmaps$", query="watch=true")
    api.apply(config_map(namespace, "m", 0))
    async with mirrored(proxy, api, namespace) as seen:
        stale = proxy.rule(Stale(), path="configmaps$", query="limit")
        written = await seen.kube.call("POST", CONFIG_MAPS.path(namespace), config_map(namespace, "own", 0))
        seen.mirror.heard(written)
        assert "own" in seen.mirror.objects
        met = stale.met
        await seen.until(lambda: stale.met > met + 1)
        assert "own" in seen.mirror.objects
        assert len(seen.witness.of("own")) == 1
        proxy.heal()
        await seen.until_true()
