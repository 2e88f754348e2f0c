"""Tables for people, JSON and YAML for programs."""

import io
import json
import os
import pty
import sys

import pytest
import yaml

from scaler.verbs.output import Output, show_data, show_table, show_text

NASTY = "\x1b[2J\nline é \ud800 \u202e end"


@pytest.mark.parametrize(("output", "parse"), [(Output.JSON, json.loads), (Output.YAML, yaml.safe_load)])
def test_data_is_read_back_as_it_was(capsys: pytest.CaptureFixture[str], output: Output, parse: object) -> None:
    data = {"a": [1, 2.5, None, True], "b": NASTY.replace("\ud800", "")}
    show_data(data, output)
    out = capsys.readouterr().out
    assert out.isascii()
    assert parse(out) == data  # type: ignore[operator]


def test_a_table_is_aligned_and_has_no_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("key", "description"), [("a", "first"), ("longer", "second " * 50)], title="Title")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["Title", "key     description", "a       first"]
    assert len(lines) == 4


def test_texts_of_others_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(("x",), [(NASTY.replace("\n", " "),), ("[red]not markup[/red]",)])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[red]not markup[/red]" in out


@pytest.mark.parametrize(("no_color", "steers"), [("", True), ("1", False)])
def test_a_terminal_gets_a_bold_head_unless_colour_is_unwanted(
    monkeypatch: pytest.MonkeyPatch, no_color: str, steers: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color) if no_color else monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        show_table(("head",), [("cell",)])
        terminal.flush()
        assert (b"\x1b[" in screen.read(1000)) is steers


def test_nothing_to_say_prints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    show_text("")
    assert out.getvalue() == ""
