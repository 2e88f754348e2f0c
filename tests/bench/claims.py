"""Claims: from a decision to the PATCH that is sent, its answer, and the EndpointSlice; and how many a second.

The controller is the real one in a process of its own, on the real control plane; only the scaler's decisions come
from a script, and its client notes when each call begins and ends. Nobody scales a Deployment, so nothing is adopted.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scaler.net.kube import JSON_PATCH
from tests.bench.facts import header
from tests.bench.process import Running
from tests.bench.tables import printed
from tests.bench.warm import FUNCTIONS, HEADS, SLICES, Endpoints, Warm, figures, warm_ground
from tests.cluster import manifests
from tests.cluster.api import PODS, Document
from tests.cluster.pools import STAGE, pool, ready, service
from tests.servers.process import wait_until

SIZE: Final = 10  # warm pods of each function
BARE: Final = "bare"  # the namespace of pods that no controller of ours sees
CONNECTIONS: Final = (8, 16)
PACE: Final = 0.1  # s between two single claims
WITHIN: Final = 120.0  # s
HARDLY: Final = {"rate": 0.001, "burst": 1}  # a refill that does not count
USUAL: Final = {"rate": 1.0, "burst": 5}
QUICK: Final = {"rate": 100, "burst": 100}


def main(arguments: Sequence[str] = ()) -> None:
    """Print a table of latencies and one of claims a second."""
    words = argparse.ArgumentParser(prog="claims", description="what a claim takes")
    words.add_argument("--functions", type=int, default=40)
    words.add_argument("--singles", type=int, default=200, help="claims one after the other, at most the pods")
    words.add_argument("--rounds", type=int, default=2, help=f"bursts of {SIZE} claims for each function, per row")
    said = words.parse_args(arguments)
    print(header(" ".join(["claims", *arguments])), flush=True)
    with tempfile.TemporaryDirectory() as folder, warm_ground(Path(folder)) as ground:
        names = [f"f{number}" for number in range(said.functions)]
        for name in names:
            ground.function(name)
            ground.scaled(name, manifests.trigger("script", "redis", {}), maxReplicaCount=1_000)
        with controller(ground) as led:
            bench = Bench(ground, led, names)
            bench.singles(min(said.singles, SIZE * len(names)))
            bench.bursts(said.rounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Claims a second, and the seconds of a processor that the client used for each."""

    claims: float
    cpu: float


class Led:
    """A controller that does what it is told."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def tell(self, **line: Any) -> None:
        """Send one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def cpu_seconds(self) -> float:
        """Tell the processor time that it has used."""
        return Running(pid=self._process.pid, port=0).cpu_seconds()

    def report(self) -> dict[str, Any]:
        """Return the claims since the last report, and what is available."""
        self.tell(report=True)
        assert self._process.stdout is not None
        return dict(json.loads(self._process.stdout.readline()))


