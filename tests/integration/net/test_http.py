import asyncio
import gzip
import time

import pytest
from aiohttp import web

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress, Rule
from scaler.net.http import Web
from tests.integration.net.pages import Page, serving


async def got(page: Page, path: str = "/", host: str = "127.0.0.1", egress: Egress | None = None) -> object:
    """Serve a page and get it; what failed is its cause."""
    async with serving(page) as address, Web(egress or Egress(loopback=True)) as client:
        try:
            return await client.get_json(f"http://{host}:{address.rpartition(':')[2]}{path}", patience=0.5)
        except SourceUnavailable as error:
            return error.cause


def answers(text: str | bytes, **more: object) -> Page:
    async def page(_: web.Request) -> web.Response:
        return web.Response(body=text, **more)  # type: ignore[arg-type]

    return page


async def test_a_document_is_read() -> None:
    assert await got(answers('{"a": [1, 2.5, null]}')) == {"a": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("page", "cause"),
    [
        pytest.param(answers("{"), Cause.INVALID, id="not JSON"),
        pytest.param(answers("[" * 200_000), Cause.INVALID, id="too deep"),
        pytest.param(answers(b"\xff\xfe\xfd"), Cause.INVALID, id="not text"),
        pytest.param(answers("{}", status=204), Cause.INVALID, id="nothing"),
        pytest.param(answers("{}", status=403), Cause.DENIED, id="forbidden"),
        pytest.param(answers("{}", status=404), Cause.MISSING, id="not found"),
        pytest.param(answers("{}", status=429), Cause.UNREACHABLE, id="too many requests"),
        pytest.param(answers("{}", status=502), Cause.UNREACHABLE, id="bad gateway"),
        pytest.param(answers("{}", status=301, headers={"Location": "http://[::1]/"}), Cause.INVALID, id="redirect"),
        pytest.param(
            answers(gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}), Cause.INVALID, id="compressed, unasked"
        ),
    ],
)
async def test_what_is_no_document_has_a_cause(page: Page, cause: Cause) -> None:
    assert await got(page) is cause


async def test_a_page_is_bounded_so_that_parsing_it_never_holds_up_the_loop_for_long() -> None:
    assert await got(answers(b" " * 4_000_000 + b"{}")) == {}
    assert await got(answers(b" " * 4_200_000 + b"{}")) is Cause.INVALID


async def test_patience_is_for_the_whole_answer() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    began = time.monotonic()
    assert await got(drip) is Cause.TIMEOUT
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_egress_rules_hold_for_addresses_and_for_names(host: str) -> None:
    asked = asyncio.Event()

    async def page(_: web.Request) -> web.Response:
        asked.set()
        return web.json_response({})

    assert await got(page, host=host, egress=Egress()) is Cause.FORBIDDEN
    assert not asked.is_set()
    assert await got(page, host=host) == {}


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("2130706433", id="a number"),
        pytest.param("0x7f.1", id="in hexadecimal"),
        pytest.param("127.1", id="shortened"),
        pytest.param("[::ffff:127.0.0.1]", id="dressed as IPv6"),
        pytest.param("127。0。0。1", id="with ideographic full stops"),
        pytest.param("\uff11\uff12\uff17.0.0.1", id="with wide digits"),
        pytest.param("①②⑦.0.0.1", id="with digits in circles"),
        pytest.param("127.0.0.1.", id="with the root's dot"),
    ],
)
async def test_no_spelling_of_an_address_gets_past_the_rules(host: str) -> None:
    asked = asyncio.Event()

    async def page(_: web.Request) -> web.Response:
        asked.set()
        return web.json_response({})

    assert await got(page, host=host, egress=Egress()) in {Cause.FORBIDDEN, Cause.INVALID, Cause.UNREACHABLE}
    assert not asked.is_set()


@pytest.mark.parametrize("host", ["169.254.169.254", "169。254。169。254", "\uff11\uff16\uff19.254.169.254"])
async def test_no_spelling_of_the_metadata_address_gets_past_the_rules(host: str) -> None:
    assert await got(answers("{}"), host=host) is Cause.FORBIDDEN


async def test_a_rule_by_name_opens_the_way_to_what_the_name_means() -> None:
    rule = Rule(host="localhost")
    assert await got(answers("{}"), host="localhost", egress=Egress(loopback=True, allow=(rule,))) == {}
    assert await got(answers("{}"), egress=Egress(loopback=True, allow=(rule,))) is Cause.FORBIDDEN


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert await got(answers("{}")) == {}


async def test_nobody_there_is_unreachable() -> None:
    async with Web(Egress(loopback=True)) as client:
        with pytest.raises(SourceUnavailable, match="unreachable"):
            await client.get_json("http://127.0.0.1:9/", patience=1.0)


async def test_a_query_is_not_repeated_in_errors() -> None:
    async with Web(Egress(loopback=True)) as client:
        with pytest.raises(SourceUnavailable) as error:
            await client.get_json("http://127.0.0.1:9/page?token=hush", patience=1.0)
    assert "hush" not in str(error.value)


async def test_neither_a_password_nor_a_query_is_repeated_when_the_answer_is_garbage() -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(b"HTTP/1.1 oops\r\n\r\n")
        request.transport.close()
        raise asyncio.CancelledError

    async with serving(page) as address, Web(Egress(loopback=True)) as client:
        with pytest.raises(SourceUnavailable) as error:
            await client.get_json(f"http://ada:hush@{address}/page?token=hush", patience=1.0)
    assert "hush" not in str(error.value)
    assert f"{address}/page" in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="nothing"),
        pytest.param("/page?hush", id="a path"),
        pytest.param("ftp://ada:hush@127.0.0.1/", id="another scheme"),
        pytest.param("http://ada:hush@127.0.0.1:99999/", id="an impossible port"),
        pytest.param("http://ada:hush@127.0.0.1:x/", id="a port that is no number"),
        pytest.param("http://ada:hush@[::1/", id="half a bracket"),
        pytest.param("http://ada:hush@/", id="no host"),
        pytest.param("http://127.1/", id="a number that is not spelt out"),
    ],
)
async def test_what_is_no_url_is_invalid_and_not_repeated(url: str) -> None:
    async with Web(Egress(loopback=True)) as client:
        with pytest.raises(SourceUnavailable, match="invalid") as error:
            await client.get_json(url, patience=1.0)
    assert "hush" not in str(error.value)
