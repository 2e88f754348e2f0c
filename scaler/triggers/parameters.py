"""What a parameter says of itself: the user's documentation, told by the very models that read the metadata."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from scaler.triggers.params import Params, keys_by_field
from scaler.triggers.values import spelled

_WORDS: Final[Mapping[str, str]] = {
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
    "password": "secret text",
    "go-duration": "duration",
}
_BOUNDS: Final = (  # by pydantic's names, too, which it uses where it does not know what a validator returns
    ("at least", "minimum", "ge"),
    ("more than", "exclusiveMinimum", "gt"),
    ("at most", "maximum", "le"),
    ("less than", "exclusiveMaximum", "lt"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter: the keys it is read from (the first is its name), and what may be said under them.

    ``default`` is the text that would mean the same, ``None`` where there is none; ``choices`` are all the values.
    """

    keys: tuple[str, ...]
    form: str
    default: str | None
    required: bool
    choices: tuple[str, ...]
    description: str


def parameters(model: type[Params]) -> tuple[Parameter, ...]:
    """Describe every parameter of ``model``, in its order."""
    schema = model.model_json_schema(by_alias=False, schema_generator=_Lenient)
    return described(schema, schema, dict(keys_by_field(model)))


def described(
    section: Mapping[str, Any], schema: Mapping[str, Any], keys: Mapping[str, tuple[str, ...]]
) -> tuple[Parameter, ...]:
    """Describe the properties of ``section``, a part of a JSON Schema, under the ``keys`` that users know them by."""
    required = section.get("required", ())
    return tuple(
        _parameter(keys[name], _flat(each, schema.get("$defs", {})), required=name in required)
        for name, each in section["properties"].items()
    )


class _Lenient(GenerateJsonSchema):
    """A plugin's own type, of which nothing is known, is taken for text."""

    def handle_invalid_for_json_schema(self, schema: core_schema.CoreSchema, error_info: str) -> JsonSchemaValue:
        del schema, error_info
        return {"type": "string"}


def _flat(schema: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Follow references, and look past what only says that nothing may be said, too."""
    flat = dict(schema)
    for each in flat.pop("anyOf", ()):
        if each.get("type") != "null":
            flat = {**_flat(each, named), **flat}
    if "$ref" in flat:
        flat = {**named[flat.pop("$ref").removeprefix("#/$defs/")], **flat}
    return flat


def _parameter(keys: tuple[str, ...], schema: Mapping[str, Any], *, required: bool) -> Parameter:
    choices = tuple(str(each) for each in schema.get("enum", ()))
    return Parameter(
        keys=keys,
        form=" | ".join(choices) if choices else ", ".join(_form(schema)),
        default=_text(schema.get("default"), schema),
        required=required,
        choices=choices,
        description=" ".join(schema.get("description", "").split()),
    )


def _form(schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the type in words, and its bounds."""
    yield _WORDS.get(schema.get("format", ""), _WORDS.get(schema.get("type", ""), "text"))
    for said, *names in _BOUNDS:
        for name in names:
            if name in schema:
                yield f"{said} {_text(schema[name], schema)}"


def _text(value: object, schema: Mapping[str, Any]) -> str | None:
    """Write a value as it would be written in metadata."""
    match value:
        case None | "" | [] | () | {} if not value:
            return None
        case bool():
            return str(value).lower()
        case int() | float():
            return spelled(value) if schema.get("format") == "go-duration" else f"{value:.12g}"
        case list() | tuple():
            return ",".join(str(each) for each in value)
        case _:
            return str(value)
