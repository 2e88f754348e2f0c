"""What is read back: series, backlog, replicas; over rotations, restarts, two replicas, kills and damage."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from scaler.errors import ConfigError
from simulations.recording import Recording, read
from tests.simulations.recording.written import (
    BEGIN,
    decision,
    end,
    header,
    pool,
    replicas,
    scaled_object,
    trigger,
    wrote,
)

S = 1_000_000


def series(recording: Recording, number: int = 0) -> list[tuple[float, float, int]]:
    found = recording.scaled[0].triggers[number].series
    columns = (found.times.tolist(), found.values.tolist(), found.active.tolist())
    return [(at / S, value / 1000, active) for at, value, active in zip(*columns, strict=True)]


def test_a_recording_is_what_was_decided_and_how_many_replicas_there_were(tmp_path: Path) -> None:
    lines = [header(), trigger(), scaled_object(cooldownPeriod=60), decision(0, None), decision(1, 0.0)]
    lines += [replicas(2, 0), decision(3, 7.5, pushed=True), replicas(4, 1, 0), replicas(20, 2), end(30)]
    recording = read(wrote(tmp_path, lines))
    (scaled,) = recording.scaled
    (watched,) = scaled.triggers
    assert (recording.begin, recording.end) == (BEGIN / 1000, 30 * S)
    assert series(recording) == [(0, 0, 0), (1, 0, 0), (3, 7.5, 1)]
    assert (watched.kind, watched.target, watched.pushed, watched.unknown) == ("redis", 5.0, True, S)
    assert scaled.spec is not None
    assert scaled.spec["cooldownPeriod"] == 60
    assert scaled.asked is not None
    assert scaled.there is not None
    assert [
        *zip(scaled.asked.times.tolist(), scaled.asked.values.tolist(), scaled.there.values.tolist(), strict=True)
    ] == [
        (2 * S, 0, 0),
        (4 * S, 1, 0),
        (20 * S, 2, 2),
    ]
    assert recording.troubles.bad == 0


def test_what_is_unknown_holds_what_was_before(tmp_path: Path) -> None:
    held = decision(2, 4.0, activity=None, standing="held", why="held")
    lines = [header(), trigger(), decision(0, 4.0), held, decision(5, None, active=False), decision(9, 6.0)]
    recording = read(wrote(tmp_path, lines))
    watched = recording.scaled[0].triggers[0]
    assert series(recording) == [(0, 4, 1), (2, 4, 1), (5, 4, 0), (9, 6, 1)]
    assert watched.backlog.values.tolist() == [4, 6]
    assert watched.unknown == 4 * S


def test_a_later_file_repeats_and_changes_nothing(tmp_path: Path) -> None:
    first = [header(), trigger(), decision(0, 1.0), decision(5, 2.0)]
    second = [header(file=1), trigger(), decision(5, 2.0), decision(8, 3.0)]
    assert series(read(wrote(tmp_path, first, second))) == [(0, 1, 1), (5, 2, 1), (8, 3, 1)]


def test_where_the_first_files_are_gone_it_begins_with_what_is_left(tmp_path: Path) -> None:
    left = [header(file=7, at=BEGIN + 60_000), trigger(), decision(5, 2.0), decision(65, 3.0)]
    recording = read(wrote(tmp_path, left))
    assert recording.begin == BEGIN / 1000 + 60
    assert series(recording) == [(0, 2, 1), (5, 3, 1)]


def test_a_restart_goes_on_with_other_numbers(tmp_path: Path) -> None:
    before = [header(), trigger(0), trigger(1, name="other"), decision(0, 1.0, 0), decision(0, 9.0, 1)]
    after = [header(at=BEGIN + 9000), trigger(1), decision(10, 2.0, 1), trigger(0, name="other"), decision(11, 8.0, 0)]
    recording = read(wrote(tmp_path, before, after))
    assert [scaled.name for scaled in recording.scaled] == ["orders", "other"]
    assert series(recording) == [(0, 1, 1), (10, 2, 1)]


def test_of_two_processes_that_record_at_the_same_time_one_counts(tmp_path: Path) -> None:
    one = [header(), trigger(), decision(0, 1.0), decision(4, 2.0)]
    other = [header(host="pod-b"), trigger(), decision(1, 1.0), decision(3, 9.0), decision(6, 3.0)]
    assert series(read(wrote(tmp_path, one, other))) == [(0, 1, 1), (4, 2, 1), (6, 3, 1)]


def test_a_pool_knows_the_replicas_of_its_function_and_its_hits(tmp_path: Path) -> None:
    lines = [header(), trigger(), scaled_object(), pool(1, 0, 0), pool(3, 2, 1, hits=2, misses=1)]
    (scaled,) = read(wrote(tmp_path, lines)).scaled
    assert scaled.asked is not None
    assert (scaled.pool, scaled.hits, scaled.missed, scaled.asked.values.tolist()) == ("warm", 2, 1, [0, 2])


def test_triggers_come_in_the_order_of_the_spec(tmp_path: Path) -> None:
    spec = [{"type": "cpu"}, {"type": "external", "n": 1}, {"type": "external-push", "n": 0}]
    lines = [header(), trigger(0, metric="a"), trigger(1, metric="b"), scaled_object(triggers=spec)]
    (scaled,) = read(wrote(tmp_path, lines)).scaled
    assert [each.metric for each in scaled.triggers] == ["b", "a"]


def test_bad_lines_are_counted_and_named_and_the_others_count(tmp_path: Path) -> None:
    good = [header(lost=3), trigger(), decision(0, 1.0)]
    bad: list[dict[str, Any] | str] = [
        "{",
        "[]",
        '{"at": 1}',
        {**decision(1, 2.0), "n": 7},
        {**decision(1, 2.0), "value": "x"},
    ]
    recording = read(wrote(tmp_path, [*good, *bad, decision(2, 3.0), {"is": "novelty", "at": BEGIN}]))
    assert series(recording) == [(0, 1, 1), (2, 3, 1)]
    assert (recording.troubles.bad, recording.troubles.lost) == (5, 3)
    assert "-0000.jsonl.gz:4: " in recording.troubles.shown[0]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_end_is_told_and_is_no_error(tmp_path: Path, cut: int) -> None:
    wrote(tmp_path, [header(), trigger(), *(decision(at, float(at)) for at in range(1, 200))])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-cut])
    recording = read(tmp_path)
    assert recording.troubles.torn == [path.name]
    assert recording.troubles.bad == 0


def test_damage_in_the_midst_is_told(tmp_path: Path) -> None:
    wrote(tmp_path, [header(), trigger(), *(decision(at, at * 7919.3) for at in range(1, 2000))])
    (path,) = tmp_path.iterdir()
    packed = bytearray(path.read_bytes())
    packed[len(packed) // 2 : len(packed) // 2 + 64] = bytes(64)
    path.write_bytes(packed)
    troubles = read(tmp_path).troubles
    assert troubles.bad > 0
    assert troubles.shown


def test_one_file_may_be_named_and_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    wrote(tmp_path, [header(), trigger(), decision(0, 1.0)])
    (path,) = tmp_path.iterdir()
    assert series(read(path)) == [(0, 1, 1)]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="has no recording"):
        read(tmp_path / "empty")
    path.write_bytes(gzip.compress(json.dumps(header(version=2)).encode() + b"\n"))
    with pytest.raises(ConfigError, match="version 2, and this warmscaler reads 1"):
        read(tmp_path)
