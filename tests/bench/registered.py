"""Registered: what 300 ScaledObjects of three kinds cost us, and whether KEDA meets an error of ours meanwhile."""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from tests.bench.brokers import Queues, kafka_queues, nats_queues, redis_queues
from tests.bench.complaints import errors
from tests.bench.facts import header
from tests.bench.kubernetes import POLLING, Kubernetes, kubernetes, ours, warmscaler
from tests.bench.process import Running
from tests.cluster.warmscaler import Warmscaler

BUSY_EACH: Final = 10  # every tenth has work
BACKLOG: Final = 7
SETTLING: Final = 2.0 * POLLING
WATCHED: Final = 120.0  # s


def main(arguments: Sequence[str] = ()) -> None:
    """Print what two minutes cost."""
    words = argparse.ArgumentParser(prog="registered", description="the cost of many ScaledObjects")
    words.add_argument("--objects", type=int, default=300, help="a third of each kind")
    said = words.parse_args(arguments)
    print(header(" ".join(["registered", *arguments])), flush=True)
    asyncio.run(_all(said.objects // 3))


async def _all(each: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with (
            redis_queues(home) as redis,
            nats_queues(home, each) as nats,
            kafka_queues(home, topics=each, partitions=2 * each) as kafka,
            kubernetes(home) as cluster,
            warmscaler(home) as scaler,
        ):
            for queues in (redis, nats, kafka):
                await _deploy(cluster, queues, each, scaler)
            await cluster.until_ready(3 * each)
            await asyncio.sleep(SETTLING)
            await _measure(cluster, scaler)


async def _deploy(cluster: Kubernetes, queues: Queues, count: int, scaler: Warmscaler) -> None:
    for number in range(count):
        await queues.empty(number)
        if number % BUSY_EACH == 0:
            await queues.put(number, BACKLOG)
    name = type(queues).__name__.removesuffix("Queues").lower()
    await cluster.deploy({f"{name}-{number}": ours(queues, number, scaler.address) for number in range(count)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What only grows: our processor seconds, calls answered and refused, pushes; KEDA's errors."""

    processor: float
    answered: float
    refused: float
    pushes: float
    keda: float
    logged: float

    def __sub__(self, before: "Counts") -> "Counts":
        return Counts(**{each.name: getattr(self, each.name) - getattr(before, each.name) for each in fields(self)})


def _counts(cluster: Kubernetes, scaler: Warmscaler) -> Counts:
    metrics, logged = errors(cluster.keda.operator)
    return Counts(
        processor=_process(scaler).cpu_seconds(),
        answered=scaler.metric("warmscaler_grpc_duration_seconds_count"),
        refused=scaler.metric("warmscaler_grpc_refused_total"),
        pushes=scaler.metric("warmscaler_pushes_total"),
        keda=metrics,
        logged=len(logged),
    )


def _process(scaler: Warmscaler) -> Running:
    return Running(pid=scaler.pid, port=scaler.port, http_port=scaler.http_port)


async def _measure(cluster: Kubernetes, scaler: Warmscaler) -> None:
    load, before = os.getloadavg()[0], _counts(cluster, scaler)
    await asyncio.sleep(WATCHED)
    spent = _counts(cluster, scaler) - before
    awake = sum(replicas > 0 for replicas in cluster.record.replicas.values())
    print(f"{len(cluster.record.replicas)} ScaledObjects, {awake} awake, {scaler.streams()} streams; ", end="")
    print(f"{WATCHED:g} s, load {load:.1f} to {os.getloadavg()[0]:.1f}")
    print(f"our processor time: {100 * spent.processor / WATCHED:.1f} % of a core")
    print(f"our resident memory: {_process(scaler).resident_mib():.0f} MiB")
    print(f"calls answered: {spent.answered / WATCHED:.1f} a second, {spent.pushes / WATCHED:.1f} pushes a second")
    print(f"calls of ours that ended with an error: {spent.refused:.0f}")
    print(f"KEDA: {spent.keda:.0f} in its counters of errors, {spent.logged:.0f} ERROR lines in its operator's log")
    for line in errors(cluster.keda.operator)[1][-5:]:
        print(f"  {line[:200]}")


if __name__ == "__main__":
    main()
