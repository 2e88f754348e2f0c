"""The pool behind an API that loses, repeats, refuses and hangs: it may be slow then, and is never wrong.

What must not be in any of these is said once, in :mod:`tests.cluster.onlooker`, and looked at in every event.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from scaler.net.kube import DEPLOYMENTS, PODS
from scaler.net.mirror import Mirror
from scaler.pool.manifests import pod_name, template_hash
from tests.cluster.api_proxy import Act, ApiProxy, Asked, Delay, Distort, Drop, Hang, Refuse, Stale
from tests.cluster.control_plane import ControlPlane
from tests.cluster.scripted import NAME, TIMES, Play, keeping, playing

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(180)]

POD = "/pods"
WRITE = "POST|PATCH|DELETE"
RELIST = 2.0  # s, instead of five minutes: what a watch has lost is found by the next list


@pytest.fixture
def relisting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let mirrors list every now and then."""
    monkeypatch.setattr("scaler.pool.sight.Mirror", partial(Mirror, relist_every=RELIST))


@asynccontextmanager
async def faulty(
    plane: ControlPlane, namespace: str, home: Path, *rules: tuple[Act, dict[str, Any]], **options: Any
) -> AsyncIterator[tuple[Play, ApiProxy]]:
    """Keep a pool through a proxy with these rules from its begin on."""
    size = options.pop("size", 2)
    async with playing(plane.kubeconfig, namespace, size=size) as play:
        with ApiProxy(plane.credentials, home) as proxy:
            for act, where in rules:
                proxy.rule(act, **where)
            async with keeping(play, proxy.kubeconfig(), **options):
                yield play, proxy


def folder(home: Path, number: int) -> Path:
    """Make a place for one proxy of several."""
    (home / str(number)).mkdir()
    return home / str(number)


async def there_and_back(play: Play) -> None:
    """Hand over one, then two more, and let all go."""
    await play.filled()
    await play.want(1)
    await play.whole(1)
    await play.want(3)
    await play.whole(3)
    await play.want(0)
    await play.whole(0)
    assert play.onlooker.claims.total() >= 2


async def side_by_side(cases: dict[str, Callable[[], Awaitable[None]]]) -> None:
    """Run all of them at once; what fails says which one it was."""

    async def run(name: str, case: Callable[[], Awaitable[None]]) -> None:
        try:
            await case()
        except BaseException as why:
            why.add_note(f"case: {name}")
            raise

    async with asyncio.TaskGroup() as tasks:
        for name, case in cases.items():
            tasks.create_task(run(name, case))


def writes(proxy: ApiProxy) -> list[Asked]:
    """Return what was written to pods, or was to be."""
    return [each for each in proxy.asked if each.method in {"POST", "PATCH", "DELETE"} and POD in each.path]


WATCHES: dict[str, Act] = {
    "closed": Distort(closed=2),
    "outdated": Distort(closed=2, outdated=True),
    "no bookmarks": Distort(bookmarks=False),
    "twice": Distort(duplicate=True),
    "in another order": Distort(reorder=True),
    "all of that": Distort(duplicate=True, reorder=True, closed=4, outdated=True),
    "lost": Distort(drop=True),
    "outdated at once": Refuse(status=410),
    "cut": Drop(done=False),
}


