"""Whether the cluster's DNS caches its own names: for so long a client may not hear of a pod that came or went.

A question is asked twice, and more than a second apart, of the name server that this process has: a time to live that
differs is a cache's, which counts it down; one that stays is the source's own. Each pair comes from one socket, so
that the same replica of the server answers both, and there are several pairs, since only some replicas may have cached.
"""

import asyncio
import secrets
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

RESOLV_CONF: Final = Path("/etc/resolv.conf")
APART: Final = 1.2  # s between two questions: a cache counts in whole seconds
PATIENCE: Final = 1.0  # s that an answer is waited for, and then once more
PAIRS: Final = 3
UNKNOWN: Final = 30.0  # s: the bound where nothing was found out; CoreDNS' and the kubelet's usual one
ZONE: Final = "cluster.local"
LONGEST: Final = 3600.0  # s, the most that CoreDNS' plugin for Kubernetes may be told to say

_HEADER: Final = struct.Struct("!HHHHHH")  # id, flags, and how many questions, answers, authorities, additions
_RECORD: Final = struct.Struct("!HHIH")  # type, class, seconds to live, length of what follows
_ASKED: Final = struct.Struct("!HH")
_A, _SOA, _INTERNET = 1, 6, 1
_RECURSE, _IS_ANSWER, _CODE, _NO_SUCH_NAME = 0x0100, 0x8000, 0x000F, 3
_POINTER: Final = 0xC0  # a name goes on elsewhere; both upper bits are set
_MOST: Final = 512  # bytes of a message by UDP


@dataclass(frozen=True, slots=True, kw_only=True)
class Caching:
    """What the cluster's DNS caches: addresses (``positive``), and that there are none (``negative``).

    ``None`` is unknown. ``bound`` is how many seconds an answer may be old, 0 where nothing is cached. ``why`` says
    what was seen, ``fix`` what to change; it is empty where nothing need be.
    """

    positive: bool | None
    negative: bool | None
    bound: float
    why: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a name server said: whether there are addresses, and for how many seconds that is so."""

    found: bool
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolver:
    """The first name server of a file, and the cluster's zone by its search list."""

    server: str
    zone: str


async def find_caching(
    name: str = "kubernetes.default", *, resolv: Path = RESOLV_CONF, port: int = 53, apart: float = APART
) -> Caching:
    """Find out whether answers about a Service are cached; takes about ``apart`` seconds, and never raises.

    ``name`` is SERVICE.NAMESPACE of one with addresses, or a full name with a dot at its end. That there are none is
    asked of a name beside it that nobody has. ``bound`` is the highest time to live that was seen.
    """
    try:
        resolver = _read(resolv)
        full = name.rstrip(".") if name.endswith(".") else f"{name}.svc.{resolver.zone}"
        nobody = f"warmscaler-{secrets.token_hex(5)}.{full.partition('.')[2]}"
        there, none = await asyncio.gather(
            _pairs(resolver.server, port, full, apart), _pairs(resolver.server, port, nobody, apart)
        )
    except (OSError, ValueError) as error:
        return _judged([], [], f"nothing could be asked: {error}", ZONE)
    problem = "" if there or none else f"the name server {resolver.server} did not answer"
    positive = [pair for pair in there if all(each.found for each in pair)]
    negative = [pair for pair in [*none, *there] if not any(each.found for each in pair)]
    return _judged(positive, negative, problem, resolver.zone)


def _judged(
    positive: Sequence[Sequence[Answer]], negative: Sequence[Sequence[Answer]], problem: str, zone: str
) -> Caching:
    found, absent = _counted_down(positive), _counted_down(negative)
    bound = _bound(found, absent, [each.ttl for pair in (*positive, *negative) for each in pair])
    kinds = (("addresses", found, positive), ("the absence of addresses", absent, negative))
    why = problem or "; ".join(_said(what, cached, pairs) for what, cached, pairs in kinds)
    return Caching(positive=found, negative=absent, bound=bound, why=why, fix=_fix(zone) if bound else "")


def _counted_down(pairs: Sequence[Sequence[Answer]]) -> bool | None:
    return any(first.ttl != second.ttl for first, second in pairs) if pairs else None


def _bound(positive: bool | None, negative: bool | None, seen: Sequence[int]) -> float:  # noqa: FBT001 - what was found
    if positive is False and negative is False:
        return 0.0
    if not (positive or negative):
        return UNKNOWN
    return min(LONGEST, float(max(seen)))


def _said(what: str, cached: bool | None, pairs: Iterable[Sequence[Answer]]) -> str:  # noqa: FBT001 - what was found
    if cached is None:
        return f"{what}: no answer"
    most = max(each.ttl for pair in pairs for each in pair)
    return f"{what}: " + (f"cached, {most} s counted down" if cached else f"not cached, always {most} s")


