"""Failover: of two services that may keep the pools the leader ends, politely or not, until the other one writes.

Both run with the times of production. A watch tells of the Lease, and of pods: as soon as the Lease is not the old
leader's any more, a warm pod is deleted without grace, and the first write is the creation of its successor.
"""

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.facts import header
from tests.bench.tables import printed
from tests.bench.warm import FUNCTIONS, LEASES, Warm, wait_filled, warm_ground
from tests.cluster.account import NAMESPACE
from tests.cluster.api import PODS, Document
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

SIZE: Final = 3
WITHIN: Final = 60.0  # s
ENDS: Final = {signal.SIGTERM: "<= 2", signal.SIGKILL: "<= 15"}


def main(arguments: Sequence[str] = ()) -> None:
    """Print a row for each way to end."""
    words = argparse.ArgumentParser(prog="failover", description="the pool's leader ends")
    words.add_argument("--times", type=int, default=5, help="for each way to end")
    said = words.parse_args(arguments)
    print(header(" ".join(["failover", *arguments])), flush=True)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, warm_ground(Path(folder)) as ground:
        ground.function("f0")
        ground.configure(SIZE)
        with ground.serve("a") as a, ground.serve("b") as b:
            rows = [["seconds after", "n", "other leads: each", "first write: each", "max", "target"]]
            seen = Seen()
            ground.follow(LEASES, NAMESPACE, seen.lease)
            ground.follow(PODS, FUNCTIONS, seen.pod)
            rows += [_row(way, [_one(ground, (a, b), seen, way) for _ in range(said.times)]) for way in ENDS]
    print(f"two of `serve --pool`, one Lease; load {load:.1f} to {os.getloadavg()[0]:.1f}")
    print(printed(rows), flush=True)


class Seen:
    """Who holds the Lease, since when, and when pods were created."""

    def __init__(self) -> None:
        self.holders: list[tuple[float, str]] = [(0.0, "")]
        self.created: list[float] = []

    def lease(self, at: float, _kind: str, document: Document) -> None:
        """Take one event of the Lease."""
        holder = document["spec"].get("holderIdentity") or ""
        if holder != self.holders[-1][1]:
            self.holders.append((at, holder))

    def pod(self, at: float, kind: str, _pod: Document) -> None:
        """Take one event of a pod."""
        if kind == "ADDED":
            self.created.append(at)

    @property
    def holder(self) -> str:
        """Who holds it now."""
        return self.holders[-1][1]

    def after(self, at: float) -> float:
        """Return when somebody took the Lease after an instant."""
        return next(since for since, holder in self.holders if since >= at and holder)


def _one(ground: Warm, both: tuple[Warmscaler, Warmscaler], seen: Seen, way: signal.Signals) -> tuple[float, float]:
    """End the leader and start it again; return the seconds until the other one leads, and until it writes."""
    leader, other = sorted(both, key=lambda each: f"-{each.pid}_" not in seen.holder)
    wait_until(lambda: f"-{leader.pid}_" in seen.holder, within=WITHIN, what="one of them leads")
    wait_filled(leader, SIZE, 1)
    time.sleep(2.0)  # for the other one to be a candidate
    held = seen.holder
    begun = time.monotonic()
    os.kill(leader.pid, way)
    wait_until(lambda: seen.holder != held, within=WITHIN, what="the Lease is free")
    deleted = time.monotonic()
    pods = [each["metadata"]["name"] for each in ground.api.all(PODS, FUNCTIONS)]
    ground.api.call("DELETE", PODS.path(FUNCTIONS, pods[0]), query={"gracePeriodSeconds": "0"})
    wait_until(lambda: seen.created[-1:] > [deleted], within=WITHIN, what="a pod is created")
    wait_until(lambda: f"-{other.pid}_" in seen.holder, within=WITHIN, what="the other one leads")
    leader.stop()
    leader.start()
    return seen.after(begun) - begun, min(each for each in seen.created if each > deleted) - begun


def _row(way: signal.Signals, times: Sequence[tuple[float, float]]) -> list[str]:
    leads, writes = ([one[part] for one in times] for part in (0, 1))
    each = [", ".join(f"{one:.2f}" for one in values) for values in (leads, writes)]
    return [way.name, str(len(times)), *each, f"{max(writes):.2f}", ENDS[way]]


if __name__ == "__main__":
    main()
