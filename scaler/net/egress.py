"""Which addresses a trigger may make us connect to.

Whoever may create a ScaledObject writes its metadata, so an address in it is a request by a stranger. A host is
resolved once, every address it has is checked, and the caller connects to a checked address instead of resolving again:
a name that answers differently the second time gains nothing.
"""

import asyncio
import socket
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from scaler.errors import Cause, SourceUnavailable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_PORT: Final = 65535

METADATA_ADDRESSES: Final = frozenset(
    ip_address(text) for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
"""Where clouds answer with credentials; the link-local ones are listed for the reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of an allow or deny list: a host glob or a network, and a port or any."""

    host: str | None = None
    network: Network | None = None
    port: int | None = None

    def matches(self, host: str, address: Address, port: int) -> bool:
        """Tell whether the rule speaks of this destination."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address in self.network
        return self.host is not None and fnmatchcase(host.casefold(), self.host.casefold())


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The rules. ``loopback`` lets sources on this machine be read, which is for trying things out.

    A ``deny`` rule always wins; with ``allow`` rules, only what one of them matches is allowed; loopback, link-local,
    unspecified, multicast and metadata addresses need an ``allow`` rule by network or, for loopback, the switch.
    """

    loopback: bool = False
    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()

    async def resolve(self, host: str, port: int) -> str:
        """Return an address of ``host`` that may be connected to.

        Raises :class:`SourceUnavailable`: forbidden if any address of the host is, unreachable if it has none.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise SourceUnavailable(Cause.UNREACHABLE, f"{host} has no address: {error}") from error
        addresses = [ip_address(str(info[4][0]).partition("%")[0]) for info in found]
        for address in addresses:
            self.check(host, address, port)
        return str(addresses[0])

    def check(self, host: str, address: Address, port: int) -> None:
        """Raise :class:`SourceUnavailable` if ``host``, which resolved to ``address``, may not be connected to."""
        plain = _unmapped(address)
        denied = any(rule.matches(host, plain, port) for rule in self.deny)
        allowed = any(rule.matches(host, plain, port) for rule in self.allow)
        named = any(rule.network is not None and rule.matches(host, plain, port) for rule in self.allow)
        if denied or (self.allow and not allowed) or (self._special(plain) and not named):
            raise SourceUnavailable(Cause.FORBIDDEN, f"{host}:{port} ({plain}) may not be connected to")

    def _special(self, address: Address) -> bool:
        if address.is_loopback:
            return not self.loopback
        return address in METADATA_ADDRESSES or address.is_link_local or address.is_unspecified or address.is_multicast


def _unmapped(address: Address) -> Address:
    """See through an IPv4 address dressed as IPv6 (mapped, NAT64, 6to4)."""
    if not isinstance(address, IPv6Address):
        return address
    if address in ip_network("64:ff9b::/96"):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def split_host_port(text: str, *, lowest: int = 1) -> tuple[str, int]:
    """Split ``host:port`` or ``[v6]:port``; raise ``ValueError`` with what is wrong."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or not lowest <= int(port) <= MAX_PORT:
        raise ValueError(f"{text!r} is not host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)
