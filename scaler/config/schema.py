"""The JSON Schema of the configuration document, for editors and for whoever checks it elsewhere."""

from typing import Any, Final

from scaler.config.document import Document
from scaler.config.reading import Kinds
from scaler.triggers.parameters import Parameter, parameters
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
