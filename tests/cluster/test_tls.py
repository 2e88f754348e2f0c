"""Mutual TLS from KEDA to us, by a TriggerAuthentication of the user's namespace.

By Redis: the channel is the same whatever is read.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster.api import Document
from tests.cluster.functions import Function, Stage
from tests.cluster.warmscaler import Warmscaler
from tests.servers.certificates import Certificates, issue
from tests.servers.process import wait_until

pytestmark = pytest.mark.requires("cluster", "redis", "nats", "kafka")


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return issue(tmp_path / "tls")


@pytest.fixture
def guarded(tmp_path: Path, certificates: Certificates) -> Iterator[Warmscaler]:
    """Yield a service that serves only who shows a certificate."""
    files = {"cert": certificates.server, "key": certificates.server_key, "client-ca": certificates.ca}
    with Warmscaler(tmp_path / "scaler", flags=[f"--tls-{name}={path}" for name, path in files.items()]) as scaler:
        yield scaler


def test_who_shows_a_certificate_is_served(stage: Stage, guarded: Warmscaler, certificates: Certificates) -> None:
    shown = {
        "caCert": certificates.ca,
        "tlsClientCert": certificates.client,
        "tlsClientKey": certificates.client_key,
    }
    function = _deploy(stage, guarded, shown)
    wait_until(lambda: guarded.streams() == 1, within=30.0, what="a stream open")
    function.push()
    function.wait_replicas(1, within=10.0)


def test_who_shows_none_is_not_served(stage: Stage, guarded: Warmscaler, certificates: Certificates) -> None:
    function = _deploy(stage, guarded, {"caCert": certificates.ca})
    wait_until(lambda: function.told("Ready") == "False", within=30.0, what="not ready")
    assert guarded.streams() == 0
    assert guarded.triggers(stage.namespace) == []


def _deploy(stage: Stage, scaler: Warmscaler, shown: dict[str, Path]) -> Function:
    for document in _authentication(stage.namespace, shown):
        stage.api.apply(document)
    return replace(stage, scaler=scaler).function("f", trigger={"authenticationRef": {"name": "channel"}})


def _authentication(namespace: str, shown: dict[str, Path]) -> list[Document]:
    about = {"namespace": namespace, "name": "channel"}
    texts = {name: path.read_text() for name, path in shown.items()}
    refs = [{"parameter": name, "name": "channel", "key": name} for name in shown]
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": about, "stringData": texts},
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "TriggerAuthentication",
            "metadata": about,
            "spec": {"secretTargetRef": refs},
        },
    ]
