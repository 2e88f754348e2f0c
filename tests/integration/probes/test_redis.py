"""What the Redis probe reads from a real Redis, and what it says when it cannot."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from scaler.errors import Cause, SourceUnavailable
from scaler.net.egress import Egress
from scaler.net.tls import Tls
from scaler.probes.redis import Redis as Probe
from scaler.probes.redis.params import Key, Server
from scaler.probes.redis.probe import RedisSource
from scaler.testing import World, check_probe
from tests.integration.probes.redis_world import SURROUNDINGS, opened, sizes
from tests.servers.certificates import issue
from tests.servers.process import wait_until
from tests.servers.redis import Redis

pytestmark = pytest.mark.requires("redis")


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Redis]:
    """Start a Redis for one test, with the password ``open-sesame`` and TLS."""
    with Redis(tmp_path, password="open-sesame", tls=True, config=getattr(request, "param", ())) as server:
        yield server


def login(server: Redis) -> dict[str, SecretStr]:
    assert server.password is not None
    return {"password": SecretStr(server.password)}


async def failure(attempt: Awaitable[object]) -> SourceUnavailable:
    with pytest.raises(SourceUnavailable) as error:
        await attempt
    return error.value


# -- what is read --------------------------------------------------------------------------------------------------


async def test_every_type_is_counted_and_one_bad_key_spoils_no_other(redis_server: Redis) -> None:
    for command in (
        "DEL t:none",
        "RPUSH t:list a b",
        "SADD t:set a b c",
        "ZADD t:zset 1 a",
        "HSET t:hash a 1 b 2 c 3 d 4",
        "XADD t:stream 1-1 a b",
        "SET t:string x",
    ):
        redis_server.cli(*command.split())
    async with opened(redis_server.host, redis_server.port) as source:
        names = [f"t:{name}" for name in ("none", "list", "set", "zset", "hash", "stream", "string")]
        for _ in range(2):  # the second time it is known which key is of which type
            *counted, stream, string = await sizes(source, *names)
            assert counted == [0, 2, 3, 1, 4]
            assert stream == "invalid answer: 't:stream' is a stream, not a list, set, sorted set or hash"
            assert string == "invalid answer: 't:string' is a string, not a list, set, sorted set or hash"


async def test_a_key_may_change_its_type(redis_server: Redis) -> None:
    async with opened(redis_server.host, redis_server.port) as source:
        for command, size in (("RPUSH c a b", 2), ("SADD c a b c", 3), ("HSET c a 1", 1), ("RPUSH c a b c d", 4)):
            redis_server.cli("DEL", "c")
            assert await sizes(source, "c") == [0]
            redis_server.cli(*command.split())
            assert await sizes(source, "c") == [size]


async def test_names_are_bytes_to_redis(redis_server: Redis) -> None:
    name = "Aufträge mit Leerzeichen"
    redis_server.cli("RPUSH", name, "a")
    async with opened(redis_server.host, redis_server.port) as source:
        assert await sizes(source, name) == [1]


async def test_databases_are_kept_apart(redis_server: Redis) -> None:
    redis_server.cli("-n", "3", "RPUSH", "in-three", "a", "b")
    async with opened(redis_server.host, redis_server.port, database=3) as third:
        assert await sizes(third, "in-three") == [2]
    async with opened(redis_server.host, redis_server.port) as first:
        assert await sizes(first, "in-three") == [0]
    error = await failure(
        Probe().open(Server(host=redis_server.host, port=redis_server.port, database=99), SURROUNDINGS)
    )
    assert (error.cause, "range" in error.detail) == (Cause.INVALID, True)


async def test_many_keys_are_one_command_each_in_few_round_trips(redis_server: Redis) -> None:
    async with opened(redis_server.host, redis_server.port) as source:
        redis_server.cli("CONFIG", "RESETSTAT")
        found = await source.read([Key(f"many:{number}") for number in range(1200)])
        told = redis_server.cli("INFO", "all")
    facts = dict(line.strip().split(":", 1) for line in told.splitlines() if ":" in line)
    assert len(found) == 1200
    assert facts["cmdstat_llen"].startswith("calls=1200,")
    assert "cmdstat_type" not in facts
    assert int(facts["total_reads_processed"]) < 50  # each pipeline of 500 arrives in a few pieces


# -- what is said when it cannot be read -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param({}, "Authentication required", id="no password"),
        pytest.param({"password": SecretStr("wrong")}, "invalid username-password", id="a wrong password"),
        pytest.param(
            {"username": "nobody", "password": SecretStr("open-sesame")}, "invalid username", id="an unknown user"
        ),
    ],
)
async def test_a_login_that_is_refused_is_denied(own: Redis, more: dict[str, object], said: str) -> None:
    error = await failure(Probe().open(Server(host=own.host, port=own.port, **more), SURROUNDINGS))  # type: ignore[arg-type]
    assert error.cause is Cause.DENIED
    assert said in error.detail
    assert "sesame" not in error.detail


async def test_a_user_needs_only_the_counting_command(own: Redis) -> None:
    own.cli("ACL", "SETUSER", "small", "on", ">pw", "~*", "+llen", "+type")
    own.cli("RPUSH", "l", "a")
    own.cli("SADD", "s", "a")
    async with opened(own.host, own.port, username="small", password=SecretStr("pw")) as source:
        listed, denied = await sizes(source, "l", "s")
        assert listed == 1
        assert str(denied).startswith("denied")


async def test_a_password_that_changed_is_noticed_and_a_new_source_has_it(own: Redis) -> None:
    own.cli("RPUSH", "l", "a")
    async with opened(own.host, own.port, **login(own)) as source:
        assert await sizes(source, "l") == [1]
        await asyncio.to_thread(own.stop)
        own.password = "changed"
        await asyncio.to_thread(own.start)
        assert (await failure(source.read([Key("l")]))).cause is Cause.DENIED
        async with opened(own.host, own.port, **login(own)) as other:
            assert await sizes(other, "l") == [1]


async def test_a_server_that_still_loads_has_no_number(own: Redis) -> None:
    own.cli("EVAL", "for i = 1, 2000 do redis.call('RPUSH', 'l' .. i, 'a') end", "0")
    async with opened(own.host, own.port, **login(own)) as source:
        assert await sizes(source, "l1") == [1]
        own.cli("BGREWRITEAOF")
        await _until(lambda: "aof_rewrite_in_progress:0" in own.cli("INFO", "persistence"))
        own.kill()
        own.config = ("key-load-delay 500", "loading-process-events-interval-bytes 1024")
        own.launch()
        causes = set()
        while isinstance(found := await _once(source), SourceUnavailable):
            causes.add(found.cause)
        assert causes | {Cause.UNREACHABLE} == {Cause.LOADING, Cause.UNREACHABLE}
        assert found == [1]


async def _once(source: RedisSource) -> list[float | str] | SourceUnavailable:
    await asyncio.sleep(0.005)
    try:
        return await sizes(source, "l1")
    except SourceUnavailable as error:
        return error


async def _until(fact: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, fact, within=10, what="the state that the test needs")


async def test_a_replica_without_its_master_has_no_number(tmp_path: Path) -> None:
    config = ["replicaof 127.0.0.1 1", "replica-serve-stale-data no"]
    server = Redis(tmp_path, config=config)
    server.answers = lambda: "MASTERDOWN" in server.cli("LLEN", "l")  # type: ignore[method-assign]
    async with server, opened(server.host, server.port) as source:
        (said,) = await sizes(source, "l")
        assert str(said).startswith("unreachable: Link with MASTER is down")


async def test_a_node_of_a_cluster_says_that_it_is_one(tmp_path: Path) -> None:
    config = ["cluster-enabled yes", "cluster-node-timeout 2000", "databases 1"]
    async with Redis(tmp_path / "a", config=config) as one, Redis(tmp_path / "b", config=config) as two:
        one.cli("CLUSTER", "ADDSLOTSRANGE", "0", "8000")
        two.cli("CLUSTER", "ADDSLOTSRANGE", "8001", "16383")
        one.cli("CLUSTER", "MEET", two.host, str(two.port))
        await _until(lambda: "cluster_state:ok" in one.cli("CLUSTER", "INFO"))
        one.cli("RPUSH", "b", "x")  # slot 3300
        async with opened(one.host, one.port) as source:
            here, elsewhere = await sizes(source, "b", "a")  # a: slot 15495
            assert here == 1
            assert str(elsewhere).startswith("invalid answer: the key is on another node of a cluster")


# -- TLS -----------------------------------------------------------------------------------------------------------


def trusting(server: Redis, **more: object) -> Tls:
    assert server.certificates is not None
    return replace(Tls(ca=server.certificates.ca.read_text()), **more)  # type: ignore[arg-type]


async def test_tls_is_spoken_and_the_server_must_be_the_one_named(own: Redis) -> None:
    own.cli("RPUSH", "l", "a")
    for host in ("127.0.0.1", "localhost"):
        async with opened(host, own.tls_port, tls=trusting(own), **login(own)) as source:
            assert await sizes(source, "l") == [1]


class Everywhere(Egress):
    """Finds every name on this machine."""

    async def resolve(self, host: str, port: int) -> str:
        del host, port
        return "127.0.0.1"


async def test_a_certificate_of_another_name_is_not_believed(own: Redis) -> None:
    assert own.tls_port is not None
    named = Server(host="redis.example.org", port=own.tls_port, tls=trusting(own), **login(own))  # type: ignore[arg-type]
    error = await failure(Probe().open(named, replace(SURROUNDINGS, egress=Everywhere())))
    assert error.cause is Cause.DENIED
    assert "redis.example.org" in error.detail


async def test_a_stranger_is_not_believed_unless_asked_to(own: Redis, tmp_path: Path) -> None:
    assert own.tls_port is not None
    stranger = Tls(ca=issue(tmp_path / "other").ca.read_text())
    asked = Server(host=own.host, port=own.tls_port, tls=stranger, **login(own))  # type: ignore[arg-type]
    error = await failure(Probe().open(asked, SURROUNDINGS))
    assert error.cause is Cause.DENIED
    assert "certificate verify failed" in error.detail
    async with opened(own.host, own.tls_port, tls=Tls(verify=False), **login(own)) as source:
        assert await sizes(source, "none") == [0]


@pytest.mark.parametrize("own", [("tls-auth-clients yes",)], indirect=True, ids=["certificates asked of clients"])
async def test_a_certificate_is_shown_where_it_is_asked_for(own: Redis) -> None:
    assert own.certificates is not None
    assert own.tls_port is not None
    asked = Server(host=own.host, port=own.tls_port, tls=trusting(own), **login(own))  # type: ignore[arg-type]
    # TLS 1.3 tells after its handshake what it misses: the server's reset may overtake its alert.
    assert (await failure(Probe().open(asked, SURROUNDINGS))).cause in {Cause.DENIED, Cause.UNREACHABLE}
    cert, key = own.certificates.client.read_text(), SecretStr(own.certificates.client_key.read_text())
    async with opened(own.host, own.tls_port, tls=trusting(own, cert=cert, key=key), **login(own)) as source:
        assert await sizes(source, "none") == [0]


async def test_tls_to_a_plain_port_and_plain_text_to_a_tls_port_fail_soon(own: Redis) -> None:
    for port, tls in ((own.port, trusting(own)), (own.tls_port, None)):
        assert port is not None
        began = time.monotonic()
        error = await failure(Probe().open(Server(host=own.host, port=port, tls=tls), SURROUNDINGS))
        assert error.cause in {Cause.UNREACHABLE, Cause.TIMEOUT}
        assert time.monotonic() - began < 2.5


# -- the contract ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def world(server: Redis, key: str, cut: Callable[[], object], mend: Callable[[], object]) -> AsyncIterator[World]:
    async def cli(*words: str) -> object:
        return await asyncio.to_thread(server.cli, *words)

    yield World(
        fill=lambda number: cli("RPUSH", key, *map(str, range(number))),
        drain=lambda: cli("DEL", key),
        cut=lambda: asyncio.to_thread(cut),
        mend=lambda: asyncio.to_thread(mend),
    )
    assert [name for name in clients(server) if name == "warmscaler"] == []


def clients(server: Redis) -> list[str]:
    """List the names of all that are connected."""
    listed = (dict(word.split("=", 1) for word in line.split()) for line in server.cli("CLIENT", "LIST").splitlines())
    return [client["name"] for client in listed]


async def test_keeps_the_contract_when_the_server_is_killed(redis_server: Redis) -> None:
    metadata = {"kind": "redis", "address": redis_server.address, "listName": "contract:kill", "interval": "200ms"}
    async with world(redis_server, "contract:kill", redis_server.kill, redis_server.start) as each:
        await check_probe(Probe(), metadata, each)


async def test_keeps_the_contract_when_the_server_stops_answering(redis_server: Redis) -> None:
    metadata = {"kind": "redis", "address": redis_server.address, "listName": "contract:stop", "interval": "200ms"}
    async with world(redis_server, "contract:stop", redis_server.pause, redis_server.resume) as each:
        await check_probe(Probe(), metadata, each)


async def test_keeps_the_contract_over_tls(own: Redis) -> None:
    assert own.certificates is not None
    metadata = {
        "kind": "redis",
        "address": f"localhost:{own.tls_port}",
        "listName": "contract",
        "passwordFromEnv": own.password or "",
        "tls": "enable",
        "ca": own.certificates.ca.read_text(),
        "interval": "200ms",
    }
    async with world(own, "contract", own.kill, own.start) as each:
        await check_probe(Probe(), metadata, each)
