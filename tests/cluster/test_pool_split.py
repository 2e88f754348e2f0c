"""The service with its pool when it may not write any more: its rights are taken, or another leads and it knows not."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.account import ACCOUNT, NAMESPACE
from tests.cluster.api import DEPLOYMENTS, Resource
from tests.cluster.api_proxy import ApiProxy
from tests.cluster.control_plane import ControlPlane
from tests.cluster.functions import TARGET, Stage
from tests.cluster.pools import CONFIG, Ground, allow, ground_of, pool
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

pytestmark = [pytest.mark.requires("cluster"), pytest.mark.timeout(180)]

BINDINGS = Resource(api="rbac.authorization.k8s.io/v1", plural="rolebindings")
POOL = "warmscaler-pool"
TAKEN_WITHIN = 15.0  # s: a Lease and a look at it
WRITES = frozenset({"POST", "PATCH", "DELETE"})


def test_rights_that_are_taken_away_stop_the_pool_and_not_the_scaler(
    ground: Ground, measured: Callable[[str], None]
) -> None:
    deploy(ground)
    ground.configure(orders=pool(ground.namespace, 2))
    ground.wait_available(2, "f")
    ground.api.delete(BINDINGS, POOL, ground.namespace)
    ground.stage.at("f").push(TARGET)
    ground.stage.at("f").wait_replicas(1, within=20.0)
    wait_until(lambda: "cannot patch" in str(ground.told("f")["problem"]), within=10.0, what="it says why")
    assert "cannot patch resource" in ground.scaler.log.read_text()
    assert ground.scaler.answers()
    assert ground.stages("f") == {"warm": 2}
    allow(ground.api, ground.namespace)
    begun = time.monotonic()
    ground.stage.at("f").push(TARGET)
    wait_until(lambda: ground.stages("f")["bridged"] + ground.stages("f")["adopted"] == 1, within=10.0, what="a claim")
    measured(f"rights given back: a claim {time.monotonic() - begun:.1f} s later")
    ground.wait_whole({"f": 2})
    ground.wait_available(2, "f")
    assert not ground.told("f")["problem"]


@pytest.mark.usefixtures("service_account_kubeconfig")
def test_a_leader_that_was_stopped_is_replaced_and_writes_nothing_when_it_goes_on(
    stage: Stage, control_plane: ControlPlane, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    token = control_plane.api.token_of(NAMESPACE, ACCOUNT)
    homes = [tmp_path / "a", tmp_path / "b"]
    for home in homes:
        home.mkdir()
    with (
        ApiProxy(control_plane.credentials, homes[0]) as before,
        ApiProxy(control_plane.credentials, homes[1]) as after,
        ground_of(stage, before.kubeconfig(ACCOUNT, token=token), homes[0]) as ground,
    ):
        deploy(ground)
        ground.configure(orders=pool(ground.namespace, 2))
        ground.wait_available(2, "f")
        flags = ["--pool", CONFIG, f"--kubeconfig={after.kubeconfig(ACCOUNT, token=token)}"]
        with Warmscaler(homes[1], flags=flags) as other:
            ground.scaler.pause()
            stopped = time.monotonic()
            ground.stage.at("f").push(TARGET)
            wait_until(lambda: leads(other), within=TAKEN_WITHIN, what="the other leads")
            wait_until(lambda: ground.stages("f")["bridged"] == 1, within=10.0, what="the other claims")
            measured(f"a leader was stopped: another claims {time.monotonic() - stopped:.1f} s later")
            assert ground.stages("f")["bridged"] == 1
            ground.scaler.resume()
            wait_until(lambda: not leads(ground.scaler), within=10.0, what="the first knows")
            ground.wait_whole({"f": 1})
            wait_until(lambda: ground.stages("f")["warm"] == 2, within=30.0, what="the pool is whole")
            late = [
                each for each in before.asked if each.at > stopped and each.method in WRITES and "/pods" in each.path
            ]
            assert [each for each in late if each.status in {0, 200, 201}] == []
            assert leads(other)


def deploy(ground: Ground) -> None:
    """Deploy a function whose pods end soon when they are told: kwok's take any part of the time that they have."""
    ground.function("f", cold_start=4.0)
    change = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}
    ground.api.patch(DEPLOYMENTS, "f", ground.namespace, change)
    ground.stage.wait_streams(1)


def leads(scaler: Warmscaler) -> bool:
    """Tell whether a service leads by its own word."""
    return bool(json.loads(scaler.page("/status"))["pool"]["leader"])
