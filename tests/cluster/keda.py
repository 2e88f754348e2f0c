"""KEDA's operator and metrics adapter, as processes beside the control plane instead of pods in it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import build
from tests.cluster.api import APISERVICES, CRDS, Api
from tests.cluster.control_plane import ControlPlane, all_or_none, condition, healthy
from tests.cluster.credentials import Credentials
from tests.servers.ports import accepts, free_port
from tests.servers.process import HOST, Cluster, Server, wait_until

NAMESPACE = "keda"
METRICS = "v1beta1.external.metrics.k8s.io"


class KedaProcess(Server):
    """What both have in common: a tool, a kubeconfig, and an environment that a pod would give them."""

    start_within = 60.0

    def __init__(self, home: Path, tool: build.Tool, credentials: Credentials, env: Mapping[str, str]) -> None:
        super().__init__(home)
        self.tool = tool
        self.credentials = credentials
        own = {
            "KUBECONFIG": str(credentials.kubeconfig("keda")),
            "POD_NAMESPACE": NAMESPACE,
            "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
            "WATCH_NAMESPACE": "",
            **env,
        }
        self.environment = ["env", *(f"{name}={value}" for name, value in own.items())]


class Operator(KedaProcess):
    """The operator. ``port`` is its gRPC port for the adapter."""

    def __init__(self, home: Path, tool: build.Tool, credentials: Credentials, env: Mapping[str, str]) -> None:
        super().__init__(home, tool, credentials, env)
        self.metrics_port = free_port()
        self.health_port = free_port()

    def command(self) -> Sequence[str]:
        """Return the command line."""
        return [
            *self.environment,
            self.tool.path("operator"),
            f"--cert-dir={self.credentials.folder}",
            "--enable-cert-rotation=false",
            f"--metrics-bind-address={HOST}:{self.metrics_port}",
            f"--health-probe-bind-address={HOST}:{self.health_port}",
            f"--metrics-service-bind-address={self.address}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--zap-log-level=info",
        ]

    def answers(self) -> bool:
        """Tell whether it is ready by its own word and serves the adapter."""
        return healthy(self.health_port, "/readyz", tls=False) and accepts(self.port)

    def complaints(self) -> list[str]:
        """Return what it has logged as errors of external scalers, and of calls, so far.

        KEDA 2.16 logs a stream that ended with OK, too: ``EOF``.
        """
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if '"level":"error"' in line]
        return [
            f"{line['msg']}: {line.get('error', '')}"
            for line in lines
            if ("external" in line.get("logger", "") and line.get("error") != "EOF")
            or "rpc error" in line.get("error", "")
        ]


class Adapter(KedaProcess):
    """The metrics adapter, which the API server asks for the autoscaler's external metrics."""

    def __init__(
        self, home: Path, tool: build.Tool, credentials: Credentials, env: Mapping[str, str], *, operator: Operator
    ) -> None:
        super().__init__(home, tool, credentials, env)
        self.metrics_port = free_port()
        self.operator = operator

    def command(self) -> Sequence[str]:
        """Return the command line."""
        folder = self.credentials.folder
        config = self.credentials.kubeconfig("keda")
        certificate, key = self.credentials.pair
        return [
            *self.environment,
            self.tool.path("adapter"),
            f"--bind-address={HOST}",
            f"--secure-port={self.port}",
            f"--port={self.metrics_port}",
            f"--metrics-service-address=localhost:{self.operator.port}",
            f"--cert-dir={folder}",
            f"--client-ca-file={self.credentials.ca}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            *(f"--{use}-kubeconfig={config}" for use in ("lister", "authentication", "authorization")),
        ]

    def answers(self) -> bool:
        """Tell whether it is healthy by its own word."""
        return healthy(self.port, "/healthz", tls=True)


class Keda(Cluster):
    """KEDA of one version on a running control plane, from its first start registered with it.

    ``env`` is more environment for both, such as ``KEDA_SCALEDOBJECT_CTRL_MAX_RECONCILES``.
    """

    def __init__(
        self,
        home: Path,
        plane: ControlPlane,
        *,
        version: str = build.KEDA_VERSIONS[0],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.tool = build.keda(version)
        self.api: Api = plane.api
        self.operator = Operator(home / "operator", self.tool, plane.credentials, env or {})
        self.adapter = Adapter(home / "adapter", self.tool, plane.credentials, env or {}, operator=self.operator)
        super().__init__([self.operator, self.adapter])

    @property
    def release(self) -> tuple[int, ...]:
        """Its version as numbers."""
        return tuple(int(part) for part in self.tool.version.split("."))

    def start(self) -> None:
        """Register, start what is down; returns when the API server serves the adapter's metrics."""
        if all(member.running for member in self.members):
            return
        with all_or_none(self):
            self._register()
            super().start()
            wait_until(self._serves, within=30.0, what="external metrics served")

    def _register(self) -> None:
        for path in sorted((self.tool.folder / "crds").glob("*.yaml")):
            self.api.apply(yaml.load(path.read_text(), yaml.CSafeLoader))
        for document in registration(self.adapter.port):
            self.api.apply(document)
        wait_until(self._established, within=30.0, what="KEDA's kinds established")

    def _established(self) -> bool:
        ours = [each for each in self.api.all(CRDS) if each["spec"]["group"].endswith("keda.sh")]
        return bool(ours) and all(condition(each, "Established") == "True" for each in ours)

    def _serves(self) -> bool:
        return condition(self.api.get(APISERVICES, METRICS), "Available") == "True"

    def __exit__(self, *_: object) -> None:
        self.kill()


def registration(port: int) -> list[dict[str, Any]]:
    """Return what makes the API server find a server of external metrics on loopback: a Service that is only a name."""
    service = {"name": "keda-metrics-apiserver", "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": service,
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": METRICS},
            "spec": {
                "group": "external.metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {**service, "port": port},
            },
        },
    ]
