"""Memory: 10,000 triggers that ask 100 different things of each of four kinds."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from tests.bench.brokers import kafka_queues, nats_queues, redis_queues
from tests.bench.facts import header
from tests.bench.load import follow
from tests.bench.process import scaler

TRIGGERS: Final = 10_000
QUERIES: Final = 100


def main() -> None:
    """Print the resident memory before and after."""
    print(header("memory"))
    asyncio.run(_measure())


async def _measure() -> None:
    with tempfile.TemporaryDirectory() as home:
        async with (
            redis_queues(Path(home)) as redis,
            nats_queues(Path(home), QUERIES) as nats,
            kafka_queues(Path(home)) as kafka,
        ):
            asks = [queues.metadata(number) for queues in (redis, nats, kafka) for number in range(QUERIES)]
            asks += [_cron(number) for number in range(QUERIES)]
            with scaler() as server:
                empty = server.resident_mib()
                await follow(server, [asks[number % len(asks)] for number in range(TRIGGERS)])
                await asyncio.sleep(5)
                print(f"without triggers: {empty:.0f} MiB")
                print(f"{TRIGGERS} triggers, {len(asks)} different queries: {server.resident_mib():.0f} MiB")


def _cron(number: int) -> dict[str, str]:
    start, end = f"{number % 60} {number % 24} * * *", f"{number % 60} {(number + 1) % 24} * * *"
    return {"kind": "cron", "timezone": "Etc/UTC", "start": start, "end": end, "desiredReplicas": "3"}


if __name__ == "__main__":
    main()
