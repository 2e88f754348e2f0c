"""One TCP connection to a NATS server, dialled by us and lent to the library.

The library would dial whatever a server tells it of, go on in plain text with a server that does not offer TLS, and
buffer without end. Here it gets a connection that leads to a checked address, that says nothing before TLS if TLS was
asked for, and that ends when more is read than was allowed.
"""

from contextlib import suppress
from ssl import SSLContext
from typing import Final
from urllib.parse import ParseResult, urlparse

from nats.aio.transport import TcpTransport
from nats.errors import SecureConnWantedError

from scaler.net.egress import Egress
from scaler.probes.nats_jetstream.records import Address

BUFFER: Final = 32 * 1024  # bytes: the longest first line of a server, and the most that is read in one go
ALLOWANCE: Final = 64 * 1024 * 1024  # bytes that may come between two things that we ask for


class Wire(TcpTransport):
    """A transport that is open before the library sees it, and never opens another one."""

    def __init__(self, egress: Egress, *, secure: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._egress = egress
        self._mute = secure
        self._allowance = ALLOWANCE

    async def dial(self, to: Address, patience: float) -> None:
        """Connect to a checked address of the host."""
        address = await self._egress.resolve(to.host, to.port)
        await super().connect(urlparse(f"nats://{Address(address, to.port)}"), BUFFER, patience)  # type: ignore[arg-type]  # "int" means seconds of any kind

    def allow(self) -> None:
        """Let :data:`ALLOWANCE` bytes more come from now on."""
        self._allowance = ALLOWANCE

    def abort(self) -> None:
        """Drop the connection at once, whatever is still to be sent."""
        for writer in (self._io_writer, self._bare_io_writer):
            if writer is not None:
                writer.transport.abort()

    # -- what the library calls --------------------------------------------------------------------------------

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """Nothing is left to do: see :meth:`dial`."""

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: SSLContext, buffer_size: int, connect_timeout: int
    ) -> None:
        """Go over to TLS; from here on credentials may be sent."""
        await super().connect_tls(uri, ssl_context, buffer_size, connect_timeout)
        self._mute = False

    def write(self, payload: bytes) -> None:
        """Send, unless TLS was asked for and not had."""
        if self._mute:
            raise SecureConnWantedError
        super().write(payload)  # type: ignore[no-untyped-call]

    async def read(self, buffer_size: int) -> bytes:
        """Receive, until too much came."""
        chunk: bytes = await super().read(buffer_size)
        self._allowance -= len(chunk)
        if self._allowance < 0:
            raise OSError(f"more than {ALLOWANCE} bytes came unasked")
        return chunk

    async def drain(self) -> None:
        """Wait until what was written is on its way; a broken connection is told by reading, once."""
        with suppress(ConnectionError):
            await super().drain()  # type: ignore[no-untyped-call]
