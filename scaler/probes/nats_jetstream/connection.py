"""A connection to NATS that asks and answers, with the ways of nats-py 2.16 that hurt taken out.

The library reconnects behind our back, lets requests wait when the connection is gone, takes a refused request for a
slow one, and stops reading for ever when the reply to a cancelled ping comes. So it is told not to reconnect, a lost
connection ends every request at once, refusals are heard, and a connection whose ping was not answered is dropped.
Since it does not reconnect, it never dials a server that another server told it of.
"""

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Final, NoReturn, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error, SecureConnWantedError
from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.tls import untrusted
from scaler.probes.nats_jetstream.answers import Answer, document
from scaler.probes.nats_jetstream.keys import signer
from scaler.probes.nats_jetstream.records import Address, Login, Servers
from scaler.probes.nats_jetstream.wire import Wire

T = TypeVar("T")

IN_FLIGHT: Final = 256  # requests at once; more is not faster
WRITE_PATIENCE: Final = 1  # s until a server that does not read is given up
FLUSHING: Final = 0.0005  # s between two looks whether everything is on its way
CLOSE_PATIENCE: Final = 0.3  # s for a polite end

_REFUSAL: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"')  # lower case: nats-py's
_NOBODY: Final = "503"  # the status of a reply that the server sends when nobody listens

# What ends the library's reading, a line that is not of the protocol, it logs with a traceback. We say it in our words.
logging.getLogger("nats.aio.client").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the API."""

    subject: str
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A question that was sent; ``subject`` in lower case, as refusals come."""

    subject: str
    answer: asyncio.Future[Answer]


@dataclass(frozen=True, slots=True)
class Tap:
    """A subscription that ends by itself with the first message: ``heard`` is done then."""

    subject: str
    subscription: Subscription
    heard: asyncio.Future[Msg]

    async def end(self) -> None:
        """Subscribe no longer; fine if the message came or the connection is gone."""
        if not self.heard.done():
            self.heard.cancel()
            with suppress(Error):
                await self.subscription.unsubscribe()


