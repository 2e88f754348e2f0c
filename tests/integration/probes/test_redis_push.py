"""How soon, and how surely, the Redis probe learns of a change without being configured for it."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis as Client

from scaler.config.document import Config
from scaler.errors import Cause, SourceUnavailable
from scaler.feed import BREATH
from scaler.hub import running_hub
from scaler.model import Instant, Reading, Snapshot, Trigger
from scaler.net.egress import Egress
from scaler.probes.base import Surroundings, Unwatchable
from scaler.probes.redis import Redis as Probe
from scaler.probes.redis import push
from scaler.probes.redis.params import Key, Server
from scaler.probes.redis.probe import RedisSource
from scaler.probes.redis.wire import Dialler
from scaler.probes.registry import AnyProbe
from scaler.testing import following
from scaler.triggers.metadata import understand
from tests.faults.proxy import Proxy
from tests.integration.probes.redis_world import Ear, opened, sizes, watching
from tests.servers.redis import Redis

pytestmark = pytest.mark.requires("redis")

EVENTS = 200


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suspect silence sooner than in earnest."""
    monkeypatch.setattr(push, "QUIET", 0.2)
    monkeypatch.setattr(push, "PONG", 0.3)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Redis]:
    """Start a Redis for one test."""
    with Redis(tmp_path) as server:
        yield server


@pytest.mark.parametrize(
    ("before", "change"),
    [
        pytest.param("DEL p:key", "RPUSH p:key a", id="a list begins"),
        pytest.param("RPUSH p:key a b", "LPOP p:key", id="a list shrinks"),
        pytest.param("RPUSH p:key a", "LPOP p:key", id="a list ends"),
        pytest.param("DEL p:key", "SADD p:key a", id="a set begins"),
        pytest.param("DEL p:key", "ZADD p:key 1 a", id="a sorted set begins"),
        pytest.param("DEL p:key", "HSET p:key a 1", id="a hash begins"),
        pytest.param("RPUSH p:key a", "DEL p:key", id="it is deleted"),
        pytest.param("RPUSH p:key a", "UNLINK p:key", id="it is unlinked"),
        pytest.param("RPUSH p:key a", "PEXPIRE p:key 20", id="it expires"),
        pytest.param("RPUSH p:other a", "RENAME p:other p:key", id="it gets its name"),
        pytest.param("RPUSH p:other a", "COPY p:other p:key", id="it is copied"),
        pytest.param("RPUSH p:other a", "LMOVE p:other p:key LEFT LEFT", id="an item is moved there"),
        pytest.param("RPUSH p:key a", "FLUSHDB", id="the database is flushed"),
        pytest.param("RPUSH p:key a", "FLUSHALL", id="the server is flushed"),
    ],
)
async def test_every_change_is_hinted(own: Redis, before: str, change: str) -> None:
    own.cli(*before.split())
    async with opened(own.host, own.port) as source, watching(source, "p:key") as ear:
        own.cli(*change.split())
        assert await ear.hears() == {"p:key"}


async def test_eviction_is_hinted(own: Redis) -> None:
    own.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    own.cli("RPUSH", "p:key", "a")
    async with opened(own.host, own.port) as source, watching(source, "p:key") as ear:
        own.cli("CONFIG", "SET", "maxmemory", "1")
        own.cli("GET", "x")
        assert await ear.hears() == {"p:key"}


async def test_only_what_is_wanted_is_hinted(redis_server: Redis) -> None:
    async with opened(redis_server.host, redis_server.port) as source, watching(source, "p:wanted") as ear:
        await sizes(source, "p:unwanted")
        redis_server.cli("RPUSH", "p:unwanted", "a")
        redis_server.cli("RPUSH", "p:never-read", "a")
        redis_server.cli("RPUSH", "p:wanted", "a")
        assert await ear.hears() == {"p:wanted"}
        assert await ear.quiet()


async def test_a_flood_of_writes_is_one_hint_until_the_key_is_read(redis_server: Redis) -> None:
    async with opened(redis_server.host, redis_server.port) as source, watching(source, "p:flood") as ear:
        for _ in range(3):
            redis_server.cli("EVAL", "for i = 1, 10000 do redis.call('RPUSH', 'p:flood', i) end", "0", timeout=30)
            redis_server.cli("RPUSH", "p:flood", "and", "more")
            assert await ear.hears() == {"p:flood"}
            assert await ear.quiet()
            await sizes(source, "p:flood")


async def test_what_becomes_wanted_is_covered(redis_server: Redis) -> None:
    async with opened(redis_server.host, redis_server.port) as source, watching(source, "p:one") as ear:
        ear.watching.wanted.set(frozenset([Key("p:one"), Key("p:two")]))
        await ear.covers("p:one", "p:two")
        await sizes(source, "p:one", "p:two")
        redis_server.cli("RPUSH", "p:two", "a")
        assert await ear.hears() == {"p:two"}
        ear.watching.wanted.set(frozenset())
        await ear.covers()


