import asyncio
import gzip
import time

import pytest
from aiohttp import web

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
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


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"])
async def test_no_spelling_of_an_address_gets_past_the_rules(host: str) -> None:
    assert await got(answers("{}"), host=host, egress=Egress()) in {Cause.FORBIDDEN, Cause.UNREACHABLE}


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
