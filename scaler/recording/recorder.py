"""Writes down what becomes of each trigger, in the very moment in which it is decided or told.

All of this runs inside decisions and calls, so it costs a few microseconds and waits for nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scaler.decisions import Decisions
from scaler.live import Asked, Live
from scaler.model import Decision, Snapshot, Standing
from scaler.recording.format import What
from scaler.recording.journal import Journal, Line


class Track:
    """One trigger, and what was last written of it; ``at`` tells the time in seconds since 1970."""

    __slots__ = ("_answers", "_at", "_decided", "_journal", "_left", "_trigger", "live", "number")

    def __init__(self, live: Live, number: int, journal: Journal, at: Callable[[], float]) -> None:
        self.live = live
        self.number = number
        self._journal = journal
        self._at = at
        self._left: Callable[[Live], object] = _nobody
        self._trigger: object = None
        self._decided: object = None
        self._answers: dict[Asked, object] = {}

    def begin(self, left: Callable[[Live], object]) -> None:
        """Write what is there, and from now on each change; ``left`` is called when the trigger is forgotten."""
        self._left = left
        self.live.witness = self.answered
        self.live.hearers.add(self.hear)
        self.hear()

    def end(self) -> None:
        """Write no more."""
        self.live.hearers.discard(self.hear)
        self.live.witness = None

    def hear(self) -> None:
        """Write what is different now."""
        live = self.live
        if live not in live.judge.lives:
            self.end()
            self._put(What.GONE, {})
            self._left(live)
            return
        if self._trigger is not live.trigger:
            self._trigger = live.trigger
            self._put(What.TRIGGER, identity(live), What.TRIGGER)
        facts = decided(live)
        if facts != self._decided:
            self._decided = facts
            pushed = {"pushed": True} if live.streams and facts["active"] else {}
            self._put(What.DECISION, {**facts, **pushed}, What.DECISION)

    def answered(self, live: Live, asked: Asked, decision: Decision | None) -> None:
        """Write an answer that is another one than the last to the same question."""
        del live
        answer = (None, None) if decision is None else (decision.active, decision.value)
        if self._answers.get(asked) != answer:
            self._answers[asked] = answer
            self._put(What.TOLD, {"call": asked, "active": answer[0], "value": answer[1]}, asked)

    def _put(self, what: What, facts: dict[str, Any], slot: str | None = None) -> None:
        self._journal.put(Line(what, self._at(), {"n": self.number, **facts}, self.number, slot))


class Recorder:
    """Keeps a track of each live trigger of the decisions."""

    def __init__(self, decisions: Decisions, journal: Journal, at: Callable[[], float]) -> None:
        self._decisions = decisions
        self._journal = journal
        self._at = at
        self._tracks: dict[Live, Track] = {}
        self._begun = 0

    def __iter__(self) -> Iterator[Track]:
        """Go through the tracks."""
        return iter(tuple(self._tracks.values()))

    def begin(self) -> None:
        """Follow all that is there, and all that comes."""
        for live in self._decisions:
            self.meet(live)
        self._decisions.audience.add(self.meet)

    def end(self) -> None:
        """Follow nothing any more, and write that this is the end."""
        self._decisions.audience.discard(self.meet)
        for track in self:
            track.end()
        self._journal.put(Line(What.END, self._at(), {}))

    def meet(self, live: Live) -> None:
        """Follow a trigger."""
        track = self._tracks[live] = Track(live, self._begun, self._journal, self._at)
        self._begun += 1
        track.begin(self._tracks.pop)


@contextmanager
def recording_triggers(decisions: Decisions, journal: Journal, at: Callable[[], float]) -> Iterator[Recorder]:
    """Write down what becomes of every trigger for as long as the block lasts."""
    recorder = Recorder(decisions, journal, at)
    recorder.begin()
    try:
        yield recorder
    finally:
        recorder.end()


def identity(live: Live) -> dict[str, Any]:
    """Return what a trigger is, without anything that could be a secret."""
    trigger = live.trigger
    return {
        "namespace": live.reference[0],
        "name": live.reference[1],
        "kind": trigger.kind,
        "metric": trigger.ask.metric.name,
        "target": trigger.ask.metric.target,
        "activation": trigger.ask.activation,
        "interval": trigger.interval,
    }


def decided(live: Live) -> dict[str, Any]:
    """Return what is known of a trigger now."""
    verdict, reading = live.judge.verdict, live.judge.reading
    value, standing = (verdict.value, verdict.standing) if isinstance(verdict, Decision) else (None, Standing.UNKNOWN)
    return {
        "active": live.judge.active,
        "value": value,
        "activity": reading.activity if isinstance(reading, Snapshot) else None,
        "standing": standing,
        "why": verdict.why.name.lower(),
    }


def _nobody(live: Live) -> None:
    """Hear that a trigger left, before anybody follows it."""
