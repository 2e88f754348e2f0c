"""The simulator: requests a second beside SimPy and SimFaaS, a week of 1,000 functions, and what a shell waits for.

Requests a second are of processor time, so that others on the machine matter less; what a shell waits for is real time.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL, run
from typing import Final, TypeVar

import numpy as np

from simulations.figures import Figures
from simulations.model import SECOND, Work, World
from simulations.run import Engine, simulate
from simulations.validation.instances import Load, Platform, observe
from simulations.validation.worlds import whole
from simulations.workload.chance import streams
from simulations.workload.rates import poisson, steps
from tests.bench.facts import header
from tests.bench.process import Running
from tests.bench.simulated_day import Case, Peer, fast, ours, world
from tests.bench.tables import printed
from tests.simulations.engine.worlds import function, phases, scaled

WEEK: Final = 7 * 86_400  # s
FUNCTIONS: Final = 1_000
RATE: Final = 0.33  # requests a second of each, on average

_Result = TypeVar("_Result")


def main() -> None:
    """Print all tables."""
    print(header("simulator"))
    for part in (_engines, _platforms, _memory, _week, _shell):
        print(flush=True)
        part()


def _timed(work: Callable[[], _Result]) -> tuple[float, _Result]:
    """Return the processor seconds that something takes, and what it returns."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


# -- requests a second -------------------------------------------------------------------------------------------------


def _engines() -> None:
    """Let each engine simulate the same kind of day, as long a one as suits it."""
    rows: list[tuple[str, ...]] = [("a tide of 50/s", "requests/s", "with a pool", "mean wait", "p99")]
    long, slow = Case(requests=2_000_000), Case(requests=100_000)
    fast(slow, slow.work(), jit=True)  # compiled by now, or read from the cache
    rows.append(_row("fast, compiled", long, lambda case, work: fast(case, work, jit=True)))
    rows.append(_row("fast, as it stands", slow, lambda case, work: fast(case, work, jit=False)))
    rows.append(_row("reference", slow, lambda case, work: ours(case, work, Engine.REFERENCE)))
    work = slow.work()
    took, peer = _timed(lambda: Peer(work, slow.seconds))
    rows.append(("SimPy", "", _rate(len(work.arrivals), took), *_waits(np.array(peer.waits))))
    print(printed(rows))


def _row(name: str, case: Case, simulated: Callable[[Case, Work], Figures]) -> tuple[str, ...]:
    work = case.work()
    alone, _ = _timed(lambda: simulated(replace(case, pooled=False), work))
    took, figures = _timed(lambda: simulated(case, work))
    count = len(work.arrivals)
    return name, _rate(count, alone), _rate(count, took), *_waits(figures.waits / SECOND)


def _rate(requests: int, seconds: float) -> str:
    return f"{requests / seconds:,.0f}"


def _waits(waits: np.ndarray) -> tuple[str, str]:
    return f"{1000 * waits.mean():.1f} ms", f"{np.quantile(waits, 0.99):.3f} s"


def _platforms() -> None:
    """Let SimFaaS and ours simulate the model of SimFaaS: 10/s, 2.016 s warm, 2.163 s cold, idle for 10 s."""
    rows: list[tuple[str, ...]] = [("SimFaaS's model, 10/s", "requests/s", "cold ratio", "instances")]
    load, end = _load(100_000)
    observe(load, Platform(expiry=10 * SECOND), 0, end)
    for name, seconds, compiled in (("ours, compiled", 200_000, True), ("ours, as it stands", 10_000, False)):
        load, end = _load(seconds)
        took, seen = _timed(lambda: observe(load, Platform(expiry=10 * SECOND), 0, end, compiled=compiled))  # noqa: B023
        rows.append((name, _rate(seen.requests, took), f"{seen.cold_ratio:.5f}", f"{seen.servers:.3f}"))
    rows.append(_simfaas(2_000))
    print(printed(rows))


def _load(seconds: int) -> tuple[Load, int]:
    chance, end = streams(1, "bench"), seconds * SECOND
    arrivals = poisson(steps((float(seconds), 10.0)), end, chance)
    times = chance.standard_exponential(len(arrivals))
    return Load(arrivals=arrivals, warm=whole(2.016 * times), cold=whole(2.163 * times)), end


def _simfaas(seconds: int) -> tuple[str, ...]:
    from simfaas.ServerlessSimulator import ServerlessSimulator  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy

    rates = {"arrival_rate": 10.0, "warm_service_rate": 1 / 2.016, "cold_service_rate": 1 / 2.163}
    peer = ServerlessSimulator(**rates, expiration_threshold=10, max_time=seconds)
    np.random.seed(1)  # noqa: NPY002 - it draws from there
    took, _ = _timed(lambda: peer.generate_trace(debug_print=False, progress=False))
    cold = peer.total_cold_count / peer.total_req_count
    instances = peer.get_average_server_count()
    return "SimFaaS", _rate(peer.total_req_count, took), f"{cold:.5f}", f"{instances:.3f}"


# -- a week ------------------------------------------------------------------------------------------------------------


