"""What readings leave behind for the watch, and that it does not stay for ever."""

from scaler.probes.kafka.lag import Lag, Partition
from scaler.probes.kafka.marks import Marks
from scaler.probes.kafka.recent import KEPT, Recent
from scaler.testing import FakeClock

ASK = Lag(group="g", topic="t")
P0, P1 = Partition("t", 0), Partition("t", 1)


def test_new_ends_are_no_change_and_new_leaders_are() -> None:
    marks = Marks(FakeClock())
    marks.note(ASK, {P0: 1}, {P0: 5})
    version, spots = marks.changed.version, marks.spots(ASK)
    marks.note(ASK, {P0: 1}, {P0: 9})
    assert (marks.changed.version, marks.end(P0)) == (version, 9)
    assert marks.spots(ASK) is spots
    marks.note(ASK, {P0: 2}, {P0: 9})
    assert marks.changed.version == version + 1
    assert marks.spots(ASK) == {P0: 2}


def test_what_was_never_read_has_no_marks() -> None:
    marks = Marks(FakeClock())
    assert marks.spots(ASK) is None
    assert marks.end(P0) is None


def test_what_nobody_touches_is_forgotten() -> None:
    clock = FakeClock()
    recent: Recent[str, int] = Recent(clock)
    recent.put("old", 1)
    recent.put("used", 2)
    clock.forward(KEPT / 2)
    assert recent.get("used") == 2
    clock.forward(KEPT / 2)
    recent.put("new", 3)
    assert [recent.get(key) for key in ("old", "used", "new")] == [None, 2, 3]
    assert len(recent) == 2


def test_what_is_dropped_is_gone() -> None:
    recent: Recent[str, int] = Recent(FakeClock())
    recent.put("one", 1)
    recent.drop("one")
    recent.drop("never there")
    assert recent.get("one") is None
