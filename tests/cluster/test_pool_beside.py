"""The pool in a process of its own, which asks a scaler elsewhere as KEDA does."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from tests.cluster.account import BASE
from tests.cluster.functions import TARGET, Stage
from tests.cluster.pools import CONFIG, Ground, allow, configure, pool, ready, stage_of
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import HOST, wait_until

pytestmark = pytest.mark.requires("cluster")


class Pool(Warmscaler):
    """``warmscaler pool`` beside the scaler at ``scaler``; it has no port but that of its pages."""

    def __init__(self, home: Path, scaler: str, *, flags: Sequence[str]) -> None:
        super().__init__(home, flags=flags)
        self.scaler = scaler

    def command(self) -> Sequence[str]:
        """Return the command line."""
        pages = f"--http={HOST}:{self.http_port}"
        return [sys.executable, "-m", "scaler.cli", "pool", "--dev", f"--scaler={self.scaler}", pages, *self.flags]


@pytest.fixture
def beside(stage: Stage, service_account_kubeconfig: Path, tmp_path: Path) -> Iterator[Ground]:
    """Functions with warm pods, kept by a process of its own beside the usual scaler."""
    allow(stage.api, stage.namespace)
    configure(stage.api, {"version": 1})
    keeping = Pool(tmp_path, stage.scaler.address, flags=[CONFIG, f"--kubeconfig={service_account_kubeconfig}"])
    try:
        with keeping:
            yield Ground(api=stage.api, namespace=stage.namespace, stage=stage, scaler=keeping)
    finally:
        stage.api.apply(yaml.safe_load((BASE / "config.yaml").read_text()))


def test_a_pool_in_a_process_of_its_own_hands_over_on_the_scaler_s_word(beside: Ground) -> None:
    beside.function("f", cold_start=8.0)
    beside.configure(orders=pool(beside.namespace, 2))
    beside.wait_available(2, "f")
    warm = {pod["metadata"]["uid"] for pod in beside.pods("f-")}
    beside.stage.at("f").push(TARGET)
    wait_until(lambda: beside.stages("f")["bridged"] + beside.stages("f")["adopted"] == 1, within=5.0, what="a claim")
    beside.wait_whole({"f": 1})
    (replica,) = beside.replicas("f")
    assert ready(replica)
    assert replica["metadata"]["uid"] in warm
    assert stage_of(replica) in {"adopted", ""}
    told = json.loads(beside.scaler.page("/status"))
    assert (told["ready"], told["triggers"], told["pool"]["leader"]) == (True, [], True)
