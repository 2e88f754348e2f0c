"""A scaler elsewhere, followed over the wire: our own service, one that dies and comes back, and strangers."""

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scaler.errors import ConfigError
from scaler.keda import Reference
from scaler.policy.demand import Signal
from scaler.pool.signals import Signals
from scaler.probes.memory import SHELF, Memory
from scaler.probes.registry import Catalogue
from scaler.rpc import asking
from scaler.rpc.asking import Asked, Asking, ClientTls, running_asking
from scaler.rpc.server import Listen
from scaler.rpc.tls import ServerTls
from scaler.service import Settings, running
from tests.integration.rpc.process import Scaler
from tests.servers.certificates import issue
from tests.simulations.demo.scripted import UNAVAILABLE, UNIMPLEMENTED, Scripted, served

PATIENCE = 20.0  # s: what a busy machine may take before a test gives up
ORDERS: Reference = ("shop", "orders", {"kind": "memory", "key": "jobs", "interval": "200ms"})


class Ear:
    """Keeps what was heard, and when; waits for what it wants."""

    def __init__(self) -> None:
        self.heard: list[Signal | None] = []
        self.at: list[float] = []
        self._news = asyncio.Event()

    def __call__(self, said: Signal | None) -> None:
        self.heard.append(said)
        self.at.append(time.perf_counter())
        self._news.set()

    @property
    def last(self) -> Signal | None:
        return self.heard[-1]

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not wanted():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def scaler(port: int = 0, tls: ServerTls | None = None) -> AsyncIterator[int]:
    """Run our own service with a number that this process keeps."""
    listen = Listen(address=f"127.0.0.1:{port}", tls=tls, linger=0.0)
    settings = Settings(listen=listen, http="127.0.0.1:0", dev=True)
    async with running(settings, Catalogue(kinds={"memory": Memory()})) as service:
        yield service.port


@pytest.fixture
async def jobs() -> AsyncIterator[Callable[[float], None]]:
    SHELF.put("jobs", 0)
    yield lambda value: SHELF.put("jobs", value)
    SHELF.numbers.pop("jobs")


def signal(value: float, *, active: bool | None = None) -> Signal:
    return Signal(active=value > 0 if active is None else active, value=value, target=5.0)


def signals_of(asked: Asking) -> Signals:
    """Say that it is one of the two."""
    return asked


# -- our own service -------------------------------------------------------------------------------------------


async def test_what_our_service_says_is_followed_both_ways(jobs: Callable[[float], None]) -> None:
    async with scaler() as port, running_asking(f"127.0.0.1:{port}") as asked:
        ear = Ear()
        following = signals_of(asked).follow(ORDERS, ear)
        assert ear.heard == [None]
        await ear.until(lambda: ear.last == signal(0))
        jobs(12)
        await ear.until(lambda: ear.last == signal(12))
        jobs(3)
        await ear.until(lambda: ear.last == signal(3))
        jobs(0)
        await ear.until(lambda: ear.last == signal(0))
        assert following.problem == ""


async def test_a_rise_is_heard_long_before_the_next_look(jobs: Callable[[float], None]) -> None:
    async with scaler() as port, running_asking(f"127.0.0.1:{port}") as asked:
        ear = Ear()
        asked.follow(ORDERS, ear)
        await ear.until(lambda: ear.last == signal(0))
        began = time.perf_counter()
        jobs(12)
        await ear.until(lambda: ear.last is not None and ear.last.active)
        assert ear.heard[2] in {signal(0, active=True), signal(12)}
        assert ear.at[2] - began < asking.LOOK / 2


async def test_nothing_is_heard_of_a_trigger_that_is_let_go(jobs: Callable[[float], None]) -> None:
    async with scaler() as port, running_asking(f"127.0.0.1:{port}") as asked:
        gone, ear = Ear(), Ear()
        following = asked.follow(ORDERS, gone)
        asked.follow(ORDERS, ear)
        await ear.until(lambda: ear.last == signal(0))
        await gone.until(lambda: gone.last == signal(0))
        following.end()
        following.end()
        jobs(4)
        await ear.until(lambda: ear.last == signal(4))
        assert gone.heard == [None, signal(0)]


async def test_bad_metadata_is_unknown_and_says_why() -> None:
    async with scaler() as port, running_asking(f"127.0.0.1:{port}") as asked:
        ear = Ear()
        following = asked.follow(("shop", "orders", {"kind": "memory"}), ear)
        await settled(lambda: "INVALID_ARGUMENT" in following.problem)
        assert ear.heard == [None]


