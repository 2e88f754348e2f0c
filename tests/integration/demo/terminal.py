"""A terminal of our own, with a program in it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A pseudo terminal of ``size`` columns and rows; ``command`` runs in it for as long as the block lasts."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], size: tuple[int, int] = (80, 24)
    ) -> None:
        self._master, self._slave = pty.openpty()
        columns, rows = size
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = self.settings()
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.began = time.monotonic()
        self.program = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=dict(environment),
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.program.poll() is None:
            self.program.kill()
            self.program.wait()
        os.close(self._slave)
        self._reader.join(5.0)
        os.close(self._master)

    def settings(self) -> list[Any]:
        """Return how the terminal is set: echo, line mode and so on."""
        return termios.tcgetattr(self._slave)

    @property
    def raw(self) -> str:
        """All that was written to it, control sequences included."""
        return self._written.decode(errors="replace")

    @property
    def text(self) -> str:
        """All that was written to it."""
        return _CONTROL.sub("", self.raw)

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self._master, key.encode())

    def shows(self, wanted: str, within: float = 20.0, *, after: int = 0) -> float:
        """Wait until ``wanted`` is written after so many characters of text; returns the seconds since the start."""
        deadline = time.monotonic() + within
        while wanted not in self.text[after:]:
            assert time.monotonic() < deadline, f"no {wanted!r} within {within:g} s; the last: {self.text[-2000:]}"
            time.sleep(0.02)
        return time.monotonic() - self.began

    def ended(self, within: float = 20.0) -> int:
        """Wait for the end of the program and return its exit code."""
        code = self.program.wait(within)
        time.sleep(0.1)  # what it wrote last is on its way through the terminal
        return code

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._master, 65536)
            except OSError:  # closed at the other side
                return
            if not chunk:
                return
            self._written += chunk
