"""kafka-python's connections to brokers, with the only door to them guarded and some of its habits broken.

Why not its clients: ``KafkaAdminClient`` caches group coordinators for ever, fails a whole batch for one bad item and
raises instead of waiting when a connection is busy; ``KafkaConsumer`` cannot watch another partition before its pending
fetch ends, and decodes every record. Both stand on the connection manager, which speaks to one broker at a time and
does no more than it is asked. What is overridden here is private to kafka-python 3.0, which is why 3.1 is excluded; the
tests of admitted addresses, of TLS that never answers and of refused logins fail if an override goes unused.
"""

import logging
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final

from kafka.errors import KafkaConnectionError, SaslAuthenticationFailedError
from kafka.net.inet import create_connection
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

Message = Any
"""A request or a response, or a part of one: kafka-python has no types."""

CONNECT_TIMEOUT: Final = 2.0  # s for TCP, TLS, the version handshake and the login together

# Everything it would say reaches the operator as an outage, once instead of at every attempt.
logging.getLogger("kafka").setLevel(logging.CRITICAL)


class _Attentive:
    """Hears a broker's last words. The library drops what comes together with the end, such as a refused login."""

    def _sock_recv(self) -> tuple[bytes, Exception | None]:
        received, end = super()._sock_recv()  # type: ignore[misc] # of the transport that this is mixed into
        return received, None if received else end


class _PlainTransport(_Attentive, KafkaTCPTransport):  # type: ignore[misc] # no stubs
    """A transport of bytes as they are."""


class _TlsTransport(_Attentive, KafkaSSLTransport):  # type: ignore[misc] # no stubs
    """A transport over TLS, whose handshake can be given up: the library's waits for ever."""

    def give_up(self) -> None:
        """Wake the handshake with an error."""
        socket.socket.shutdown(self._sock, socket.SHUT_RDWR)  # not SSLSocket's, which forgets that there is TLS


class Connections(KafkaConnectionManager):  # type: ignore[misc] # no stubs
    """One connection to each broker that is asked something; lives on the library's thread.

    A broker can only be dialled at an address that was ``admitted`` for its host and port.
    """

    def __init__(self, net: NetworkSelector, config: Mapping[str, Any]) -> None:
        super().__init__(net, **config)
        self.admitted: dict[tuple[str, int], str] = {}

    def holds(self, node: int | str) -> bool:
        """Tell whether there is a connection, or one that is being made."""
        return node in self._conns

    def rests(self, node: int | str) -> bool:
        """Tell whether a broker that could not be reached is left alone for a moment."""
        _, until, _ = self._backoff.get(node, (0, 0.0, 0))
        return bool(until > time.monotonic())

    async def exchange(self, request: Message, node: int | str, within: float) -> Message:
        """Send a request and return its response, connecting first if need be."""
        connection = self.get_connection(
            node, timeout_ms=CONNECT_TIMEOUT * 1000, refresh_metadata_on_err=False
        )  # without a metadata loop of the library's own, which would dial on its own account for ever
        try:
            await connection
        except ValueError as error:  # a broker that fails its half of a SCRAM login
            raise SaslAuthenticationFailedError(str(error)) from error
        return await connection.send_request(request, request_timeout_ms=within * 1000)

    def close_idle_connections(self) -> None:
        """Leave idle connections to the brokers, which end them; the library's timer outlives a closed manager."""

    async def _build_transport(self, node: Message, timeout_at: float) -> KafkaTCPTransport:
        """Dial an admitted address and nothing else, and bound the handshake too."""
        address = self.admitted.get((node.host, node.port))
        if address is None:
            raise KafkaConnectionError(f"{node.host}:{node.port} was not admitted")
        options = self.config["socket_options"]
        sock = await create_connection(self._net, address, node.port, options, timeout_at=timeout_at)
        context = self.config["ssl_context"]
        if context is None:
            return _PlainTransport(self._net, sock, host=node.host)
        return await self._secured(_TlsTransport(self._net, sock, host=node.host, ssl_context=context), timeout_at)

    async def _secured(self, transport: _TlsTransport, timeout_at: float) -> _TlsTransport:
        end = self._net.call_at(timeout_at, transport.give_up)
        try:
            await transport.handshake()
        except (ssl.SSLError, OSError) as error:
            transport.abort(error)
            raise KafkaConnectionError(f"TLS handshake: {error}") from error
        finally:
            self._net.cancel(end)
        return transport
