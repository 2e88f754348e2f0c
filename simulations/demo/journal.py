"""What happened, line by line: for the screen, for plain terminals, and for nobody when it is quiet."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulations.demo.clock import Clock

KEPT: Final = 200
ECHO: Final = 3.0  # s in which the same words say nothing new


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """``who`` did or said ``text`` at ``at`` seconds; ``loud`` for what a watcher should not miss."""

    at: float
    who: str
    text: str
    loud: bool = False


class Journal:
    """The last lines, and whoever wants to hear of each."""

    def __init__(self, clock: Clock) -> None:
        self.lines: deque[Line] = deque(maxlen=KEPT)
        self.listeners: list[Callable[[Line], None]] = []
        self._clock = clock

    def say(self, who: str, text: str, *, loud: bool = False) -> None:
        """Write a line, unless the same was said a moment ago."""
        if any(each.who == who and each.text == text and each.at > self._clock.now() - ECHO for each in self.lines):
            return
        line = Line(at=self._clock.now(), who=who, text=text, loud=loud)
        self.lines.append(line)
        for listener in self.listeners:
            listener(line)
