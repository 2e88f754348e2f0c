"""The NATS probe and a cluster of three: leaders come and go, and what no leader says is no number."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from pathlib import Path

import nats
import pytest

from scaler.errors import Cause, SourceUnavailable
from scaler.probes.base import Source
from scaler.probes.nats_jetstream.records import Consumer
from tests.integration.probes.nats_world import Worker, connections, opened, pages, place, read, worker
from tests.servers.nats import Nats
from tests.servers.ports import free_port
from tests.servers.process import Cluster

pytestmark = [pytest.mark.requires("nats"), pytest.mark.timeout(180)]

UNKNOWN = {Cause.UNREACHABLE, Cause.TIMEOUT}
LAME = 'lame_duck_grace_period: "1s", lame_duck_duration: "30s"'


class Neighbour(Nats):
    """A node on an address of its own, as a pod has: the monitoring pages are on the same port everywhere."""

    peers: tuple["Neighbour", ...] = ()

    def _cluster(self) -> list[str]:
        routes = ", ".join(f'"nats://{peer.host}:{peer.cluster_port}"' for peer in self.peers)
        return [f'cluster: {{ name: tests, listen: "{self.host}:{self.cluster_port}", routes: [{routes}] }}']


class Neighbours(Cluster):
    """Three nodes, on 127.0.0.1 to 127.0.0.3."""

    def __init__(self, home: Path) -> None:
        monitoring = free_port()
        self.nodes = tuple(Neighbour(home / f"n{number}", name=f"n{number}", config=LAME) for number in (1, 2, 3))
        for number, node in enumerate(self.nodes, 1):
            node.host, node.monitoring_port, node.peers = f"127.0.0.{number}", monitoring, self.nodes
        super().__init__(self.nodes)

    def __getitem__(self, name: str) -> Nats:
        return next(node for node in self.nodes if node.name == name)

    def others(self, *names: str) -> list[Nats]:
        """Return the nodes that are not named."""
        return [node for node in self.nodes if node.name not in names]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    """Three nodes for this file."""
    with Neighbours(tmp_path_factory.mktemp("nats-cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: Neighbours) -> Neighbours:
    """Hand a test the nodes, all of them up."""
    running.heal()
    return running


async def made(cluster: Neighbours, stream: str, *consumers: str, single: bool = False) -> dict[Consumer, str]:
    """Make a stream of three replicas with 5 messages, and consumers of it; tell who leads which."""
    async with await worker(cluster.nodes[0]) as jet:
        await patiently(lambda: jet.stream(stream, num_replicas=3, storage="file"))
        for name in consumers:
            await jet.consumer(stream, name, num_replicas=1 if single else 3)
        await jet.publish(f"{stream}.x", 5)
        return {Consumer(stream, name): await leader(jet, Consumer(stream, name)) for name in consumers}


async def patiently(act: Callable[[], Awaitable[None]]) -> None:
    """Do something until it works: a cluster that was just healed elects leaders first."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await act()
            except (AssertionError, nats.errors.Error):
                await asyncio.sleep(0.2)


async def leader(jet: Worker, consumer: Consumer) -> str:
    info = await jet.api(f"CONSUMER.INFO.{consumer.stream}.{consumer.name}")
    name: str = info["cluster"]["leader"]
    return name


async def heard(source: Source[Consumer], consumer: Consumer) -> float | Cause:
    """Read one consumer once."""
    (found,) = await all_heard(source, [consumer])
    return found


async def until_heard(
    source: Source[Consumer], consumer: Consumer, wanted: object, within: float = 40.0
) -> set[object]:
    """Read again and again until ``wanted`` comes; return what was said on the way."""
    said: set[object] = set()
    async with asyncio.timeout(within):
        while (last := await heard(source, consumer)) != wanted:
            said.add(last)
            await asyncio.sleep(0.05)
    return said


async def test_a_leader_that_dies_is_followed_by_no_zero(cluster: Neighbours) -> None:
    leaders = await made(cluster, "LEAD", "A")
    ((consumer, led_by),) = leaders.items()
    near = cluster.others(led_by)[0]
    async with opened(place(near.address)) as source:
        assert await read(source, consumer) == [5]
        cluster[led_by].kill()
        said: set[object] = {await heard(source, consumer) for _ in range(3)}
        assert said | await until_heard(source, consumer, 5) <= {5, *UNKNOWN}


