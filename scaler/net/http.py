"""Reading JSON over HTTP from servers that strangers name: bounded in time and size, and never led elsewhere."""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, AddressFamily
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.tls import untrusted

MAX_BODY: Final = 32 * 1024 * 1024  # bytes; parsing that much holds up the event loop for half a second
CONNECTIONS: Final = 8  # to one host, at once
_Asked = AbstractAsyncContextManager[aiohttp.ClientResponse]
_CHUNK: Final = 256 * 1024
_PORTS: Final = {"http": 80, "https": 443}
_REFUSALS: Final = {401: Cause.DENIED, 403: Cause.DENIED, 404: Cause.MISSING, 429: Cause.UNREACHABLE}


class Web:
    """A client with kept-alive connections, all of them to addresses that the egress rules allow.

    Names are checked when they are resolved, for each new connection; literal addresses before each request. Redirects
    are not followed, compressed bodies are refused, and nothing of the environment (proxies, netrc) is heeded.
    """

    def __init__(self, egress: Egress, tls: ssl.SSLContext | None = None) -> None:
        self._egress = egress
        connector = aiohttp.TCPConnector(
            resolver=_Checked(egress), use_dns_cache=False, limit_per_host=CONNECTIONS, ssl=tls or True
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def get_json(self, url: str, *, patience: float) -> object:
        """Return the document at ``url``; raise :class:`SourceUnavailable` if it is not there after ``patience`` s."""
        return await self._document(url, patience, lambda: self._session.get(url, allow_redirects=False))

    async def post_form(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None, patience: float
    ) -> object:
        """Send a form and return the document that answers it; raises as :meth:`get_json` does."""
        return await self._document(
            url, patience, lambda: self._session.post(url, data=form, headers=headers, allow_redirects=False)
        )

    async def _document(self, url: str, patience: float, ask: Callable[[], _Asked]) -> object:
        self._check_literal(url)
        try:
            async with asyncio.timeout(patience):
                return _parsed(await self._body(url, ask))
        except TimeoutError:
            raise SourceUnavailable(Cause.TIMEOUT, f"{_place(url)} did not answer within {patience:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(url, error) from error

    async def _body(self, url: str, ask: Callable[[], _Asked]) -> bytes:
        async with ask() as answer:
            if answer.status != 200:  # noqa: PLR2004 - a page that was read answers this and nothing else
                cause = _REFUSALS.get(answer.status, Cause.UNREACHABLE if answer.status >= 500 else Cause.INVALID)  # noqa: PLR2004
                raise SourceUnavailable(cause, f"{_place(url)} answered HTTP {answer.status}")
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise SourceUnavailable(Cause.INVALID, f"{_place(url)} sent a compressed answer, unasked")
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > MAX_BODY:
                    raise SourceUnavailable(Cause.INVALID, f"{_place(url)} sent more than {MAX_BODY} bytes")
            return bytes(body)

    def _check_literal(self, url: str) -> None:
        """Check a host that is an address already: such a one is never resolved."""
        parts = urlsplit(url)
        try:
            address = ip_address(parts.hostname or "")
        except ValueError:
            return
        self._egress.check(str(address), address, parts.port or _PORTS[parts.scheme])

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Checked(AbstractResolver):
    """Resolves a name to the one address of it that was checked."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        address = await self._egress.resolve(host, port)
        family = AF_INET6 if ":" in address else AF_INET
        return [{"hostname": host, "host": address, "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        """Nothing is held."""


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceUnavailable(Cause.INVALID, f"the answer is not JSON: {error}") from error


def _translated(url: str, error: Exception) -> SourceUnavailable:
    if untrusted(error):
        return SourceUnavailable(Cause.DENIED, f"{_place(url)}: TLS was refused: {error}")
    said = str(error) or type(error).__name__
    return SourceUnavailable(Cause.UNREACHABLE, f"{_place(url)}: {said}")


def _place(url: str) -> str:
    """Say which page of which server, without its query."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}"
