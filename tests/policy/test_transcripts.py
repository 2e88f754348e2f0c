"""Histories that a person can review: a file is replayed line by line and must come out as it is.

A file opens with comments and its rules. Each further line is an instant, what was read then (a number, two numbers
for value/activity, or an outage's cause), and behind the arrow what KEDA is told: active or not, the value, its
standing, when it would change by itself, and why.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from scaler.errors import Cause
from scaler.model import Decision, Instant, Outage, Reading, Rules, Snapshot, Verdict
from scaler.policy.step import State, step

FOLDER = Path(__file__).with_name("transcripts")
FILES = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_transcript_replays_to_itself(path: Path) -> None:
    text = path.read_text()
    assert "\n".join(replayed(text.splitlines())) + "\n" == text


def test_there_are_transcripts() -> None:
    assert len(FILES) >= 5


def replayed(lines: list[str]) -> Iterator[str]:
    state, rules, since = State(), Rules(), None
    for line in lines:
        match line.split("->")[0].split():
            case [] | ["#", *_]:
                yield line
            case ["rules", *settings]:
                rules = ruled(dict(each.split("=") for each in settings))
                yield line
            case [clock, what]:
                at = instant(clock)
                since = None if what[0].isdigit() else since if since is not None else at
                state, verdict = step(state, reading(at, what, since), rules)
                yield f"{clock:<9} {what:<11} -> {told(verdict)}"
            case _:
                raise AssertionError(line)


def ruled(settings: Mapping[str, str]) -> Rules:
    hold_for = float(settings["hold_for"]) if "hold_for" in settings else None
    return Rules(activation=float(settings["activation"]), hold_for=hold_for)


def reading(at: Instant, what: str, since: Instant | None) -> Reading:
    if since is not None:
        return Outage(at=at, since=since, cause=Cause(what))
    value, _, activity = what.partition("/")
    return Snapshot(at=at, value=float(value), activity=float(activity or value))


def told(verdict: Verdict) -> str:
    if not isinstance(verdict, Decision):
        return f"{'unknown':<9}{'-':<4}{'-':<6} {'-':<6} {verdict.why}"
    active = "active" if verdict.active else "inactive"
    until = "-" if verdict.changes_at is None else f"{verdict.changes_at // 60:02.0f}:{verdict.changes_at % 60:02.0f}"
    return f"{active:<9}{verdict.value:<4g}{verdict.standing:<6} {until:<6} {verdict.why}"


def instant(clock: str) -> Instant:
    minutes, seconds = clock.split(":")
    return Instant(int(minutes) * 60 + float(seconds))
