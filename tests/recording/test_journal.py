"""Lines on a disk: all of them, readable whenever the process is killed, within a limit; and a disk that fails."""

import errno
import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from scaler.errors import ConfigError
from scaler.observe.metrics import RECORD_LOST, RECORDED
from scaler.recording import files, journal
from scaler.recording.files import Place, place_of, recordings
from scaler.recording.format import VERSION, What
from scaler.recording.journal import Journal, Line, writing
from tests.recording.kept import lines_of


def place(tmp_path: Path, limit: int = 2**30) -> Place:
    return Place(folder=tmp_path / "recordings", limit=limit)


def decision(n: int, value: float, **more: Any) -> Line:
    return Line(What.DECISION, 1000.0 + value, {"n": n, "value": value, **more}, n, What.DECISION)


def count(counter: Any) -> float:
    return float(counter.collect()[0].samples[0].value)


def test_what_is_put_is_read_and_the_file_is_plain_gzip(tmp_path: Path) -> None:
    before = count(RECORDED)
    with writing(place(tmp_path)) as written:
        for value in range(3):
            written.put(decision(0, value))
    (path,) = recordings(tmp_path / "recordings")
    with gzip.open(path, "rt") as text:
        header, *lines = [json.loads(line) for line in text]
    assert (header["is"], header["version"], header["file"], header["lost"]) == ("recording", VERSION, 0, 0)
    assert lines == [{"is": "decision", "at": 1_000_000 + 1000 * value, "n": 0, "value": value} for value in range(3)]
    assert count(RECORDED) - before == 3


KILLED = """
import os, signal, sys, time
from pathlib import Path
from scaler.recording import journal
from scaler.recording.files import Place, recordings
from tests.recording.test_journal import decision

journal.FLUSH_EVERY = 0.05
with journal.writing(Place(folder=Path(sys.argv[1]), limit=2**30)) as written:
    for value in range(500):
        written.put(decision(0, value))
    time.sleep(0.5)
    written.put(decision(0, 999))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_all_that_was_flushed(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, timeout=60)
    assert done.returncode < 0
    (path,) = recordings(tmp_path)
    assert [line["value"] for line in lines_of(path)[1:]] == list(range(500))


def test_a_later_file_says_again_what_holds_and_nothing_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "FLUSH_EVERY", 0.01)
    monkeypatch.setattr(files, "ROTATE_AFTER", 0.2)
    with writing(place(tmp_path)) as written:
        for n in range(3):
            written.put(decision(n, 1.0))
            written.put(decision(n, 2.0 + n))
        written.put(Line(What.GONE, 1000.0, {"n": 1}, 1))
        time.sleep(0.5)
        written.put(decision(2, 9.0))
    last = recordings(tmp_path / "recordings")[-1]
    header, *lines = lines_of(last)
    assert header["file"] > 0
    assert [(line["n"], line["value"]) for line in lines] == [(0, 2.0), (2, 4.0), (2, 9.0)]


def test_the_oldest_files_go_before_the_limit_is_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "FLUSH_EVERY", 0.005)
    limit = 64 * 1024
    most = 0
    with writing(place(tmp_path, limit)) as written:
        for number in range(150):
            written.put(decision(0, number, noise=os.urandom(1500).hex()))
            time.sleep(0.006)
            most = max(most, sum(path.stat().st_size for path in _present(tmp_path)))
    kept = recordings(tmp_path / "recordings")
    assert len(kept) > 2
    assert lines_of(kept[0])[0]["file"] > 0
    assert lines_of(kept[-1])[-1]["value"] == 149
    assert limit / 2 < most <= limit


def _present(tmp_path: Path) -> list[Path]:
    return [path for path in recordings(tmp_path / "recordings") if path.exists()]


def test_other_files_of_the_folder_are_nobodys_business(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "notes.txt").write_bytes(bytes(100_000))
    with writing(place(tmp_path, 1024)) as written:
        written.put(decision(0, 1.0))
    assert (folder / "notes.txt").exists()


def no_room(*_: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_said_once_and_counted_and_recording_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "FLUSH_EVERY", 0.01)
    monkeypatch.setattr(journal, "RETRY", 0.05)
    lost = RECORD_LOST.labels("disk")
    before = count(lost)
    with capture_logs() as logs, writing(place(tmp_path)) as written:
        with monkeypatch.context() as full:
            full.setattr(os, "write", no_room)
            for value in range(5):
                written.put(decision(0, value))
                time.sleep(0.06)
        time.sleep(0.2)
        written.put(decision(0, 9.0))
    assert [(log["event"], log["why"]) for log in logs] == [
        ("cannot record, and serves on", "[Errno 28] No space left on device")
    ]
    assert count(lost) - before == 5
    header, *lines = lines_of(recordings(tmp_path / "recordings")[-1])
    assert header["lost"] == 5
    assert [line["value"] for line in lines] == [4, 9.0]  # what holds is known, though its line was lost


def test_a_folder_that_cannot_be_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    (tmp_path / "recordings").write_text("a file")
    with capture_logs() as logs, writing(place(tmp_path)) as written:
        written.put(decision(0, 1.0))
    assert [log["event"] for log in logs] == ["cannot record, and serves on"]


def test_lines_that_a_slow_disk_does_not_take_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "WAITING", 10)
    lost = RECORD_LOST.labels("queue")
    before = count(lost)
    waiting = Journal(place(tmp_path))
    for value in range(15):
        waiting.put(decision(0, value))
    assert count(lost) - before == 5
    waiting.begin()
    waiting.end()
    header, *lines = lines_of(recordings(tmp_path / "recordings")[0])
    assert (header["lost"], len(lines)) == (5, 10)


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("lots", "--record-limit 'lots' is not an amount of memory such as 8Gi or 512Mi"),
        ("1Mi", "--record-limit 1Mi is too small: say at least 4Mi"),
    ],
)
def test_a_limit_that_cannot_be_is_wrong_use(tmp_path: Path, limit: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        place_of(tmp_path, limit)


def test_without_a_folder_there_is_no_recording(tmp_path: Path) -> None:
    assert place_of(None, "256Mi") is None
    assert place_of(tmp_path, "256Mi") == Place(folder=tmp_path, limit=2**28)
