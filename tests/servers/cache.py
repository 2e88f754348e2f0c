"""Where downloads live: one folder a name and version, shared by every checkout of the machine."""

import os
from pathlib import Path


def folder(name: str) -> Path:
    """Return ``$XDG_CACHE_HOME/warmscaler/<name>``; it need not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "warmscaler" / name
