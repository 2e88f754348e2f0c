"""Consumers read from the monitoring pages, as the native scaler reads them.

Here from a real server; test_nats_pages has what no server says on demand.
"""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from scaler.config.document import Config
from scaler.errors import Cause, SourceUnavailable
from scaler.net.tls import Tls
from scaler.probes.base import Amount, Unwatchable
from scaler.probes.nats_jetstream.records import Consumer
from scaler.testing import following
from scaler.triggers.metadata import understand
from tests.faults.pipe import Fault
from tests.faults.proxy import Proxy
from tests.integration.net.pages import serving
from tests.integration.probes.nats_world import (
    KINDS,
    Ear,
    NoJetStream,
    account,
    cause,
    opened,
    pages,
    read,
    stream,
    tried,
    until,
    worker,
)
from tests.servers.nats import Nats
from tests.servers.ports import accepts

CONSUMER = Consumer("mystream", "pull_consumer")
DEFAULTS = Config().defaults


# -- a real server ---------------------------------------------------------------------------------------------------


@pytest.mark.requires("nats")
async def test_what_waits_and_what_is_not_acknowledged_counts(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(pages(nats_server.monitoring)) as source:
        await jet.stream("PAGE", "A", "B")
        await jet.publish("PAGE.x", 7)
        await jet.fetch("PAGE", "A", 3, ack=False)
        await jet.fetch("PAGE", "B", 3, ack=True)
        a, b = Consumer("PAGE", "A"), Consumer("PAGE", "B")
        no_consumer, no_stream = Consumer("PAGE", "NO"), Consumer("NO", "A")
        assert await read(source, a, b, no_consumer, no_stream) == [7, 4, Cause.MISSING, Cause.MISSING]
        await jet.api("STREAM.DELETE.PAGE")
        assert await read(source, a) == [Cause.MISSING]


@pytest.mark.requires("nats")
async def test_any_number_of_consumers_takes_one_request(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(pages(nats_server.monitoring)) as source:
        names = [f"C{number}" for number in range(100)]
        await jet.stream("ONEPAGE", *names)
        before = nats_server.get("/varz")[1]["http_req_stats"].get("/jsz", 0)
        assert await read(source, *(Consumer("ONEPAGE", name) for name in names)) == [0] * 100
        assert nats_server.get("/varz")[1]["http_req_stats"]["/jsz"] == before + 1


ACCOUNTS = """
accounts {
  LEFT { jetstream: enabled, users: [ { user: left, password: secret } ] }
  RIGHT { jetstream: enabled, users: [ { user: right, password: secret } ] }
}
"""


@pytest.mark.requires("nats")
async def test_accounts_are_kept_apart(tmp_path: Path) -> None:
    async with Nats(tmp_path, config=ACCOUNTS) as server:
        for user, messages in (("left", 1), ("right", 2)):
            async with await worker(server, user=user, password="secret") as jet:
                await jet.stream("S", "C")
                await jet.publish("S.x", messages)
        query = Consumer("S", "C")
        assert await tried(pages(server.monitoring, "LEFT"), query) == Amount.of(1)
        assert await tried(pages(server.monitoring, "RIGHT"), query) == Amount.of(2)
        assert await tried(pages(server.monitoring, "", "RIGHT"), query) == Amount.of(2)
        assert cause(await tried(pages(server.monitoring, "NONE"), query)) is Cause.MISSING


class OverHttps(Nats):
    """A server whose monitoring pages are served over HTTPS."""

    def _basics(self) -> list[str]:
        return [line.replace("http:", "https:") for line in super()._basics()]

    def answers(self) -> bool:
        """Tell whether the pages are served."""
        return accepts(self.monitoring_port)


@pytest.mark.requires("nats")
async def test_a_server_without_jetstream_is_told_from_an_empty_stream(tmp_path: Path) -> None:
    async with NoJetStream(tmp_path) as server:
        assert cause(await tried(pages(server.monitoring), CONSUMER)) is Cause.UNREACHABLE


@pytest.mark.requires("nats")
async def test_pages_over_https(tmp_path: Path) -> None:
    async with OverHttps(tmp_path, tls=True) as server:
        assert server.certificates is not None
        address, ca = server.monitoring, server.certificates.ca.read_text()
        assert cause(await tried(pages(address, https=True, tls=Tls(ca=ca)), CONSUMER)) is Cause.MISSING
        assert cause(await tried(pages(address, https=True, tls=Tls(verify=False)), CONSUMER)) is Cause.MISSING
        assert cause(await tried(pages(address, https=True), CONSUMER)) is Cause.DENIED


@pytest.mark.requires("nats")
async def test_a_page_that_breaks_off_anywhere_is_no_number(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet:
        await jet.stream("BREAK", "A")
        await jet.publish("BREAK.x", 3)
    query = Consumer("BREAK", "A")
    async with Proxy(nats_server.monitoring) as proxy, opened(pages(proxy.address)) as source:
        assert await read(source, query) == [3]
        for length in range(1, 400, 40):
            proxy.answers = Fault(cut_after=length)
            with pytest.raises(SourceUnavailable):
                await read(source, query)
        proxy.answers = Fault(rate=50)
        began = time.monotonic()
        with pytest.raises(SourceUnavailable, match="timeout"):
            await read(source, query)
        assert time.monotonic() - began < 3.0
        await proxy.heal()
        assert await read(source, query) == [3]


async def test_pages_do_not_push() -> None:
    async with opened(pages("127.0.0.1:9")) as source:
        with pytest.raises(Unwatchable) as reason:
            await source.watch(Ear([]).watching)
        assert reason.value.uncovered == 1.0


async def test_quiet_consumers_are_read_about_once_a_second() -> None:
    asked: list[float] = []

    async def page(_: web.Request) -> web.Response:
        asked.append(time.monotonic())
        return web.json_response(account(stream("mystream", pull_consumer={})))

    async with serving(page) as address:
        metadata = {"natsServerMonitoringEndpoint": address, "stream": CONSUMER.stream, "consumer": CONSUMER.name}
        trigger = understand("ns", "n", {"kind": "nats-jetstream", "account": "$G", **metadata}, KINDS, DEFAULTS)
        async with following(KINDS[trigger.kind], replace(trigger, interval=60.0)):
            await until(lambda: len(asked) == 5)
    assert asked[-1] - asked[1] > 2.5  # the second may come early, while it is found out that nothing pushes