async def test_a_reading_connection_that_is_replaced_is_tracked_again(redis_server: Redis) -> None:
    async with opened(redis_server.host, redis_server.port) as source, watching(source, "p:again") as ear:
        (reader,) = [each["id"] for each in connections(redis_server) if "t" in each["flags"]]
        redis_server.cli("CLIENT", "KILL", "ID", reader)
        with pytest.raises(SourceUnavailable):
            await sizes(source, "p:again")  # the loop did not have the time to learn of it
        await sizes(source, "p:again")
        assert await ear.hears() == {"p:again"}  # to be read once more, now that somebody listens
        await sizes(source, "p:again")
        assert await ear.quiet()
        redis_server.cli("RPUSH", "p:again", "a")
        assert await ear.hears() == {"p:again"}
        assert [each["flags"] for each in connections(redis_server)].count("t") == 1


async def test_a_reading_connection_that_the_server_closes_for_idleness_does_not_deafen(
    own: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "QUIET", 3.0)  # so that nothing is said for longer than the server bears
    own.cli("CONFIG", "SET", "timeout", "1")
    async with opened(own.host, own.port) as source, watching(source, "p:idle") as ear:
        assert await ear.hears(within=8) == {"p:idle"}  # noticed by the ping, and to be read anew
        await sizes(source, "p:idle")
        own.cli("RPUSH", "p:idle", "a")
        assert await ear.hears() == {"p:idle"}


async def test_the_end_of_the_listening_connection_is_noticed_at_once(redis_server: Redis) -> None:
    async with opened(redis_server.host, redis_server.port) as source:
        task = asyncio.create_task(_watch(source, "p:ear"))
        await _listener(redis_server)
        redis_server.cli("CLIENT", "KILL", "TYPE", "pubsub")
        with pytest.raises(SourceUnavailable) as error:
            await asyncio.wait_for(task, 1)
    assert error.value.cause is Cause.UNREACHABLE


async def _watch(source: RedisSource, *names: str) -> None:
    await source.watch(Ear(names).watching)


async def _listener(server: Redis) -> None:
    async with asyncio.timeout(5):
        while not any("P" in each["flags"] for each in connections(server)):  # noqa: ASYNC110 - the server does not tell
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("hasty")
async def test_a_paused_server_is_noticed_by_the_watch_too(own: Redis) -> None:
    async with opened(own.host, own.port) as source:
        task = asyncio.create_task(_watch(source, "p:paused"))
        await _listener(own)
        own.pause()
        with pytest.raises(SourceUnavailable) as error:
            await asyncio.wait_for(task, 5)
        assert error.value.cause is Cause.TIMEOUT
        own.resume()


@pytest.mark.usefixtures("hasty")
async def test_a_listening_connection_that_dies_silently_is_noticed_although_reading_goes_on(own: Redis) -> None:
    async with Proxy(own.address) as proxy:
        ways = iter([(own.host, own.port), (proxy.host, proxy.port)])  # first the reader, then the listener

        async def locate() -> tuple[str, int]:
            return next(ways)

        login = Server(host=own.host, port=own.port)
        source = RedisSource(Dialler(login=login, locate=locate, egress=Egress(loopback=True), context=None))
        task = asyncio.create_task(_watch(source, "p:silent"))
        await sizes(source, "p:silent")
        await _listener(own)
        proxy.silence()
        own.cli("RPUSH", "p:silent", "a")
        with pytest.raises(SourceUnavailable) as error:
            await asyncio.wait_for(task, 5)
        assert error.value.cause is Cause.TIMEOUT
        assert await sizes(source, "p:silent") == [1]
        await source.close()


@pytest.mark.parametrize(
    ("flags", "rights", "reason"),
    [
        pytest.param("", "+@all -client|tracking", "neither", id="no tracking and no notifications"),
        pytest.param("AE", "+@all -client|tracking", "neither", id="notifications of another sort"),
        pytest.param("AK", "+@all -client|tracking -config", "neither", id="configuration not to be asked"),
        pytest.param("AK", "+@all -client|tracking resetchannels", "may not be heard", id="channels not to be heard"),
        pytest.param("", "+@read", "neither", id="reading only"),
    ],
)
async def test_a_server_that_will_not_tell_is_unwatchable(own: Redis, flags: str, rights: str, reason: str) -> None:
    own.cli("CONFIG", "SET", "notify-keyspace-events", flags)
    own.cli("ACL", "SETUSER", "u", "on", ">pw", "~*", "&*", *rights.split())
    with pytest.raises(Unwatchable, match=reason):
        async with opened(own.host, own.port, username="u", password=SecretStr("pw")) as source:
            await _watch(source, "p:key")


