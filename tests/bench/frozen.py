"""Frozen: our scaler starts anew while Redis is down, so it knows nothing; with and without access to the API.

Each of the two scalers has busy Deployments, which must stay as they are, and sleeping ones, which must not wake.
"""

import argparse
import asyncio
import logging
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.brokers import Queues, redis_queues
from tests.bench.complaints import errors
from tests.bench.facts import header
from tests.bench.kubernetes import POLLING, Kubernetes, kubernetes, ours, warmscaler
from tests.bench.outage import AFTERWARDS, BACKLOG, REPLICAS
from tests.bench.tables import printed
from tests.cluster.warmscaler import Warmscaler

SLEEPING_EACH = 4  # for so many busy ones there is one that sleeps


def main(arguments: Sequence[str] = ()) -> None:
    """Print one table."""
    words = argparse.ArgumentParser(prog="frozen", description="a scaler that starts during an outage")
    words.add_argument("--seconds", type=float, default=180.0, help="how long Redis is down")
    words.add_argument("--objects", type=int, default=40, help="busy Deployments of each scaler")
    words.add_argument("--cooldown", type=int, default=10, help="cooldownPeriod of the ScaledObjects")
    said = words.parse_args(arguments)
    logging.disable(logging.CRITICAL)  # the client of this process loses its broker, too
    print(header(" ".join(["frozen", *arguments])))
    print(f"Redis killed for {said.seconds:g} s, both scalers killed and started meanwhile; ", end="")
    print(f"polled every {POLLING} s, cooldown {said.cooldown} s", flush=True)
    asyncio.run(_measure(said))


async def _measure(said: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with (
            redis_queues(home) as queues,
            kubernetes(home) as cluster,
            warmscaler(home / "with", "--kubeconfig", str(cluster.plane.kubeconfig)) as seeing,
            warmscaler(home / "without") as blind,
        ):
            for number in range(said.objects):
                await queues.put(number, BACKLOG)
            for name, scaler in (("with", seeing), ("without", blind)):
                await _deploy(cluster, queues, name, scaler, said)
            await cluster.record.until(lambda: _busy(cluster) == 2 * said.objects, within=180.0)
            await cluster.age()
            began = await _break(queues, [seeing, blind], said.seconds)
            await asyncio.sleep(AFTERWARDS)
            _tell(cluster, began, said.objects)


async def _deploy(cluster: Kubernetes, queues: Queues, name: str, scaler: Warmscaler, said: argparse.Namespace) -> None:
    asleep = range(said.objects, said.objects + said.objects // SLEEPING_EACH)
    triggers = {f"{name}-busy-{number}": ours(queues, number, scaler.address) for number in range(said.objects)}
    triggers |= {f"{name}-asleep-{number}": ours(queues, number, scaler.address) for number in asleep}
    await cluster.deploy(triggers, over=POLLING / 2, cooldownPeriod=said.cooldown)


def _busy(cluster: Kubernetes) -> int:
    return list(cluster.record.replicas.values()).count(REPLICAS)


async def _break(queues: Queues, scalers: Sequence[Warmscaler], seconds: float) -> float:
    """Kill Redis and then the scalers, start these at once and Redis later; return when it began."""
    queues.server.kill()
    for scaler in scalers:
        scaler.kill()
    began = time.perf_counter()
    await asyncio.gather(*(asyncio.to_thread(scaler.start) for scaler in scalers))
    await asyncio.sleep(seconds)
    await asyncio.to_thread(queues.server.start)
    return began


def _tell(cluster: Kubernetes, began: float, objects: int) -> None:
    rows = [["", "busy: scaled down", "scaled up", f"at {REPLICAS} replicas in the end", "asleep: woken"]]
    for name in ("with", "without"):
        busy = cluster.record.since(began, f"{name}-busy-")
        down = {change.name for change in busy if change.replicas < REPLICAS}
        up = {change.name for change in busy if change.replicas > REPLICAS}
        whole = sum(count == REPLICAS for count in cluster.record.now(f"{name}-busy-").values())
        woken = {change.name for change in cluster.record.since(began, f"{name}-asleep-") if change.replicas > 0}
        figures = (len(down), len(up), whole)
        sleeping = f"{len(woken)} of {objects // SLEEPING_EACH}"
        rows.append([f"{name} access to the API", *(f"{each} of {objects}" for each in figures), sleeping])
    print(printed(rows))
    lines = errors(cluster.keda.operator)[1]
    for name in ("with", "without"):
        print(
            f"ERROR lines of KEDA's operator that name them, {name} access: {sum(f'{name}-' in line for line in lines)}"
        )


if __name__ == "__main__":
    main()
