"""Which triggers a pool listens to, by which Lease it leads, and what is said where it has nothing to do."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from scaler.config.document import Config
from scaler.config.reading import load
from scaler.errors import ConfigError
from scaler.keda import Reference
from scaler.net.kube import LEASES
from scaler.policy.demand import Signal
from scaler.pool.controller import running_controller
from scaler.pool.signals import Following
from scaler.pooling import answers, lease_named, pool_of
from scaler.service import put_in_force
from simulations.cluster.api import SimulatedApi
from simulations.cluster.client import SimulatedKube

KINDS = ("kafka", "redis")
SCALER = "warmscaler.warmscaler.svc:6000"
PATIENCE = 20.0  # s: what a busy machine may take before a test gives up


class Deaf:
    """Nobody is asked."""

    def follow(self, reference: Reference, heard: Callable[[Signal | None], None]) -> Following:
        raise AssertionError(f"no trigger is followed here: {reference}, {heard}")


def heard(metadata: Mapping[str, str], scaler: str = "") -> bool:
    """Tell whether the trigger is the scaler's."""
    return answers(KINDS, scaler, ("shop", "orders", metadata))


@pytest.mark.parametrize("scaler", ["", SCALER])
def test_a_trigger_of_an_installed_kind_is_ours_wherever_the_scaler_is(scaler: str) -> None:
    assert heard({"kind": "kafka"}, scaler)
    assert heard({"kind": "redis", "scalerAddress": "127.0.0.1:1"}, scaler)


@pytest.mark.parametrize("metadata", [{}, {"kind": "jar"}, {"kind": ""}, {"kind": "jar", "scalerAddress": SCALER}])
def test_in_its_process_any_other_trigger_is_somebody_elses(metadata: Mapping[str, str]) -> None:
    assert not heard(metadata)


@pytest.mark.parametrize(
    "address",
    [
        SCALER,
        f"dns:///{SCALER}",
        f"dns://10.0.0.10/{SCALER}",
        f"dns:{SCALER}",
        "WarmScaler.warmscaler.svc:6000",
        "warmscaler.warmscaler.svc.:6000",
        "warmscaler.warmscaler:6000",
        "warmscaler.warmscaler.svc.cluster.local:6000",
    ],
)
def test_beside_a_scaler_its_address_is_enough(address: str) -> None:
    assert heard({"scalerAddress": address}, SCALER)
    assert heard({"scalerAddress": SCALER}, address)
    assert heard({"scalerAddress": address, "kind": "jar"}, SCALER)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "otherwarmscaler.warmscaler.svc:6000",
        "x.warmscaler.warmscaler.svc:6000",
        "warmscaler.other.svc:6000",
        "warmscaler.warmscaler.svc:60000",
        "warmscaler.warmscaler.svc:6001",
        "warmscaler.warmscaler.svc",
        "unix:///run/scaler",
        "6000",
    ],
)
def test_another_address_is_another_scaler(address: str) -> None:
    assert not heard({"scalerAddress": address}, SCALER)
    assert not heard({}, SCALER)


def test_an_address_of_version_six_is_compared_too() -> None:
    assert heard({"scalerAddress": "dns:///[::1]:6000"}, "[::1]:6000")


@pytest.mark.parametrize("text", ["", "Pool", "a/b", "..", "-", "pool_2", "x" * 254])
def test_a_lease_has_the_name_of_an_object(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a name such as warmscaler-pool"):
        lease_named(text)


def test_without_a_name_it_is_the_usual_one() -> None:
    assert (lease_named(None), lease_named("http-pool")) == ("warmscaler-pool", "http-pool")


async def test_pools_with_leases_of_their_own_lead_at_the_same_time() -> None:
    api = SimulatedApi()
    names = ("warmscaler-pool", "http-pool")
    pools = [pool_of(SimulatedKube(api, each), Deaf(), KINDS, namespace="warmscaler", lease=each) for each in names]
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        for pool in pools:
            await stack.enter_async_context(running_controller(pool))
        while not all(pool.told()["leader"] for pool in pools):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        assert {each["metadata"]["name"] for each in api.objects(LEASES)} == {*names}


def test_a_configuration_without_pools_is_said() -> None:
    pool = pool_of(SimulatedKube(SimulatedApi()), Deaf(), KINDS, namespace="warmscaler")
    config = load(b"version: 1\npools: {p: {functions: {namespace: shop, deployment: jar}}}", {})
    with capture_logs() as logs:
        put_in_force(pool, config)
        put_in_force(pool, Config())
    assert [each["event"] for each in logs if each["log_level"] == "warning"] == [
        "the configuration has no pools: no pod is kept warm"
    ]
