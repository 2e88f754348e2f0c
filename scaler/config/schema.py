"""The JSON Schema of the configuration document, for editors and for whoever checks it elsewhere."""

from typing import Any, Final

from scaler.config.document import Document
from scaler.config.reading import Kinds
from scaler.triggers.parameters import Parameter, described, parameters
from scaler.triggers.params import Params, secret_keys_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: Final = ["string", "number", "boolean"]


def schema(kinds: Kinds) -> dict[str, Any]:
    """Describe the document; what ``defaults.kinds`` may hold depends on the installed ``kinds``."""
    described = Document.model_json_schema(by_alias=True)
    described["$defs"]["DefaultsSection"]["properties"]["kinds"] |= {
        "additionalProperties": False,
        "properties": {name: _kind(kind.params) for name, kind in sorted(kinds.items())},
    }
    return {"$schema": DIALECT, **described, "title": "Warmscaler configuration"}


def settings() -> tuple[Parameter, ...]:
    """Describe every key of the document by its dotted path."""
    whole = Document.model_json_schema(by_alias=True)
    sections = {
        name: section["$ref"].split("/")[-1] for name, section in whole["properties"].items() if "$ref" in section
    }
    top = {name: (name,) for name in whole["properties"]}
    return tuple(each for each in described(whole, whole, top) if each.keys[0] not in sections) + tuple(
        parameter
        for name, definition in sections.items()
        for parameter in _settings_of(name, whole["$defs"][definition], whole)
    )


def _settings_of(name: str, section: dict[str, Any], whole: dict[str, Any]) -> tuple[Parameter, ...]:
    return described(section, whole, {key: (f"{name}.{key}",) for key in section["properties"]})


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
