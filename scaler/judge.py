"""Readings become decisions: one :class:`Judge` for all triggers that ask the same and follow the same rules."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from scaler.agenda import Following
from scaler.aio import Cell
from scaler.errors import Cause, Undecidable
from scaler.hub import Hub
from scaler.model import Decision, Instant, Outage, Reading, Snapshot, Trigger, Undecided, Verdict, Why
from scaler.observe import metrics
from scaler.policy.step import State, heir, step
from scaler.probes.registry import AnyProbe


class Follower(Protocol):
    """Who hears of each turn of a judge from inactive to active, and is told of each change."""

    rises: Cell[Verdict]

    def tell(self) -> None:
        """Pass on, at once and cheaply, that the judge's verdict or what it has read is another one."""


class Judge:
    """Turns the readings of one query into verdicts, for every trigger in ``lives``."""

    def __init__(self, trigger: Trigger, clock: Callable[[], Instant], state: State) -> None:
        self.verdict: Verdict = Undecided(why=Why.NEVER_READ)
        self.reading: Reading | None = None
        self.lives: set[Follower] = set()
        self._ask = trigger.ask
        self._rules = trigger.rules
        self._interval = trigger.interval
        self._clock = clock
        self.state = state
        self._news = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._following: Following | None = None

    def begin(self, hub: Hub, probe: AnyProbe) -> None:
        """Follow the query; the first verdict comes with its first reading."""
        self._following = hub.follow(probe, self._ask, self._interval, self.learn)
        self._attend(self._following)

    def end(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.end()
        self._silence()

    def now(self) -> Instant:
        """Tell the time that its readings are on."""
        return self._clock()

    @property
    def active(self) -> bool:
        """Whether KEDA is told that there is work."""
        return isinstance(self.verdict, Decision) and self.verdict.active

    async def decision(self, patience: float) -> Decision:
        """Return the present decision, waiting at most ``patience`` seconds for one that is about to be made.

        Raises :class:`Undecidable` if there is none by then.
        """
        if self._deciding():
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while self._deciding():
                        self._news.clear()
                        await self._news.wait()
        match self.verdict:
            case Decision():
                return self.verdict
            case Undecided(why=why, detail=detail):
                raise Undecidable(f"{why}: {detail}" if detail else str(why))

    def learn(self, reading: Reading) -> None:
        """Judge a reading, and judge it again when its verdict could change with no new one.

        An outage goes on since it began, also if its source was replaced by another one meanwhile.
        """
        if isinstance(reading, Outage) and isinstance(self.reading, Outage):
            reading = replace(reading, since=min(reading.since, self.reading.since))
        before, was_active, seen = self.verdict, self.active, self._seen()
        self.reading = reading
        self.state, self.verdict = step(self.state, reading, self._rules)
        self._news.set()
        self._set_alarm()
        if before.why is not self.verdict.why:
            metrics.DECISIONS.labels(self.verdict.why.name.lower()).inc()
        if self._following is not None:
            self._attend(self._following)
        if self.active and not was_active:
            for live in self.lives:
                live.rises.set(self.verdict)
        if seen != self._seen():
            for live in tuple(self.lives):
                live.tell()

    def inherit(self, other: "Judge") -> None:
        """Go on from what ``other`` believed, whose source is replaced by this one's, as after an outage.

        A new source's first zero would otherwise put to sleep at once what was held a moment before. Whoever asked
        this judge before may be held awake by it until the zero is confirmed, which errs on the safe side.
        """
        if other.state.last is not None and (self.state.last is None or other.active > self.active):
            now = self._clock()
            since = other.reading.since if isinstance(other.reading, Outage) else now
            self.state = heir(other.state, self._rules)
            self.learn(Outage(at=now, since=since, cause=Cause.UNREACHABLE, detail="its source has just changed"))
        elif other.state.suspect and self.state.last is None:
            self.state = replace(self.state, suspect=True)  # a first zero is as doubtful as it was before

    def _deciding(self) -> bool:
        """Tell whether the first reading is still to come, or the one that confirms it."""
        unsure = isinstance(self.verdict, Undecided) and self.verdict.why is Why.CONFIRMING
        return self.reading is None or unsure

    def _seen(self) -> tuple[Why, bool, float | None, float | None]:
        """Return what followers hear the changes of; the reason also tells what a decision is worth."""
        verdict, reading = self.verdict, self.reading
        value = verdict.value if isinstance(verdict, Decision) else None
        activity = reading.activity if isinstance(reading, Snapshot) else None
        return verdict.why, self.active, value, activity

    def _attend(self, following: Following) -> None:
        """Say how closely the query has to be looked at now."""
        following.set_quiet(not self.active)
        if self.verdict.why is Why.CONFIRMING:
            following.read_within(self._rules.confirm_spacing)

    def _set_alarm(self) -> None:
        self._silence()
        if isinstance(self.verdict, Decision) and self.verdict.changes_at is not None:
            delay = max(0.0, self.verdict.changes_at - self._clock())
            self._alarm = asyncio.get_running_loop().call_later(delay, self._relearn)

    def _relearn(self) -> None:
        if isinstance(self.reading, Outage):
            self.learn(replace(self.reading, at=self._clock()))

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
