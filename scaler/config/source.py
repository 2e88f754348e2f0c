"""Where a configuration comes from, and what a file says now.

A mounted ConfigMap is a symbolic link through ``..data``, which the kubelet swaps: whoever opens the path anew each
time sees the old content or the new one and nothing between. The content itself is compared, since a file that is
written twice within a tick of the clock may keep its size and its time.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from scaler.config.text import MAX_BYTES
from scaler.errors import ConfigError
from scaler.net.kube import CONFIG_MAPS

CONFIG_MAP: Final = "configmap:"
CONFIG_KEY: Final = "config.yaml"
LAST_GOOD: Final = "-last-good"
_SHOWN: Final = 60  # characters of a wrong name that a message repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMapName:
    """A ConfigMap whose key ``config.yaml`` is the configuration."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Write it as the command line does."""
        return f"{CONFIG_MAP}{self.namespace}/{self.name}"

    @property
    def last_good(self) -> "ConfigMapName":
        """Where the last good one is kept across restarts."""
        return ConfigMapName(namespace=self.namespace, name=f"{self.name}{LAST_GOOD}")


Place = Path | ConfigMapName


def place_named(text: str | None) -> Place | None:
    """Return the file or the ConfigMap that a command line names; raise :class:`ConfigError` for what is no name."""
    if text is None or not text.startswith(CONFIG_MAP):
        return Path(text) if text is not None else None
    namespace, slash, name = text.removeprefix(CONFIG_MAP).partition("/")
    place = ConfigMapName(namespace=namespace, name=name)
    try:
        if not slash or not name:
            raise ValueError("a namespace and a name are needed")  # noqa: TRY301 - told like a wrong name
        CONFIG_MAPS.path(namespace, name)
        CONFIG_MAPS.path(namespace, place.last_good.name)
    except ValueError as error:
        right = f"{CONFIG_MAP}NAMESPACE/NAME, such as {CONFIG_MAP}warmscaler/warmscaler"
        raise ConfigError([f"--config {text[:_SHOWN]!r} is not {right}: {error}"]) from error
    return place


class Unreadable(str):
    """Why there is no content, in words."""

    __slots__ = ()


Content = bytes | Unreadable


class Origin(Protocol):
    """What a configuration is read from, and told to; ``str`` of it is its name."""

    async def first(self) -> Content:
        """Return what is there to begin with, within a bounded time."""
        ...

    async def changed(self) -> Content:
        """Wait until something else is there than was returned last."""
        ...

    async def kept(self) -> bytes | None:
        """Return the last good text of an earlier process, if there is one; never raises."""
        ...

    async def accepted(self, text: bytes, text_hash: str) -> None:
        """Keep a good text for a later process, and say that it is in force; never raises."""
        ...

    async def rejected(self, problems: Sequence[str]) -> None:
        """Say that what is there now is not in force; never raises."""
        ...


def read_file(path: Path, longest: int = MAX_BYTES) -> Content:
    """Read a file, at most one byte more than ``longest``; never raises, never waits."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return Unreadable("is not a file")
            return file.read(longest + 1)
    except (OSError, ValueError) as error:
        return Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _without_waiting(path: str, flags: int) -> int:
    """Open a pipe, too, at once: its writer may never come."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
