"""Chromium as Debian ships it, without a screen: what becomes of a page in a real browser."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-sandbox",  # as root there is none to be had; the pages are our own
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def binary() -> str | None:
    """Return the path of the browser, if there is one."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """``text`` is the document as it stands when its scripts have run; ``console`` is what it complained of."""

    text: str
    console: str


def look(page: Path, *, dark: bool = False) -> Seen:
    """Open a page and return what became of it."""
    done = _run(page, "--dump-dom", *(["--force-dark-mode"] if dark else []))
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(text=done.stdout, console="\n".join(complaints))


def photograph(page: Path, picture: Path, *, dark: bool = False, size: tuple[int, int] = (1280, 900)) -> None:
    """Save what a person would see, as PNG."""
    window = f"--window-size={size[0]},{size[1]}"
    _run(page, f"--screenshot={picture}", window, *(["--force-dark-mode"] if dark else []))


def _run(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Let the page have ten seconds of its own time, which pass faster than ours; a minute of ours is the end."""
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        return subprocess.run(
            [
                binary() or _NAMES[0],
                *_QUIET,
                f"--user-data-dir={profile}",
                "--virtual-time-budget=10000",
                "--enable-logging=stderr",
                *options,
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
