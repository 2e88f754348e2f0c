"""One server process: ours from its start to its end, whatever happens to it in between."""

import asyncio
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from tests.servers.ports import free_port

HOST = "127.0.0.1"

# Linux ends a child whose setpriv asked for it when the thread that started it is gone. This thread lives as long as
# the interpreter, so a test run that is killed leaves no server behind.
_birthplace = ThreadPoolExecutor(max_workers=1, thread_name_prefix="servers")


class NotStartedError(AssertionError):
    """A server died on its way up; carries the end of its log."""


def wait_until(fact: Callable[[], bool], *, within: float, what: str, every: float = 0.02) -> None:
    """Return as soon as ``fact`` holds; asked every 20 ms or so, for ``within`` seconds at most."""
    deadline = time.monotonic() + within
    while not fact():
        if time.monotonic() > deadline:
            message = f"{what}: not so within {within:g} s"
            raise TimeoutError(message)
        time.sleep(every)


def spawn(command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start ``command`` with its output appended to ``log``; it dies with this interpreter at the latest."""
    leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                [*leash, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                env=env,
                start_new_session=True,  # Ctrl-C is for the tests; they end their servers themselves
            )

    return _birthplace.submit(start).result()


class Server(ABC):
    """A server on a free loopback port with a data folder below ``home``.

    ``start`` returns when it answers. All of these block: from a running event loop call them by ``asyncio.to_thread``
    (``kill``, ``pause`` and ``resume`` return at once and need not).
    """

    start_within: float = 30.0
    stop_within: float = 15.0

    def __init__(self, home: Path, *, port: int | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.host = HOST
        self.port = port or free_port()
        self.log = home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._paused = False

    @property
    def address(self) -> str:
        """``host:port`` as a client dials it."""
        return f"{self.host}:{self.port}"

    @property
    def data(self) -> Path:
        """Where the server keeps what survives a restart."""
        return self.home / "data"

    @property
    def running(self) -> bool:
        """Whether the process exists, paused or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, "never started"
        return self._process.pid

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Write what the server reads at its start, and return its command line."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether the server serves clients now."""

    def start(self) -> None:
        """Start, on the same port and with the data that is there; returns when it answers."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting, for servers that become ready only together."""
        assert not self.running, f"{self} runs already"
        self.data.mkdir(exist_ok=True)
        self._paused = False
        self._process = spawn(self.command(), log=self.log)

    def wait_ready(self) -> None:
        """Wait until the server answers; show its log if it does not."""
        try:
            wait_until(lambda: not self.running or self.answers(), within=self.start_within, what=f"{self} ready")
        except BaseException as why:
            self.kill()
            why.add_note(self.log_tail())
            raise
        if not self.running:
            raise NotStartedError(f"{self} ended by itself\n{self.log_tail()}")

    def stop(self) -> None:
        """End it the polite way (SIGTERM), by force if it does not listen; fine if it is down already."""
        self.resume()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it the hard way (SIGKILL); fine if it is down already."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        try:
            self._process.wait(self.stop_within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(self.stop_within)
        self._paused = False

    def pause(self) -> None:
        """Freeze it (SIGSTOP): connections stay open and nobody answers."""
        assert self._process is not None, "never started"
        self._process.send_signal(signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """Let a paused server go on (SIGCONT)."""
        if self._paused and self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self._paused = False

    def restart(self, *, fresh: bool = False) -> None:
        """Stop and start on the same port; ``fresh`` forgets all data in between."""
        self.stop()
        if fresh:
            self.wipe()
        self.start()

    def wipe(self) -> None:
        """Forget all data; the server must be down."""
        assert not self.running, f"{self} still runs"
        shutil.rmtree(self.data, ignore_errors=True)

    def heal(self) -> None:
        """Undo what a test did to it: resume if paused, start if down."""
        self.resume()
        if not self.running:
            self.start()

    def log_tail(self, lines: int = 40) -> str:
        """Return the end of what the server printed."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    def __repr__(self) -> str:
        return f"{type(self).__name__} at {self.address}"


class Cluster:
    """Several servers as one: what is done to it is done to each of ``members``; each can be treated alone, too."""

    def __init__(self, members: Sequence[Server]) -> None:
        self.members = tuple(members)

    @property
    def host(self) -> str:
        """The first member's host."""
        return self.members[0].host

    @property
    def port(self) -> int:
        """The first member's port."""
        return self.members[0].port

    @property
    def address(self) -> str:
        """Every member's ``host:port``, separated by commas."""
        return ",".join(member.address for member in self.members)

    def start(self) -> None:
        """Start those that are down, together; returns when each answers."""
        down = [member for member in self.members if not member.running]
        try:
            for member in down:
                member.launch()
            for member in down:
                member.wait_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End all the polite way."""
        self._each(Server.stop)

    def kill(self) -> None:
        """End all the hard way."""
        self._each(Server.kill)

    def pause(self) -> None:
        """Freeze all."""
        self._each(Server.pause)

    def resume(self) -> None:
        """Let all go on."""
        self._each(Server.resume)

    def heal(self) -> None:
        """Bring back whatever a test killed or paused."""
        self.resume()
        self.start()

    def _each(self, act: Callable[[Server], None]) -> None:
        with ExitStack() as acts:
            for member in self.members:
                acts.callback(act, member)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
