"""Fixtures of the real servers, and the one rule for machines that cannot run them.

A test whose server needs a toolchain that is missing is skipped; every gap is named once, at the end of the run. With
``CI=true`` such a skip is a failure: there, everything has to run.
"""

import os
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest

from tests.servers.kafka import Kafka, KafkaCluster
from tests.servers.mock_kafka import MockKafka
from tests.servers.nats import Nats
from tests.servers.process import Cluster, Server
from tests.servers.redis import Redis
from tests.servers.toolchains import TOOLCHAINS

AnyServer = TypeVar("AnyServer", bound=Server | Cluster)

_gaps = pytest.StashKey[dict[str, str]]()
_shared = pytest.StashKey[list[Server | Cluster]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and open the books."""
    config.addinivalue_line("markers", "requires(*servers): needs these real servers (a skip; with CI=true a failure)")
    config.stash[_gaps] = {}
    config.stash[_shared] = []


def need(config: pytest.Config, *names: str) -> None:
    """Go on only if the servers ``names`` can run here."""
    gaps = {name: gap for name in names if (gap := TOOLCHAINS[name].missing())}
    if not gaps:
        return
    config.stash[_gaps].update(gaps)
    reason = "; ".join(f"{name}: {gap}" for name, gap in gaps.items())
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Keep the rule for marked tests, and hand the next test servers in good health."""
    for marker in item.iter_markers("requires"):
        need(item.config, *marker.args)
    for server in item.config.stash[_shared]:
        server.heal()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what is missing to the process that prints, where this is only one of several (pytest-xdist)."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        gaps: dict[str, str] = session.config.stash[_gaps]
        output["gaps"] = gaps


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a process has handed over."""
    gaps: dict[str, str] = getattr(node, "workeroutput", {}).get("gaps", {})
    config: pytest.Config = node.config
    config.stash[_gaps].update(gaps)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name every missing toolchain once."""
    for name, gap in config.stash[_gaps].items():
        terminalreporter.write_line(f"not tested: {name}: {gap}", yellow=True)


def serve(request: pytest.FixtureRequest, server: AnyServer) -> Iterator[AnyServer]:
    """Run a server for a fixture's whole scope, brought back to health before every test."""
    shared = request.config.stash[_shared]
    with server:
        shared.append(server)
        yield server
        shared.remove(server)


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One Redis for the whole run; every test finds it running, with whatever keys others left."""
    need(request.config, "redis")
    yield from serve(request, Redis(tmp_path_factory.mktemp("redis")))


@pytest.fixture(scope="session")
def nats_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """One NATS with JetStream for the whole run; every test finds it running, with whatever streams others left."""
    need(request.config, "nats")
    yield from serve(request, Nats(tmp_path_factory.mktemp("nats")))


@pytest.fixture(scope="session")
def kafka_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One Kafka broker for the whole run; every test finds it running, with whatever topics others left."""
    need(request.config, "kafka")
    yield from serve(request, Kafka(tmp_path_factory.mktemp("kafka")))


@pytest.fixture(scope="module")
def kafka_cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Three Kafka brokers for one module; every test finds all of them running."""
    need(request.config, "kafka")
    yield from serve(request, KafkaCluster(tmp_path_factory.mktemp("kafka-cluster")))


@pytest.fixture
def mock_kafka(request: pytest.FixtureRequest) -> Iterator[MockKafka]:
    """Make a mock cluster of three brokers for one test."""
    need(request.config, "mock-kafka")
    with MockKafka(3) as cluster:
        yield cluster
