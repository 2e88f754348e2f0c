"""Every probe that the package promises is there, and explains itself."""

import inspect
import tomllib
from importlib.metadata import EntryPoint

import pytest

from tests.architecture.tree import ROOT

GROUP = "warmscaler.probes.v1"


def _promised() -> list[EntryPoint]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [EntryPoint(name, value, GROUP) for name, value in sorted(project["entry-points"][GROUP].items())]


@pytest.mark.parametrize("entry", _promised(), ids=lambda entry: entry.name)
def test_an_entry_point_names_a_documented_class(entry: EntryPoint) -> None:
    probe = entry.load()
    assert inspect.isclass(probe)
    assert probe.__doc__
