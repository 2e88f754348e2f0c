"""One reading in, one verdict out. It knows no clock: every instant arrives inside a reading."""

from dataclasses import dataclass, replace
from typing import assert_never

from scaler.model import Decision, Instant, Outage, Reading, Rules, Snapshot, Standing, Undecided, Verdict, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What one trigger remembers between two readings.

    ``last`` is the last snapshot that was believed, ``active`` what was decided from it. ``suspect`` is true from an
    outage until a snapshot is believed again; ``quiet_seen`` counts the quiet readings of that time and ``quiet_at`` is
    when the last of them was counted. ``expired`` is true from the end of ``holdFor`` until then: ``last`` is not told.
    """

    last: Snapshot | None = None
    active: bool = False
    suspect: bool = False
    quiet_seen: int = 0
    quiet_at: Instant | None = None
    expired: bool = False


def step(state: State, reading: Reading, rules: Rules) -> tuple[State, Verdict]:
    """Advance one trigger by one reading.

    An outage never turns an active trigger inactive, and after one a quiet source must be seen
    ``rules.zero_confirm`` times before it is believed.
    """
    match reading:
        case Snapshot():
            return _seen(state, reading, rules)
        case Outage():
            return _missed(state, reading, rules)
        case _:
            assert_never(reading)


def heir(state: State, rules: Rules) -> State:
    """Return where a trigger starts that asks what another one asks already: what that one believes, and its doubts."""
    active = state.last is not None and state.last.activity > rules.activation
    return replace(state, active=active, expired=state.expired and rules.hold_for is not None)


def _seen(state: State, snapshot: Snapshot, rules: Rules) -> tuple[State, Verdict]:
    if snapshot.activity > rules.activation:
        return _believe(snapshot, active=True, why=Why.BACKLOG)
    state = _count_quiet(state, snapshot.at, rules)
    if not _in_doubt(state) or state.quiet_seen >= rules.zero_confirm:
        return _believe(snapshot, active=False, why=Why.QUIET)
    return state, _kept(state, Why.CONFIRMING)


def _missed(state: State, outage: Outage, rules: Rules) -> tuple[State, Verdict]:
    state = replace(state, suspect=True, quiet_seen=0, quiet_at=None)
    if state.last is None or rules.hold_for is None:
        return state, _kept(state, Why.HELD, detail=_said(outage))
    expires_at = Instant(outage.since + rules.hold_for)
    if state.expired or outage.at >= expires_at:
        return replace(state, expired=True), Undecided(why=Why.EXPIRED, detail=_said(outage))
    return state, _kept(state, Why.HELD, expires_at)


def _believe(snapshot: Snapshot, *, active: bool, why: Why) -> tuple[State, Decision]:
    decision = Decision(
        active=active, value=max(0.0, snapshot.value), standing=Standing.FRESH, why=why, read_at=snapshot.at
    )
    return State(last=snapshot, active=active), decision


def _in_doubt(state: State) -> bool:
    """Tell whether a quiet reading would change what KEDA was told on the strength of an outage's aftermath."""
    return state.suspect and (state.last is None or state.active)


def _count_quiet(state: State, at: Instant, rules: Rules) -> State:
    """Count a quiet reading, unless it follows the last one too closely to be a second opinion."""
    if state.quiet_at is not None and at - state.quiet_at < rules.confirm_spacing:
        return state
    return replace(state, quiet_seen=state.quiet_seen + 1, quiet_at=at)


def _kept(state: State, why: Why, changes_at: Instant | None = None, detail: str = "") -> Verdict:
    """Go on saying what was last believed; with nothing believed so far, or too long ago, say that."""
    if state.last is None or state.expired:
        return Undecided(why=Why.NEVER_READ if why is Why.HELD else why, detail=detail)
    return Decision(
        active=state.active,
        value=max(0.0, state.last.value),
        standing=Standing.HELD,
        why=why,
        read_at=state.last.at,
        changes_at=changes_at,
    )


def _said(outage: Outage) -> str:
    return f"{outage.cause}: {outage.detail}" if outage.detail else str(outage.cause)
