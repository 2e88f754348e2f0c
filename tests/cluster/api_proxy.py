"""A proxy in front of the real API server that misbehaves as rules say, and writes down who asked what.

Towards its clients it speaks HTTP without TLS, on loopback; a caller's token goes on to the API server, so rights and
the audit log are the caller's own. All of it may be called from a test that blocks: it runs in a thread of its own.
"""

import asyncio
import json
import re
import ssl
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector, web

from tests.cluster.api import Document
from tests.cluster.credentials import Credentials
from tests.servers.ports import free_port
from tests.servers.process import HOST, wait_until

_FORWARDED: Final = ("Authorization", "Content-Type", "Accept", "User-Agent")
_ALONE: Final = 0.3  # s after which an event that waits for another one to change places with goes on alone
_ENDING: Final = 0.1  # s that connections with TLS take to end, of which aiohttp tells nobody
_KEPT: Final = 100_000  # requests that are remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Answer with a status; nothing is done."""

    status: int
    retry_after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Cut the connection instead of answering: before the API server has done what was asked, or after."""

    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Ask the API server so many seconds later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer, and do nothing."""


@dataclass(frozen=True, slots=True)
class Stale:
    """Answer a list with the first answer that the same list had, or that was had since :meth:`ApiProxy.forget`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distort:
    """Change what a watch tells: events come twice, in pairs that changed places, or not at all; no bookmarks.

    It ends after ``closed`` events, with an event of the status 410 if ``outdated``.
    """

    duplicate: bool = False
    reorder: bool = False
    drop: bool = False
    bookmarks: bool = True
    closed: int | None = None
    outdated: bool = False


Act = Refuse | Drop | Delay | Hang | Stale | Distort


@dataclass(slots=True, kw_only=True)
class Rule:
    """What happens to the requests whose method, path and query match the patterns, ``times`` times.

    The patterns are searched for, so an empty one matches all. A ``watch`` is a request with this in its query.
    """

    act: Act
    method: str = ""
    path: str = ""
    query: str = ""
    times: int = 1_000_000
    met: int = 0

    def matches(self, request: web.Request) -> bool:
        """Tell whether the rule is for this request."""
        texts = ((self.method, request.method), (self.path, request.path), (self.query, request.query_string))
        return self.met < self.times and all(re.search(pattern, text) for pattern, text in texts)


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request: when it came (monotonic), what it was, and how it was answered (0: not at all, or not yet)."""

    at: float
    method: str
    path: str
    query: str
    body: Document | list[Document] | None
    status: int = 0