def _fix(zone: str) -> str:
    off = f"cache 30 {{ disable success {zone}; disable denial {zone} }}"
    other = 'dapr.io/app-protocol: "http"'
    return f"CoreDNS should not cache {zone}: `{off}`, a line each; or go by a Service's address: annotation `{other}`"


def _read(resolv: Path) -> _Resolver:
    """Read who is asked; raise ``ValueError`` if the file names nobody."""
    servers, zone = [], ZONE
    for line in resolv.read_text().splitlines():
        match line.split():
            case ["nameserver", server, *_]:
                servers.append(str(ip_address(server)))
            case ["search", *domains]:
                zone = next((each.removeprefix("svc.").rstrip(".") for each in domains if each[:4] == "svc."), zone)
            case _:
                pass
    if not servers:
        raise ValueError(f"{resolv} names no name server")
    return _Resolver(server=servers[0], zone=zone)


# -- asking ------------------------------------------------------------------------------------------------------------


async def _pairs(server: str, port: int, name: str, apart: float) -> list[tuple[Answer, Answer]]:
    """Ask a few times twice; a pair that is not whole is left out."""
    query = written(name)
    asked = await asyncio.gather(*(_pair(server, port, query, apart) for _ in range(PAIRS)))
    return [pair for pair in asked if pair is not None]


async def _pair(server: str, port: int, query: bytes, apart: float) -> tuple[Answer, Answer] | None:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Conversation, remote_addr=(server, port))
    try:
        first = await protocol.ask(transport, query)
        if first is None:
            return None
        await asyncio.sleep(apart)
        second = await protocol.ask(transport, query)
    finally:
        transport.close()
    return (first, second) if second is not None else None


class _Conversation(asyncio.DatagramProtocol):
    """One socket to one server, which nobody else can send to."""

    def __init__(self) -> None:
        self._number = -1
        self._answer: asyncio.Future[Answer] | None = None

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Take the answer to what was asked last; drop everything else."""
        del addr
        try:
            answer = understood(data, self._number)
        except (ValueError, struct.error, IndexError):
            return
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def error_received(self, exc: Exception) -> None:
        """Wait on: nobody listens there, perhaps only now."""

    async def ask(self, transport: asyncio.DatagramTransport, query: bytes) -> Answer | None:
        """Ask, and once more if nothing comes."""
        for _ in range(2):
            self._number = secrets.randbits(16)
            self._answer = asyncio.get_running_loop().create_future()
            transport.sendto(self._number.to_bytes(2) + query[2:])
            try:
                async with asyncio.timeout(PATIENCE):
                    return await self._answer
            except TimeoutError:
                continue
        return None


# -- the format (RFC 1035, 2308) ---------------------------------------------------------------------------------------


def written(name: str) -> bytes:
    """Write a question for the addresses of a name, with the number 0. Raises ``ValueError`` for what is no name."""
    labels = [label.encode("ascii") for label in name.split(".")]
    if not all(1 <= len(label) < 64 for label in labels) or len(name) > 253:  # noqa: PLR2004 - as the format has it
        raise ValueError(f"{name[:60]!r} is not a name")
    spelt = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return _HEADER.pack(0, _RECURSE, 1, 0, 0, 0) + spelt + _ASKED.pack(_A, _INTERNET)


def understood(message: bytes, number: int) -> Answer:
    """Read the answer to the question of a number.

    The time of several addresses is the shortest; that of none is what the zone's SOA record lives (RFC 2308).
    Raises ``ValueError``, ``IndexError`` or ``struct.error`` for what is no such answer.
    """
    said, flags, questions, answers, authorities, _ = _HEADER.unpack_from(message)
    if len(message) > _MOST * 8 or said != number or not flags & _IS_ANSWER or flags & _CODE not in {0, _NO_SUCH_NAME}:
        raise ValueError("not an answer to the question")
    at = _HEADER.size
    for _ in range(questions):
        at = _after_name(message, at) + _ASKED.size
    records = list(_records(message, at, answers + authorities))
    addresses = [ttl for kind, ttl in records[:answers] if kind == _A]
    ends = [ttl for kind, ttl in records[answers:] if kind == _SOA]
    if not addresses and not ends:
        raise ValueError("it says neither addresses nor for how long there are none")
    return Answer(found=bool(addresses), ttl=min(addresses or ends))


def _records(message: bytes, at: int, count: int) -> Iterable[tuple[int, int]]:
    """Yield the type and the seconds to live of so many records."""
    for _ in range(count):
        at = _after_name(message, at)
        kind, _, ttl, length = _RECORD.unpack_from(message, at)
        at += _RECORD.size + length
        yield kind, ttl


def _after_name(message: bytes, at: int) -> int:
    """Return where a name ends; it is not followed elsewhere, so this ends with the message at the latest."""
    while (length := message[at]) and length < _POINTER:
        at += length + 1
    return at + (2 if length else 1)
