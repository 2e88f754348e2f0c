"""TLS contexts are made beside the event loop: each reads the system's authorities, which takes some 20 ms."""

import sys
import threading
import time
from typing import Any, NoReturn

import pytest

from scaler.errors import Cause, SourceUnavailable
from scaler.model import Instant
from scaler.net.egress import Egress
from scaler.net.tls import Tls
from scaler.probes.base import Surroundings
from scaler.probes.kafka import Kafka
from scaler.probes.kafka.login import Cluster
from scaler.probes.redis import Redis
from scaler.probes.redis.params import Server

SURROUNDINGS = Surroundings(clock=lambda: Instant(time.monotonic()), egress=Egress())


@pytest.mark.parametrize(
    ("probe", "source"),
    [
        pytest.param(Kafka(), Cluster(servers=("127.0.0.1:1",), tls=Tls()), id="kafka"),
        pytest.param(Redis(), Server(host="127.0.0.1", port=1, tls=Tls()), id="redis"),
    ],
)
async def test_a_context_is_made_on_a_thread_of_its_own(
    probe: Any, source: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def unreadable(_: Tls) -> NoReturn:
        threads.append(threading.current_thread())
        raise SourceUnavailable(Cause.INVALID, "no such authority")

    monkeypatch.setattr(sys.modules[type(probe).__module__], "client_context", unreadable)
    with pytest.raises(SourceUnavailable, match="no such authority"):
        await probe.open(source, SURROUNDINGS)
    assert len(threads) == 1
    assert threading.main_thread() not in threads