@dataclass(eq=False)
class ApiProxy:
    """Forwards to the API server of ``credentials``; to be used as a context manager. ``home`` is for its kubeconfig.

    Of the ``rules``, which may be changed at any time, the first that matches counts.
    """

    credentials: Credentials
    home: Path
    rules: list[Rule] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api proxy", daemon=True)
        self._lists: dict[str, bytes] = {}
        self._open: dict[int, web.Request] = {}
        self._healed = asyncio.Event()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://{HOST}:{self.port}"

    def kubeconfig(self, user: str = "admin", *, token: str = "") -> Path:
        """Write the kubeconfig of one of the control plane's users, or of whoever has ``token``; return its path."""
        through = replace(self.credentials, url=self.url)
        path = self.home / f"{user.replace(':', '-')}-through-the-proxy.kubeconfig"
        return through.kubeconfig_of(token or self.credentials.tokens[user], path)

    def rule(self, act: Act, *, method: str = "", path: str = "", query: str = "", times: int = 1_000_000) -> Rule:
        """Add a rule; how often it was ``met`` can be read from it."""
        self.rules.append(Rule(act=act, method=method, path=path, query=query, times=times))
        return self.rules[-1]

    def heal(self) -> None:
        """Forget all rules, and let go who hangs: its connection is cut."""
        self.rules.clear()
        self._call(self._heal())

    def cut(self) -> None:
        """Cut every connection on which something is asked now, watches too; new ones are served."""
        self._call(self._cut())

    def forget(self) -> None:
        """Forget the lists from which stale ones would be answered."""
        self._lists.clear()

    def of(self, method: str, path: str = "") -> list[Asked]:
        """Return the requests so far of a method, with a pattern in their path."""
        return [each for each in list(self.asked) if each.method == method and re.search(path, each.path)]

    def wait(self, rule: Rule, *, times: int = 1, within: float = 20.0) -> None:
        """Wait until a rule was met."""
        wait_until(lambda: rule.met >= times, within=within, what=f"{rule.act} met {times} times")

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._heal())
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)
        self._loop.close()

    def _call(self, what: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(15.0)

    async def _start(self) -> None:
        trust = ssl.create_default_context(cafile=str(self.credentials.ca))
        self._session = ClientSession(
            connector=TCPConnector(limit=0, ssl=trust), timeout=ClientTimeout(total=None), read_bufsize=2**22
        )
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port).start()

    async def _stop(self) -> None:
        await self._cut()
        await self._runner.cleanup()
        await self._session.close()
        await asyncio.sleep(_ENDING)

    async def _heal(self) -> None:
        self._healed.set()
        self._healed = asyncio.Event()

    async def _cut(self) -> None:
        for request in list(self._open.values()):
            _abort(request)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one request, and write it down."""
        body = await request.read()
        asked = Asked(
            at=time.monotonic(),
            method=request.method,
            path=request.path,
            query=request.query_string,
            body=json.loads(body) if body.startswith((b"{", b"[")) else None,
        )
        if len(self.asked) < _KEPT:
            self.asked.append(asked)
        rule = next((each for each in list(self.rules) if each.matches(request)), None)
        if rule is not None:
            rule.met += 1
        self._open[id(request)] = request
        try:
            answer = await self._act(request, body, rule.act if rule else None)
            asked.status = 0 if _is_gone(request) else answer.status
        except (ClientError, OSError):  # one of the two is gone; the other learns it the hard way
            return _abort(request)
        finally:
            del self._open[id(request)]
        return answer

    async def _act(self, request: web.Request, body: bytes, act: Act | None) -> web.StreamResponse:
        match act:
            case Refuse(status=status, retry_after=after):
                return _refusal(status, after)
            case Hang():
                await self._healed.wait()
                return _abort(request)
            case Drop(done=done):
                if done:
                    await self._forward(request, body)
                return _abort(request)
            case Stale() if request.path_qs in self._lists:
                return web.Response(body=self._lists[request.path_qs], content_type="application/json")
            case Delay(seconds=seconds):
                await asyncio.sleep(seconds)
            case _:
                pass
        if "watch" in request.query:
            return await self._watch(request, act if isinstance(act, Distort) else Distort())
        return await self._forward(request, body)

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        async with self._session.request(
            request.method, f"{self.credentials.url}{request.path_qs}", data=body or None, headers=_headers(request)
        ) as answer:
            text = await answer.read()
            if request.method == "GET" and answer.status == web.HTTPOk.status_code:
                self._lists.setdefault(request.path_qs, text)
            return web.Response(status=answer.status, body=text, content_type=answer.content_type)

    async def _watch(self, request: web.Request, act: Distort) -> web.StreamResponse:
        """Forward a watch, event by event."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        async with self._session.get(f"{self.credentials.url}{request.path_qs}", headers=_headers(request)) as answer:
            response.set_status(answer.status)
            await response.prepare(request)
            told = 0
            while act.closed is None or told < act.closed:
                events = await _next_events(answer, act)
                if not events:
                    break
                for event in _distorted(events, act):
                    await response.write(event)
                told += len(events)
            if act.outdated:
                await response.write(_OUTDATED)
        await response.write_eof()
        return response


_OUTDATED: Final = (
    json.dumps(
        {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}
    ).encode()
    + b"\n"
)


async def _next_events(answer: ClientResponse, act: Distort) -> list[bytes]:
    """Return the next event, or the next two if they are to change places and the second one comes soon."""
    first = await answer.content.readline()
    if not first or not act.reorder:
        return [first] if first else []
    with suppress(TimeoutError):
        async with asyncio.timeout(_ALONE):
            return [first, await answer.content.readline()]
    return [first]


def _distorted(events: list[bytes], act: Distort) -> Iterator[bytes]:
    for event in reversed(events) if act.reorder else events:
        bookmark = b'"type":"BOOKMARK"' in event[:40]
        if bookmark and act.bookmarks:
            yield event
        elif not bookmark and not act.drop:
            yield event * 2 if act.duplicate else event


def _headers(request: web.Request) -> dict[str, str]:
    return {name: request.headers[name] for name in _FORWARDED if name in request.headers}


def _refusal(status: int, retry_after: int | None) -> web.Response:
    said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "message": f"a rule: {status}"}
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    return web.json_response(said, status=status, headers=headers)


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _abort(request: web.Request) -> web.Response:
    """Reset the connection; what is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
