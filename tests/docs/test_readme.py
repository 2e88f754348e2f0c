"""What the README shows exists: its manifests are understood, its targets and verbs are there, its files too."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaler.cli import app
from scaler.config.document import Config, Document
from scaler.probes.registry import installed
from scaler.triggers.metadata import understand

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS: list[Any] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)]
MANIFESTS = [each for each in BLOCKS if "kind" in each]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=[each["metadata"]["name"] for each in MANIFESTS])
def test_every_trigger_shown_is_understood(manifest: dict[str, Any]) -> None:
    for trigger in manifest["spec"]["triggers"]:
        assert trigger["type"] == "external-push"
        understand("shop", "orders", trigger["metadata"], installed().kinds, Config().defaults)


def test_every_section_of_the_configuration_shown_is_valid() -> None:
    sections = [each for each in BLOCKS if "kind" not in each]
    assert sections
    for section in sections:
        Document.model_validate({"version": 1, **section})


def test_no_figure_is_still_to_come() -> None:
    assert re.findall(r"^[A-Z_]+$|TODO|TBD", README, flags=re.MULTILINE) == []


def test_every_target_shown_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    shown = set(re.findall(r"make ([a-z-]+)", README))
    assert {"demo", "test"} <= shown <= targets


def test_every_verb_shown_is_one() -> None:
    verbs = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    shown = set(re.findall(r"warmscaler (serve|pool|probe|explain|lint|schema|demo)\b", README))
    assert shown
    assert shown <= verbs


def test_every_link_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_kind_has_its_row() -> None:
    assert set(installed().kinds) == set(
        re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| [^|]+ \|$", README, flags=re.MULTILINE)
    ) - {
        "fresh",
        "held",
        "frozen",
        "unknown",
    }
