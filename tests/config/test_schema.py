"""The published schema says what the loader does."""

from typing import Any

from scaler.config.document import LATER, Config
from scaler.config.reading import examine
from scaler.config.schema import schema, settings
from scaler.probes.registry import installed
from tests.config.kinds import KINDS

SCHEMA = schema(KINDS)


def objects(part: Any) -> list[dict[str, Any]]:
    """Find every description of a mapping."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    own = [part] if isinstance(part, dict) and part.get("type") == "object" else []
    return own + [each for value in inner for each in objects(value)]


def test_no_mapping_takes_unknown_keys() -> None:
    assert [each.get("additionalProperties") for each in objects(SCHEMA)] == [False] * len(objects(SCHEMA))


def test_what_a_later_release_reads_is_not_offered() -> None:
    assert set(SCHEMA["properties"]) == {"version", "defaults", "limits", "egress"}
    assert not set(SCHEMA["properties"]) & set(LATER)


def test_the_keys_of_the_installed_kinds_are_offered_without_what_is_secret() -> None:
    jar = SCHEMA["$defs"]["DefaultsSection"]["properties"]["kinds"]["properties"]["jar"]["properties"]
    assert list(jar) == ["address", "addresses", "threshold", "weight", "glass", "patience", "colour"]
    assert jar["threshold"] == {
        "description": "Marbles for one replica. (whole number, more than 0)",
        "default": "10",
        "type": ["string", "number", "boolean"],
    }
    assert jar["colour"]["enum"] == ["red", "green"]


def test_every_key_is_described() -> None:
    assert [each.keys[0] for each in settings() if not each.description] == []
    for definition in SCHEMA["$defs"].values():
        assert [name for name, each in definition["properties"].items() if not each.get("description")] == []


def test_the_defaults_that_it_states_are_those_of_the_code() -> None:
    stated = {each.keys[0]: each.default for each in settings() if each.default is not None}
    assert stated == {
        "defaults.interval": "2s",
        "limits.triggers": "20000",
        "limits.forgetAfter": "10m",
        "egress.allowInline": "true",
        "egress.loopback": "false",
    }
    sections: dict[str, list[str]] = {}
    for path, default in stated.items():
        sections.setdefault(path.split(".")[0], []).append(f"{path.split('.')[1]}: {default}")
    text = "version: 1\n" + "".join(f"{name}: {{{', '.join(lines)}}}\n" for name, lines in sections.items())
    assert examine(text.encode(), KINDS) == (Config(), [])


def test_every_installed_kind_can_be_described() -> None:
    kinds = schema(installed().kinds)["$defs"]["DefaultsSection"]["properties"]["kinds"]["properties"]
    assert set(kinds) == set(installed().kinds)
