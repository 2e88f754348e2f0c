"""The words of the domain: trigger, source, query, reading, decision. Values only; nothing here can act."""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import NewType

from scaler.errors import Cause

Instant = NewType("Instant", float)
"""Seconds on a monotonic clock, comparable within one process only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a source said, at an instant.

    ``value`` is the metric KEDA is told. ``activity`` is what the activation threshold is compared with; it differs
    from ``value`` where the native scaler's does (Kafka's uncapped lag, cron's open window).

    Raises ``ValueError`` for a number that is not finite: such an answer is not a reading.
    """

    at: Instant
    value: float
    activity: float

    def __post_init__(self) -> None:
        if not (isfinite(self.value) and isfinite(self.activity)):
            msg = f"a reading must be finite, not {self.value}/{self.activity}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A reading that failed: unknown, which is never zero. ``since`` is when this outage began."""

    at: Instant
    since: Instant
    cause: Cause
    detail: str = ""


Reading = Snapshot | Outage


class Why(StrEnum):
    """The reason of a decision, in the operator's words."""

    BACKLOG = "backlog above the activation threshold"
    QUIET = "nothing above the activation threshold"
    HELD = "source out of reach, last value held"
    CONFIRMING = "quiet after an outage, waiting for confirmation"
    NEVER_READ = "no reading yet"
    EXPIRED = "source out of reach for longer than holdFor"
    FROZEN = "nothing known of the source, answering what is there"


class Standing(StrEnum):
    """How much a decision is worth."""

    FRESH = "fresh"
    HELD = "held"
    FROZEN = "frozen"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What KEDA is told: ``value`` is finite and never negative.

    ``read_at`` is the instant of the snapshot it rests on; ``changes_at`` is when it could change with no new reading.
    """

    active: bool
    value: float
    standing: Standing
    why: Why
    read_at: Instant
    changes_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """Nothing true can be said: there never was a reading, or it may no longer be trusted."""

    why: Why
    detail: str = ""


Verdict = Decision | Undecided


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What the HPA gets: a normalized name and a target above zero, in units of the source."""

    name: str
    target: float


class OnUnknown(StrEnum):
    """What to answer while there is no reading to hold: what is there already, or an error."""

    FREEZE = "freeze"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How readings become decisions for one trigger.

    ``activation``: active means strictly more than this (KEDA's rule). ``hold_for``: seconds an outage may be held,
    ``None`` for as long as it lasts. ``zero_confirm``: quiet readings, at least ``confirm_spacing`` seconds apart,
    that are needed after an outage before the trigger may go inactive.
    """

    activation: float = 0.0
    hold_for: float | None = None
    zero_confirm: int = 2
    confirm_spacing: float = 1.0
    on_unknown: OnUnknown = OnUnknown.FREEZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a trigger asks of the world: equal sources share a connection, equal queries are asked once.

    ``source`` and ``query`` are frozen records of the probe that made them. ``inline`` tells that the source's address
    is the metadata's and not the configuration's: the two share nothing, however equal they are.
    """

    source: Hashable
    query: Hashable
    metric: Metric
    activation: float = 0.0
    inline: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """In a source's place while it is not known how to reach it, and why.

    ``meant`` is the source as far as it is known: what differs in that is not the same, resolved or not.
    """

    connection: str
    meant: Hashable
    cause: Cause
    detail: str

    def __str__(self) -> str:
        """Name it, for an operator."""
        return f"connection {self.connection}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One entry of a ScaledObject's ``triggers``, understood: no text is left to interpret.

    ``interval`` is the longest time between two readings, in seconds. ``pool`` names the warm pool to claim from.
    """

    namespace: str
    name: str
    kind: str
    ask: Ask
    rules: Rules
    interval: float
    pool: str | None = None
