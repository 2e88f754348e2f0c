"""The published schema says what the loader does."""

from typing import Any

from scaler.config.document import Config
from scaler.config.reading import examine, load
from scaler.config.schema import schema, settings
from scaler.probes.registry import installed
from tests.config.kinds import KINDS

SCHEMA = schema(KINDS)


def objects(part: Any) -> list[dict[str, Any]]:
    """Find every description of a mapping."""
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    own = [part] if isinstance(part, dict) and part.get("type") == "object" else []
    return own + [each for value in inner for each in objects(value)]


def test_no_mapping_takes_unknown_keys_but_those_whose_keys_are_names() -> None:
    kept = [each for each in objects(SCHEMA) if each.get("additionalProperties") is not False]
    assert sorted(each["title"] for each in kept) == [
        "Connections",
        "Keys",
        "Matchlabels",
        "Parameters",
        "Pools",
    ]


def test_the_keys_of_the_installed_kinds_are_offered_without_what_is_secret() -> None:
    offered = SCHEMA["$defs"]["DefaultsSection"]["properties"]["kinds"]["properties"]["jar"]
    assert offered == SCHEMA["$defs"]["ConnectionSection"]["allOf"][0]["then"]["properties"]["parameters"]
    jar = SCHEMA["$defs"][offered["$ref"].removeprefix("#/$defs/")]["properties"]
    assert list(jar) == ["address", "addresses", "patience", "threshold", "weight", "glass", "colour"]
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
    } | {path: default for path, default in stated.items() if path.startswith("pools.NAME.")}
    plain = {path: default for path, default in stated.items() if "NAME" not in path}
    text = "version: 1\n" + "".join(f"{path.replace('.', ': {')}: {default}}}\n" for path, default in plain.items())
    text = text.replace("}\nlimits: {forgetAfter", ", forgetAfter").replace("}\negress: {loopback", ", loopback")
    assert examine(text.encode(), KINDS) == (Config(), [])


def test_the_defaults_that_it_states_for_a_pool_are_those_of_the_code() -> None:
    least = "version: 1\npools: {a: {functions: {namespace: b, deployment: c}, size: {%s}%s}}"
    size = "schedule: [{cron: 0 8 * * *, duration: 1h, size: 1%s}]%s"
    bare = least % (size % ("", ""), ", check: {http: {port: 1}}")
    full = least % (
        size % (", timeZone: UTC", ", otherwise: 0"),
        ", handoff: auto, check: {http: {port: 1, path: /}, interval: 2s}, refill: {rate: 1, burst: 5}, surge: 1",
    )
    auto = [least % (f"auto: {{{said}}}", "") for said in ("", "missRatio: 0.05, floor: 0, ceiling: 10")]
    for texts in ((bare, full), auto):
        one, two = (load(text.replace("refill: {rate: 1,", "refill: {rate: 1.0,").encode(), KINDS) for text in texts)
        assert one == two
    stated = {each.keys[0].removeprefix("pools.NAME."): each.default for each in settings() if each.default}
    assert {key: value for key, value in stated.items() if "." in key or key in {"handoff", "maxAge", "surge"}} == {
        **{key: value for key, value in stated.items() if key.split(".")[0] in {"defaults", "limits", "egress"}},
        "size.schedule[].timeZone": "UTC",
        "size.otherwise": "0",
        "size.auto.missRatio": "0.05",
        "size.auto.floor": "0",
        "size.auto.ceiling": "10",
        "handoff": "auto",
        "check.http.path": "/",
        "check.interval": "2s",
        "refill.rate": "1",
        "refill.burst": "5",
        "maxAge": "24h",
        "surge": "1",
    }


def test_every_installed_kind_can_be_described() -> None:
    kinds = schema(installed().kinds)["$defs"]["DefaultsSection"]["properties"]["kinds"]["properties"]
    assert set(kinds) == set(installed().kinds)
