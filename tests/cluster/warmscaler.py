"""Our own service as its users run it: a process, ``warmscaler serve --dev``, on free loopback ports."""

import http.client
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.api import Document
from tests.cluster.control_plane import healthy
from tests.cluster.names import Names
from tests.servers.ports import free_port
from tests.servers.process import HOST, Cluster, Server


class Warmscaler(Server):
    """The service; ``address`` is a trigger's ``scalerAddress``. ``flags`` are more of ``serve``'s own.

    ``host`` is another address of loopback than the usual one; replicas behind one name share a ``port``.
    ``program`` is the module that is run.
    """

    def __init__(
        self,
        home: Path,
        *,
        host: str = HOST,
        port: int | None = None,
        flags: Sequence[str] = (),
        program: str = "scaler.cli",
    ) -> None:
        super().__init__(home, port=port)
        self.program = program
        self.host = host
        self.http_port = free_port()
        self.flags = tuple(flags)

    def command(self) -> Sequence[str]:
        """Return the command line."""
        ports = [f"--listen={self.address}", f"--http={HOST}:{self.http_port}"]
        return [sys.executable, "-m", self.program, "serve", "--dev", *ports, *self.flags]

    def answers(self) -> bool:
        """Tell whether it is ready by its own word."""
        return healthy(self.http_port, "/readyz", tls=False)

    def __exit__(self, *_: object) -> None:
        self.kill()  # nothing of it is kept, and it takes its time to end politely

    def triggers(self, namespace: str) -> list[Document]:
        """Return what ``/status`` tells of the triggers of a namespace."""
        return [each for each in json.loads(self.page("/status"))["triggers"] if each["namespace"] == namespace]

    def streams(self, method: str = "StreamIsActive") -> int:
        """Return how many streams of a method are open now."""
        return int(self.metric("warmscaler_grpc_streams", method=method))

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that carry ``labels``."""
        families = text_string_to_metric_families(self.page("/metrics"))
        samples = [each for family in families for each in family.samples if each.name == name]
        return sum(each.value for each in samples if labels.items() <= each.labels.items())

    def page(self, path: str) -> str:
        """Return a page."""
        connection = http.client.HTTPConnection(HOST, self.http_port, timeout=10.0)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()


class Replicas(Cluster):
    """Two of the service behind one name, as behind a headless Service: KEDA keeps a connection to each."""

    def __init__(self, home: Path, names: Names, *, flags: Sequence[str] = ()) -> None:
        port = free_port()
        self.each = [Warmscaler(home / host, host=host, port=port, flags=flags) for host in names.hosts]
        self._target = names.target(port)
        super().__init__(self.each)

    @property
    def address(self) -> str:
        """A trigger's ``scalerAddress``."""
        return self._target

    def __exit__(self, *_: object) -> None:
        self.kill()

    def triggers(self, namespace: str) -> list[Document]:
        """Return what those that run tell of the triggers of a namespace."""
        return [trigger for each in self.each if each.running for trigger in each.triggers(namespace)]

    def streams(self, method: str = "StreamIsActive") -> int:
        """Return how many streams of a method are open now, on those that run."""
        return sum(each.streams(method) for each in self.each if each.running)

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that carry ``labels``, on those that run."""
        return sum(each.metric(name, **labels) for each in self.each if each.running)
