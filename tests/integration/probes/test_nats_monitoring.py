"""Consumers read from the monitoring pages, as the native scaler reads them.

First a real server; then pages made up for what no server says on demand. The rows marked so are those of KEDA 2.21,
nats_jetstream_scaler_test.go.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from scaler.config.document import Config
from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.tls import Tls
from scaler.probes.base import Amount, Surroundings, Unwatchable
from scaler.probes.nats_jetstream.records import Consumer
from scaler.testing import following
from scaler.triggers.metadata import understand
from tests.faults.pipe import Fault
from tests.faults.proxy import Proxy
from tests.integration.net.pages import Page, serving
from tests.integration.probes.nats_world import (
    KINDS,
    SURROUNDINGS,
    Ear,
    NoJetStream,
    opened,
    pages,
    read,
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


# -- pages made up ---------------------------------------------------------------------------------------------------


def says(document: object, status: int = 200) -> Page:
    async def page(_: web.Request) -> web.Response:
        return web.json_response(document, status=status)

    return page


def cause(found: object) -> Cause:
    assert isinstance(found, SourceUnavailable)
    return found.cause


def account(*streams: object, name: str = "$G", nodes: int = 0) -> dict[str, object]:
    details = [{"name": name, "id": name, "stream_detail": list(streams)}]
    return {"account_details": details, "meta_cluster": {"cluster_size": nodes}}


def stream(name: str, **consumers: Mapping[str, object]) -> dict[str, object]:
    counts = {"num_pending": 0, "num_ack_pending": 0}
    details = [{"stream_name": name, "name": key, **counts, **said} for key, said in consumers.items()]
    return {"name": name, "state": {"last_seq": 9999}, "consumer_detail": details}


@pytest.mark.parametrize(
    ("document", "value"),
    [
        pytest.param(account(stream("mystream", pull_consumer={})), 0, id="keda: no messages waiting"),
        pytest.param(account(stream("mystream", pull_consumer={"num_pending": 100})), 100, id="keda: messages waiting"),
        pytest.param(
            account(stream("mystream", pull_consumer={"num_pending": 7, "num_ack_pending": 3})),
            10,
            id="keda: waiting and not acknowledged",
        ),
    ],
)
async def test_what_a_page_says(document: object, value: float) -> None:
    async with serving(says(document)) as address:
        assert await tried(pages(address), CONSUMER) == Amount.of(value)


@pytest.mark.parametrize(
    ("page", "why"),
    [
        pytest.param(
            says(account(stream("mystream", other={"num_pending": 100}))), Cause.MISSING, id="keda: no such consumer"
        ),
        pytest.param(
            says(account(stream("mystreamBad", pull_consumer={"num_pending": 100}))),
            Cause.MISSING,
            id="keda: no such stream",
        ),
        pytest.param(
            says(account(stream("mystream", pull_consumer={}), name="OTHER")), Cause.MISSING, id="another account"
        ),
        pytest.param(
            says(account(stream("mystream"), nodes=3)), Cause.UNREACHABLE, id="keda: clustered, no such consumer"
        ),
        pytest.param(
            says(account(stream("mystream", pull_consumer={"cluster": {"leader": "gone"}}), nodes=3)),
            Cause.UNREACHABLE,
            id="clustered, and the leader is nowhere",
        ),
        pytest.param(
            says(account(stream("mystream", pull_consumer={"cluster": {"name": "c"}}), nodes=3)),
            Cause.UNREACHABLE,
            id="clustered, and nobody leads",
        ),
        pytest.param(says({}), Cause.MISSING, id="an empty document"),
        pytest.param(says([]), Cause.INVALID, id="a list"),
        pytest.param(says({"account_details": 7}), Cause.MISSING, id="a number where a list should be"),
        pytest.param(
            says(account(stream("mystream", pull_consumer={"num_pending": -5}))), Cause.INVALID, id="a negative count"
        ),
        pytest.param(says({}, status=503), Cause.UNREACHABLE, id="503"),
        pytest.param(says({}, status=401), Cause.DENIED, id="401"),
        pytest.param(says(account(stream("mystream", pull_consumer={})), status=404), Cause.MISSING, id="404"),
        pytest.param(says({}, status=302), Cause.INVALID, id="a redirect to nowhere"),
    ],
)
async def test_what_is_no_answer_is_no_zero(page: Page, why: Cause) -> None:
    async with serving(page) as address:
        assert cause(await tried(pages(address), CONSUMER)) is why


async def test_keda_an_endpoint_that_has_no_address() -> None:
    assert cause(await tried(pages("asdf32423fdsafdasdf.invalid:8222"), CONSUMER)) is Cause.UNREACHABLE


async def test_keda_the_account_cannot_smuggle_parameters() -> None:
    asked: list[str] = []

    async def page(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response(account(stream("mystream", pull_consumer={}), name="myaccount&consumers=false"))

    async with serving(page) as address:
        found = await tried(pages(address, "myaccount&consumers=false"), CONSUMER)
    assert found == Amount.of(0)
    assert asked == ["/jsz?acc=myaccount%26consumers%3Dfalse&consumers=true&config=true&accounts=true"]


async def test_keda_an_account_is_known_by_its_id_or_its_name() -> None:
    document = {
        "account_details": [
            {"name": "other", "id": "AID1", "stream_detail": [stream("mystream", pull_consumer={"num_pending": 1})]},
            {"name": "mine", "id": "AID2", "stream_detail": [stream("mystream", pull_consumer={"num_pending": 2})]},
        ]
    }
    async with serving(says(document)) as address:
        assert await tried(pages(address, "mine"), CONSUMER) == Amount.of(2)
        assert await tried(pages(address, "", "AID1"), CONSUMER) == Amount.of(1)
        assert cause(await tried(pages(address, "AID"), CONSUMER)) is Cause.MISSING


class Here(Egress):
    """Every name leads to this machine."""

    async def resolve(self, host: str, port: int) -> str:
        """Answer without asking anybody."""
        del host, port
        return "127.0.0.1"


async def test_keda_nodes_that_do_not_advertise_are_found_by_their_names() -> None:
    """The endpoint is a balancer, ``nats``; its nodes are ``not-leader-1.nats`` and so on."""
    nodes = ["not-leader-1", "not-leader-2", "leader"]
    led = account(stream("mystream", pull_consumer={"num_pending": 100, "cluster": {"leader": "leader"}}), nodes=3)

    async def page(request: web.Request) -> web.Response:
        host = request.host.partition(":")[0]
        node = host.partition(".")[0] if "." in host else nodes[0]
        others = [f"{each}.nats.svc:6222" for each in nodes if each != node]
        if request.path == "/varz":
            return web.json_response({"server_name": node, "server_id": node, "cluster": {"urls": others}})
        answer = led if node == "leader" else account(stream("mystream"), nodes=3)
        return web.json_response({"server_id": node, **answer})

    async with serving(page) as address:
        endpoint = f"nats:{address.rpartition(':')[2]}"
        surroundings = Surroundings(clock=SURROUNDINGS.clock, egress=Here(loopback=True))
        assert await tried(pages(endpoint), CONSUMER, surroundings) == Amount.of(100)


async def test_nodes_where_egress_forbids_are_not_asked() -> None:
    """The advertised addresses are what a server says: it must not lead us to the cloud's metadata."""
    asked: list[str] = []

    async def page(request: web.Request) -> web.Response:
        asked.append(request.host)
        if request.path == "/varz":
            urls = ["169.254.169.254:4222", "127.0.0.3:4222"]
            return web.json_response({"server_name": "n", "server_id": "n", "connect_urls": urls})
        return web.json_response(account(stream("mystream", pull_consumer={"cluster": {"leader": "x"}}), nodes=3))

    async with serving(page) as address:
        assert cause(await tried(pages(address), CONSUMER)) is Cause.UNREACHABLE
    assert set(asked) == {address}


async def test_a_page_far_too_large_is_given_up() -> None:
    sent = 0

    async def page(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 1_000_000)
            sent += 1_000_000

    async with serving(page) as address:
        assert cause(await tried(pages(address), CONSUMER)) is Cause.INVALID
    assert sent < 20_000_000


async def test_a_redirect_is_not_followed() -> None:
    followed = asyncio.Event()

    async def page(request: web.Request) -> web.Response:
        if request.path == "/elsewhere":
            followed.set()
        raise web.HTTPFound("/elsewhere")

    async with serving(page) as address:
        assert cause(await tried(pages(address), CONSUMER)) is Cause.INVALID
    assert not followed.is_set()


async def test_a_page_that_is_no_json_is_invalid() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="{invalidJSON}")

    async with serving(page) as address:
        assert cause(await tried(pages(address), CONSUMER)) is Cause.INVALID


async def test_closing_leaves_no_task_behind() -> None:
    async with serving(says(account(stream("mystream", pull_consumer={})))) as address:
        tasks = asyncio.all_tasks()
        await tried(pages(address), CONSUMER)
        async with asyncio.timeout(2.0):
            while {each for each in asyncio.all_tasks() - tasks if "RequestHandler" not in str(each)}:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
