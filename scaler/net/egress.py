"""Which addresses a trigger may make us connect to.

Whoever may create a ScaledObject writes its metadata, so an address in it is a request by a stranger. A host is
resolved once, every address it has is checked, and the caller connects to a checked address instead of resolving again:
a name that answers differently the second time gains nothing.
"""

import asyncio
import re
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from scaler.errors import Cause, SourceUnavailable
from scaler.net.secrets import MASK, without_login

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_PORT: Final = 65535
MAX_HOST: Final = 253  # characters of a name, and so of what a message repeats of one

METADATA_NETWORKS: Final = tuple(
    ip_network(text)
    for text in ("169.254.0.0/16", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::/64", "fd20:ce::254")
)
"""Where clouds answer with credentials."""

NOWHERE: Final = tuple(ip_network(text) for text in ("0.0.0.0/8", "255.255.255.255"))
"""Addresses that name no host; some systems take the first for themselves."""

_LOOKUPS: Final = ThreadPoolExecutor(max_workers=256, thread_name_prefix="asyncio_lookup")
"""Threads for lookups alone, and many: a name server that does not answer holds each for up to a minute."""

_HOST_PORT: Final = re.compile(r"(?:\[(?P<v6>[^\[\]@]+)\]|(?P<host>[^\[\]:@]*)):(?P<port>[0-9]{1,5})", re.ASCII)
_NAT64: Final = ip_network("64:ff9b::/96")
_IN_NAT64_OF_A_SITE: Final = ip_network("64:ff9b:1::/48")
_COMPATIBLE: Final = ip_network("::/96")


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
        return self.host is not None and fnmatchcase(_canonical(host), _canonical(self.host))


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The rules. ``loopback`` lets sources on this machine be read, which is for trying things out.

    Without ``inline``, metadata may name no address, and only what connections of the configuration name is reached.
    All else holds for both: a ``deny`` rule always wins; with ``allow`` rules, only what one of them matches is
    allowed; loopback, link-local, unspecified, multicast and metadata addresses need an ``allow`` rule by network or,
    for loopback, the switch.
    """

    inline: bool = True
    loopback: bool = False
    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()

    async def resolve(self, host: str, port: int) -> str:
        """Return an address of ``host`` that may be connected to.

        Raises :class:`SourceUnavailable`: forbidden if any address of the host is, unreachable if it has none.
        """
        self._check_inline(host, port)
        if any(letter <= " " or letter == "\x7f" for letter in host):
            raise SourceUnavailable(Cause.FORBIDDEN, f"{host[:MAX_HOST]!r} is not the name of a host")
        try:
            addresses = await _lookup(host, port)
        except (OSError, ValueError, OverflowError) as error:
            raise SourceUnavailable(Cause.UNREACHABLE, f"{host[:MAX_HOST]} has no address: {error}") from error
        for address in addresses:
            self.check(host, address, port)
        # Whoever says localhost and serves one family only serves the older one.
        return str(min(addresses, key=lambda each: each == IPv6Address("::1")))

    def check(self, host: str, address: Address, port: int) -> None:
        """Raise :class:`SourceUnavailable` if ``host``, which resolved to ``address``, may not be connected to."""
        self._check_inline(host, port)
        plain = _undressed(address)
        denied = any(rule.matches(host, each, port) for rule in self.deny for each in (address, plain))
        allowed = any(rule.matches(host, plain, port) for rule in self.allow)
        named = any(rule.network is not None and rule.matches(host, plain, port) for rule in self.allow)
        if denied or (self.allow and not allowed) or (self._special(plain) and not named):
            raise SourceUnavailable(Cause.FORBIDDEN, f"{host}:{port} ({plain}) may not be connected to")

    def _check_inline(self, host: str, port: int) -> None:
        if not self.inline:
            detail = f"{host}:{port} is named in metadata, and egress.allowInline is false"
            raise SourceUnavailable(Cause.FORBIDDEN, detail)

    def _special(self, address: Address) -> bool:
        if address.is_loopback:
            return not self.loopback
        never = (*METADATA_NETWORKS, *NOWHERE, _IN_NAT64_OF_A_SITE)
        return address.is_link_local or address.is_multicast or any(address in network for network in never)


async def _lookup(host: str, port: int) -> list[Address]:
    """List the addresses of a host; one that is spelt as a number, in whatever base, takes no thread and no waiting."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(_LOOKUPS, ask)
    return [ip_address(str(info[4][0]).partition("%")[0]) for info in found]


def _undressed(address: Address) -> Address:
    """See through an IPv4 address dressed as IPv6: mapped, NAT64, 6to4, Teredo, or the old compatible form."""
    if not isinstance(address, IPv6Address) or address.is_loopback:
        return address
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo is not None else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _canonical(host: str) -> str:
    """Spell a host name as the resolver sees it: without the root's dot, and in ASCII where that is possible."""
    try:
        return host.rstrip(".").encode("idna").decode().casefold()
    except UnicodeError:
        return host.rstrip(".").casefold()


def split_host_port(text: str, *, lowest: int = 1) -> tuple[str, int]:
    """Split ``host:port`` or ``[v6]:port``; raise ``ValueError`` with what is wrong, but never with a login."""
    match = _HOST_PORT.fullmatch(text)
    if match is None or not lowest <= int(match["port"]) <= MAX_PORT:
        raise ValueError(f"{without_login(text)!r} is not host:port")
    return match["v6"] or match["host"], int(match["port"])


def misaddressed(addresses: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each of a list's items that is not ``host:port``.

    An item with an ``@`` after it is not repeated: both may be one address, with a comma in its password.
    """
    login = max((number for number, text in enumerate(addresses) if "@" in text), default=0)
    for number, text in enumerate(addresses):
        try:
            split_host_port(text)
        except ValueError as error:
            yield str(error) if number >= login else f"{MASK!r} is not host:port"
