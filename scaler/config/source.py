"""The file that holds the configuration: read whole, as often as one likes, and told apart from what is none.

A mounted ConfigMap is a symbolic link through ``..data``, which the kubelet swaps: whoever opens the path anew each
time sees the old content or the new one and nothing between. The content itself is compared, since a file that is
written twice within a tick of the clock may keep its size and its time.
"""

import os
import stat
from pathlib import Path
from typing import Final

from scaler.config.text import MAX_BYTES
from scaler.errors import ConfigError

CONFIG_MAP: Final = "configmap:"


def file_named(text: str | None) -> Path | None:
    """Return the file that a command line names; raise :class:`ConfigError` for what cannot be followed yet."""
    if text is not None and text.startswith(CONFIG_MAP):
        raise ConfigError([f"--config {text[:60]} is not available yet: mount the ConfigMap and name the file"])
    return Path(text) if text is not None else None


class Unreadable(str):
    """Why there is no content, in words."""

    __slots__ = ()


Content = bytes | Unreadable


def read_file(path: Path) -> Content:
    """Read the file, at most one byte more than a configuration may have; never raises, never waits."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return Unreadable("is not a file")
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        return Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _without_waiting(path: str, flags: int) -> int:
    """Open a pipe, too, at once: its writer may never come."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
