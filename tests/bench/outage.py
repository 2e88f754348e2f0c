"""Outage: how many busy Deployments are scaled down while their broker is gone, by KEDA's own scaler and by ours.

Both read the same queues: seven pieces of work at a target of five, so two replicas each.
"""

import argparse
import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scaler.errors import Cause
from tests.bench import faults
from tests.bench.brokers import Queues, kafka_queues, nats_queues, redis_queues
from tests.bench.facts import header
from tests.bench.kubernetes import POLLING, Kubernetes, kubernetes, native, ours, warmscaler
from tests.bench.tables import printed
from tests.cluster.warmscaler import Warmscaler

FAULTS: Final[Mapping[str, tuple[str, faults.Fault, str]]] = {
    "kill": ("redis", faults.killed, "Redis killed, connections refused"),
    "silent": ("redis", faults.silent, "Redis hangs: connections are accepted, nobody answers"),
    "unreachable": ("redis", faults.unreachable, "every packet to Redis is lost"),
    "loading": ("redis", faults.loading, "Redis restarted and answers LOADING"),
    "empty": ("redis", faults.emptied, "Redis killed, and restarted without its data"),
    "nats": ("nats-jetstream", faults.killed, "NATS killed, connections refused"),
    "kafka": ("kafka", faults.killed, "Kafka killed, connections refused"),
}
BACKLOG: Final = 7
REPLICAS: Final = 2
AFTERWARDS: Final = POLLING + 15.0  # s: one poll of each object and one look of the autoscaler


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the Deployments of one scaler: seconds since the outage's begin, and who was whole in the end."""

    scaled_down: list[float]
    asleep: int
    whole: int


def main(arguments: Sequence[str] = ()) -> None:
    """Print one table a fault."""
    words = argparse.ArgumentParser(prog="outage", description="what an outage does to busy Deployments")
    words.add_argument("faults", nargs="*", default=["kill"], metavar="FAULT", help=f"of {', '.join(FAULTS)}")
    words.add_argument("--seconds", type=float, default=180.0, help="how long it lasts")
    words.add_argument("--objects", type=int, default=40, help="Deployments of each scaler")
    words.add_argument("--cooldown", type=int, default=10, help="cooldownPeriod of the ScaledObjects")
    said = words.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # the clients of this process lose their broker, too
    for name in said.faults:
        options = [word for word in arguments if word not in FAULTS]
        print(header(" ".join(["outage", name, *options])))
        asyncio.run(_measure(name, said))


async def _measure(name: str, said: argparse.Namespace) -> None:
    source, fault, described = FAULTS[name]
    print(f"{described}, for {said.seconds:g} s; polled every {POLLING} s, cooldown {said.cooldown} s", flush=True)
    with tempfile.TemporaryDirectory() as home:
        async with (
            _filled(source, Path(home), said.objects) as queues,
            kubernetes(Path(home)) as cluster,
            warmscaler(Path(home)) as scaler,
        ):
            await _settle(cluster, queues, scaler, said)
            began = time.perf_counter()
            async with fault(queues.server, said.seconds):
                await asyncio.sleep(said.seconds)
                slept = _slept(cluster, began)
            healed = time.perf_counter()
            met = {each: round(scaler.metric("warmscaler_probe_reads_total", outcome=each)) for each in Cause}
            news = await _watched(scaler, AFTERWARDS)
            _tell(cluster, began, said.objects)
            told = ", ".join(f"{count} times {cause}" for cause, count in met.items() if count)
            print(f"our scaler found its queries unreadable {told}", flush=True)
            if fault is faults.emptied:
                _tell_of_zeros(cluster, slept, healed, news)


@asynccontextmanager
async def _filled(source: str, home: Path, count: int) -> AsyncIterator[Queues]:
    opened = {
        "redis": lambda: redis_queues(home),
        "nats-jetstream": lambda: nats_queues(home, count),
        "kafka": lambda: kafka_queues(home, topics=count, partitions=count * REPLICAS),
    }
    async with opened[source]() as queues:
        for number in range(count):
            await queues.empty(number)
            await queues.put(number, BACKLOG)
        yield queues


