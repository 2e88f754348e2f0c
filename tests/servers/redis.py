"""Redis as Debian ships it: one process, standalone."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.servers.certificates import Certificates, issue
from tests.servers.ports import free_port
from tests.servers.process import Server


class Redis(Server):
    """One Redis. Data survives a kill; ``restart(fresh=True)`` forgets it.

    ``password`` is asked of the default user. ``tls`` opens a second port, ``tls_port``, that shows and asks for
    certificates of ``certificates``. ``config`` holds more lines of redis.conf.
    """

    def __init__(
        self, home: Path, *, password: str | None = None, tls: bool = False, config: Sequence[str] = ()
    ) -> None:
        super().__init__(home)
        self.password = password
        self.config = tuple(config)
        self.tls_port = free_port() if tls else None
        self.certificates: Certificates | None = issue(home / "tls") if tls else None

    @property
    def version(self) -> str:
        """The server's version, such as ``7.0.15``."""
        told = subprocess.run([_binary(), "--version"], capture_output=True, text=True, check=True).stdout
        return told.split("v=")[1].split()[0]

    @property
    def url(self) -> str:
        """The plain port as a client's URL, password included."""
        return f"redis://{f':{self.password}@' if self.password else ''}{self.address}"

    def command(self) -> Sequence[str]:
        """Write redis.conf and return the command line."""
        path = self.home / "redis.conf"
        path.write_text("\n".join([*self._basics(), *self._security(), *self.config, ""]))
        return [_binary(), str(path)]

    def _basics(self) -> list[str]:
        return [
            f"bind {self.host}",
            f"port {self.port}",
            f"dir {self.data}",
            'save ""',
            # Written before the answer, so nothing acknowledged is lost when the process (not the machine) dies.
            "appendonly yes",
            "appendfsync no",
        ]

    def _security(self) -> list[str]:
        lines = [f"requirepass {self.password}"] if self.password else []
        if self.certificates is not None:
            lines += [
                f"tls-port {self.tls_port}",
                f"tls-ca-cert-file {self.certificates.ca}",
                f"tls-cert-file {self.certificates.server}",
                f"tls-key-file {self.certificates.server_key}",
                "tls-auth-clients optional",
            ]
        return lines

    def answers(self) -> bool:
        """Tell whether it answers PING; while it loads its data it says LOADING."""
        return "PONG" in self.cli("PING")

    def cli(self, *words: str, timeout: float = 5.0) -> str:
        """Run one command by redis-cli and return what it printed; errors are text too."""
        login = ["--no-auth-warning", "-a", self.password] if self.password else []
        command = ["redis-cli", "-h", self.host, "-p", str(self.port), *login, *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout.strip()


def _binary() -> str:
    # Debian's daemons are in sbin for some users; the path is found either way.
    return shutil.which("redis-server", path=None) or "/usr/bin/redis-server"