def _memory() -> None:
    """Measure the most that ten million requests of one function take."""
    case = Case(requests=10_000_000, pooled=False)
    work = case.work()
    described = world(case, work)
    Path("/proc/self/clear_refs").write_text("5")
    process = Running(pid=os.getpid(), port=0)
    before = process.resident_mib()
    simulate(described)
    each = (process.most_resident_mib() - before) * 2**20 / len(work.arrivals)
    given = (work.arrivals.nbytes + work.service.nbytes) / len(work.arrivals)
    print(f"memory: {given:.0f} B a request that are given, at most {each:.0f} B more to simulate it")


def _week() -> None:
    """Simulate 1,000 functions for a week, one after the other: drawn, simulated, forgotten."""
    chance = streams(1, "rates")
    rates = chance.lognormal(0.0, 1.5, FUNCTIONS)
    rates *= RATE * FUNCTIONS / rates.sum()
    took = {"polled": 0.0, "pushed": 0.0}
    drawing, requests = 0.0, 0
    for number, rate in enumerate(rates.tolist()):
        drawn, work = _timed(lambda: _weekly(number, rate))  # noqa: B023
        drawing, requests = drawing + drawn, requests + len(work.arrivals)
        for how in took:
            took[how] += _timed(lambda: simulate(_alone(work, pushed=how == "pushed")))[0]  # noqa: B023
    print(f"{FUNCTIONS} functions, a week, {requests / 1e6:.0f} M requests; {drawing:.1f} s to draw")
    print(printed([("KEDA is", "seconds", "requests/s"), *_told(took, requests)]))


def _told(took: Mapping[str, float], requests: int) -> list[tuple[str, ...]]:
    return [(how, f"{seconds:.1f}", _rate(requests, seconds)) for how, seconds in took.items()]


def _weekly(number: int, rate: float) -> Work:
    chance = streams(1, f"function {number}")
    arrivals = poisson(steps((float(WEEK), rate)), WEEK * SECOND, chance)
    return Work(arrivals=arrivals, service=whole(0.3 * chance.standard_exponential(len(arrivals))))


def _alone(work: Work, *, pushed: bool) -> World:
    rules = scaled(push=pushed, cooldown=300.0, max_replicas=100)
    watch = 0.005 if pushed else None
    return World(functions=(function(work, rules=rules, watch=watch, at=phases(syncs=WEEK // 15)),), end=WEEK * SECOND)


# -- what a shell waits for --------------------------------------------------------------------------------------------

DAY: Final = """
seed: 1
duration: 24h
functions:
  - name: orders
    scaledObject:
      maxReplicaCount: 20
      triggers: [{type: external-push, metadata: {kind: kafka, lagThreshold: 5}}]
    arrivals: {sine: {base: 0.2/s, peak: 2.1/s, period: 24h}}
    service: {lognormal: {median: 800ms, p95: 2s}}
"""
POOLED: Final = (
    DAY
    + """
pools:
  warm: {functions: {namespace: default, deployment: orders}, size: {fixed: 2}}
"""
)
MANY: Final = """
seed: 1
duration: 168h
functions:
"""
ONE: Final = """
  - name: function-{number}
    scaledObject:
      cooldownPeriod: 60
      triggers: [{{type: external-push, metadata: {{kind: kafka, lagThreshold: 5}}}}]
    arrivals: {{poisson: {{rate: {rate:.5f}/s}}}}
    service: {{lognormal: {{median: 800ms, p95: 2s}}}}
"""


def _shell() -> None:
    """Run the commands as a person does, each in a process of its own."""
    rows = [("in a new process", "seconds")]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        day, pooled, many = (home / name for name in ("day.yaml", "pooled.yaml", "many.yaml"))
        day.write_text(DAY)
        pooled.write_text(POOLED)
        rates = np.exp(streams(1, "rates").normal(-6.0, 1.0, 100)).tolist()
        many.write_text(MANY + "".join(ONE.format(number=number, rate=rate) for number, rate in enumerate(rates)))
        cache = {"XDG_CACHE_HOME": str(home / "cache"), "NUMBA_CACHE_DIR": ""}
        rows += [
            ("run burst-from-zero, nothing compiled yet", _waited(cache, "run", "burst-from-zero")),
            ("run burst-from-zero, once more", _waited(cache, "run", "burst-from-zero")),
            ("sweep of a day of 100,000 requests, 200 points", _waited(cache, "sweep", str(day), *_POINTS)),
            ("the same with a pool of ten sizes, 200 points", _waited(cache, "sweep", str(pooled), *_POOLS)),
            ("recommend for a week of 100 functions", _waited(cache, "recommend", str(many), "--miss-ratio", "0.01")),
        ]
    print(printed(rows))


_POINTS: Final = ("--vary", "target=1..10", "cooldownPeriod=30,60,120,300", "pollingInterval=5,10,15,30,60")
_POOLS: Final = ("--vary", "pool.size=0..9", "cooldownPeriod=30,60,120,300", "pollingInterval=5,10,15,30,60")


def _waited(surroundings: Mapping[str, str], *words: str) -> str:
    """Return the seconds until a verb ends; 1 says that it found something."""
    command = [sys.executable, "-m", "scaler.cli", "simulate", *words]
    began = time.monotonic()
    ended = run(command, env={**os.environ, **surroundings}, stdout=DEVNULL, timeout=900, check=False)
    took = time.monotonic() - began
    return f"{took:.2f}" if ended.returncode in {0, 1} else f"failed with {ended.returncode}"


if __name__ == "__main__":
    main()
