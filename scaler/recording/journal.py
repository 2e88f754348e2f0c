"""Lines on their way to a disk: taken in the event loop for the price of an append, written by a thread of its own.

A disk that is full, slow or forbidden costs lines, which are counted, and nobody else anything.
"""

import json
import os
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from structlog import get_logger

from scaler.observe import metrics
from scaler.recording.files import Files, Place
from scaler.recording.format import VERSION, What

log = get_logger(__name__)

FLUSH_EVERY: Final = 1.0  # s: what a process that is killed loses
RETRY: Final = 10.0  # s from a failure of the disk to the next attempt
WAITING: Final = 200_000  # lines that wait for the disk, at most: some 100 MiB
CLOSE_WITHIN: Final = 2.0  # s that an end waits for a disk


@dataclass(frozen=True, slots=True)
class Line:
    """What is, of whom, and when: ``at`` seconds since 1970.

    The newest line of each ``slot`` of an ``owner`` is what still holds, until the owner is gone.
    """

    what: What
    at: float
    facts: Mapping[str, Any]
    owner: Hashable = None
    slot: Hashable = None

    def encoded(self) -> bytes:
        """Return it as it stands in a file."""
        document = {"is": self.what, "at": round(self.at * 1000.0), **self.facts}
        return json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"


class Journal:
    """Takes lines from one thread, and writes them from another."""

    def __init__(self, place: Place) -> None:
        host = re.sub(r"[^A-Za-z0-9.]+", "_", socket.gethostname())[:80] or "unnamed"
        self._about = {"version": VERSION, "host": host, "process": os.getpid()}
        self._files = Files(place, f"{host}-{os.getpid()}")
        self._lines: deque[Line] = deque()
        self._holds: dict[Hashable, dict[Hashable, bytes]] = {}
        self._overflow = 0  # counted in the event loop, as the rest is in the thread
        self._lost = 0
        self._again_at = 0.0
        self._said = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)

    def put(self, line: Line) -> None:
        """Take a line; never waits."""
        if len(self._lines) < WAITING:
            self._lines.append(line)
        else:
            self._overflow += 1
            metrics.RECORD_LOST.labels("queue").inc()

    def begin(self) -> None:
        """Begin to write."""
        self._thread.start()

    def end(self) -> None:
        """Write what waits, if the disk takes it within :data:`CLOSE_WITHIN` seconds."""
        self._ending.set()
        self._thread.join(CLOSE_WITHIN)

    # -- what the thread does ------------------------------------------------------------------------------------

    def _run(self) -> None:
        ending = False
        while not ending:
            ending = self._ending.wait(FLUSH_EVERY)
            try:
                self._flush()
            except Exception:
                log.exception("recording failed")
        with suppress(OSError):
            self._files.close()

    def _flush(self) -> None:
        """Write all lines that wait; what the disk does not take is lost."""
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        opened = time.monotonic() >= self._again_at and self._tried(self._open)
        encoded = self._remember(lines)
        if encoded and opened and self._tried(lambda: self._files.write(b"".join(encoded))):
            metrics.RECORDED.inc(len(encoded))
        elif encoded:
            self._lost += len(encoded)
            metrics.RECORD_LOST.labels("disk").inc(len(encoded))

    def _open(self) -> None:
        """Begin another file where one is due; what it says again is of before the lines that wait."""
        if self._files.due:
            facts = {**self._about, "file": self._files.number, "lost": self._lost + self._overflow}
            holds = [text for slots in self._holds.values() for text in slots.values()]
            self._files.begin(b"".join((Line(What.RECORDING, time.time(), facts).encoded(), *holds)))

    def _tried(self, attempt: Callable[[], None]) -> bool:
        """Do something with the disk, and tell whether that went well; if not, it is left alone for a while."""
        try:
            attempt()
        except OSError as error:
            self._files.abandon()
            self._again_at = time.monotonic() + RETRY
            self._complain(error)
            return False
        self._said = ""
        return True

    def _remember(self, lines: list[Line]) -> list[bytes]:
        """Encode lines, and keep those that later files have to say again."""
        encoded = []
        for line in lines:
            encoded.append(text := line.encoded())
            if line.what is What.GONE:
                self._holds.pop(line.owner, None)
            elif line.slot is not None:
                self._holds.setdefault(line.owner, {})[line.slot] = text
        return encoded

    def _complain(self, error: OSError) -> None:
        """Say what is wrong with the disk, once until it is well again."""
        if str(error) != self._said:
            self._said = str(error)
            log.error("cannot record, and serves on", why=str(error), again_in=RETRY)


@contextmanager
def writing(place: Place) -> Iterator[Journal]:
    """Offer a journal for as long as the block lasts."""
    journal = Journal(place)
    journal.begin()
    try:
        yield journal
    finally:
        journal.end()
