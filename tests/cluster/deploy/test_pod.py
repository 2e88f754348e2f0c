"""The container's own command, on the real API server, with the token and the files where the kubelet would put them.

It runs as a process of this machine in a mount namespace of its own: ports are free ones of loopback instead of the
pod's, and the folder of the certificates is another one.
"""

import http.client
import json
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from scaler.rpc.pb.externalscaler_pb2 import ScaledObjectRef
from scaler.rpc.pb.externalscaler_pb2_grpc import ExternalScalerStub
from tests.cluster.account import ACCOUNT, NAMESPACE
from tests.cluster.api import Document
from tests.cluster.control_plane import ControlPlane, healthy
from tests.cluster.deploy.rendered import DEPLOY, kustomized
from tests.cluster.deploy.test_rendering import DEPLOYMENT
from tests.servers.certificates import Certificates, issue
from tests.servers.ports import free_port
from tests.servers.process import HOST, Server

pytestmark = [
    pytest.mark.requires("cluster", "manifests", "mount-namespaces"),
    pytest.mark.usefixtures("service_account_kubeconfig"),
]

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
TLS = "/etc/warmscaler/tls"
# The folder's parents are not this machine's: they are on a file system that only the command sees.
MOUNTED = f'mount -t tmpfs tmpfs /run && mkdir -p {TOKEN} && cp "$0"/* {TOKEN} && exec "$@"'


class Pod(Server):
    """A container of a rendered Deployment; ``tls`` is what is in the folder of its certificates."""

    def __init__(self, home: Path, container: Document, plane: ControlPlane, tls: Path) -> None:
        super().__init__(home)
        self.http_port = free_port()
        self._container = container
        self._plane = plane
        self._tls = tls

    def command(self) -> Sequence[str]:
        """Write the account's files and return the command line."""
        account = self.home / "account"
        account.mkdir(exist_ok=True)
        (account / "token").write_text(self._plane.api.token_of(NAMESPACE, ACCOUNT))
        (account / "namespace").write_text(NAMESPACE)
        (account / "ca.crt").write_bytes(self._plane.credentials.ca.read_bytes())
        api = [f"KUBERNETES_SERVICE_HOST={HOST}", f"KUBERNETES_SERVICE_PORT={self._plane.api_server.port}"]
        said = [self._here(word) for word in self._container["args"]]
        ours = ["env", *api, sys.executable, "-m", "scaler.cli", *said]
        return ["unshare", "--mount", "sh", "-euc", MOUNTED, str(account), *ours]

    def _here(self, word: str) -> str:
        places = {"0.0.0.0:6000": self.address, "0.0.0.0:8080": f"{HOST}:{self.http_port}", TLS: str(self._tls)}
        for there, here in places.items():
            word = word.replace(there, here)
        return word

    def answers(self) -> bool:
        """Tell whether it is ready, asked as the kubelet would."""
        return self.passes("readinessProbe")

    def passes(self, probe: str) -> bool:
        """Ask as one of the container's probes says."""
        how = self._container[probe]
        if "grpc" in how:
            assert how["grpc"]["port"] == self._port("grpc")
            return self._healthy(how["grpc"]["service"])
        assert how["httpGet"]["port"] == "http"
        return healthy(self.http_port, how["httpGet"]["path"], tls=False)

    def _port(self, name: str) -> int:
        return next(int(port["containerPort"]) for port in self._container["ports"] if port["name"] == name)

    def _healthy(self, service: str) -> bool:
        with grpc.insecure_channel(self.address) as channel:
            try:
                ask = health_pb2_grpc.HealthStub(channel).Check
                answer = ask(health_pb2.HealthCheckRequest(service=service), timeout=2.0)
            except grpc.RpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def status(self) -> Document:
        """Return the page of that name."""
        connection = http.client.HTTPConnection(HOST, self.http_port, timeout=10.0)
        connection.request("GET", "/status")
        page: Document = json.loads(connection.getresponse().read())
        connection.close()
        return page


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Make what cert-manager would: a server's certificate in the Secret's files, and a client's."""
    made = issue(tmp_path / "issued")
    folder = tmp_path / "tls"
    folder.mkdir()
    for name, source in {"tls.crt": made.server, "tls.key": made.server_key, "ca.crt": made.ca}.items():
        (folder / name).write_bytes(source.read_bytes())
    return made


@pytest.mark.parametrize("what", ["base", "overlays/production"])
def test_it_serves_by_its_configuration_and_passes_its_probes(
    control_plane: ControlPlane, certificates: Certificates, tmp_path: Path, what: str
) -> None:
    objects = kustomized(DEPLOY / what)
    container = objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    text = objects["ConfigMap", NAMESPACE, "warmscaler"]["data"]["config.yaml"]
    with Pod(tmp_path / "pod", container, control_plane, tmp_path / "tls") as pod:
        assert all(pod.passes(probe) for probe in ("startupProbe", "livenessProbe", "readinessProbe"))
        in_force = pod.status()["config"]
        assert (in_force["valid"], in_force["hash"]) == (True, sha256(text.encode()).hexdigest()[:12])
        shown = grpc.ssl_channel_credentials(*(path.read_bytes() for path in trust(certificates)))
        with grpc.insecure_channel(pod.address) as plain, grpc.secure_channel(pod.address, shown) as proven:
            guarded = what == "overlays/production"
            assert (answered(plain), answered(proven)) == (not guarded, guarded)


def trust(certificates: Certificates) -> tuple[Path, Path, Path]:
    """Return what KEDA is given: the authority, and its own key and certificate."""
    return certificates.ca, certificates.client_key, certificates.client


def answered(channel: grpc.Channel) -> bool:
    """Ask as KEDA does, and tell whether there was an answer."""
    reference = ScaledObjectRef(namespace="shop", name="hello", scalerMetadata={"kind": "memory", "key": "hello"})
    try:
        return bool(ExternalScalerStub(channel).GetMetricSpec(reference, timeout=5.0).metricSpecs)
    except grpc.RpcError:
        return False
