"""Talking to the brokers of one cluster from asyncio: one request, one answer, each with an end.

kafka-python does its I/O on a thread of its own and hands out futures. They are awaited here instead of blocked upon,
so one thread a cluster is all there is: no pool, nothing to pile up when a read is cancelled. An abandoned request ends
by its own timeout.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Final, TypeVar

from kafka.errors import KafkaConnectionError
from kafka.net.selector import NetworkSelector
from kafka.protocol.metadata import MetadataRequest

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.probes.kafka.dial import CONNECT_TIMEOUT, Connections, Message
from scaler.probes.kafka.failures import translated
from scaler.probes.kafka.identity import Identity
from scaler.probes.kafka.login import Cluster, protocol

K = TypeVar("K")
T = TypeVar("T")

REQUEST_TIMEOUT: Final = 2.0  # s for the answer of a broker that is connected
SLOW: Final = 1.0  # s: a failure that took longer makes the others not wait for that broker again
SHUN: Final = 3.0  # s for which a slow or refusing broker is left alone
AT_ONCE: Final = 32  # requests at once; many only to brokers that answer for one group at a time
MAX_FRAME: Final = 64 * 1024 * 1024  # bytes of one answer: some 2 million offsets
CLIENT_ID: Final = "warmscaler"

Node = int | str
"""A broker's number; before those are known, ``bootstrap-0`` and so on."""

ApiVersion = tuple[int, ...]

_BOUNDS: Final = {
    "request_timeout_ms": REQUEST_TIMEOUT * 1000,
    "reconnect_backoff_max_ms": 1000,
    # Beyond this the library refuses requests instead of keeping them back; its own limit is 5.
    "max_in_flight_requests_per_connection": 1000,
    "receive_message_max_bytes": MAX_FRAME,
}


class Brokers:
    """One connection to each broker, made when it is first asked something."""

    def __init__(self, thread: "Thread", connections: Connections) -> None:
        self._thread = thread
        self._connections = connections
        self._shunned: dict[Node, tuple[float, SourceUnavailable]] = {}

    def speaks(self, request: Message, version: int) -> bool:
        """Tell whether the brokers know this version of a request; known once one of them has answered."""
        spoken = self._connections.broker_version_data
        return spoken is not None and bool(spoken.api_version(request) >= version)

    def learn(self, response: Message) -> None:
        """Take over the brokers' addresses from a metadata response without topics."""
        self._connections.cluster.update_metadata(response)

    def anyone(self) -> Node:
        """Name a broker that may be asked what any of them knows, if possible one that is connected."""
        nodes: list[Node] = [broker.node_id for broker in self._connections.cluster.brokers()]
        failures = [failure for failure in map(self._shuns, nodes) if failure is not None]
        ready = [node for node in nodes if self._shuns(node) is None and not self._connections.rests(node)]
        if not ready:
            raise failures[0] if failures else SourceUnavailable(Cause.UNREACHABLE, "no broker can be reached")
        return next((node for node in ready if self._connections.holds(node)), ready[0])

    def _shuns(self, node: Node) -> SourceUnavailable | None:
        """Return why a broker is left alone for now, if it is."""
        until, failure = self._shunned.get(node, (0.0, None))
        return SourceUnavailable(failure.cause, failure.detail) if failure and time.monotonic() < until else None

    async def bootstrap(self) -> Message:
        """Ask the configured servers one after the other, in a random order, for the brokers; return the response.

        A refused login ends this, for it would be refused, and counted, by the others too.
        """
        failure = SourceUnavailable(Cause.UNREACHABLE, "no server is named")
        for server in self._connections.cluster.bootstrap_brokers():
            try:
                return await self._introduced(server.node_id)
            except SourceUnavailable as error:
                failure = error
                if error.cause is Cause.DENIED:
                    break
        raise failure

    async def _introduced(self, server: Node) -> Message:
        try:
            response = await self.ask(MetadataRequest(topics=MetadataRequest.NO_TOPICS, min_version=1), server)
        finally:
            await self._thread.do(self._connections.close, server)
        self.learn(response)
        return response

    async def ask(self, request: Message, node: Node, within: float = REQUEST_TIMEOUT) -> Message:
        """Send a request to a broker and return the response.

        Raises :class:`SourceUnavailable`; at once for a broker that was slow or refused a login a moment ago.
        """
        began = time.monotonic()
        if (failure := self._shuns(node)) is not None:
            raise failure
        try:
            response = await self._asked(request, node, within)
        except SourceUnavailable as error:
            if time.monotonic() - began > SLOW or error.cause is Cause.DENIED:
                self._shunned[node] = (time.monotonic() + SHUN, error)
            raise
        self._shunned.pop(node, None)
        return response

    async def _asked(self, request: Message, node: Node, within: float) -> Message:
        about = self._name(node)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT + within + SLOW):  # behind the library's own, which come first
                await self._admit(node)
                return await self._thread.do(self._connections.exchange, request, node, within)
        except TimeoutError as error:
            raise SourceUnavailable(Cause.TIMEOUT, f"{about} did not answer") from error
        except Exception as error:
            raise translated(error, about) from error

    def _name(self, node: Node) -> str:
        broker = self._connections.cluster.broker_metadata(node)
        if broker is None:
            raise SourceUnavailable(Cause.UNREACHABLE, f"broker {node} is not part of the cluster now")
        return f"{broker.host}:{broker.port}"

    async def _admit(self, node: Node) -> None:
        """See to it that a broker may be dialled, unless it is connected: at the address it has now, by the rules."""
        if self._connections.holds(node):
            return
        broker = self._connections.cluster.broker_metadata(node)
        address = await self._thread.address(broker.host, broker.port)
        self._connections.admitted[broker.host, broker.port] = address

    async def close(self) -> None:
        """Close every connection; nothing can be asked any more."""
        await self._thread.drop(self._connections)


