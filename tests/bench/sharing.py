"""Sharing: what 1,000 triggers with 1,000 different queries cost one broker, in connections and in requests."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.bench.brokers import kafka_queues, nats_queues, redis_queues
from tests.bench.facts import header
from tests.bench.load import follow
from tests.bench.process import scaler
from tests.faults.proxy import Proxy
from tests.faults.taps import KafkaTap
from tests.servers.ports import free_port

TRIGGERS: Final = 1000
INTERVAL: Final = 2.0  # s, the default
WATCHED: Final = 20.0  # s of steady state


def main() -> None:
    """Print one line a broker."""
    print(header("sharing"))
    asyncio.run(_all())


async def _all() -> None:
    with tempfile.TemporaryDirectory() as home:
        async with redis_queues(Path(home)) as redis:
            metadatas = [redis.metadata(number) for number in range(TRIGGERS)]
            await _measure("redis", metadatas, redis.port, redis.round_trips)
        async with nats_queues(Path(home), TRIGGERS) as nats:
            metadatas = [nats.metadata(number) for number in range(TRIGGERS)]
            await _measure("nats-jetstream", metadatas, nats.port, nats.round_trips)
        port = free_port()
        async with kafka_queues(Path(home), advertise=port) as kafka:
            tap = KafkaTap()
            async with Proxy(kafka.direct, port=port, tap=tap):
                metadatas = [kafka.metadata(number) for number in range(TRIGGERS)]
                await _measure("kafka", metadatas, port, lambda: _requests(tap))


async def _requests(tap: KafkaTap) -> float:
    return float(sum(tap.requests.values()))


async def _measure(
    name: str, metadatas: list[dict[str, str]], port: int, requests: Callable[[], Awaitable[float]]
) -> None:
    with scaler() as server:
        await follow(server, metadatas)
        await asyncio.sleep(3 * INTERVAL)
        before = await requests()
        await asyncio.sleep(WATCHED)
        each = (await requests() - before) / (WATCHED / INTERVAL)
        connections = server.connections_to(port)
        print(
            f"{name:16} {TRIGGERS} triggers, {TRIGGERS} queries: {connections} connections, "
            f"{each:.1f} requests every {INTERVAL:g} s, 1/{TRIGGERS / max(each, 1e-9):.0f} of one for each trigger"
        )


if __name__ == "__main__":
    main()
