"""Monitoring pages made up for what no server says on demand.

The rows marked so are those of KEDA 2.21,
nats_jetstream_scaler_test.go.
"""

import asyncio

import pytest
from aiohttp import web

from scaler.config.document import Config
from scaler.errors import Cause
from scaler.net.egress import Egress
from scaler.probes.base import Amount, Surroundings
from scaler.probes.nats_jetstream.records import Consumer
from tests.integration.net.pages import Page, serving
from tests.integration.probes.nats_world import (
    SURROUNDINGS,
    account,
    cause,
    pages,
    stream,
    tried,
)

CONSUMER = Consumer("mystream", "pull_consumer")
DEFAULTS = Config().defaults


# -- pages made up ---------------------------------------------------------------------------------------------------


def says(document: object, status: int = 200) -> Page:
    async def page(_: web.Request) -> web.Response:
        return web.json_response(document, status=status)

    return page


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
