"""The real command as a process of its own, on free loopback ports."""

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.servers.ports import free_port
from tests.servers.process import HOST, Server


class Scaler(Server):
    """``warmscaler serve`` with the options that are given; ready when it says so."""

    def __init__(self, home: Path, *options: str) -> None:
        super().__init__(home)
        self.http_port = free_port()
        self.options = options

    def command(self) -> Sequence[str]:
        """Return the command line."""
        ports = ("--listen", self.address, "--http", f"{HOST}:{self.http_port}")
        return [sys.executable, "-m", "scaler.cli", "serve", *ports, *(self.options or ("--dev",))]

    def answers(self) -> bool:
        """Tell whether it is ready."""
        return self.page("/readyz")[0] == 200

    def page(self, path: str) -> tuple[int, str]:
        """Read a page: its status and its text; 0 where nobody answers."""
        connection = http.client.HTTPConnection(HOST, self.http_port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def triggers(self) -> list[dict[str, Any]]:
        """Tell what ``/status`` says of the live triggers."""
        return list(json.loads(self.page("/status")[1])["triggers"])

    def signal(self, which: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(which)

    def left(self, within: float = 15.0) -> tuple[int, float]:
        """Wait for its end and tell the exit code and how long that took."""
        began = time.monotonic()
        return self.process.wait(within), time.monotonic() - began

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process is not None
        return self._process

    def said(self) -> str:
        """Return all that it has printed."""
        return self.log.read_text()

    def memory(self) -> int:
        """Tell its resident memory, in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * 4096