class Thread:
    """The thread on which kafka-python talks to one cluster, for all its :class:`Brokers`."""

    def __init__(
        self, cluster: Cluster, egress: Egress, tls: ssl.SSLContext | None, api_version: ApiVersion | None
    ) -> None:
        self._egress = egress
        self._identity = Identity(cluster.login, egress)
        self._config = {
            **protocol(cluster),
            **_BOUNDS,
            "bootstrap_servers": list(cluster.servers),
            "client_id": CLIENT_ID,
            "api_version": api_version,
            "ssl_context": tls,
            "sasl_oauth_token_provider": self._identity.token,
        }
        self._kept: set[Connections] = set()
        self._net = NetworkSelector(client_id=CLIENT_ID)
        self._net.start()

    async def brokers(self) -> Brokers:
        """Make a set of connections, none of them open yet."""
        connections = await self.do(Connections, self._net, self._config)
        self._kept.add(connections)
        return Brokers(self, connections)

    async def drop(self, connections: Connections) -> None:
        """Close a set of connections."""
        self._kept.discard(connections)
        with suppress(RuntimeError, TimeoutError):  # the thread has ended, and all connections with it
            async with asyncio.timeout(SLOW):
                await self.do(connections.close)

    async def address(self, host: str, port: int) -> str:
        """Say where a broker may be dialled, and have a login ready for it."""
        await self._identity.ready()
        return await self._egress.resolve(host, port)

    async def do(self, action: Callable[..., Any], *arguments: object) -> Message:
        """Run ``action`` on the thread and wait for what comes of it."""
        loop = asyncio.get_running_loop()
        promise: asyncio.Future[Message] = loop.create_future()

        def settle(value: object, error: BaseException | None) -> None:
            if promise.done():  # nobody waits any more
                return
            if error is None:
                promise.set_result(value)
            else:  # what is not an Exception is the thread's own end
                promise.set_exception(error if isinstance(error, Exception) else KafkaConnectionError("closed"))

        def ended(_: object) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(settle, future.value, future.exception)

        future = self._net.call_soon_with_future(lambda: action(*arguments))
        future.add_both(ended)
        return await promise

    async def close(self) -> None:
        """Close whatever is open and end the thread; takes at most a second or so."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        with suppress(RuntimeError):  # closed twice
            for connections in tuple(self._kept):
                self._net.call_soon_threadsafe(connections.close)
            self._net.stop(timeout_ms=SLOW * 1000)
            self._net.close()


async def gathered(keys: Iterable[K], act: Callable[[K], Awaitable[T]]) -> dict[K, T | SourceUnavailable]:
    """Do something for each key, :data:`AT_ONCE` at a time, and return what comes of each."""
    gate = asyncio.Semaphore(AT_ONCE)
    found: dict[K, T | SourceUnavailable] = {}

    async def one(key: K) -> None:
        async with gate:
            try:
                found[key] = await act(key)
            except SourceUnavailable as error:
                found[key] = error

    async with asyncio.TaskGroup() as tasks:
        for key in keys:
            tasks.create_task(one(key), name=f"kafka {key}")
    return found
