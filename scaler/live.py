"""One live trigger: what it is, who decides it, and what it answers while nothing can be decided."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from scaler.aio import Cell
from scaler.errors import Undecidable
from scaler.freeze import StandIn
from scaler.judge import Judge
from scaler.keda import Reference
from scaler.model import Decision, Instant, Metric, OnUnknown, Trigger, Verdict

PATIENCE: Final = 1.0  # s that a call waits for a first reading; every call answers within 2 s, frozen or not
PAIRED: Final = 0.5  # s within which IsActive belongs to the GetMetrics before it


class Asked(StrEnum):
    """What KEDA asks of a decision."""

    METRICS = "GetMetrics"
    ACTIVITY = "IsActive"


Witness = Callable[["Live", Asked, Decision | None], None]


class Live:
    """One live trigger: what it is, who decides it, and who has asked for it when.

    ``metric`` is what GetMetricSpec answers; ``rises`` changes at each turn from inactive to active. ``stand_in``
    answers while the judge cannot, and ``hearers`` are called at each change of verdict, of what was read or of the
    metric, and when it is forgotten. The ``witness``, if there is one, is told each answer, ``None`` for an error.
    """

    __slots__ = (
        "_paired",
        "_paired_at",
        "asked_at",
        "hearers",
        "judge",
        "metric",
        "reference",
        "rises",
        "stand_in",
        "streams",
        "trigger",
        "witness",
    )

    def __init__(
        self, reference: Reference, trigger: Trigger, judge: Judge, stand_in: StandIn, *, now: Instant
    ) -> None:
        self.reference = reference
        self.stand_in = stand_in
        self.trigger = trigger
        self.judge = judge
        self.metric: Cell[Metric] = Cell(trigger.ask.metric)
        self.rises: Cell[Verdict] = Cell(judge.verdict)
        self.asked_at = now
        self.streams = 0
        self.hearers: set[Callable[[], None]] = set()
        self.witness: Witness | None = None
        self._paired: Decision | None = None
        self._paired_at = now

    async def measured(self) -> Decision:
        """Decide for GetMetrics, and remember it for the IsActive that KEDA sends right behind.

        Raises :class:`Undecidable`.
        """
        self._paired = await self._decided(Asked.METRICS)
        self._paired_at = self.judge.now()
        return self._paired

    async def judged(self) -> Decision:
        """Decide for IsActive, from the very decision that the GetMetrics just before it was answered from.

        Raises :class:`Undecidable`.
        """
        paired, self._paired = self._paired, None
        if paired is None or self.asked_at - self._paired_at > PAIRED:
            verdict = self.judge.verdict
            paired = verdict if isinstance(verdict, Decision) else None
        if paired is None:
            return await self._decided(Asked.ACTIVITY)
        if self.witness is not None:
            self.witness(self, Asked.ACTIVITY, paired)
        return paired

    async def _decided(self, asked: Asked) -> Decision:
        """Decide, and let the witness know."""
        decision: Decision | None = None
        try:
            decision = await self._sought()
        finally:
            if self.witness is not None:
                self.witness(self, asked, decision)
        return decision

    async def _sought(self) -> Decision:
        """Return what the judge says or, where it knows nothing to say, what changes nothing."""
        try:
            return await self.judge.decision(PATIENCE)
        except Undecidable as error:
            if self.trigger.rules.on_unknown is OnUnknown.ERROR:
                raise
            try:
                return await self.stand_in.decide(self.trigger.ask.metric)
            except Undecidable as reason:
                raise Undecidable(f"{error}; cannot freeze: {reason}") from reason

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Count a stream, which keeps the trigger from being forgotten."""
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    def tell(self) -> None:
        """Call whoever follows the trigger inside this process."""
        for hear in tuple(self.hearers):
            hear()

    def close(self) -> None:
        """End the trigger's streams."""
        self.metric.close()
        self.rises.close()
