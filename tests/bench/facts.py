"""What every figure is printed with: the machine, the versions, and the way to print it again."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path


def header(name: str) -> str:
    """Name the benchmark, the machine and the versions that matter."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[0]
    libraries = ", ".join(f"{each} {version(each)}" for each in ("grpcio", "redis", "nats-py", "kafka-python"))
    return (
        f"# {name}: {os.cpu_count()} cores, {memory:.0f} GiB, {_processor()}, load {load:.1f}\n"
        f"# Python {platform.python_version()}, {libraries}\n"
        f"# again: {Path(sys.executable).name} -m tests.bench {name}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def percentile(sorted_values: list[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed (nearest rank)."""
    return sorted_values[min(len(sorted_values) - 1, max(0, round(share * len(sorted_values) + 0.5) - 1))]


def told(values: list[float], unit: str = "ms") -> str:
    """Print n, p50, p99 and max of some measurements."""
    ordered = sorted(values)
    p50, p99 = percentile(ordered, 0.50), percentile(ordered, 0.99)
    return f"n {len(ordered)}  p50 {p50:.2f} {unit}  p99 {p99:.2f} {unit}  max {ordered[-1]:.2f} {unit}"
