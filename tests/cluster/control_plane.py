"""Kubernetes' control plane on loopback: etcd, API server, controllers, scheduler, and kwok in the kubelets' place."""

import http.client
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.api import NODES, Api
from tests.cluster.audit import Audit
from tests.cluster.build import ETCD, KUBERNETES, KWOK
from tests.cluster.credentials import Credentials, issue
from tests.servers.ports import free_port
from tests.servers.process import HOST, Cluster, Server, wait_until

# Fifteen times faster than in production, so that a test can wait for it. Nothing else about the autoscaler is changed.
QUICK_HPA = {"sync-period": "1s", "downscale-stabilization": "3s"}

_FAST_CALLS = ["--kube-api-qps=500", "--kube-api-burst=1000"]


def healthy(port: int, path: str, *, tls: bool, token: str = "") -> bool:
    """Tell whether ``path`` of a component answers 200; nothing secret is sent, so its certificate is not checked."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    if tls:
        connection = http.client.HTTPSConnection(HOST, port, timeout=2.0, context=ssl._create_unverified_context())  # noqa: S323, SLF001
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def all_or_none(cluster: Cluster) -> Iterator[None]:
    """Kill every member and show the ends of their logs if the block, which starts them, fails."""
    try:
        yield
    except BaseException as why:
        cluster.kill()
        for member in cluster.members:
            why.add_note(f"{member}\n{member.log_tail(15)}")
        raise


class Etcd(Server):
    """Where the control plane keeps everything; what it acknowledged survives a kill of the process."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.peer_port = free_port()

    @property
    def url(self) -> str:
        """Where the API server finds it."""
        return f"http://{self.address}"

    def command(self) -> Sequence[str]:
        """Return the command line."""
        peer = f"http://{HOST}:{self.peer_port}"
        return [
            ETCD.path("etcd"),
            f"--data-dir={self.data}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def answers(self) -> bool:
        """Tell whether it has a leader: itself."""
        return healthy(self.port, "/health", tls=False)


class ApiServer(Server):
    """The API server: RBAC, tokens, aggregation; no admission of service accounts, so pods need none."""

    start_within = 60.0
    stop_within = 40.0  # the polite way: it lets its watches go after some 15 s

    def __init__(self, home: Path, etcd: Etcd) -> None:
        super().__init__(home)
        self.etcd = etcd
        self.audit = Audit(home)
        self.credentials: Credentials = issue(home / "credentials", f"https://{self.address}")

    def command(self) -> Sequence[str]:
        """Return the command line."""
        return [
            KUBERNETES.path("kube-apiserver"),
            f"--etcd-servers={self.etcd.url}",
            f"--bind-address={HOST}",
            f"--advertise-address={HOST}",
            f"--secure-port={self.port}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            *self.credentials.api_server_flags(),
            *self.audit.flags(),
        ]

    def answers(self) -> bool:
        """Tell whether it is ready by its own word."""
        return healthy(self.port, "/readyz", tls=True, token=self.credentials.tokens["admin"])


class Component(Server):
    """One of Kubernetes' own clients of the API server: the controller manager or the scheduler."""

    start_within = 60.0

    def __init__(self, home: Path, name: str, credentials: Credentials, flags: Sequence[str] = ()) -> None:
        super().__init__(home)
        self.name = name
        self.credentials = credentials
        self.flags = tuple(flags)

    def command(self) -> Sequence[str]:
        """Return the command line."""
        config = self.credentials.kubeconfig(f"system:{self.name}")
        certificate, key = self.credentials.pair
        return [
            KUBERNETES.path(self.name),
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            f"--bind-address={HOST}",
            f"--secure-port={self.port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            "--leader-elect=false",
            *_FAST_CALLS,
            *self.flags,
        ]

    def answers(self) -> bool:
        """Tell whether it is healthy by its own word."""
        return healthy(self.port, "/healthz", tls=True)


class Kwok(Server):
    """Plays every node's kubelet: heartbeats, and pods that start when their annotations say so."""

    def __init__(self, home: Path, credentials: Credentials) -> None:
        super().__init__(home)
        self.credentials = credentials

    def command(self) -> Sequence[str]:
        """Return the command line."""
        stages = sorted((KWOK.folder / "stages").rglob("*.yaml"))
        return [
            KWOK.path("kwok"),
            f"--kubeconfig={self.credentials.kubeconfig('kwok')}",
            "--manage-all-nodes",
            "--node-lease-duration-seconds=40",
            f"--server-address={self.address}",
            *(f"--config={stage}" for stage in stages),
        ]

    def answers(self) -> bool:
        """Tell whether it is healthy by its own word."""
        return healthy(self.port, "/healthz", tls=False)


class ControlPlane(Cluster):
    """All of them, with ``nodes`` nodes that take any number of pods. ``hpa``: flags of the autoscaler, by short name.

    ``api`` is a client with all rights. What a test kills or pauses is brought back before the next one.
    """

    def __init__(self, home: Path, *, nodes: int = 2, hpa: Mapping[str, str] = QUICK_HPA) -> None:
        self.etcd = Etcd(home / "etcd")
        self.api_server = ApiServer(home / "kube-apiserver", self.etcd)
        self.credentials = self.api_server.credentials
        autoscaler = [f"--horizontal-pod-autoscaler-{name}={value}" for name, value in hpa.items()]
        self.controllers = self._component(home, "kube-controller-manager", autoscaler)
        self.scheduler = self._component(home, "kube-scheduler")
        self.kwok = Kwok(home / "kwok", self.credentials)
        self.nodes = nodes
        self.api = Api(self.credentials)
        super().__init__([self.etcd, self.api_server, self.controllers, self.scheduler, self.kwok])

    def _component(self, home: Path, name: str, flags: Sequence[str] = ()) -> Component:
        own = self.credentials.controller_flags() if name == "kube-controller-manager" else []
        return Component(home / name, name, self.credentials, [*own, *flags])

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of a user with all rights."""
        return self.credentials.kubeconfig("admin")

    def start(self) -> None:
        """Start those that are down, in the order in which they need each other; returns when the nodes are ready."""
        if all(member.running for member in self.members):
            return
        with all_or_none(self):
            for server in (self.etcd, self.api_server):
                server.heal()
            super().start()
            for number in range(self.nodes):
                self.api.apply(_node(f"node-{number}"))
            wait_until(self._nodes_ready, within=30.0, what="nodes ready")

    def _nodes_ready(self) -> bool:
        return all(condition(node, "Ready") == "True" for node in self.api.all(NODES))

    def kill(self) -> None:
        """End all the hard way."""
        super().kill()
        self.api.close()

    def __exit__(self, *_: object) -> None:
        self.kill()  # nothing of it is kept, and the polite way takes the API server ten seconds


def condition(document: Mapping[str, Any], kind: str, part: str = "status") -> str:
    """Return a condition's ``part`` (status, reason, message), empty if it is not told."""
    told = document.get("status", {}).get("conditions") or []
    return next((str(each.get(part, "")) for each in told if each["type"] == kind), "")


def _node(name: str) -> dict[str, Any]:
    about = {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"}, "labels": {"kubernetes.io/hostname": name}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": about}