async def test_the_rights_that_are_documented_are_enough(own: Redis) -> None:
    rights = "+ping +llen +type +client|id +client|tracking +subscribe &__redis__:invalidate"
    own.cli("ACL", "SETUSER", "u", "on", ">pw", "~*", *rights.split())
    async with (
        opened(own.host, own.port, username="u", password=SecretStr("pw")) as source,
        watching(source, "p:key") as ear,
    ):
        own.cli("RPUSH", "p:key", "a")
        assert await ear.hears() == {"p:key"}


async def test_without_tracking_keyspace_notifications_are_heard(own: Redis) -> None:
    own.cli("CONFIG", "SET", "notify-keyspace-events", "AK")
    own.cli("ACL", "SETUSER", "u", "on", ">pw", "~*", "&*", "+@all", "-client|tracking")
    async with (
        opened(own.host, own.port, username="u", password=SecretStr("pw"), database=2) as source,
        watching(source, "p:one", "p:zwö") as ear,
    ):
        for change in ("RPUSH p:one a", "DEL p:one", "SADD p:zwö a"):
            own.cli("-n", "2", *change.split())
            assert await ear.hears() == {change.split()[1]}
        own.cli("RPUSH", "p:one", "a")  # in another database
        ear.watching.wanted.set(frozenset([Key("p:three")]))
        await ear.covers("p:three")
        own.cli("-n", "2", "RPUSH", "p:one", "a")
        own.cli("-n", "2", "RPUSH", "p:three", "a")
        assert await ear.hears() == {"p:three"}
        for wanted in (frozenset[Key](), frozenset([Key("p:one")])):
            ear.watching.wanted.set(wanted)
            await ear.covers(*(key.name for key in wanted))


# -- through the hub -----------------------------------------------------------------------------------------------


PROBE: AnyProbe = Probe()


def trigger_of(server: Redis, key: str) -> Trigger:
    """Ask for a key that is read once a minute, so that whatever is seen sooner was pushed."""
    metadata = {"kind": "redis", "address": server.address, "listName": key, "interval": "60s"}
    return understand("ns", "push", metadata, {"redis": PROBE}, Config().defaults)


def amounts_to(value: float) -> Callable[[Reading], bool]:
    return lambda reading: isinstance(reading, Snapshot) and reading.value == value


async def test_an_event_is_read_within_milliseconds(redis_server: Redis) -> None:
    took = []
    redis_server.cli("DEL", "p:event")
    async with (
        Client(host=redis_server.host, port=redis_server.port) as client,
        following(PROBE, trigger_of(redis_server, "p:event")) as follower,
    ):
        await follower.until("nothing", amounts_to(0))
        await _listener(redis_server)
        for _ in range(EVENTS):
            began = time.monotonic()
            await client.rpush("p:event", "a")
            await follower.until("an event", amounts_to(1), patience=2)
            took.append(time.monotonic() - began)
            await client.delete("p:event")
            await follower.until("nothing", amounts_to(0), patience=2)
            await asyncio.sleep(2 * BREATH)  # or the hub's damping would be measured instead
    took.sort()
    p50, p99 = took[EVENTS // 2], took[math.ceil(EVENTS * 0.99) - 1]
    assert (p50 <= 0.010, p99 <= 0.050) == (True, True), f"p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms"


async def test_events_are_pushed_again_after_a_restart(redis_server: Redis) -> None:
    redis_server.cli("DEL", "p:restarted")
    async with following(PROBE, trigger_of(redis_server, "p:restarted")) as follower:
        await follower.until("nothing", amounts_to(0))
        await _listener(redis_server)
        await asyncio.to_thread(redis_server.restart)
        await _listener(redis_server)
        redis_server.cli("RPUSH", "p:restarted", "a")
        await follower.until("an event", amounts_to(1), patience=2)


async def test_a_thousand_triggers_share_two_connections(redis_server: Redis) -> None:
    surroundings = Surroundings(clock=lambda: Instant(time.monotonic()), egress=Egress(loopback=True))
    waiting, everybody = set(range(1000)), asyncio.Event()

    def told(number: int, _: Reading) -> None:
        waiting.discard(number)
        if not waiting:
            everybody.set()

    async with running_hub(surroundings) as hub:
        for number in range(1000):
            trigger = trigger_of(redis_server, f"p:share:{number}")
            hub.follow(PROBE, trigger.ask, trigger.interval, partial(told, number)).set_quiet(True)
        async with asyncio.timeout(5):
            await everybody.wait()
        await _listener(redis_server)
        assert len(connections(redis_server)) == 2
    assert connections(redis_server) == []


def connections(server: Redis) -> list[dict[str, str]]:
    """List our connections as the server sees them."""
    listed = (dict(word.split("=", 1) for word in line.split()) for line in server.cli("CLIENT", "LIST").splitlines())
    return [each for each in listed if each["name"] == "warmscaler"]