@contextmanager
def controller(ground: Warm) -> Iterator[Led]:
    """Run a controller until the block ends."""
    command = [sys.executable, "-m", "tests.bench.scripted", str(ground.plane.kubeconfig), FUNCTIONS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Led(process)
        finally:
            process.kill()


class Bench:
    """The functions and their controller; each function is told to have ever more work."""

    def __init__(self, ground: Warm, led: Led, names: list[str]) -> None:
        self._ground = ground
        self._led = led
        self._bare = Yardstick(ground, names)
        self._said = dict.fromkeys(names, 0)
        self._endpoints = Endpoints()
        ground.follow(SLICES, FUNCTIONS, self._endpoints.see)

    def singles(self, count: int) -> None:
        """Claim one pod at a time, at a moderate pace, while what is claimed is refilled as usual."""
        self._filled()
        self._refill(**USUAL)
        self._led.report()
        load, chance, names = os.getloadavg()[0], random.Random(7), list(self._said)
        for number in range(count):
            name = names[number % len(names)]
            self._said[name] += 1
            self._led.tell(say={name: self._said[name]})
            time.sleep(PACE * chance.uniform(0.4, 0.6))
            self._bare.one()
            time.sleep(PACE * chance.uniform(0.4, 0.6))
        claims = self._claims(count)
        rows = [
            HEADS,
            figures("decision to PATCH sent", [sent - told for _, told, sent, _ in claims], target="p99 <= 20"),
            figures("PATCH answered", [done - sent for _, _, sent, done in claims], target="p50 <= 20, p99 <= 100"),
            figures("PATCH sent to endpoint", self._visible(claims, 2)),
            figures("decision to endpoint", self._visible(claims, 1), target="p99 <= 300"),
            *self._bare.rows(),
        ]
        print(
            f"{count} claims, one each {PACE:g} s and a bare PATCH between two, over {len(names)} functions; ", end=""
        )
        print(f"load {load:.1f} to {os.getloadavg()[0]:.1f}")
        print(printed(rows), flush=True)

    def bursts(self, rounds: int) -> None:
        """Claim all pods of all functions at once, and let a bare loop do as much, in turns."""
        load = os.getloadavg()[0]
        rates: dict[str, list[Rate]] = {}
        for _ in range(rounds):
            for connections in CONNECTIONS:
                rates.setdefault(f"bare loop, {connections} at once", []).append(self._bare.many(connections))
            for title, refill in (("ours, no refill", HARDLY), ("ours, refill as usual", USUAL)):
                rates.setdefault(title, []).append(self._burst(refill))
        best = max(_median(values) for title, values in rates.items() if title.startswith("bare"))
        rows = [["", "claims/s", "each round", "of the better bare loop", "target", "CPU of the client, ms each"]]
        for title, values in rates.items():
            target = ">= 80 %" if title == "ours, no refill" else ""
            each = ", ".join(f"{one.claims:.0f}" for one in values)
            spent = 1000 * statistics.median(one.cpu for one in values)
            shares = (f"{_median(values):.0f}", each, f"{100 * _median(values) / best:.0f} %", target, f"{spent:.1f}")
            rows.append([title, *shares])
        print(f"\n{SIZE * len(self._said)} claims at once over {len(self._said)} functions; ", end="")
        print(f"load {load:.1f} to {os.getloadavg()[0]:.1f}")
        print(printed(rows), flush=True)

    def _burst(self, refill: dict[str, float]) -> Rate:
        self._filled()
        self._release()
        self._refill(**refill)
        self._led.report()
        used = self._led.cpu_seconds()
        self._said = dict.fromkeys(self._said, SIZE)
        self._led.tell(say=self._said)
        claims = self._claims(SIZE * len(self._said))
        seconds = max(each[3] for each in claims) - claims[0][1]
        return Rate(claims=len(claims) / seconds, cpu=(self._led.cpu_seconds() - used) / len(claims))

    def _release(self) -> None:
        """End all pods that are claimed, so that each burst meets Services without endpoints, as the bare loop does.

        The pools are full by then: kwok forgets some of the pods that get the name of one that was just ended so.
        """
        self._said = dict.fromkeys(self._said, 0)
        self._led.tell(say=self._said)
        query = {"labelSelector": f"{STAGE} notin (warm)", "gracePeriodSeconds": "0"}
        self._ground.api.call("DELETE", PODS.path(FUNCTIONS), query=query)
        wait_until(lambda: self._endpoints.empty, within=WITHIN, what="no endpoints")
        self._endpoints.first.clear()
        time.sleep(2.0)  # for watches to settle: what is measured is the steady state

    def _refill(self, **refill: float) -> None:
        self._led.tell(pools={"warm": pool(FUNCTIONS, SIZE, refill=refill)})

    def _filled(self) -> None:
        self._refill(**QUICK)
        full = dict.fromkeys(self._said, SIZE)
        seen: dict[str, int] = {}

        def filled() -> bool:
            time.sleep(0.2)
            seen.update(self._led.report()["available"])
            return seen == full

        wait_until(filled, within=WITHIN, what=f"{SIZE} warm pods of each function")
        time.sleep(2.0)  # for watches to settle: what is measured is the steady state

    def _claims(self, count: int) -> list[tuple[str, float, float, float]]:
        """Return so many claims once they are there, in the EndpointSlices as well."""
        claims: list[tuple[str, float, float, float]] = []

        def there() -> bool:
            time.sleep(1.0)  # reports disturb
            claims.extend(self._led.report()["claims"])
            return len(claims) >= count and all(pod in self._endpoints.first for pod, *_ in claims)

        wait_until(there, within=WITHIN, what=f"{count} claims in the EndpointSlices")
        return claims

    def _visible(self, claims: list[tuple[str, float, float, float]], since: int) -> list[float]:
        return [self._endpoints.first[each[0]] - float(each[since]) for each in claims]


class Yardstick:
    """As many pods and Services as are ours, of the same shape, in another namespace, patched without any of ours."""

    def __init__(self, ground: Warm, names: Sequence[str]) -> None:
        self._ground = ground
        self._endpoints = Endpoints()
        self._sent: dict[str, tuple[float, float]] = {}  # by pod, and when the answer was there
        ground.api.apply(manifests.namespace(BARE))
        for name in names:
            self._deploy(name)
        wait_until(lambda: all(map(ready, ground.api.all(PODS, BARE))), within=WITHIN, what="bare pods Ready")
        self._pods = iter(ground.api.all(PODS, BARE))
        ground.follow(SLICES, BARE, self._endpoints.see)

    def _deploy(self, name: str) -> None:
        template = manifests.deployment(BARE, name)["spec"]["template"]
        self._ground.api.apply(service(BARE, name))
        for number in range(SIZE):
            about = {**template["metadata"], "namespace": BARE, "name": f"{name}-warm-{number}"}
            labels = {f"warmscaler.dev/{key}": name for key in ("pool", "workload", "template")}
            pod = {"metadata": {**about, "labels": {**labels, STAGE: "warm"}}, "spec": template["spec"]}
            self._ground.api.call("POST", PODS.path(BARE), {"apiVersion": "v1", "kind": "Pod", **pod})

    def one(self) -> None:
        """Patch the next pod and wait for the answer."""
        pod = next(self._pods)
        name, sent = pod["metadata"]["name"], time.monotonic()
        self._ground.api.call("PATCH", PODS.path(BARE, name), _patch(pod), content=JSON_PATCH)  # type: ignore[arg-type]
        self._sent[name] = sent, time.monotonic()

    def rows(self) -> list[list[str]]:
        """Tell what those took."""
        answered = [done - sent for sent, done in self._sent.values()]
        seen = self._endpoints.first
        wait_until(lambda: all(name in seen for name in self._sent), within=WITHIN, what="bare pods are endpoints")
        visible = [seen[name] - sent for name, (sent, _) in self._sent.items()]
        return [figures("bare PATCH answered", answered), figures("bare PATCH sent to endpoint", visible)]

    def many(self, connections: int) -> Rate:
        """Let the bare loop patch all pods."""
        self._undo()
        plane = self._ground.plane.credentials
        pods = self._ground.api.all(PODS, BARE)
        calls = [[PODS.path(BARE, each["metadata"]["name"]), json.dumps(_patch(each))] for each in pods]
        said = {"url": plane.url, "ca": str(plane.ca), "token": plane.tokens["admin"], "connections": connections}
        command, text = [sys.executable, "-m", "tests.bench.patching"], json.dumps({**said, "calls": calls})
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=WITHIN)
        took = json.loads(done.stdout)
        assert took["refused"] == 0, took
        return Rate(claims=len(calls) / took["seconds"], cpu=took["cpu"] / len(calls))

    def _undo(self) -> None:
        for pod in self._ground.api.all(PODS, BARE, labelSelector="app"):
            change = {"metadata": {"labels": {STAGE: "warm", "app": None}}}
            self._ground.api.patch(PODS, pod["metadata"]["name"], BARE, change)


def _median(rates: list[Rate]) -> float:
    return statistics.median(each.claims for each in rates)


def _patch(pod: Document) -> list[Document]:
    about = pod["metadata"]
    stage = STAGE.replace("/", "~1")
    return [
        {"op": "test", "path": "/metadata/uid", "value": about["uid"]},
        {"op": "test", "path": "/metadata/resourceVersion", "value": about["resourceVersion"]},
        {"op": "replace", "path": f"/metadata/labels/{stage}", "value": "bridged"},
        {"op": "add", "path": "/metadata/labels/app", "value": about["name"].rpartition("-warm-")[0]},
    ]


if __name__ == "__main__":
    main()
