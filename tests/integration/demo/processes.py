"""Finding every process that a command started, its children's children included."""

import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

WARMSCALER: Final = (sys.executable, "-m", "scaler.cli")
MARK: Final = "WARMSCALER_TEST_MARK"


@contextmanager
def marked() -> Iterator[tuple[dict[str, str], str]]:
    """Make an environment that children inherit, and the mark in it by which they are known."""
    mark = f"{MARK}={uuid.uuid4().hex}"
    name, value = mark.split("=")
    yield {**os.environ, name: value}, mark


def left_behind(mark: str, patience: float = 5.0) -> list[str]:
    """Return the command lines of processes with the mark; those that are about to end get some time to."""
    deadline = time.monotonic() + patience
    while (found := _alive(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _alive(mark: str) -> list[str]:
    return [_text(folder / "cmdline") for folder in Path("/proc").glob("[0-9]*") if mark in _text(folder / "environ")]


def _text(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it ended meanwhile, or is not ours
        return ""
