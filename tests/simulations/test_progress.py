from io import StringIO

import pytest

from simulations import progress
from simulations.progress import watched


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("patience", "shown"),
    [pytest.param(60.0, False, id="quick work shows nothing"), pytest.param(-1.0, True, id="slow work shows a bar")],
)
def test_a_bar_is_for_the_patient(monkeypatch: pytest.MonkeyPatch, patience: float, *, shown: bool) -> None:
    monkeypatch.setattr(progress, "PATIENCE", patience)
    terminal = Terminal()
    assert list(watched(range(50), "counting", terminal)) == list(range(50))
    assert ("counting" in terminal.getvalue()) is shown


def test_no_terminal_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    elsewhere = StringIO()
    assert list(watched(range(50), "counting", elsewhere)) == list(range(50))
    assert elsewhere.getvalue() == ""


def test_nothing_to_do_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", -1.0)
    assert list(watched([], "counting", Terminal())) == []
