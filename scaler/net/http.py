"""Reading JSON over HTTP from servers that strangers name: bounded in time and size, and never led elsewhere."""

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, AddressFamily, socket
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.tls import untrusted

MAX_BODY: Final = 4 * 1024 * 1024  # bytes; made to be hard to parse, so many hold up the event loop for 0.4 s
CONNECTIONS: Final = 8  # to one host, at once
_asked: Final = ContextVar[str]("_asked")  # the host that the running request names
_Asked = AbstractAsyncContextManager[aiohttp.ClientResponse]
_CHUNK: Final = 256 * 1024
_REFUSALS: Final = {401: Cause.DENIED, 403: Cause.DENIED, 404: Cause.MISSING, 429: Cause.UNREACHABLE}


class Web:
    """A client with kept-alive connections, all of them to addresses that the egress rules allow.

    Every address is checked right before it is connected to, so it does not matter how a URL spells it, and names when
    they are resolved. Redirects are not followed, compressed bodies are refused, and nothing of the environment
    (proxies, netrc) is heeded.
    """

    def __init__(self, egress: Egress, tls: ssl.SSLContext | None = None) -> None:
        self._egress = egress
        connector = aiohttp.TCPConnector(
            resolver=_Checked(egress),
            socket_factory=self._socket,
            use_dns_cache=False,
            limit_per_host=CONNECTIONS,
            ssl=tls or True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def get_json(self, url: str, *, patience: float) -> object:
        """Return the document at ``url``; raise :class:`SourceUnavailable` if it is not there after ``patience`` s."""
        page = _page(url)
        return await self._document(page, patience, lambda: self._session.get(page, allow_redirects=False))

    async def post_form(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None, patience: float
    ) -> object:
        """Send a form and return the document that answers it; raises as :meth:`get_json` does."""
        page = _page(url)
        return await self._document(
            page, patience, lambda: self._session.post(page, data=form, headers=headers, allow_redirects=False)
        )

    async def _document(self, url: URL, patience: float, ask: Callable[[], _Asked]) -> object:
        _asked.set(url.raw_host or "")
        try:
            async with asyncio.timeout(patience):
                return _parsed(await self._body(url, ask))
        except TimeoutError:
            raise SourceUnavailable(Cause.TIMEOUT, f"{_place(url)} did not answer within {patience:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _translated(url, error) from error

    async def _body(self, url: URL, ask: Callable[[], _Asked]) -> bytes:
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

    def _socket(self, to: aiohttp.AddrInfoType) -> socket:
        """Make the socket of a new connection: the one gate for names and for addresses, which are never resolved."""
        family, kind, protocol, _, (address, port, *_) = to
        self._egress.check(_asked.get(), ip_address(str(address).partition("%")[0]), int(port))
        return socket(family, kind, protocol)

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


def _translated(url: URL, error: Exception) -> SourceUnavailable:
    if untrusted(error):
        return SourceUnavailable(Cause.DENIED, f"{_place(url)}: TLS was refused: {error}")
    # What such an error says besides its message is the whole URL.
    said = error.message if isinstance(error, aiohttp.ClientResponseError) else str(error)
    cause = Cause.INVALID if isinstance(error, ValueError) else Cause.UNREACHABLE
    return SourceUnavailable(cause, f"{_place(url)}: {said or type(error).__name__}")


def _page(url: str) -> URL:
    """Read a URL, once for all who look at it; a bad one is not repeated, since it may hold a password."""
    try:
        page = URL(url)
    except ValueError:
        page = URL()
    if page.scheme not in {"http", "https"} or not page.raw_host:
        raise SourceUnavailable(Cause.INVALID, "the address of the page is not a URL of http or https")
    return page


def _place(url: URL) -> str:
    """Say which page of which server, without who asks and without its query."""
    return f"{url.host_port_subcomponent}{url.raw_path}"
