"""Time that does not pass by itself, so that no test sleeps and every instant is exact."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

from scaler.model import Instant

P = ParamSpec("P")


class _Jumping(selectors.DefaultSelector):
    """A selector that does not wait: it moves the time of its loop on instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; if nothing is, jump to when the next timer is due."""
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("nothing will ever happen: everybody waits for somebody else")
        self.now += 0.0 if ready or timeout is None else timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still while something happens and jumps while nothing does: no test sleeps."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Tell the time, in seconds."""
        return self._jumping.now


def in_jumping_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test on a :class:`JumpingLoop`; it may use no thread and no socket."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def jumping_clock() -> Instant:
    """Tell the time of the running loop."""
    return Instant(asyncio.get_running_loop().time())