async def test_values_from_the_environment_are_nobodys_to_ask_for() -> None:
    async with running_asking("127.0.0.1:1") as asked:
        ear = Ear()
        following = asked.follow(("shop", "orders", {"kind": "memory", "keyFromEnv": "KEY"}), ear)
        assert (ear.heard, "environment" in following.problem) == ([None], True)
        following.end()


async def test_nothing_is_kept_of_what_was_let_go() -> None:
    async with running_asking("127.0.0.1:1") as asked:
        followings = [asked.follow(ORDERS, Ear()), asked.follow(("shop", "orders", {"keyFromEnv": "KEY"}), Ear())]
        gone = [weakref.ref(each) for each in followings]
        for each in followings:
            each.end()
        del each, followings
        await settled(lambda: forgotten(gone))


# -- death and return ------------------------------------------------------------------------------------------


async def test_what_was_said_last_counts_until_the_scaler_is_back(jobs: Callable[[float], None]) -> None:
    async with scaler() as port:
        pass
    ear = Ear()
    async with running_asking(f"127.0.0.1:{port}") as asked:  # it is not there yet
        asked.follow(ORDERS, ear)
        jobs(12)
        async with scaler(port):
            await ear.until(lambda: ear.last == signal(12))
        jobs(4)
        async with scaler(port):
            await ear.until(lambda: ear.last == signal(4))
    assert ear.heard.count(None) == 1


async def test_after_a_while_of_silence_nothing_is_known_and_then_again_all(
    jobs: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "KEEP", 0.5)
    ear = Ear()
    async with scaler() as port, running_asking(f"127.0.0.1:{port}") as asked:
        jobs(12)
        following = asked.follow(ORDERS, ear)
        await ear.until(lambda: ear.last == signal(12))
        SHELF.reachable = False  # held by the scaler: no silence
        jobs(3)
        async with asyncio.timeout(PATIENCE):
            await asyncio.sleep(2 * asking.LOOK)
        assert ear.last == signal(12)
        SHELF.reachable = True
        await ear.until(lambda: ear.last == signal(3))
    async with running_asking(f"127.0.0.1:{port}") as asked:
        following = asked.follow(ORDERS, again := Ear())
        async with scaler(port):
            await again.until(lambda: again.last == signal(3))
        await again.until(lambda: again.last is None)
        assert "UNAVAILABLE" in following.problem
        async with scaler(port):
            await again.until(lambda: again.last == signal(3))


# -- other scalers ---------------------------------------------------------------------------------------------


async def test_a_scaler_without_streams_is_asked_again_and_again() -> None:
    other = Scripted(active=False, value=0.0)
    other.script("StreamIsActive", *[UNIMPLEMENTED] * 5)
    other.script("StreamMetricSpec", *[UNIMPLEMENTED] * 5)
    async with served(other) as address, running_asking(address) as asked:
        ear = Ear()
        asked.follow(ORDERS, ear)
        await ear.until(lambda: ear.last == signal(0))
        other.active, other.value = True, 8.0
        await ear.until(lambda: ear.last == signal(8))
        other.active, other.value = False, 0.0
        await ear.until(lambda: ear.last == signal(0))
        assert (len(other.asked_at["StreamIsActive"]), len(other.asked_at["StreamMetricSpec"])) == (1, 1)


async def test_an_inactive_trigger_is_looked_at_rarely() -> None:
    other = Scripted(active=False, value=0.0)
    async with served(other) as address, running_asking(address) as asked:
        ear = Ear()
        asked.follow(ORDERS, ear)
        await ear.until(lambda: ear.last == signal(0))
        looks = len(other.asked_at["GetMetrics"])
        await asyncio.sleep(3 * asking.LOOK)
        assert len(other.asked_at["GetMetrics"]) - looks <= 1


async def test_a_stream_that_fails_is_opened_again() -> None:
    other = Scripted(active=False, value=0.0)
    other.script("StreamIsActive", UNAVAILABLE, [], [True])
    async with served(other) as address, running_asking(address) as asked:
        ear = Ear()
        asked.follow(ORDERS, ear)
        await ear.until(lambda: ear.last == signal(0))
        other.active, other.value = True, 8.0
        await ear.until(lambda: ear.last == signal(8))
        await other.called("StreamIsActive", 4)


