"""Fixtures of a real cluster: the control plane and KEDA once for the whole run, a namespace for each test."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster import build, manifests
from tests.cluster.api import NAMESPACES, SCALED_JOBS, SCALED_OBJECTS, Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.functions import Stage
from tests.cluster.keda import Keda
from tests.cluster.sources import Source, sources
from tests.cluster.warmscaler import Warmscaler
from tests.servers.kafka import Kafka
from tests.servers.nats import Nats
from tests.servers.plugin import need, serve
from tests.servers.process import wait_until
from tests.servers.redis import Redis

_numbers = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run choose KEDA's version."""
    parser.addoption("--keda", choices=build.KEDA_VERSIONS, default=build.KEDA_VERSIONS[0], help="KEDA's version")


def pytest_configure(config: pytest.Config) -> None:
    """Open the book of numbers."""
    config.stash[_numbers] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured."""
    for line in config.stash[_numbers]:
        terminalreporter.write_line(f"measured: {line}")


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Kubernetes' control plane with two nodes; its autoscaler looks every second."""
    need(request.config, "cluster")
    yield from serve(request, ControlPlane(tmp_path_factory.mktemp("cluster")))


@pytest.fixture(scope="session")
def keda(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, control_plane: ControlPlane
) -> Iterator[Keda]:
    """KEDA's operator and metrics adapter on the control plane, of the version that the run is for."""
    version = request.config.getoption("--keda")
    gap = build.missing([build.keda(version)])
    assert not gap, gap
    quick = {"KEDA_SCALEDOBJECT_CTRL_MAX_RECONCILES": "20"}  # hundreds of objects come at once
    yield from serve(request, Keda(tmp_path_factory.mktemp("keda"), control_plane, version=version, env=quick))


@pytest.fixture(scope="session")
def warmscaler(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, service_account_kubeconfig: Path
) -> Iterator[Warmscaler]:
    """Our service as a process of its own, which reads sources on loopback, and the API as its service account."""
    flags = [f"--kubeconfig={service_account_kubeconfig}"]
    yield from serve(request, Warmscaler(tmp_path_factory.mktemp("warmscaler"), flags=flags))


@pytest.fixture(scope="session")
def queues(redis_server: Redis, nats_server: Nats, kafka_server: Kafka) -> Iterator[Mapping[str, Source]]:
    """Yield the sources of all kinds on their real servers, by kind; Redis first."""
    with sources(redis_server, nats_server, kafka_server) as all_of_them:
        yield {source.kind: source for source in all_of_them}


@pytest.fixture
def stage(keda: Keda, warmscaler: Warmscaler, queues: Mapping[str, Source], namespace: str) -> Stage:
    """Everything that a function needs."""
    return Stage(api=keda.api, namespace=namespace, scaler=warmscaler, sources=queues)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say a line with numbers; all of them are printed at the end of the run."""
    return request.config.stash[_numbers].append


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    """Return a client with all rights."""
    return control_plane.api


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    """Make a namespace for one test; its ScaledObjects and ScaledJobs are gone before the next test begins."""
    with new_namespace(api) as name:
        yield name


@contextmanager
def new_namespace(api: Api) -> Iterator[str]:
    """Make a namespace; at the end its ScaledObjects and ScaledJobs are gone, and all the rest soon."""
    name = f"test-{secrets.token_hex(4)}"
    api.apply(manifests.namespace(name))
    try:
        yield name
    finally:
        if any(group["name"] == "keda.sh" for group in api.call("GET", "/apis")["groups"]):
            _end_scaling(api, name)
        api.delete(NAMESPACES, name)


def _end_scaling(api: Api, namespace: str) -> None:
    for resource in (SCALED_OBJECTS, SCALED_JOBS):
        api.delete(resource, None, namespace)
    wait_until(
        lambda: not api.all(SCALED_OBJECTS, namespace) and not api.all(SCALED_JOBS, namespace),
        within=30.0,
        what="no ScaledObject and no ScaledJob left",
    )