class Connection:
    """One open connection. ``lost`` is done, with the reason, as soon as nothing more can come from it."""

    def __init__(self, egress: Egress, *, secure: bool) -> None:
        self.lost: asyncio.Future[SourceUnavailable] = asyncio.get_running_loop().create_future()
        self._wire = Wire(egress, secure=secure)
        self._client = Client()
        self._inbox = self._client.new_inbox()
        self._numbers = count()
        self._pending: dict[str, _Pending] = {}
        self._refused: set[str] = set()

    async def start(self, to: Address, servers: Servers, context: ssl.SSLContext, patience: float) -> None:
        """Connect to one server; raise :class:`SourceUnavailable`, with nothing left behind, if that fails."""
        started = False
        try:
            async with asyncio.timeout(patience):
                await self._wire.dial(to, patience)
                await self._greet(to, servers.login, context, patience)
                started = True
        except Exception as error:  # the library checks nothing of what a server says, so anything may come of it
            raise translated(error, f"{to}: ") from error
        finally:
            if not started:
                await self.close()

    async def _greet(self, to: Address, login: Login, context: ssl.SSLContext, patience: float) -> None:
        # Two private names: there is no public way to hand over a connection, or a key that is not in a file.
        self._client._transport = self._wire  # noqa: SLF001
        self._client._public_nkey, signature = _signature(login)  # noqa: SLF001
        await self._client.connect(
            f"nats://{to}",
            name="warmscaler",
            allow_reconnect=False,
            error_cb=self._on_error,
            closed_cb=self._on_closed,
            connect_timeout=patience,  # type: ignore[arg-type]  # "int" means seconds of any kind
            flush_timeout=WRITE_PATIENCE,
            tls=context,
            user=login.username or None,
            password=_told(login.password),
            token=_told(login.token),
            signature_cb=signature,
            user_jwt_cb=_jwt(login),
        )
        if not self._client.is_connected:
            raise SourceUnavailable(Cause.INVALID, f"{to} does not speak as a NATS server")
        await self._client.subscribe(self.inbox, cb=self._on_answer)
        await self.round_trip(patience)
        if self.refuses(self.inbox):
            raise SourceUnavailable(Cause.DENIED, f"the user may not subscribe to {self.inbox}")

    # -- asking ------------------------------------------------------------------------------------------------

    async def ask(self, requests: Sequence[Request], patience: float) -> list[Answer]:
        """Send every request and return the answers in order, after ``patience`` seconds at the latest."""
        deadline = asyncio.get_running_loop().time() + patience
        answers: list[Answer] = []
        for start in range(0, len(requests), IN_FLIGHT):
            answers += await self._ask(requests[start : start + IN_FLIGHT], deadline)
        return answers

    async def _ask(self, requests: Sequence[Request], deadline: float) -> list[Answer]:
        remaining = deadline - asyncio.get_running_loop().time()
        if self.lost.done() or remaining <= 0:
            return [self.lost.result() if self.lost.done() else _silence(each) for each in requests]
        self._wire.allow()
        numbers = [str(next(self._numbers)) for _ in requests]
        try:
            sent = [await self._send(number, request) for number, request in zip(numbers, requests, strict=True)]
            await asyncio.wait(sent, timeout=remaining)
            return [
                each.result() if each.done() else _silence(which) for each, which in zip(sent, requests, strict=True)
            ]
        finally:
            for number in numbers:
                self._pending.pop(number, None)

    async def _send(self, number: str, request: Request) -> asyncio.Future[Answer]:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending[number] = _Pending(request.subject.lower(), answer)
        try:
            await self._client.publish(request.subject, request.payload, reply=f"{self._inbox}.{number}")
        except (Error, OSError) as error:
            _settle(answer, self.lost.result() if self.lost.done() else translated(error))
        return answer

    async def round_trip(self, patience: float) -> None:
        """Wait until the server has dealt with all that was sent, or drop the connection."""
        self._wire.allow()
        answered = False
        try:
            async with self._while_open(patience):
                # The library's ping overtakes whatever waits for its flusher, of which nothing tells the end.
                while self._client.pending_data_size:  # noqa: ASYNC110
                    await asyncio.sleep(FLUSHING)
                await self._client.rtt(timeout=patience)  # type: ignore[arg-type]  # as above
                answered = True
        except (Error, OSError) as error:
            raise self.lost.result() if self.lost.done() else translated(error) from error
        finally:
            if not answered:
                self.drop(SourceUnavailable(Cause.TIMEOUT, f"no reply to a ping within {patience:g} s"))

    @asynccontextmanager
    async def _while_open(self, patience: float) -> AsyncIterator[None]:
        """Bound the block by ``patience`` seconds and by the connection's life; raises :class:`TimeoutError`."""

        def hurry(_: object) -> None:
            if not deadline.expired():
                deadline.reschedule(asyncio.get_running_loop().time())

        async with asyncio.timeout(patience) as deadline:
            self.lost.add_done_callback(hurry)
            try:
                yield
            finally:
                self.lost.remove_done_callback(hurry)

    # -- listening ---------------------------------------------------------------------------------------------

    async def tap(self, subject: str, heard: Callable[[], None]) -> Tap:
        """Call ``heard`` with the first message on ``subject``; what comes after it is not even sent to us.

        So a flood costs one message a subscription. Whether it was allowed is known after a round trip.
        """
        self._refused.discard(subject.lower())
        first: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        first.add_done_callback(lambda done: None if done.cancelled() else heard())
        try:
            subscription = await self._client.subscribe(subject, future=first, max_msgs=1)
            await subscription.unsubscribe(limit=1)
        except (Error, OSError) as error:
            raise translated(error) from error
        return Tap(subject, subscription, first)

    @property
    def inbox(self) -> str:
        """The subject that replies to us come on."""
        return f"{self._inbox}.*"

    def refuses(self, subject: str) -> bool:
        """Tell whether the server refused a subscription."""
        return subject.lower() in self._refused

    async def fail_when_lost(self) -> NoReturn:
        """Wait, and raise the reason."""
        await asyncio.wait([self.lost])
        raise self.lost.result()

    # -- ending ------------------------------------------------------------------------------------------------

    def drop(self, reason: SourceUnavailable) -> None:
        """Give the connection up at once."""
        self._lose(reason)
        self._wire.abort()

    async def close(self) -> None:
        """End politely, within :data:`CLOSE_PATIENCE` or by force."""
        loop = asyncio.get_running_loop()
        self._lose(SourceUnavailable(Cause.UNREACHABLE, "the connection was closed"))
        by_force = loop.call_later(CLOSE_PATIENCE, self._wire.abort)
        try:
            with suppress(Exception):  # whatever the library still has to say
                async with asyncio.timeout(2 * CLOSE_PATIENCE):
                    await self._client.close()
        finally:
            by_force.cancel()
            self._wire.abort()

    def _lose(self, reason: SourceUnavailable) -> None:
        _settle(self.lost, reason)
        for pending in self._pending.values():
            _settle(pending.answer, reason)

    # -- what the library calls --------------------------------------------------------------------------------

    async def _on_answer(self, message: Msg) -> None:
        pending = self._pending.get(message.subject.rpartition(".")[2])
        if pending is None:
            return
        if (message.headers or {}).get("Status") == _NOBODY:
            nobody = SourceUnavailable(Cause.UNREACHABLE, "nobody answers for JetStream: it is off, or not ready")
            _settle(pending.answer, nobody)
        else:
            _settle(pending.answer, document(message.data))

    async def _on_error(self, error: Exception) -> None:
        refusal = _REFUSAL.search(str(error))
        if refusal is None:
            return
        deed, subject = refusal.groups()
        if deed == "subscription":
            self._refused.add(subject)
        for pending in self._pending.values():
            if deed == "publish" and pending.subject == subject:
                _settle(pending.answer, SourceUnavailable(Cause.DENIED, f"the user may not publish to {subject}"))

    async def _on_closed(self) -> None:
        error = self._client.last_error
        self._lose(translated(error) if error else SourceUnavailable(Cause.UNREACHABLE, "the server hung up"))
        self._wire.abort()


def translated(error: Exception, where: str = "") -> SourceUnavailable:
    """Say what an error of the library, or of what it uses, means to us."""
    if isinstance(error, SourceUnavailable):
        return error
    said = str(error).removeprefix("nats: ").strip("'") or type(error).__name__
    if isinstance(error, TimeoutError):
        said = "no answer in time"
    return SourceUnavailable(_cause(error), f"{where}{said}")


def _cause(error: Exception) -> Cause:
    refused = isinstance(error, Error) and re.search("auth|permission", str(error), re.IGNORECASE)
    if refused or isinstance(error, SecureConnWantedError) or untrusted(error):
        return Cause.DENIED
    if isinstance(error, TimeoutError):
        return Cause.TIMEOUT
    return Cause.UNREACHABLE if isinstance(error, Error | OSError) else Cause.INVALID


def _settle(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _silence(request: Request) -> SourceUnavailable:
    return SourceUnavailable(Cause.TIMEOUT, f"no answer to {request.subject}")


def _told(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _signature(login: Login) -> tuple[str | None, Callable[[str], bytes] | None]:
    return signer(login.seed.get_secret_value()) if login.seed is not None else (None, None)


def _jwt(login: Login) -> Callable[[], bytes] | None:
    jwt = login.jwt
    return None if jwt is None else lambda: jwt.get_secret_value().encode()