async def _settle(cluster: Kubernetes, queues: Queues, scaler: Warmscaler, said: argparse.Namespace) -> None:
    """Deploy over one polling interval, and wait until each has its replicas."""
    triggers = {}
    for number in range(said.objects):
        triggers[f"native-{number}"] = native(queues, number)
        triggers[f"ours-{number}"] = ours(queues, number, scaler.address)
    await cluster.deploy(triggers, over=POLLING, cooldownPeriod=said.cooldown)
    await cluster.record.until(
        lambda: list(cluster.record.replicas.values()).count(REPLICAS) == len(triggers), within=180
    )
    await cluster.age()


def _slept(cluster: Kubernetes, began: float) -> dict[str, int]:
    return {prefix: len(_outcome(cluster, prefix, began).scaled_down) for prefix in ("native-", "ours-")}


async def _watched(scaler: Warmscaler, seconds: float) -> dict[str, list[float]]:
    """Return when our scaler first began to doubt a zero and first believed one, and when the last: by its metrics."""
    news: dict[str, list[float]] = {"confirming": [], "quiet": []}
    before = {why: scaler.metric("warmscaler_decisions_total", why=why) for why in news}
    until = time.perf_counter() + seconds
    while (now := time.perf_counter()) < until:
        for why, instants in news.items():
            count = scaler.metric("warmscaler_decisions_total", why=why)
            instants.extend([now] * round(count - before[why] - len(instants)))
        await asyncio.sleep(0.1)
    return news


def _outcome(cluster: Kubernetes, prefix: str, began: float) -> Outcome:
    downs: dict[str, float] = {}
    for change in cluster.record.since(began, prefix):
        if change.replicas < REPLICAS:
            downs.setdefault(change.name, change.at - began)
    now = list(cluster.record.now(prefix).values())
    return Outcome(
        scaled_down=sorted(downs.values()), asleep=now.count(0), whole=sum(count >= REPLICAS for count in now)
    )


def _tell(cluster: Kubernetes, began: float, objects: int) -> None:
    rows = [["", "scaled down", "the first after", "the last after", f"at {REPLICAS} replicas in the end", "asleep"]]
    for name, prefix in (("KEDA's own scaler", "native-"), ("warmscaler", "ours-")):
        outcome = _outcome(cluster, prefix, began)
        first, last = (
            (f"{at:.0f} s" for at in (outcome.scaled_down[0], outcome.scaled_down[-1]))
            if outcome.scaled_down
            else ("", "")
        )
        rows.append(
            [
                name,
                f"{len(outcome.scaled_down)} of {objects}",
                first,
                last,
                f"{outcome.whole} of {objects}",
                str(outcome.asleep),
            ]
        )
    print(printed(rows), flush=True)


def _tell_of_zeros(
    cluster: Kubernetes, slept: Mapping[str, int], healed: float, news: Mapping[str, list[float]]
) -> None:
    """Tell how a true zero after an outage is believed, in seconds after the empty broker answered."""
    print(f"asleep before it was back: native {slept['native-']}, ours {slept['ours-']}")
    asleep = [change.at for change in cluster.record.since(healed, "ours-") if change.replicas == 0]
    told = {"a zero seen, not believed": news["confirming"], "zero confirmed": news["quiet"], "told to sleep": asleep}
    for what, instants in told.items():
        after = sorted(at - healed for at in instants)
        spread = (
            f"first {after[0]:.1f} s, median {statistics.median(after):.1f} s, last {after[-1]:.1f} s" if after else ""
        )
        print(f"ours, after the empty broker answered: {what:26} {len(after):3}  {spread}", flush=True)


if __name__ == "__main__":
    main()
