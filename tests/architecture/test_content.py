"""What must not be in any file: it would be true on one machine only."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, kept_files

# Spelt in pieces, or this file would be the first to offend.
HOSTS = [
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
        ("deb", "debian", "org"),
    )
]
MACHINE = [f"/{first}/{second}" for first, second in (("work", "main"), ("work", "shared"), ("opt", "wheels"))]
FORBIDDEN = re.compile("|".join(map(re.escape, [*HOSTS, *MACHINE])) + r"|\B/" + r"(?:root|home/\w+)/")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    found = {str(path.relative_to(ROOT)): set(FORBIDDEN.findall(_text(path))) for path in kept_files()}
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize("text", ["see https://pypi" + ".org/sim" + "ple", "/work" + "/main/x", "cd /root" + "/.cache"])
def test_what_is_forbidden_is_recognised(text: str) -> None:
    assert FORBIDDEN.search(text)
