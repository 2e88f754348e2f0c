"""No spelling of a forbidden address gets through, and what is allowed does."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress, Rule, misaddressed, split_host_port

REAL = socket.getaddrinfo

FORBIDDEN = (
    *("127.0.0.1", "127.0.0.53", "127.255.255.254", "0.0.0.0", "0.0.0.1", "0.255.0.1"),  # noqa: S104 - forbidden here
    *("169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.1", "100.100.100.200", "168.63.129.16"),
    *("192.0.0.192", "224.0.0.1", "239.255.255.250", "255.255.255.255"),
)
ALLOWED = ("10.0.0.1", "172.16.31.7", "192.168.1.1", "100.64.0.9", "8.8.8.8", "1.0.0.1", "223.255.255.1")


def spellings_of_v4(address: IPv4Address) -> Iterator[str]:
    """Yield ways to write an IPv4 address that some resolver or system follows."""
    a, b, c, d = address.packed
    yield str(address)
    yield str(int(address))
    yield f"{int(address):#x}"
    yield f"{int(address):#o}".replace("0o", "0")
    yield f"0x{a:02X}.0x{b:x}.0X{c:x}.{d:#x}"
    yield f"0{a:o}.0{b:o}.0{c:o}.0{d:o}"
    yield f"{a:#x}.{(b << 16) + (c << 8) + d}"
    yield f"{a}.{b}.{(c << 8) + d}"
    yield f"00{a:o}.{b}.{c:#x}.000{d:o}"
    yield str(address).translate({ord("0") + digit: chr(0xFF10 + digit) for digit in range(10)})
    yield str(address).replace(".", "\u3002")
    yield str(address).replace(".", "\uff0e")
    yield str(address).replace(".", "\uff61")


def spellings_of_v6(address: IPv4Address) -> Iterator[str]:
    """Yield the IPv6 addresses that stand for an IPv4 one."""
    high, low = int(address) >> 16, int(address) & 0xFFFF
    inverted = int(address) ^ 0xFFFFFFFF
    yield f"::ffff:{address}"
    yield f"::FFFF:{high:x}:{low:x}"
    yield f"0:0:0:0:0:ffff:{high:04x}:{low:04x}"
    yield f"0000:0000:0000:0000:0000:FFFF:{high:x}:{low:x}"
    yield f"64:ff9b::{address}"
    yield f"64:ff9b::{high:x}:{low:x}"
    yield f"2002:{high:x}:{low:x}::1"
    yield f"2002:{high:x}:{low:x}:1:2:3:4:5"
    yield f"2001:0:4136:e378:8000:63bf:{inverted >> 16:x}:{inverted & 0xFFFF:x}"
    yield f"::{address}"


_SPELT = [
    *(spelt for text in FORBIDDEN for spelt in spellings_of_v4(IPv4Address(text))),
    *(spelt for text in FORBIDDEN for spelt in spellings_of_v6(IPv4Address(text))),
    *("::1", "0:0:0:0:0:0:0:1", "::0001", "0000:0000:0000:0000:0000:0000:0000:0001", "::", "0::0"),
    *("fe80::1", "FE80::1", "fe80::1%1", "fe80:0:0:0:1:2:3:4", "febf::1", "ff02::1", "FF05::2", "ff0e::1%1"),
    *("fd00:ec2::254", "FD00:0EC2::0254", "fd00:ec2::23", "fd20:ce::254", "fd20:00ce:0::0254"),
    *("64:ff9b:1::7f00:1", "64:ff9b:1:7f00:0:100::", "64:ff9b:1:ffff::a9fe:a9fe"),
    *(
        "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
        "127.1",
        "127.0.1",
        "0",
        "0x0",
        "00000000177.1",
        "0x7f.1",
        "4294967295",
    ),
]

CORPUS = list(dict.fromkeys(_SPELT))

JUNK = (
    *(
        "",
        " ",
        ".",
        "..",
        "127.0.0.1:80",
        "[::1]",
        "[127.0.0.1]",
        "user@127.0.0.1",
        "user:pass@127.0.0.1",
        "http://127.0.0.1",
    ),
    *(
        " 127.0.0.1",
        "127.0.0.1 ",
        "127.0.0.1\n",
        "\t127.0.0.1",
        "127.0.0.1\r\nHost: evil",
        "127.0.0.1\x00.good.example",
    ),
    *(
        "good.example\x00",
        "\x00",
        "127.0.0.1/",
        "127.0.0.1#good.example",
        "127.0.0.1?x",
        "127.0.0.1\\x",
        "%31%32%37.0.0.1",
    ),
    *("127.0.0.1%00", "256.0.0.1", "127.0.0.0.1", "-1", "1e3", "0x", "4294967296", "a" * 64, "a" * 300, "a." * 200),
    *("::ffff:127.0.0.1:80", ":::1", "1::2::3", "::g", "xn--", "\ud800", "\u202e1.0.0.721", "\u00ad", "*", "?"),
)


class Names:
    """A resolver with a table: numbers are read by the real one, names are looked up here, and lookups are counted."""

    def __init__(self) -> None:
        self.table: dict[str, list[str]] = {
            "good.example": ["10.0.0.1"],
            "localhost": ["::1", "127.0.0.1"],
            "mixed.example": ["10.0.0.1", "169.254.169.254"],
            "mixed-backwards.example": ["127.0.0.1", "10.0.0.1"],
            "mapped.example": ["::ffff:169.254.169.254"],
            "six.example": ["2001:db8::7", "10.0.0.1"],
            "zone.example": ["fe80::1%2"],
        }
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        """Do what ``socket.getaddrinfo`` does."""
        if options.get("flags"):
            return REAL(host, port, **options)
        name = host.encode("idna").decode().lower().rstrip(".")
        self.asked.append(name)
        if name not in self.table:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.table[name]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    table = Names()
    monkeypatch.setattr(socket, "getaddrinfo", table)
    return table


async def cause_of(host: str, egress: Egress | None = None, port: int = 6379) -> Cause | None:
    """Tell why ``host`` may not be connected to, or ``None`` if it may."""
    try:
        await (egress or Egress()).resolve(host, port)
    except SourceUnavailable as error:
        return error.cause
    return None


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) > 300


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("host", CORPUS)
async def test_no_spelling_of_a_forbidden_address_gets_through(host: str) -> None:
    assert await cause_of(host) is Cause.FORBIDDEN


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("host", JUNK, ids=repr)
async def test_what_is_no_host_at_all_gets_nowhere(host: str) -> None:
    assert await cause_of(host) in {Cause.FORBIDDEN, Cause.UNREACHABLE}


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "Localhost", "\uff4cocalhost", "\u24dbocalhost"),
        *("mixed.example", "mixed-backwards.example", "mapped.example", "zone.example", "MIXED.example."),
    ],
)
async def test_a_name_with_any_forbidden_address_is_forbidden(host: str, names: Names) -> None:
    assert await cause_of(host) is Cause.FORBIDDEN
    assert len(names.asked) == 1


@pytest.mark.parametrize("spelt", [spelt for text in ALLOWED for spelt in spellings_of_v4(IPv4Address(text))])
async def test_an_allowed_address_is_read_as_the_system_reads_it(spelt: str) -> None:
    address = ip_address(await Egress().resolve(spelt, 6379))
    assert str(address) in ALLOWED


@given(st.integers(0, 2**32 - 1).map(IPv4Address), st.data())
def test_dressing_an_address_up_changes_nothing(address: IPv4Address, data: st.DataObject) -> None:
    egress = Egress()
    dressed = IPv6Address(data.draw(st.sampled_from(list(spellings_of_v6(address)))))
    assert allows(egress, dressed) == allows(egress, address)


def allows(egress: Egress, address: IPv4Address | IPv6Address) -> bool:
    try:
        egress.check("any", address, 1)
    except SourceUnavailable:
        return False
    return True


async def test_a_name_is_looked_up_once_and_its_address_returned(names: Names) -> None:
    assert await Egress().resolve("good.example", 6379) == "10.0.0.1"
    names.table["good.example"] = ["127.0.0.1"]  # too late: the caller has an address, and asks nobody again
    assert names.asked == ["good.example"]


async def test_the_first_address_of_several_is_returned(names: Names) -> None:
    assert await Egress().resolve("six.example", 6379) == "2001:db8::7"
    assert names.asked == ["six.example"]


@pytest.mark.usefixtures("names")
async def test_where_loopback_is_allowed_localhost_is_the_older_one() -> None:
    assert await Egress(loopback=True).resolve("localhost", 6379) == "127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.7.7.7", "::1", "::ffff:127.0.0.1", "0x7f000001", "2002:7f00:1::1"])
async def test_the_switch_for_trying_out_opens_loopback(host: str) -> None:
    assert await cause_of(host, Egress(loopback=True)) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "169.254.169.254", "fe80::1", "224.0.0.1"])  # noqa: S104 - forbidden here
async def test_the_switch_for_trying_out_opens_nothing_else(host: str) -> None:
    assert await cause_of(host, Egress(loopback=True)) is Cause.FORBIDDEN


def net(text: str, port: int | None = None) -> Rule:
    return Rule(network=ip_network(text), port=port)


def named(host: str, port: int | None = None) -> Rule:
    return Rule(host=host, port=port)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("allow", "deny", "host", "fine"),
    [
        pytest.param([], [net("10.0.0.0/8")], "10.0.0.1", False, id="a denied network"),
        pytest.param([], [net("10.0.0.0/8")], "::ffff:10.0.0.1", False, id="a denied network, dressed up"),
        pytest.param(
            [], [net("64:ff9b::/96")], "64:ff9b::8.8.8.8", False, id="a denied network of IPv6, seen as written"
        ),
        pytest.param([], [net("10.0.0.0/8", 5432)], "10.0.0.1", True, id="a denied port is another port"),
        pytest.param([], [net("10.0.0.0/8", 6379)], "10.0.0.1", False, id="a denied port is this one"),
        pytest.param([], [named("*.example")], "good.example", False, id="a denied name"),
        pytest.param([], [named("*.example")], "GOOD.Example", False, id="a denied name in another case"),
        pytest.param([], [named("*.example")], "good.example.", False, id="a denied name with the root's dot"),
        pytest.param([], [named("*.EXAMPLE.")], "good.example", False, id="a rule with the root's dot"),
        pytest.param([], [named("*.example")], "good\u3002example", False, id="a denied name with another dot"),
        pytest.param([], [named("good.*")], "\uff47ood.example", False, id="a denied name in wide letters"),
        pytest.param([], [named("bad.example")], "good.example", True, id="a denied name is another name"),
        pytest.param([named("good.example")], [], "good.example", True, id="an allowed name"),
        pytest.param([named("good.example")], [], "10.0.0.1", False, id="its address is not the allowed name"),
        pytest.param([named("good.example")], [], "six.example", False, id="with allowed names others are not"),
        pytest.param([named("good.example", 1)], [], "good.example", False, id="an allowed name at another port"),
        pytest.param([net("10.0.0.0/8")], [], "good.example", True, id="a name inside an allowed network"),
        pytest.param([net("10.0.0.0/8")], [], "six.example", False, id="a name with one address outside"),
        pytest.param([net("10.0.0.0/8")], [net("10.0.0.1")], "10.0.0.1", False, id="deny wins over allow"),
        pytest.param([named("localhost")], [], "localhost", False, id="a name opens no loopback"),
        pytest.param([named("*")], [], "127.0.0.1", False, id="any name opens no loopback"),
        pytest.param([named("*")], [], "169.254.169.254", False, id="any name opens no metadata"),
        pytest.param([net("127.0.0.0/8")], [], "127.0.0.1", True, id="a network opens loopback"),
        pytest.param([net("::/0")], [], "::ffff:169.254.169.254", False, id="all of IPv6 opens no dressed-up metadata"),
        pytest.param([net("169.254.169.254/32")], [], "169.254.169.254", True, id="who names metadata gets it"),
        pytest.param(
            [net("169.254.169.254/32")], [net("169.254.0.0/16")], "169.254.169.254", False, id="unless denied"
        ),
    ],
)
async def test_rules(allow: list[Rule], deny: list[Rule], host: str, *, fine: bool) -> None:
    egress = Egress(allow=tuple(allow), deny=tuple(deny))
    assert await cause_of(host, egress) is (None if fine else Cause.FORBIDDEN)


async def test_a_name_server_that_does_not_answer_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()

    def slow(host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        if options.get("flags"):
            return REAL(host, port, **options)
        if host.startswith("slow"):
            answer.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    egress = Egress()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(egress.resolve(f"slow{number}.example", 1)) for number in range(60)]
        await asyncio.sleep(0.01)  # they have begun: each waits in a thread, or for one
        async with asyncio.timeout(5):
            assert await egress.resolve("good.example", 1) == "10.0.0.1"
            assert await egress.resolve("10.0.0.9", 1) == "10.0.0.9"
        assert not any(task.done() for task in waiting)
        answer.set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("redis:6379", ("redis", 6379)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("[::1]:65535", ("::1", 65535)),
        ("a.b.c:80", ("a.b.c", 80)),
    ],
)
def test_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert split_host_port(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("redis", "redis:", "redis:0", "redis:65536", "redis:-1", "redis:1.5", "redis:x", "", "redis:\u0665", "r: 1"),
        *("::1:6379", ":::1", "[::1]", "[]:1", "[[::1]]:1", "a:b:1", "redis:000001", "redis:" + "9" * 5000),
    ],
)
def test_no_host_and_port(text: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        split_host_port(text)


@pytest.mark.parametrize(
    "text",
    ["u:hunter2@h:6379", "u:hunt@er2@h:1", "redis://u:hunter2@h", "hunter2@h:1", "[u:hunter2@h]:1", "u:hunter2@"],
)
def test_an_address_with_a_login_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^'\*\*\*@[^@]*' is not host:port$") as caught:
        split_host_port(text)
    assert "hunt" not in str(caught.value)


def test_of_a_list_the_items_before_a_login_are_not_repeated_either() -> None:
    assert list(misaddressed(("a:1", "u:hun", "ter2@h:1", "b"))) == [
        "'***' is not host:port",
        "'***@h:1' is not host:port",
        "'b' is not host:port",
    ]


def test_port_zero_where_it_means_any() -> None:
    assert split_host_port("127.0.0.1:0", lowest=0) == ("127.0.0.1", 0)
