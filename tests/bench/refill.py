"""Refill: from no warm pod to all of them, our own time beside that of the pods, and never one too many.

The service is told of a pool in its ConfigMap. Every event of a watch on pods is looked at.
"""

import argparse
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.facts import header
from tests.bench.process import Running
from tests.bench.tables import printed
from tests.bench.warm import FUNCTIONS, Warm, wait_filled, warm_ground
from tests.cluster.api import DEPLOYMENTS, PODS, Document
from tests.cluster.pools import ready
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until

SURGE: Final = 1  # pods above the size, the default
WITHIN: Final = 120.0  # s


def main(arguments: Sequence[str] = ()) -> None:
    """Print a row for each start of pods and each number of functions."""
    words = argparse.ArgumentParser(prog="refill", description="0 to so many warm pods")
    words.add_argument("--pods", type=int, default=300)
    words.add_argument("--functions", type=int, nargs="+", default=[1, 30], help="that share them")
    words.add_argument("--starts", type=float, nargs="+", default=[0.0, 8.0], metavar="SECONDS")
    said = words.parse_args(arguments)
    print(header(" ".join(["refill", *arguments])), flush=True)
    rows = [
        [
            "functions",
            "pods each",
            "pod start",
            "all created",
            "all Ready",
            "known here",
            "CPU here",
            "most above size",
            "load",
        ]
    ]
    with tempfile.TemporaryDirectory() as folder, warm_ground(Path(folder)) as ground:
        for functions in said.functions:
            for start in said.starts:
                with ground.serve(f"{functions}-{start:g}") as scaler:
                    rows.append(_measure(ground, scaler, functions, said.pods // functions, start))
                _clear(ground, functions)
    print(f"0 to {said.pods} warm pods, since the pool was written; targets: created <= 10 s, above size <= {SURGE}")
    print(printed(rows), flush=True)


class Seen:
    """The pods of the namespace that stay."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._pods: dict[str, str] = {}
        self._number: Counter[str] = Counter()
        self.created: list[float] = []
        self.ready: dict[str, float] = {}
        self.above = 0  # how many pods above its size a function had at most

    def see(self, at: float, kind: str, pod: Document) -> None:
        """Take one event."""
        name = pod["metadata"]["name"]
        function = name.rpartition("-warm-")[0]
        if kind == "ADDED":
            self.created.append(at)
            self._number[function] += 1
        if kind == "DELETED":
            self._number[function] -= 1
        elif ready(pod):
            self.ready.setdefault(name, at)
        self.above = max(self.above, self._number[function] - self._size)


def _measure(ground: Warm, scaler: Warmscaler, functions: int, size: int, start: float) -> list[str]:
    for number in range(functions):
        ground.function(f"f{number}", cold_start=start)
    seen, load = Seen(size), os.getloadavg()[0]
    ground.follow(PODS, FUNCTIONS, seen.see)
    time.sleep(3.0)  # for the service to have seen that there is no pool
    process = Running(pid=scaler.pid, port=scaler.port)
    begun, used = time.monotonic(), process.cpu_seconds()
    ground.configure(size)
    wait_filled(scaler, size, functions, within=WITHIN)
    known, spent = time.monotonic(), process.cpu_seconds() - used
    wait_until(lambda: len(seen.ready) >= functions * size, within=WITHIN, what="all Ready")
    instants = (max(seen.created), max(seen.ready.values()), known)
    cells = [f"{at - begun:.1f} s" for at in instants]
    return [str(functions), str(size), f"{start:g} s", *cells, f"{spent:.1f} s", str(max(0, seen.above)), f"{load:.1f}"]


def _clear(ground: Warm, functions: int) -> None:
    """Leave nothing of what was measured, while no service runs."""
    ground.configure(None)
    for number in range(functions):
        ground.api.delete(DEPLOYMENTS, f"f{number}", FUNCTIONS)
    ground.api.call("DELETE", PODS.path(FUNCTIONS), query={"gracePeriodSeconds": "0"})
    wait_until(lambda: not ground.api.all(PODS, FUNCTIONS), within=WITHIN, what="no pod any more")


if __name__ == "__main__":
    main()
