"""Fixtures of a real cluster: the control plane and KEDA once for the whole run, a namespace for each test."""

import secrets
from collections.abc import Callable, Iterator

import pytest
from redis import Redis as Client

from tests.cluster import build, manifests
from tests.cluster.api import NAMESPACES, SCALED_JOBS, SCALED_OBJECTS, Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.functions import Stage
from tests.cluster.keda import Keda
from tests.cluster.warmscaler import Warmscaler
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
    """Kubernetes' control plane with two nodes; its autoscaler looks every two seconds."""
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
    yield from serve(request, Keda(tmp_path_factory.mktemp("keda"), control_plane, version=version))


@pytest.fixture(scope="session")
def warmscaler(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warmscaler]:
    """Our service as a process of its own, which reads sources on loopback."""
    yield from serve(request, Warmscaler(tmp_path_factory.mktemp("warmscaler")))


@pytest.fixture
def stage(keda: Keda, warmscaler: Warmscaler, redis_server: Redis, namespace: str) -> Iterator[Stage]:
    """Everything that a function by a Redis list needs."""
    with Client(host=redis_server.host, port=redis_server.port, socket_timeout=5.0) as client:
        yield Stage(api=keda.api, redis=client, address=redis_server.address, namespace=namespace, scaler=warmscaler)


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
    name = f"test-{secrets.token_hex(4)}"
    api.apply(manifests.namespace(name))
    yield name
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
