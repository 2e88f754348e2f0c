"""Wake: from an event at a broker to a Deployment that is told to have a replica, through the real operator.

Each event is for another sleeping function. The clock starts before the broker is told, by a client that is connected,
and stops when a watch on Deployments shows the replica.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.brokers import Queues, RedisQueues, kafka_queues, nats_queues, redis_queues
from tests.bench.facts import header, percentile
from tests.bench.hearing import Hearing, hearing
from tests.bench.kubernetes import NAMESPACE, POLLING, Kubernetes, kubernetes, native, ours, warmscaler
from tests.bench.process import free_port, running
from tests.bench.tables import printed
from tests.cluster.api import Document
from tests.cluster.warmscaler import Warmscaler

FUNCTIONS: Final = 50  # of ours, and as many of the trivial scaler
NATIVES: Final = 15
NATIVE_ROUNDS: Final = 2
PARTITIONS: Final = 4  # of each function's topic
OURS: Final = range(FUNCTIONS)
NATIVE: Final = range(FUNCTIONS, FUNCTIONS + NATIVES)
TRIVIAL: Final = range(NATIVE.stop, NATIVE.stop + FUNCTIONS)

SOURCES: Final[dict[str, Callable[[Path], AbstractAsyncContextManager[Queues]]]] = {
    "redis": redis_queues,
    "nats-jetstream": lambda home: nats_queues(home, NATIVE.stop),
    "kafka": lambda home: kafka_queues(home, topics=NATIVE.stop, partitions=NATIVE.stop * PARTITIONS),
}


def main(arguments: Sequence[str] = ()) -> None:
    """Print one table a source."""
    words = argparse.ArgumentParser(prog="wake", description="event to spec.replicas >= 1")
    words.add_argument("sources", nargs="*", default=list(SOURCES), metavar="SOURCE", help=f"of {', '.join(SOURCES)}")
    words.add_argument("--rounds", type=int, default=5, help=f"events for each of {FUNCTIONS} functions")
    said = words.parse_args(arguments)
    print(header(" ".join(["wake", *arguments])), flush=True)
    asyncio.run(_all(said.sources, said.rounds))


async def _all(sources: Sequence[str], rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with kubernetes(home) as cluster, warmscaler(home) as scaler:
            for source in sources:
                async with (
                    SOURCES[source](home) as queues,
                    _sleepers(cluster, queues, scaler) as sleepers,
                    hearing(scaler.address, {number: ours(queues, number, scaler.address) for number in OURS}) as heard,
                ):
                    await _measure(source, sleepers, heard, rounds)
                await cluster.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleepers:
    """Functions that one scaler wakes; ``quiet`` tells whether it has seen that they have no work."""

    name: str
    cluster: Kubernetes
    queues: Queues
    numbers: range
    trigger: Callable[[int], Document]
    quiet: Callable[[], bool] = lambda: True

    async def deploy(self) -> None:
        """Deploy them, and return when KEDA has understood all of them."""
        for number in self.numbers:
            await self.queues.empty(number)
        await self.cluster.deploy({self._called(number): self.trigger(number) for number in self.numbers})

    def _called(self, number: int) -> str:
        return f"{self.name}-{number}"

    async def wake(self, number: int) -> tuple[float, float]:
        """Put one piece of work in and take it out again.

        Return when it was put in and the milliseconds until the Deployment was told.
        """
        name, record = self._called(number), self.cluster.record
        began = time.perf_counter()
        await self.queues.put(number)
        await record.until(lambda: record.replicas[name] >= 1, within=3.0 * POLLING)
        told = next(change.at for change in record.since(began, name) if change.name == name)
        await self.queues.empty(number)
        return began, 1000 * (told - began)

    async def rest(self) -> None:
        """Put all to sleep again, as if their cooldown had passed."""
        async with asyncio.timeout(60.0):
            while not await asyncio.to_thread(self.quiet):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.5)
        await self.cluster.put_to_sleep([self._called(number) for number in self.numbers])
        await asyncio.sleep(2.0)  # for watches to settle: what is measured is the steady state


@asynccontextmanager
async def _sleepers(cluster: Kubernetes, queues: Queues, scaler: Warmscaler) -> AsyncIterator[list[Sleepers]]:
    """Deploy those of KEDA's own scaler, then ours, and beside them the trivial one's if it can read this broker."""

    def quiet() -> bool:
        return not any(each["active"] for each in scaler.triggers(NAMESPACE))

    def called(name: str, numbers: range, trigger: Callable[[int], Document], **more: Callable[[], bool]) -> Sleepers:
        return Sleepers(name=name, cluster=cluster, queues=queues, numbers=numbers, trigger=trigger, **more)

    deployed = [
        called("native", NATIVE, lambda number: native(queues, number)),
        called("ours", OURS, lambda number: ours(queues, number, scaler.address), quiet=quiet),
    ]
    port = free_port()
    arguments = ("-m", "tests.bench.trivial", str(port), str(queues.port))
    if isinstance(queues, RedisQueues):
        deployed.append(called("trivial", TRIVIAL, lambda number: ours(queues, number, f"127.0.0.1:{port}")))
        with running(*arguments, port=port):
            yield await _deployed(cluster, deployed)
    else:
        yield await _deployed(cluster, deployed)


async def _deployed(cluster: Kubernetes, deployed: list[Sleepers]) -> list[Sleepers]:
    for each in deployed:
        await each.deploy()
    await cluster.until_ready(sum(len(each.numbers) for each in deployed))
    await asyncio.sleep(5.0)
    return deployed


async def _measure(source: str, sleepers: list[Sleepers], heard: Hearing, rounds: int) -> None:
    """Wake all but the native ones in turn, while those of KEDA's own scaler wait for its next poll."""
    waited, *woken = sleepers
    before = os.getloadavg()[0]
    polled = asyncio.create_task(_at_any_time(waited))
    latencies: dict[str, list[float]] = {each.name: [] for each in woken}
    puts: list[tuple[int, float]] = []
    chance = random.Random(1)
    for _ in range(rounds):
        for turn in range(FUNCTIONS):
            for each in woken:
                await asyncio.sleep(chance.uniform(0.02, 0.2))  # at any time between two readings
                began, latency = await each.wake(each.numbers[turn])
                latencies[each.name].append(latency)
                if each.numbers is OURS:
                    puts.append((turn, began))
        for each in woken:
            await each.rest()
    rows = [["", "n", "p50", "p99", "max", "mean"], _row("`true` of ours heard", [heard.after(*put) for put in puts])]
    rows += [_row(name, each) for name, each in latencies.items()]
    rows.append(_row(f"native, polled every {POLLING} s", await polled))
    print(f"{source}: milliseconds from event to spec.replicas >= 1; load {before:.1f} to {os.getloadavg()[0]:.1f}")
    print(printed(rows), flush=True)


async def _at_any_time(sleepers: Sleepers) -> list[float]:
    """Let an event happen for each, at any time between two polls."""
    chance = random.Random(2)

    async def one(number: int) -> float:
        await asyncio.sleep(chance.uniform(0.0, POLLING))
        return (await sleepers.wake(number))[1]

    latencies: list[float] = []
    for _ in range(NATIVE_ROUNDS):
        latencies += await asyncio.gather(*(one(number) for number in sleepers.numbers))
        await sleepers.rest()
    return latencies


def _row(name: str, values: list[float]) -> list[str]:
    ordered = sorted(values)
    figures = (percentile(ordered, 0.5), percentile(ordered, 0.99), ordered[-1], statistics.mean(ordered))
    return [name, str(len(ordered)), *(f"{each:.0f}" for each in figures)]


if __name__ == "__main__":
    main()
