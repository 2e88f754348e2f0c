"""Burst: from work for ten replicas of a sleeping function to the first that is Ready, and to all ten.

The clock starts before the broker is told and stops when a watch shows the Ready endpoints of the function's Service.
Pods take 8 s from being scheduled to Ready. KEDA, the autoscaler and their times are those of production.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from redis import Redis as RedisClient

from tests.bench.facts import header
from tests.bench.tables import printed
from tests.bench.warm import FUNCTIONS, SLICES, Endpoints, Warm, wait_filled, wait_scaled, warm_ground
from tests.cluster import manifests
from tests.cluster.api import Document
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until
from tests.servers.redis import Redis

REPLICAS: Final = 10
TARGET: Final = 5  # pieces of work for each replica
POLLING: Final = 30  # s, KEDA's default
COLD_START: Final = 8.0  # s
WITHIN: Final = 240.0  # s
ROWS: Final = {
    "polled": "KEDA's own redis scaler, polled",
    "pushed": "pushed, no pool",
    "warm": f"pushed, {REPLICAS} warm pods",
}


def main(arguments: Sequence[str] = ()) -> None:
    """Print one table."""
    words = argparse.ArgumentParser(prog="burst", description="an event to Ready endpoints")
    words.add_argument("--functions", type=int, default=8, help="of each of the three kinds, with a burst each")
    said = words.parse_args(arguments)
    print(header(" ".join(["burst", *arguments])), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with Redis(home / "redis") as redis, warm_ground(home, keda=True) as ground, ground.serve() as scaler:
            _deploy(ground, redis, scaler, said.functions)
            _measure(ground, redis, said.functions)


def _deploy(ground: Warm, redis: Redis, scaler: Warmscaler, count: int) -> None:
    """Deploy everything asleep, and return when all that is to know of it is known."""
    triggers: dict[str, Callable[[Document], Document]] = {
        "polled": lambda words: {"type": "redis", "metadata": words},
        "pushed": lambda words: manifests.trigger(scaler.address, "redis", words),
        "warm": lambda words: manifests.trigger(scaler.address, "redis", words),
    }
    for row, trigger in triggers.items():
        for number in range(count):
            name = f"{row}-{number}"
            ground.function(name, warm=row == "warm", cold_start=COLD_START)
            words = {"address": redis.address, "listName": name, "listLength": str(TARGET)}
            ground.scaled(name, trigger(words), pollingInterval=POLLING, cooldownPeriod=300)
    ground.configure(REPLICAS)
    wait_scaled(ground.api, count * len(ROWS))
    wait_until(lambda: scaler.streams() == 2 * count, within=60.0, what="streams open")
    ground.plane.controllers.kill()  # the autoscaler's rounds fall to KEDA's polls as in a cluster of some age
    ground.plane.controllers.start()
    wait_filled(scaler, REPLICAS, count)
    time.sleep(20.0)


def _measure(ground: Warm, redis: Redis, count: int) -> None:
    """Let every function's burst happen at any time between two polls; those that are pushed when it is quiet."""
    endpoints, chance, load = Endpoints(), random.Random(3), os.getloadavg()[0]
    ground.follow(SLICES, FUNCTIONS, endpoints.see)
    published: dict[str, float] = {}
    with RedisClient.from_url(redis.url) as client:
        for row in ("warm", "pushed", "polled"):
            for number in range(count):
                name = f"{row}-{number}"
                published[name] = time.monotonic()
                client.lpush(name, *["x"] * (TARGET * REPLICAS))
                time.sleep(chance.uniform(0.5, 1.5) * POLLING / count)
    wait_until(
        lambda: all(endpoints.reached(name, REPLICAS) for name in published), within=WITHIN, what="all are Ready"
    )
    rows = [["seconds from event to", "n", "1 Ready: p50", "max", f"{REPLICAS} Ready: p50", "max", "target"]]
    for row, title in ROWS.items():
        times = [_times(endpoints, f"{row}-{number}", published) for number in range(count)]
        cells = [cell for values in zip(*times, strict=True) for cell in (statistics.median(values), max(values))]
        rows.append([title, str(count), *(f"{each:.2f}" for each in cells), "< 0.5" if row == "warm" else ""])
    print(
        f"a burst for {REPLICAS} replicas, {COLD_START:g} s until a pod is Ready, pollingInterval {POLLING} s, "
        f"HPA every 15 s; load {load:.1f} to {os.getloadavg()[0]:.1f}"
    )
    print(printed(rows), flush=True)


def _times(endpoints: Endpoints, name: str, published: dict[str, float]) -> tuple[float, float]:
    one, every = endpoints.reached(name, 1), endpoints.reached(name, REPLICAS)
    assert one is not None
    assert every is not None
    return one - published[name], every - published[name]


if __name__ == "__main__":
    main()
