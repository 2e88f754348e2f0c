"""Two replicas behind one name, restarted and killed under KEDA while events arrive.

All by Redis: what breaks here is between KEDA and us, whatever is read. KEDA asks every 30 s, as by default, so that
whoever wakes sooner was pushed.
"""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import manifests
from tests.cluster.api import DEPLOYMENTS, Watch
from tests.cluster.functions import Function, Group, Stage, quantile
from tests.cluster.keda import Keda
from tests.cluster.names import Names
from tests.cluster.warmscaler import Replicas, Warmscaler
from tests.servers.process import wait_until

pytestmark = [pytest.mark.requires("cluster", "redis", "nats", "kafka"), pytest.mark.timeout(180)]

SLOW: dict[str, Any] = {"pollingInterval": 30, "cooldownPeriod": 300}
AT_ONCE = 2.0  # s that an event may take on a busy machine; what it took is printed
AGAIN = 2.0  # s after which KEDA (2.16 to 2.21, external_scaler.go) opens a stream again that ended with OK
LONGER = (2, 16)  # doubles that each time; newer ones (2.20, 2.21) begin anew after OK
DRAINED = 6.0  # s from SIGTERM within which all streams have ended and are opened elsewhere
RECOVERED = 5.0  # s from SIGKILL to all streams open elsewhere


@pytest.fixture
def replicas(tmp_path: Path, service_account_kubeconfig: Path) -> Iterator[Replicas]:
    flags = [f"--kubeconfig={service_account_kubeconfig}"]
    with Names(["127.0.0.2", "127.0.0.3"]) as names, Replicas(tmp_path, names, flags=flags) as both:
        yield both


@pytest.fixture
def two(stage: Stage, replicas: Replicas) -> Stage:
    """Return a stage whose scaler is both of them."""
    return replace(stage, scaler=replicas)


class Wakes:
    """When something first waited for each function, when its Deployment was told a replica, and how few since then."""

    def __init__(self) -> None:
        self.begun: dict[str, float] = {}
        self.woken: dict[str, float] = {}
        self.fewest: dict[str, int] = {}

    def follow(self, watch: Watch) -> None:
        """Follow the Deployments until there is the last one. In a thread."""
        for _, deployment in watch:
            name, replicas = deployment["metadata"]["name"], deployment["spec"]["replicas"]
            if name == _LAST:
                return
            if replicas:
                self.woken.setdefault(name, time.monotonic())
            if name in self.woken:
                self.fewest[name] = min(replicas, self.fewest.get(name, replicas))

    def event(self, function: Function) -> None:
        """Let an event wait for a function that sleeps."""
        self.begun[function.name] = time.monotonic()
        function.push()

    def took(self, since: float = 0.0, until: float = float("inf")) -> list[float]:
        """Return how long the events took that came between two instants; all have woken somebody."""
        return [self.woken[name] - at for name, at in self.begun.items() if since <= at < until]


_LAST = "the-last-one"


@contextmanager
def watched(stage: Stage) -> Iterator[Wakes]:
    """Watch the Deployments; on the way out all events have woken their functions, and no function slept again."""
    wakes = Wakes()
    with stage.api.watch(DEPLOYMENTS, stage.namespace, within=120.0) as watch, ThreadPoolExecutor(1) as thread:
        following = thread.submit(wakes.follow, watch)
        try:
            yield wakes
            wait_until(lambda: wakes.woken.keys() >= wakes.begun.keys(), within=10.0, what="each event woke somebody")
        finally:
            stage.api.apply(manifests.deployment(stage.namespace, _LAST))
            following.result()
    assert all(wakes.fewest.values()), wakes.fewest


def test_a_rolling_restart_fails_no_call_and_loses_no_event(
    two: Stage, replicas: Replicas, keda: Keda, measured: Callable[[str], None]
) -> None:
    busy = Group([two.function(f"busy{number}", pollingInterval=2) for number in range(10)])
    functions = [two.function(f"f{number}", **SLOW) for number in range(90)]
    two.wait_followed(Group([*busy, *functions]))
    two.fill(busy)
    random.Random(1).shuffle(functions)
    before = keda.operator.complaints()
    with watched(two) as wakes, ThreadPoolExecutor(1) as thread:
        restarting = thread.submit(lambda: [_restart(each) for each in replicas.each])
        while functions and not restarting.done():
            wakes.event(functions.pop())
            time.sleep(0.2)
    drains = [(told, told + DRAINED) for told in restarting.result()]
    during = [took for drain in drains for took in wakes.took(*drain)]
    others = sorted(set(wakes.took()) - set(during))
    measured(
        f"rolling restart, event -> spec.replicas 1: {_spread(others)}; {DRAINED:.0f} s of a drain: {_spread(during)}"
    )
    assert keda.operator.complaints() == before
    assert {each.name: wakes.fewest.get(each.name, 2) for each in busy} == {each.name: 2 for each in busy}
    assert max(others) < AT_ONCE
    wait = 2 * AGAIN if keda.release[:2] == LONGER else AGAIN
    assert max(during) < wait + AT_ONCE, "KEDA waits that long, whatever a server does"


def _restart(replica: Warmscaler) -> float:
    """Restart one; returns, when KEDA asks it again, the instant of the SIGTERM."""
    time.sleep(2.0)
    told = time.monotonic()
    replica.restart()
    wait_until(lambda: replica.metric("warmscaler_grpc_duration_seconds_count") > 0, within=30.0, what="KEDA is back")
    return told


def _spread(seconds: list[float]) -> str:
    low, high, most = (1_000 * quantile(seconds, share) for share in (0.5, 0.9, 1.0))
    return f"{len(seconds)} events, p50 {low:.0f} p90 {high:.0f} max {most:.0f} ms"


def test_a_killed_replica_is_replaced_by_the_other_one(
    two: Stage, replicas: Replicas, measured: Callable[[str], None]
) -> None:
    functions = list(two.pushed(40, **SLOW))
    busy, asleep = functions[:20], functions[20:]
    two.fill(busy)
    with watched(two) as wakes:
        killed = time.monotonic()
        replicas.each[0].kill()
        for each in asleep:
            wakes.event(each)
            time.sleep(0.1)
        two.wait_streams(len(functions), within=RECOVERED - (time.monotonic() - killed))
        recovered = time.monotonic() - killed
    measured(f"one of two killed: all streams on the other after {recovered:.1f} s; events: {_spread(wakes.took())}")
    assert max(wakes.took()) < RECOVERED
    assert Group(busy).replicas == {each.name: 2 for each in busy}


def test_the_only_replica_killed_and_back_ends_with_every_function_as_it_was(
    stage: Stage, tmp_path: Path, service_account_kubeconfig: Path, measured: Callable[[str], None]
) -> None:
    """What happens in between is KEDA's: it is measured here, and told."""
    with Warmscaler(tmp_path, flags=[f"--kubeconfig={service_account_kubeconfig}"]) as alone:
        functions = replace(stage, scaler=alone).pushed(40)
        stage.fill(functions)
        alone.kill()
        seen = stage.fewest(3.0)
        alone.start()
        after = stage.fewest(8.0)
        down = [name for name, count in seen.items() if min(count, after[name]) < 2]
        measured(f"the only replica killed and back after 3 s: {len(down)} of {len(functions)} scaled down")
        functions.wait_replicas(2, within=30.0)