async def test_one_consumer_without_a_leader_spoils_no_other(cluster: Neighbours) -> None:
    """Its only replica is on a node that is down; the pages of its stream then take the server four seconds."""
    alone = await made(cluster, "ALONE", *(f"C{number}" for number in range(12)), single=True)
    dead = max(set(alone.values()), key=list(alone.values()).count)
    lost = {consumer for consumer, node in alone.items() if node == dead}
    near = cluster.others(dead)[0]
    async with opened(place(near.address)) as source:
        assert await read(source, *alone) == [5] * 12
        cluster[dead].kill()
        for patience, others in ((3.4, {5, *UNKNOWN}), (2.0, {5, *UNKNOWN}), (1.2, {5})):
            began = time.monotonic()
            said = dict(zip(alone, await all_heard(source, alone), strict=True))
            assert time.monotonic() - began < patience
            assert {said[consumer] for consumer in lost} <= UNKNOWN
            assert {said[consumer] for consumer in alone.keys() - lost} <= others
        cluster[dead].start()
        for consumer in alone:
            await until_heard(source, consumer, 5)


async def all_heard(source: Source[Consumer], queries: Collection[Consumer]) -> list[float | Cause]:
    """Read once."""
    try:
        return await read(source, *queries)
    except SourceUnavailable as error:
        return [error.cause] * len(queries)


async def test_without_a_quorum_nothing_is_known_and_nothing_is_zero(cluster: Neighbours) -> None:
    ((consumer, led_by),) = (await made(cluster, "QUORUM", "A")).items()
    async with opened(place(cluster[led_by].address)) as source:
        for node in cluster.others(led_by):
            node.kill()
        said = await until_heard(source, consumer, Cause.UNREACHABLE)  # the old leader needs a while to notice
        assert said <= {5, *UNKNOWN}
        await asyncio.to_thread(cluster.start)
        assert await until_heard(source, consumer, 5) <= UNKNOWN


async def test_the_next_server_is_taken_when_ours_dies(cluster: Neighbours) -> None:
    ((consumer, _),) = (await made(cluster, "NEXT", "A")).items()
    async with opened(place(*(node.address for node in cluster.nodes))) as source:
        assert await read(source, consumer) == [5]
        ours(cluster).kill()
        assert await until_heard(source, consumer, 5, within=20) <= UNKNOWN


async def test_a_server_that_takes_its_leave_is_left(cluster: Neighbours) -> None:
    """Lame-duck mode: it serves on, and closes its clients' connections one by one."""
    ((consumer, _),) = (await made(cluster, "DUCK", "A")).items()
    async with opened(place(*(node.address for node in cluster.nodes))) as source:
        assert await read(source, consumer) == [5]
        duck = ours(cluster)
        os.kill(duck.pid, signal.SIGUSR2)
        said = set()
        async with asyncio.timeout(40):
            while ours(cluster) is duck:
                said.add(await heard(source, consumer))
                await asyncio.sleep(0.05)
        assert said <= {5, *UNKNOWN}
        assert await until_heard(source, consumer, 5) <= UNKNOWN
    duck.kill()


def ours(cluster: Neighbours) -> Nats:
    """Return the node that has our connection; the first one while none has."""
    return next((node for node in cluster.nodes if node.running and connections(node)), cluster.nodes[0])


# -- the monitoring pages --------------------------------------------------------------------------------------------


async def test_every_endpoint_finds_the_leaders(cluster: Neighbours) -> None:
    """A follower's page says that nothing is pending, and a node without the consumer says nothing of it."""
    leaders = await made(cluster, "PAGES", *(f"C{number}" for number in range(6)), single=True)
    leaders |= await made(cluster, "PAGES3", "A", "B")
    for node in cluster.nodes:
        async with opened(pages(node.monitoring)) as source:
            for _ in range(2):
                assert await read(source, *leaders) == [5] * 8
            assert await read(source, Consumer("PAGES", "NO")) == [Cause.MISSING]


async def test_leaders_are_remembered_until_they_change(cluster: Neighbours) -> None:
    ((consumer, led_by),) = (await made(cluster, "MEMORY", "A")).items()
    home = cluster.others(led_by)[0]
    async with opened(pages(home.monitoring)) as source:
        assert await read(source, consumer) == [5]
        before = [page_requests(node) for node in cluster.nodes]
        assert await read(source, consumer) == [5]
        asked = [page_requests(node) - count for node, count in zip(cluster.nodes, before, strict=True)]
        assert asked == [node is cluster[led_by] for node in cluster.nodes]
        cluster[led_by].kill()
        said = await until_heard(source, consumer, 5)
        assert said <= UNKNOWN


def page_requests(node: Nats) -> int:
    count: int = node.get("/varz")[1]["http_req_stats"].get("/jsz", 0)
    return count
