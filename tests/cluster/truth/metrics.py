"""A server of external metrics that tells what a script says, and writes down what it told and when.

It stands where KEDA's adapter stands. Each query of the autoscaler is one sync's look at one metric.
"""

import json
import re
import ssl
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simulations.hpa import Series
from tests.cluster.api import APISERVICES
from tests.cluster.control_plane import ControlPlane, condition
from tests.cluster.keda import METRICS, registration
from tests.servers.ports import free_port
from tests.servers.process import HOST, wait_until

_API = "external.metrics.k8s.io/v1beta1"
_QUERY = re.compile(rf"/apis/{re.escape(_API)}/namespaces/[^/]+/([^/?]+)")

Script = Sequence[tuple[float, Series | None]]
"""From each second on, counted from the beginning: the values in milli units, ``None`` for a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer: ``at`` is Unix time when it was given."""

    at: float
    metric: str
    series: Series | None


@dataclass(slots=True)
class Metrics:
    """What the server tells, by metric, and what it has told so far; before ``begin`` every script is at its start."""

    scripts: Mapping[str, Script]
    told: list[Told] = field(default_factory=list)
    begun: float | None = None

    def begin(self) -> float:
        """Let the time of the scripts run; return Unix time."""
        self.begun = time.time()
        return self.begun

    def answer(self, metric: str) -> Series | None:
        """Answer one query, and remember it."""
        script, now = self.scripts[metric], time.time()
        passed = 0.0 if self.begun is None else now - self.begun
        series = script[max(0, bisect_right(script, passed, key=lambda step: step[0]) - 1)][1]
        self.told.append(Told(at=now, metric=metric, series=series))
        return series


@contextmanager
def serving(plane: ControlPlane, scripts: Mapping[str, Script]) -> Iterator[Metrics]:
    """Serve the scripts to the API server's clients for as long as the block lasts."""
    metrics, port = Metrics(scripts), free_port()
    server = ThreadingHTTPServer((HOST, port), _handler(metrics))
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*plane.credentials.pair)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        for document in registration(port):
            plane.api.apply(document)
        served = lambda: condition(plane.api.get(APISERVICES, METRICS), "Available") == "True"  # noqa: E731
        wait_until(served, within=30.0, what="scripted metrics served")
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5.0)


def _handler(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            asked = _QUERY.match(self.path)
            if not asked:
                return self._say(HTTPStatus.OK, _kinds())
            series = metrics.answer(asked[1])
            if series is None:
                return self._say(HTTPStatus.INTERNAL_SERVER_ERROR, _failure(asked[1]))
            return self._say(HTTPStatus.OK, _values(asked[1], series))

        def _say(self, status: HTTPStatus, document: dict[str, Any]) -> None:
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _kinds() -> dict[str, Any]:
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _API, "resources": []}


def _failure(metric: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "message": f"{metric} is not known"}


def _values(metric: str, series: Series) -> dict[str, Any]:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    items = [{"metricName": metric, "metricLabels": {}, "timestamp": moment, "value": f"{value}m"} for value in series]
    return {"kind": "ExternalMetricValueList", "apiVersion": _API, "metadata": {}, "items": items}
