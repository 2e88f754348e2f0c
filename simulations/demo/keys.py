"""Single keys from a terminal, without waiting for Enter."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_MOST: Final = 32  # bytes at once; whoever holds a key down need not be heard to the last one


@contextmanager
def keys(pressed: Callable[[str], None]) -> Iterator[None]:
    """Call ``pressed`` with each key for as long as the block lasts; the terminal is left as it was.

    Ctrl-C stays a signal. Without a terminal to read from nothing is pressed.
    """
    if not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    loop = asyncio.get_running_loop()
    tty.setcbreak(terminal, termios.TCSANOW)

    def read() -> None:
        typed = os.read(terminal, _MOST)
        if not typed:  # the terminal is gone
            loop.remove_reader(terminal)
        for key in typed.decode(errors="ignore"):
            pressed(key)

    loop.add_reader(terminal, read)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
