"""The chart's own files agree with each other and with the base; what it renders is tests/cluster/deploy's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "charts" / "warmscaler"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = (CHART / "values.yaml").read_text()

# What Kubernetes or Helm define, and check: the chart hands it on.
HANDED_ON = {"global", "config", "valueFrom", "nodeAffinity", "podAffinity", "podAntiAffinity"}


def objects_of(schema: dict[str, Any], name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of an object, with the name that it is under."""
    if schema.get("type") == "object":
        yield name, schema
    for key, inner in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
        yield from objects_of(inner, key)
    if "items" in schema:
        yield from objects_of(schema["items"], name)


def leaves(values: dict[str, Any], described: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield every key of the values and whether the schema knows it."""
    for key, value in values.items():
        inner = described.get("properties", {}).get(key)
        yield key, inner is not None
        if isinstance(value, dict) and inner and "properties" in inner:
            yield from leaves(value, inner)


def test_the_schema_is_strict_at_every_level() -> None:
    lax = {name for name, schema in objects_of(SCHEMA) if "additionalProperties" not in schema}
    assert lax <= HANDED_ON
    assert dict(objects_of(SCHEMA))[""]["additionalProperties"] is False


def test_values_and_schema_name_the_same_keys() -> None:
    values = yaml.safe_load(VALUES)
    assert [key for key, known in leaves(values, SCHEMA) if not known] == []
    assert {*values, "global"} == set(SCHEMA["properties"])


def test_the_configuration_is_that_of_the_base() -> None:
    base = yaml.safe_load((DEPLOY / "base" / "config.yaml").read_text())
    assert (CHART / "config.yaml").read_text() == base["data"]["config.yaml"]


@pytest.mark.parametrize("key", ["version", "appVersion"])
def test_the_chart_has_the_version_of_the_package(key: str) -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f'version = "{chart[key]}"' in (DEPLOY.parent / "pyproject.toml").read_text()
    assert f":{chart['appVersion']}" in (DEPLOY / "base" / "deployment.yaml").read_text()
