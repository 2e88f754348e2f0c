"""The JSON Schema of the configuration document, for editors and for whoever checks it elsewhere."""

from collections.abc import Iterator
from typing import Any, Final

from scaler.config.document import Document
from scaler.triggers.kind import Kinds
from scaler.triggers.parameters import Parameter, described, parameters
from scaler.triggers.params import Params, secret_keys_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Final = ["string", "number", "boolean"]


def schema(kinds: Kinds) -> dict[str, Any]:
    """Describe the document; what kinds and connections may say depends on the installed ``kinds``."""
    described = Document.model_json_schema(by_alias=True)
    described["$defs"] |= {f"{name} parameters": _kind(kind.params) for name, kind in sorted(kinds.items())}
    said = {name: {"$ref": f"#/$defs/{name} parameters"} for name in sorted(kinds)}
    described["$defs"]["DefaultsSection"]["properties"]["kinds"] |= {
        "additionalProperties": False,
        "properties": said,
    }
    connection = described["$defs"]["ConnectionSection"]
    connection["properties"]["kind"]["enum"] = sorted(kinds)
    connection["allOf"] = [
        {"if": {"properties": {"kind": {"const": name}}}, "then": {"properties": {"parameters": parameters}}}
        for name, parameters in said.items()
    ]
    return {"$schema": DIALECT, **described, "title": "Warmscaler configuration"}


def settings() -> tuple[Parameter, ...]:
    """Describe every key of the document by its dotted path; NAME is one that users choose, ``[]`` any item."""
    whole = Document.model_json_schema(by_alias=True)
    return tuple(_settings_in(whole, whole, ""))


def _settings_in(section: dict[str, Any], whole: dict[str, Any], path: str) -> Iterator[Parameter]:
    """Yield the keys of a section, each followed by those below it; a plain section is no key of its own."""
    paths = {name: (f"{path}{name}",) for name in section["properties"]}
    for parameter, (name, each) in zip(described(section, whole, paths), section["properties"].items(), strict=True):
        definition, below = _below(each)
        if "$ref" not in each:
            yield parameter
        if definition:
            yield from _settings_in(whole["$defs"][definition], whole, f"{path}{name}{below}.")


def _below(schema: dict[str, Any]) -> tuple[str, str]:
    """Return the section that a property holds, itself or many of it, and how one of them is called."""
    for each in (schema, *schema.get("anyOf", ())):
        for found, below in ((each, ""), (each.get("additionalProperties"), ".NAME"), (each.get("items"), "[]")):
            if isinstance(found, dict) and "$ref" in found:
                return found["$ref"].split("/")[-1], below
    return "", ""


def _kind(model: type[Params]) -> dict[str, Any]:
    """Describe the defaults of one kind: everything that is not secret, and nothing of it required."""
    secret = secret_keys_of(model)
    return {
        "type": "object",
        "description": " ".join((model.__doc__ or "").split()),
        "additionalProperties": False,
        "properties": {key: _value(each) for each in parameters(model) for key in each.keys if key not in secret},
    }


def _value(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {"description": f"{parameter.description} ({parameter.form})"}
    if parameter.default is not None:
        described["default"] = parameter.default
    return described | ({"enum": list(parameter.choices)} if parameter.choices else {"type": _SCALARS})