async def test_a_rise_counts_though_the_value_cannot_be_had() -> None:
    other = Scripted()
    other.script("StreamIsActive", *[[True]] * 9)
    other.script("GetMetrics", *[UNAVAILABLE] * 3)
    async with served(other) as address, running_asking(address) as asked:
        ear = Ear()
        asked.follow(ORDERS, ear)
        await ear.until(lambda: ear.last == signal(7))
        assert ear.heard == [None, signal(0, active=True), signal(7)]


async def test_a_target_that_changes_is_told() -> None:
    other = Scripted()
    other.script("StreamMetricSpec", [True], [True], [True])
    async with served(other) as address, running_asking(address) as asked:
        ear = Ear()
        asked.follow(ORDERS, ear)
        await ear.until(lambda: ear.last == Signal(active=True, value=7.0, target=5.0))
        other.target = 2.0
        await ear.until(lambda: ear.last == Signal(active=True, value=7.0, target=2.0))


async def test_a_target_of_zero_is_none() -> None:
    other = Scripted(target=0.0)
    async with served(other) as address, running_asking(address) as asked:
        ear = Ear()
        following = asked.follow(ORDERS, ear)
        await other.called("GetMetricSpec", 3)
        assert (ear.heard, "no target" in following.problem) == ([None], True)


# -- the connection --------------------------------------------------------------------------------------------


async def test_mutual_tls_is_spoken(tmp_path_factory: pytest.TempPathFactory, jobs: Callable[[float], None]) -> None:
    files = issue(tmp_path_factory.mktemp("tls"))
    jobs(4)
    shown = ServerTls(cert=files.server, key=files.server_key, client_ca=files.ca)
    trusting = ClientTls(ca=files.ca, cert=files.client, key=files.client_key)
    async with scaler(tls=shown) as port, running_asking(f"127.0.0.1:{port}", trusting) as asked:
        ear = Ear()
        asked.follow(ORDERS, ear)
        await ear.until(lambda: ear.last == signal(4))


@pytest.mark.parametrize("address", ["nowhere", "host:0", ""])
async def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="cannot ask a scaler"):
        async with running_asking(address):
            pass


async def test_files_that_are_not_there_are_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    ca = tmp_path_factory.mktemp("tls") / "ca.pem"
    with pytest.raises(ConfigError, match=r"ca\.pem cannot be read"):
        async with running_asking("127.0.0.1:1", ClientTls(ca=ca)):
            pass


async def test_the_end_is_prompt_and_leaves_nothing(jobs: Callable[[float], None]) -> None:
    before = asyncio.all_tasks()
    async with scaler() as port, running_asking(f"127.0.0.1:{port}") as asked:
        ear = Ear()
        asked.follow(ORDERS, ear)
        jobs(2)
        await ear.until(lambda: ear.last == signal(2))
        began = time.perf_counter()
    assert time.perf_counter() - began < PATIENCE / 2
    left = {task for task in asyncio.all_tasks() - before if "ask " in task.get_name()}
    assert left == set()


async def test_a_scaler_that_is_killed_is_found_again(tmp_path: Path) -> None:
    always = {"kind": "cron", "timezone": "UTC", "start": "0 0 1 1 *", "end": "59 23 31 12 *", "desiredReplicas": "3"}
    process = Scaler(tmp_path / "scaler")
    await asyncio.to_thread(process.start)
    try:
        async with running_asking(process.address) as asked:
            ear = Ear()
            following = asked.follow(("shop", "orders", always), ear)
            await ear.until(lambda: ear.last == Signal(active=True, value=3.0, target=1.0))
            told = list(ear.heard)
            process.kill()
            await settled(lambda: "UNAVAILABLE" in following.problem)
            await asyncio.to_thread(process.start)
            await settled(lambda: not following.problem)
            assert ear.heard == told  # what was said last counted all the while
    finally:
        await asyncio.to_thread(process.stop)


def forgotten(gone: Iterable[weakref.ref[Asked]]) -> bool:
    """Tell whether nobody holds any of them."""
    gc.collect()
    return all(each() is None for each in gone)


async def settled(fact: Callable[[], bool]) -> None:
    """Wait for what nothing tells of."""
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110 - nothing is heard, so nothing wakes
            await asyncio.sleep(0.01)
