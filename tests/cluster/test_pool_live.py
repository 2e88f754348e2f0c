"""What a change of the ConfigMap does to pools that are there: how soon, in which steps, and what is said about it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from tests.cluster.api import EVENTS, PODS, SCALED_OBJECTS, Document
from tests.cluster.plots import NEVER, Plot, Record, recording, set_ready
from tests.cluster.pools import stage_of
from tests.servers.ports import free_port
from tests.servers.process import HOST, wait_until

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(120)]

AT_ONCE = 1.0  # s


def said(plot: Plot, name: str, reason: str) -> list[str]:
    """Return what the Events about a Deployment say for a reason."""
    fields = f"involvedObject.name={name},reason={reason},involvedObject.kind=Deployment"
    return [each["message"] for each in plot.api.all(EVENTS, plot.namespace, fieldSelector=fields)]


def keeps(plot: Plot, name: str, size: int) -> bool:
    """Tell whether a function has so many warm pods by the API, ready or not."""
    return len(plot.ours(name)) == size


def acted_on(pods: Record, since: float) -> float:
    """Return the seconds from an instant to the first pod that was created, or is being deleted."""
    acts = (each.at for each in pods.seen if each.kind == "ADDED" or "deletionTimestamp" in each.document["metadata"])
    return min(at for at in acts if at > since) - since


def test_another_size_is_acted_on_at_once(plot: Plot, measured: Callable[[str], None]) -> None:
    plot.deploy("sized", scaled=False)
    plot.keep({"sized": 2})
    plot.wait_available(2, "sized")
    took: list[float] = []
    with recording(plot.api, PODS, plot.namespace) as pods:
        for size in (5, 1):
            changed = time.monotonic()
            plot.keep({"sized": size})
            wait_until(partial(keeps, plot, "sized", size), within=20.0, what=f"{size} pods")
            took.append(acted_on(pods, changed))
    measured(
        f"from the ConfigMap to the first pod of another size: {took[0]:.2f} s for more, {took[1]:.2f} s for fewer"
    )
    assert max(took) < AT_ONCE
    log = plot.scaler.log.read_text()
    assert "sized: size.fixed 2 -> 5" in log
    assert "sized: size.fixed 5 -> 1" in log
    wait_until(lambda: len(said(plot, "sized", "PoolSized")) >= 2, within=5.0, what="both are said")
    assert [each for each in said(plot, "sized", "PoolSized") if each.startswith("5 warm pods instead of 2")]


def test_a_jump_is_done_in_steps_unless_it_is_confirmed(plot: Plot) -> None:
    names = ("typo", "meant", "less", "gone", "given-up")
    for name in names:
        plot.deploy(name, scaled=False)
    plot.keep({"typo": 2, "meant": 2, "less": 3, "gone": 2, "given-up": 2})
    plot.wait_available(2, "typo", "meant", "gone", "given-up")
    plot.wait_available(3, "less")
    plot.keep({"typo": 30}, confirm=None)
    plot.keep({"meant": 30})
    plot.keep({"less": 0}, confirm=None)
    plot.keep({"given-up": 0})
    del plot.pools["gone"]
    plot.configure(**plot.pools)
    plot.wait_available(30, "meant")
    told = plot.wait_told("typo", lambda told: told["pods"]["available"] == 2)
    assert (told["size"], "confirm: 30" in told["why"]) == (2, True)
    assert plot.told("less")["size"] == 3
    assert "towards 0" in plot.told("less")["why"]
    assert plot.told("gone")["size"] == 2, "a pool that is removed ends in steps, too"
    wait_until(lambda: keeps(plot, "given-up", 0), within=10.0, what="none, as confirmed")
    plot.keep({"typo": 3}, confirm=None)
    plot.wait_available(3, "typo")


def test_what_is_invalid_changes_nothing(plot: Plot) -> None:
    plot.deploy("steady", scaled=False)
    plot.keep({"steady": 2})
    plot.wait_available(2, "steady")
    before = {pod["metadata"]["uid"] for pod in plot.ours("steady")}
    plot.keep(["steady"], size={"fixed": 5, "auto": {}})
    wait_until(lambda: "exactly one of" in plot.scaler.page("/status"), within=5.0, what="it is told")
    assert plot.told("steady")["size"] == 2
    plot.keep({"steady": 3})
    plot.wait_available(3, "steady")
    assert before <= {pod["metadata"]["uid"] for pod in plot.ours("steady")}


def test_a_size_may_follow_the_clock_or_what_is_measured(plot: Plot) -> None:
    for name in ("clocked", "later"):
        plot.deploy(name, scaled=False)
    plot.deploy("learned")
    now = datetime.now(UTC)
    plot.keep(["clocked"], size=timetable(now, 3), confirm=3)
    plot.keep(["later"], size=timetable(now + timedelta(hours=3), 3), confirm=3)
    plot.keep(["learned"], size={"auto": {"floor": 1, "ceiling": 4}}, confirm=4)
    plot.wait_available(3, "clocked")
    plot.wait_available(1, "later", "learned")
    assert plot.told("later")["why"]
    plot.wait_streams_of(1)
    plot.push("learned", replicas=3)  # two of them find no warm pod
    told = plot.wait_told("learned", lambda told: told["size"] > 1)
    assert told["misses"] >= 1
    assert told["why"]


def timetable(at: datetime, size: int) -> Document:
    """Return a schedule of ten minutes around an instant."""
    begin = at - timedelta(minutes=5)
    window = {"cron": f"{begin.minute} {begin.hour} * * *", "duration": "10m", "size": size}
    return {"schedule": [window], "otherwise": 1}


@pytest.mark.parametrize("kind", ["tcp", "http", "grpc"])
def test_a_pod_that_fails_its_own_check_is_not_available_and_it_is_said(plot: Plot, kind: str) -> None:
    wrong: dict[str, Document] = {
        "tcp": {"tcp": free_port()},
        "http": {"http": {"port": plot.scaler.http_port, "path": "/nothing"}},
        "grpc": {"grpc": plot.scaler.http_port},
    }
    right: dict[str, Document] = {
        "tcp": {"tcp": plot.scaler.port},
        "http": {"http": {"port": plot.scaler.http_port, "path": "/readyz"}},
        "grpc": {"grpc": plot.scaler.port},
    }
    name = f"checked-{kind}"
    plot.deploy(name, cold_start=NEVER)
    plot.keep([name], check={**wrong[kind], "interval": "200ms"})
    (pod,) = plot.wait_started(name, 1)
    set_ready(plot.api, pod, HOST)
    told = plot.wait_told(name, lambda told: unfit(told, pod))
    assert told["pods"]["available"] == 0
    plot.wait_streams_of(1)
    plot.push(name)
    plot.stage.at(name).wait_replicas(1, within=20.0)
    assert [stage_of(each) for each in plot.ours(name)] == ["warm"], "what is not available is not claimed"
    assert plot.api.get(SCALED_OBJECTS, name, plot.namespace)
    plot.keep([name], check={**right[kind], "interval": "200ms"})
    plot.wait_told(name, lambda told: told["pods"]["bridged"] + told["pods"]["adopted"] == 1, within=10.0)


def unfit(told: Document, pod: Document) -> bool:
    """Tell whether it is told what the check of a pod found."""
    problem = told["problem"] or ""
    return f"{pod['metadata']['name']}: " in problem and "not checked yet" not in problem
