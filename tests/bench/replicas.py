"""Replicas: what it costs that two replicas of our scaler both read: KEDA asks both, and neither knows the other."""

import argparse
import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.bench.brokers import RedisQueues, redis_queues
from tests.bench.facts import header
from tests.bench.kubernetes import POLLING, Kubernetes, kubernetes, ours
from tests.bench.process import Running
from tests.bench.registered import BACKLOG, BUSY_EACH
from tests.bench.tables import printed
from tests.cluster.names import Names
from tests.cluster.warmscaler import Replicas

HOSTS: Final = ("127.0.0.2", "127.0.0.3")
WATCHED: Final = 60.0  # s


def main(arguments: Sequence[str] = ()) -> None:
    """Print one row for one replica and one for two."""
    words = argparse.ArgumentParser(prog="replicas", description="the cost of a second replica")
    words.add_argument("--objects", type=int, default=300, help="all by lists of one Redis")
    said = words.parse_args(arguments)
    print(header(" ".join(["replicas", *arguments])), flush=True)
    asyncio.run(_all(said.objects))


async def _all(objects: int) -> None:
    rows = [["replicas", "streams", "commands/s at Redis", "round trips/s", "connections", "% of a core, each"]]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with redis_queues(home) as queues, kubernetes(home) as cluster:
            for number in range(0, objects, BUSY_EACH):
                await queues.put(number, BACKLOG)
            for count in (1, 2):
                async with _replicas(home / str(count), HOSTS[:count]) as replicas:
                    rows.append(await _measure(cluster, queues, replicas, objects))
                    await cluster.clear()
    print(
        f"{objects} ScaledObjects by lists of one Redis, every {BUSY_EACH}th busy, polled every {POLLING} s; ", end=""
    )
    print(f"load {os.getloadavg()[0]:.1f}")
    print(printed(rows))


@asynccontextmanager
async def _replicas(home: Path, hosts: Sequence[str]) -> AsyncIterator[Replicas]:
    with Names(hosts) as names:
        replicas = Replicas(home, names)
        try:
            await asyncio.to_thread(replicas.start)
            yield replicas
        finally:
            replicas.kill()


async def _measure(cluster: Kubernetes, queues: RedisQueues, replicas: Replicas, objects: int) -> list[str]:
    triggers = {f"ours-{number}": ours(queues, number, replicas.address) for number in range(objects)}
    await cluster.deploy(triggers, over=POLLING)
    await cluster.until_ready(objects)
    await asyncio.sleep(2.0 * POLLING)
    processes = [Running(pid=each.pid, port=each.port) for each in replicas.each]
    before = [each.cpu_seconds() for each in processes]
    commands, trips = await queues.commands(), await queues.round_trips()
    await asyncio.sleep(WATCHED)
    asked = ((await queues.commands()) - commands) / WATCHED, ((await queues.round_trips()) - trips) / WATCHED
    spent = [100 * (each.cpu_seconds() - was) / WATCHED for each, was in zip(processes, before, strict=True)]
    return [
        str(len(replicas.each)),
        " + ".join(str(each.streams()) for each in replicas.each),
        *(f"{each:.1f}" for each in asked),
        " + ".join(str(each.connections_to(queues.port)) for each in processes),
        " + ".join(f"{each:.1f}" for each in spent),
    ]


if __name__ == "__main__":
    main()
