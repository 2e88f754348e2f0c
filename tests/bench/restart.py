"""Restart: the only replica of our scaler is killed and comes back, under busy Deployments."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.brokers import redis_queues
from tests.bench.complaints import errors
from tests.bench.facts import header
from tests.bench.kubernetes import POLLING, Kubernetes, kubernetes, ours, warmscaler
from tests.bench.outage import BACKLOG, REPLICAS
from tests.cluster.warmscaler import Warmscaler

DOWN: Final = 3.0  # s until it is started again
WATCHED: Final = 120.0  # s


def main(arguments: Sequence[str] = ()) -> None:
    """Print what a kill does."""
    words = argparse.ArgumentParser(prog="restart", description="the only replica is killed")
    words.add_argument("--objects", type=int, default=40, help="busy Deployments")
    words.add_argument("--cooldown", type=int, default=10, help="cooldownPeriod of the ScaledObjects")
    said = words.parse_args(arguments)
    print(header(" ".join(["restart", *arguments])), flush=True)
    asyncio.run(_measure(said))


async def _measure(said: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with redis_queues(home) as queues, kubernetes(home) as cluster, warmscaler(home) as scaler:
            for number in range(said.objects):
                await queues.put(number, BACKLOG)
            triggers = {f"ours-{number}": ours(queues, number, scaler.address) for number in range(said.objects)}
            await cluster.deploy(triggers, over=POLLING, cooldownPeriod=said.cooldown)
            replicas = cluster.record.replicas
            await cluster.record.until(lambda: list(replicas.values()).count(REPLICAS) == said.objects, within=180.0)
            await cluster.age()
            await _kill(cluster, scaler, said.objects)


async def _kill(cluster: Kubernetes, scaler: Warmscaler, objects: int) -> None:
    before, (counted, logged) = time.perf_counter(), errors(cluster.keda.operator)
    scaler.kill()
    await asyncio.sleep(DOWN)
    await asyncio.to_thread(scaler.start)
    started = time.perf_counter()
    while scaler.streams() < objects:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.1)
    streams = time.perf_counter()
    await asyncio.sleep(before + WATCHED - streams)
    down = {change.name for change in cluster.record.since(before, "ours-") if change.replicas < REPLICAS}
    later, lines = errors(cluster.keda.operator)
    print(f"killed, started after {DOWN:g} s, ready {started - before:.1f} s after the kill; polled every {POLLING} s")
    print(f"scaled down within {WATCHED:g} s: {len(down)} of {objects}")
    print(f"all {objects} streams open again {streams - before:.1f} s after the kill")
    print(f"KEDA: {later - counted:.0f} in its counters of errors, {len(lines) - len(logged)} ERROR lines in its log")


if __name__ == "__main__":
    main()