@pytest.mark.usefixtures("relisting")
async def test_what_becomes_of_watches_changes_no_handoff(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    begun = monotonic()

    async def case(number: int, act: Act) -> None:
        rule = act, {"query": "watch=true"}
        async with faulty(control_plane, f"{namespace}-{number}", folder(tmp_path, number), rule) as (play, _):
            await there_and_back(play)

    await side_by_side({name: partial(case, number, act) for number, (name, act) in enumerate(WATCHES.items())})
    measured(f"hand-offs 0-1-3-0 with {len(WATCHES)} kinds of faulty watches: {monotonic() - begun:.0f} s")


async def test_old_lists_make_no_pod_too_many(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    async with faulty(control_plane, namespace, tmp_path) as (play, proxy):
        await play.filled()
        stale = proxy.rule(Stale(), method="GET", query="limit")
        proxy.rule(Refuse(status=410), query="watch=true")
        proxy.cut()
        await asyncio.to_thread(proxy.wait, stale, times=8)
        await play.want(1)
        await play.bridged(1)
        met = stale.met
        await asyncio.to_thread(proxy.wait, stale, times=met + 8)  # what it did itself is not in any of them
        proxy.heal()
        await play.whole(1)
        assert play.onlooker.claims.total() == 1


REFUSALS: dict[str, dict[str, Any]] = {
    "claims in conflict": {"act": Refuse(status=409), "method": "PATCH", "times": 2},
    "a pod that is not found": {"act": Refuse(status=404), "method": "PATCH", "times": 1},
    "tests of a patch that fail": {"act": Refuse(status=422), "method": "PATCH", "times": 2},
    "deletions in conflict": {"act": Refuse(status=409), "method": "DELETE", "times": 2},
    "pods that are there already": {"act": Refuse(status=409), "method": "POST", "times": 3},
}


async def test_refusals_are_planned_anew(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    async def case(number: int, rule: dict[str, Any]) -> None:
        at = f"{namespace}-{number}"
        async with faulty(control_plane, at, folder(tmp_path, number), handoff="bridge") as (play, proxy):
            told = proxy.rule(path=POD, **rule)
            await there_and_back(play)
            assert told.met == rule["times"]

    await side_by_side({name: partial(case, number, rule) for number, (name, rule) in enumerate(REFUSALS.items())})


async def test_a_name_that_somebody_else_has_is_passed_over(control_plane: ControlPlane, namespace: str) -> None:
    async with playing(control_plane.kubeconfig, namespace) as play:
        workload = await play.kube.get(DEPLOYMENTS, namespace, NAME)
        template = template_hash(workload["spec"]["template"])
        about = {"name": pod_name(NAME, workload["metadata"]["uid"], template, ())}
        spec = {"containers": [{"name": "other", "image": "example.org/other:1"}]}
        other = await play.kube.call("POST", PODS.path(namespace), {"metadata": about, "spec": spec})
        async with keeping(play, control_plane.kubeconfig):
            await play.onlooker.until(lambda: play.onlooker.stages()["warm"] == play.size, what="filled")
        assert play.onlooker.pods[other["metadata"]["uid"]]["metadata"].get("labels") is None


TROUBLES: dict[str, Act] = {
    "too many requests": Refuse(status=429, retry_after=1),
    "nobody known": Refuse(status=401),
    "no right": Refuse(status=403),
    "an error": Refuse(status=500),
    "unavailable": Refuse(status=503),
    "cut": Drop(done=False),
    "hangs": Hang(),
    "slow": Delay(seconds=60.0),
}
TROUBLED = 6.0  # s


async def test_writes_into_trouble_are_few_and_go_on_afterwards(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    asked: dict[str, int] = {}

    async def case(number: int, name: str, act: Act) -> None:
        async with faulty(control_plane, f"{namespace}-{number}", folder(tmp_path, number)) as (play, proxy):
            await play.filled()
            proxy.rule(act, method=WRITE, path=POD)
            before = len(proxy.asked)
            await play.want(1)
            await asyncio.sleep(TROUBLED)
            tried = [each for each in proxy.asked[before:] if "watch" not in each.query and "lease" not in each.path]
            asked[name] = len(tried)
            proxy.heal()
            await play.whole(1)
            assert 1 <= len(tried) <= 10 * TROUBLED

    await side_by_side({name: partial(case, number, name, act) for number, (name, act) in enumerate(TROUBLES.items())})
    measured(f"requests in {TROUBLED:g} s in which writes come to nothing: {asked}")


@pytest.mark.parametrize("act", [Hang(), Refuse(status=429, retry_after=1)], ids=["hang", "are too many"])
async def test_claims_do_not_wait_for_creations_that(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, act: Act, measured: Callable[[str], None]
) -> None:
    size = 12
    async with faulty(control_plane, namespace, tmp_path, size=size) as (play, proxy):
        await play.filled()
        creations = proxy.rule(act, method="POST", path=POD)
        await play.want(4)
        await play.bridged(4)
        await asyncio.to_thread(proxy.wait, creations, times=4)
        await asyncio.sleep(3.0)  # in which the refill rests again and again
        begun = monotonic()
        play.onlooker.wanted = 8
        play.script.say(8)
        await play.bridged(8)
        took = monotonic() - begun
        measured(f"four claims while creations {type(act).__name__.lower()}: {1000 * took:.0f} ms")
        assert took < 1.0
        proxy.heal()
        await play.scale(8)
        await play.whole(8)


async def test_writes_whose_answers_are_lost_are_not_made_twice(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    rule = Drop(done=True), {"method": WRITE, "path": POD}
    async with faulty(control_plane, namespace, tmp_path, rule, handoff="auto") as (play, proxy):
        await there_and_back(play)
        assert {each.status for each in writes(proxy)} == {0}


async def test_no_write_is_made_once_the_lease_is_out_of_reach(
    control_plane: ControlPlane, namespace: str, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    async with faulty(control_plane, namespace, tmp_path) as (play, proxy):
        await play.filled()
        await asyncio.to_thread(proxy.wait, proxy.rule(Hang(), path="/leases"))
        renewed = max(each.at for each in proxy.of("PUT", "/leases") if each.status)
        await asyncio.sleep(max(0.0, renewed + TIMES.renew_deadline + 0.2 - monotonic()))
        await play.want(1)
        await play.onlooker.until(
            lambda: play.onlooker.stages()["warm"] == 2 == len(play.onlooker.pods) - 1, what="cold"
        )
        await asyncio.sleep(1.0)
        assert [each for each in writes(proxy) if each.at > renewed + TIMES.renew_deadline] == []
        proxy.heal()
        begun = monotonic()
        await play.want(2)
        await play.bridged(1)
        measured(f"a claim {monotonic() - begun:.1f} s after the Lease was in reach again")
        await play.whole(2)


async def test_redeploys_and_faults_end_with_the_last_template_and_claim_no_other(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    rules = (
        (Refuse(status=409), {"method": "PATCH", "path": POD, "times": 3}),
        (Drop(done=True), {"method": WRITE, "path": POD, "times": 5}),
        (Distort(duplicate=True, reorder=True, closed=5), {"query": "watch=true"}),
    )
    async with faulty(control_plane, namespace, tmp_path, *rules, size=1) as (play, proxy):
        await play.filled()
        for number in range(3):
            await play.redeploy(f"example.org/function:{number + 2}")
            await play.want(1 + number % 2, needed=False)  # a rollout may end it
            proxy.rule(Drop(done=True), method=WRITE, path=POD, times=3)
            await asyncio.sleep(2.0)
            await play.want(0)
            await asyncio.sleep(1.0)
        await play.want(2, needed=False)
        await play.onlooker.until(lambda: images(play) == {"example.org/function:4"}, what="the last one alone")
        await play.whole(2)


def images(play: Play) -> set[str]:
    """Return the images of all pods."""
    return {pod["spec"]["containers"][0]["image"] for pod in play.onlooker.pods.values()}
