"""Servers under measurement, each a process of its own, and what the kernel says they used."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A process and its ports."""

    pid: int
    port: int
    http_port: int = 0

    def cpu_seconds(self) -> float:
        """Tell the processor time it has used, in all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Tell its resident memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def most_resident_mib(self) -> float:
        """Tell the most resident memory that it ever had."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM:"))

    def connections_to(self, port: int) -> int:
        """Count its established TCP connections to a port."""
        own = {str(entry.readlink()) for entry in Path(f"/proc/{self.pid}/fd").iterdir() if entry.is_symlink()}
        return sum(_is_open_to(line.split(), port, own) for line in Path("/proc/net/tcp").read_text().splitlines()[1:])

    def status(self) -> Mapping[str, Any]:
        """Read its ``/status``."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/status", timeout=30) as page:
            return json.load(page)

    def metric(self, name: str) -> float:
        """Add up the series of one of its metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=30) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))


def _is_open_to(line: list[str], port: int, own: set[str]) -> bool:
    """Tell whether a line of /proc/net/tcp is an established connection to ``port`` over one of ``own`` sockets."""
    remote, state, inode = line[2], line[3], line[9]
    return state == "01" and int(remote.partition(":")[2], 16) == port and f"socket:[{inode}]" in own


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*arguments: str, port: int, http_port: int = 0, cores: set[int] | None = None) -> Iterator[Running]:
    """Run ``python ARGUMENTS`` until the block ends; it listens on ``port`` when the block begins."""
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    try:
        if cores:
            os.sched_setaffinity(process.pid, cores)
        _await_port(port)
        yield Running(pid=process.pid, port=port, http_port=http_port)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()


@contextmanager
def scaler(*options: str, cores: set[int] | None = None) -> Iterator[Running]:
    """Run the service on free ports."""
    port, http_port = free_port(), free_port()
    listen = ("--listen", f"127.0.0.1:{port}", "--http", f"127.0.0.1:{http_port}")
    arguments = ("-m", "scaler.cli", "serve", "--dev", *listen, "--log-level", "warning", *options)
    with running(*arguments, port=port, http_port=http_port, cores=cores) as server:
        yield server


def _await_port(port: int, patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on {port} after {patience:g} s")
