"""Being told that a message comes, by a real NATS."""

import asyncio
import random
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from scaler.config.document import Config
from scaler.hub import running_hub
from scaler.model import Reading, Snapshot
from scaler.probes.base import Unwatchable
from scaler.probes.nats_jetstream import push
from scaler.probes.nats_jetstream.records import Consumer
from scaler.testing import Follower
from scaler.triggers.metadata import understand
from tests.integration.probes.nats_world import (
    KINDS,
    SURROUNDINGS,
    Ear,
    Worker,
    connections,
    opened,
    place,
    read,
    until,
    watching,
    worker,
)
from tests.servers.nats import Nats

pytestmark = pytest.mark.requires("nats")


@pytest.fixture(autouse=True)
def _soon_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the tests the seconds until the late looks, which would have to pass before it is still."""
    monkeypatch.setattr(push, "LATE_LOOKS", ())


async def test_a_message_is_hinted_and_only_to_whom_it_may_concern(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        await jet.stream("PUSH")
        await jet.consumer("PUSH", "EU", filter_subject="PUSH.eu")
        await jet.consumer("PUSH", "US", filter_subjects=["PUSH.us", "PUSH.ca"])
        await jet.consumer("PUSH", "ALL")
        eu, us, everything = (Consumer("PUSH", name) for name in ("EU", "US", "ALL"))
        async with watching(source, eu, us, everything) as ear:
            await ear.covers(eu, us, everything)
            for subject, concerned in (("PUSH.eu", eu), ("PUSH.ca", us), ("PUSH.mx", None)):
                await ear.still()
                await jet.publish(subject)
                heard = await ear.hears() | await ear.hears() | await ear.hears()
                assert heard == {everything, concerned} - {None}
            assert await read(source, eu, us, everything) == [1, 1, 3]


async def test_every_message_after_a_calm_is_heard(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        await jet.stream("CALM", "A")
        consumer = Consumer("CALM", "A")
        async with watching(source, consumer) as ear:
            await ear.covers(consumer)
            for _ in range(5):
                await ear.still()
                await jet.publish("CALM.x")
                assert await ear.hears() == {consumer}


async def test_what_is_not_wanted_is_not_subscribed_to(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        await jet.stream("WANT", "A")
        await jet.stream("WONT", "A")
        want, wont = Consumer("WANT", "A"), Consumer("WONT", "A")
        async with watching(source, want, wont) as ear:
            await ear.covers(want, wont)
            await until(lambda: {"WANT.>", "WONT.>"} < subjects(nats_server))
            ear.watching.wanted.set(frozenset({want}))
            await ear.covers(want)
            await until(lambda: "WONT.>" not in subjects(nats_server))
            ear.watching.wanted.set(frozenset())
            await until(lambda: not any(">" in subject for subject in subjects(nats_server)))
            ear.watching.wanted.set(frozenset({wont}))
            await ear.covers(wont)
            await ear.still()
            await jet.publish("WONT.x")
            assert await ear.hears() == {wont}


async def test_consumers_of_one_subject_share_a_subscription(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        names = [f"C{number}" for number in range(300)]
        await jet.stream("SHARE", *names)
        wanted = [Consumer("SHARE", name) for name in names]
        async with watching(source, *wanted) as ear:
            await ear.covers(*wanted)
            await until(lambda: [each for each in subjects(nats_server) if ">" in each] == ["SHARE.>"])
            await ear.still()
            await jet.publish("SHARE.x")
            assert await ear.hears() == set(wanted)


async def test_a_flood_costs_next_to_nothing(nats_server: Nats) -> None:
    """Half a second of as much as can be sent, to a trigger that stays quiet because its threshold is high."""
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        await jet.stream("FLOOD", "A", max_msgs=1000)
        consumer = Consumer("FLOOD", "A")
        async with watching(source, consumer) as ear:
            await ear.covers(consumer)
            await ear.still()
            before = connections(nats_server)[0]["out_msgs"]
            sent = await flood(jet, "FLOOD.x", seconds=0.5)
            received = connections(nats_server)[0]["out_msgs"] - before
            hints = ear.hints.qsize()
    assert sent > 5000
    assert received < 30
    assert hints < 150


async def flood(jet: Worker, subject: str, seconds: float) -> int:
    sent = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(100):
            await jet.client.publish(subject, b"x" * 100)
        sent += 100
        await asyncio.sleep(0)
    await jet.client.flush()
    return sent


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"mirror": {"name": "ORIGIN"}}, id="a mirror"),
        pytest.param({"sources": [{"name": "ORIGIN"}]}, id="sources beside its own subjects"),
    ],
)
async def test_a_stream_that_takes_from_others_is_not_said_to_be_covered(
    nats_server: Nats, config: dict[str, object]
) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        name = "FED" + "".join(config).upper()
        await jet.stream(name, "A", **{**config, **{key: renamed(value, name) for key, value in config.items()}})
        await jet.stream("ORIGIN" + name)
        await jet.stream("PLAIN" + name, "A")
        fed, plain = Consumer(name, "A"), Consumer("PLAIN" + name, "A")
        async with watching(source, fed, plain) as ear:
            await ear.covers(plain)
        assert fed not in ear.watching.covered


def renamed(value: object, name: str) -> object:
    """Let each test have an origin of its own."""
    if isinstance(value, list):
        return [renamed(each, name) for each in value]
    return {"name": f"ORIGIN{name}"}


PERMISSIONS = """
accounts { A { jetstream: enabled, users: [
  { user: ada, password: secret },
  { user: small, password: secret, permissions: {
      publish: ["$JS.API.CONSUMER.INFO.>", "$JS.API.CONSUMER.LIST.*", "$JS.API.STREAM.INFO.*"],
      subscribe: ["_INBOX.>", "Open.>"] } },
  { user: blind, password: secret, permissions: { publish: ["$JS.API.CONSUMER.INFO.>"] } },
] } }
"""


async def test_a_user_who_may_not_listen_still_reads(tmp_path: Path) -> None:
    async with Nats(tmp_path, config=PERMISSIONS) as server:
        async with await worker(server, user="ada", password="secret") as jet:
            await jet.stream("Open", "A")
            await jet.stream("Closed", "A")
        allowed, refused = Consumer("Open", "A"), Consumer("Closed", "A")
        small = place(server.address, username="small", password=SecretStr("secret"))
        async with opened(small) as source, watching(source, allowed, refused) as ear:
            await ear.covers(allowed)
            assert await read(source, allowed, refused) == [0, 0]
            assert ear.watching.covered == {allowed}
        blind = place(server.address, username="blind", password=SecretStr("secret"))
        async with opened(blind) as source, watching(source, allowed) as ear:
            assert await ear.hears_nothing()
            assert await read(source, allowed) == [0]
            assert ear.watching.covered == frozenset()


async def test_a_limit_on_subscriptions_ends_the_watch_for_good_and_not_the_readings(tmp_path: Path) -> None:
    async with Nats(tmp_path, config="max_subscriptions: 3") as server:
        async with await worker(server) as jet:
            for number in range(5):
                await jet.stream(f"S{number}", "A")
        wanted = [Consumer(f"S{number}", "A") for number in range(5)]
        async with opened(place(server.address)) as source:
            with pytest.raises(Unwatchable, match="maximum subscriptions"):
                async with asyncio.timeout(5):
                    await source.watch(Ear(wanted).watching)
            assert await read(source, *wanted) == [0] * 5


async def test_a_stream_of_everything_does_not_make_us_hear_ourselves(tmp_path: Path) -> None:
    async with (
        Nats(tmp_path) as server,
        await worker(server) as jet,
        opened(place(server.address)) as source,
    ):
        await jet.stream("EVERYTHING", subjects=[">"], no_ack=True)
        await jet.consumer("EVERYTHING", "A", filter_subject="work")
        await jet.consumer("EVERYTHING", "B")
        narrow, wide = Consumer("EVERYTHING", "A"), Consumer("EVERYTHING", "B")
        async with watching(source, narrow, wide) as ear:
            await ear.covers(narrow)
            await ear.still()
            await read(source, narrow, wide)
            assert await ear.hears_nothing()


async def test_watching_changes_nothing(nats_server: Nats) -> None:
    async with await worker(nats_server) as jet, opened(place(nats_server.address)) as source:
        await jet.stream("LEAVE", "A")
        consumer = Consumer("LEAVE", "A")
        async with watching(source, consumer) as ear:
            await ear.covers(consumer)
            await jet.publish("LEAVE.x", 5)
            await ear.still()
        state = await jet.api("CONSUMER.INFO.LEAVE.A")
        assert (state["num_pending"], state["num_ack_pending"], state["delivered"]["consumer_seq"]) == (5, 0, 0)
        assert (await jet.api("STREAM.INFO.LEAVE"))["state"]["consumer_count"] == 1


async def test_from_event_to_reading_takes_milliseconds(nats_server: Nats) -> None:
    """The numbers of the benchmark, with room for a busy machine."""
    delays = sorted(await measured(nats_server, 40))
    assert delays[20] < 0.010
    assert delays[-1] < 0.100


async def measured(server: Nats, times: int) -> list[float]:
    """Publish from zero, again and again, and take the time until the hub knows."""
    metadata = {"kind": "nats-jetstream", "natsServerURL": server.url, "stream": "FAST", "consumer": "A"}
    trigger = understand("ns", "n", metadata | {"interval": "100ms"}, KINDS, Config().defaults)
    delays = []
    async with await worker(server) as jet, running_hub(SURROUNDINGS) as hub:
        await jet.stream("FAST", "A")
        follower = Follower()

        def deliver(reading: Reading) -> None:
            following.set_quiet(isinstance(reading, Snapshot) and reading.activity == 0)
            follower(reading)

        following = hub.follow(KINDS[trigger.kind], trigger.ask, trigger.interval, deliver)
        await follower.until("nothing", lambda reading: isinstance(reading, Snapshot) and reading.value == 0)
        for _ in range(times):
            await asyncio.sleep(random.uniform(0.03, 0.1))  # the time between events is part of what is measured
            began = time.perf_counter()
            await jet.client.publish("FAST.x", b"")
            await follower.until("one", lambda reading: isinstance(reading, Snapshot) and reading.value == 1)
            delays.append(time.perf_counter() - began)
            await jet.fetch("FAST", "A", 1, ack=True)
            await follower.until("none", lambda reading: isinstance(reading, Snapshot) and reading.value == 0)
    return delays


def subjects(server: Nats) -> set[str]:
    """List what our connection is subscribed to, as the server sees it."""
    return {subject for each in connections(server) for subject in each.get("subscriptions_list", [])}
