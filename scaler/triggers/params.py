"""What a trigger may say, declared once as a model: the probe's documentation, its parser and its error messages.

A key ``xFromEnv`` is an alias of ``x`` that KEDA has filled with a value from the target's environment; what it carries
is treated as a secret in messages.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from types import NoneType
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, create_model
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from scaler.net.secrets import redacted, without_login
from scaler.triggers.values import has_unit, is_duration, spelled

FROM_ENV: Final = "FromEnv"
_SHOWN: Final = 60  # characters of a wrong key or value that a message repeats
_ITEMS: Final = re.compile(r"[\s,;=]+")
_TELLING: Final = 4  # characters
_BOUNDS: Final = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
_BLANKS: Final[Mapping[object, object]] = {
    str: "",
    SecretStr: SecretStr(""),
    tuple: (),
    bool: False,
    int: 1,
    float: 1.0,
}
_camel: Final = lru_cache(maxsize=4096)(to_camel)
_NAMED: Final = 20  # unknown keys that a message names: looking for the nearest known one takes time


@dataclass(frozen=True, slots=True)
class Names:
    """The accepted keys of one parameter, first non-empty one wins; marks a field through ``Annotated``."""

    keys: tuple[str, ...]

    def __init__(self, *keys: str) -> None:
        object.__setattr__(self, "keys", keys)


class Params(BaseModel):
    """The parameters of one kind. Field names are Python's; the keys users write are camelCase, or a :class:`Names`."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, validate_by_name=True, extra="forbid")

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each rule that needs more than one parameter to be told. A bad field has its default."""
        yield from ()


class SourceParams(Params):
    """Parameters that reach a source and prove who we are to it: addresses, TLS, credentials.

    A kind declares those in a class of their own, derived from this one, and derives its model from that class; what
    the model adds is of the trigger. A trigger that names a connection says only what is of the trigger, so that
    nobody can pair the connection's secrets with another address.
    """


P = TypeVar("P", bound=Params)


@dataclass(frozen=True, slots=True)
class _Given:
    """One value a user gave: the key as it was written, and the text."""

    key: str
    text: str
    secret: bool

    def shown(self) -> str:
        """Repeat the value for a message, unless it is secret."""
        if self.secret:
            return f"'{self.key}' (value not shown)"
        return f"'{self.key}': {without_login(self.text)[:_SHOWN]!r}"

    def kept_in(self, reason: str) -> str:
        """Return ``reason``, unless it repeats a secret value."""
        return "is not acceptable" if any(each in reason for each in self.telling()) else reason

    def telling(self) -> Iterator[str]:
        """Yield what would give a secret away: all of it, and each item if it is a list.

        What is very short is in any sentence by chance, unless it is quoted; what is long may have been cut.
        """
        for piece in (self.text, *_ITEMS.split(self.text)) if self.secret else ():
            if len(piece) < _TELLING:
                yield repr(piece)
            else:
                cuts = (piece, piece[:_SHOWN], piece[: _SHOWN // 2])
                yield from (*cuts, *(repr(cut)[1:-1] for cut in cuts))


def keys_by_field(model: type[Params]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each field's name and the keys it is read from."""
    for name, field in model.model_fields.items():
        yield name, _keys(name, field)


@lru_cache(maxsize=256)
def keys_of(model: type[Params]) -> tuple[str, ...]:
    """List every key that ``model`` reads, without the ``FromEnv`` variants."""
    return tuple(key for _, keys in keys_by_field(model) for key in keys)


def secret_keys_of(model: type[Params]) -> tuple[str, ...]:
    """List every key of ``model`` whose value is kept out of messages."""
    secret = {name: field for name, field in model.model_fields.items() if SecretStr in _parts(field.annotation)}
    return tuple(key for name, field in secret.items() for key in _keys(name, field))


def required_keys_of(model: type[Params]) -> tuple[str, ...]:
    """List the first key of every parameter that must be said."""
    return tuple(_keys(name, field)[0] for name, field in model.model_fields.items() if field.is_required())


def aliases(model: type[Params], some: Iterable[str]) -> set[str]:
    """Return all keys of the parameters that ``some`` of their keys name."""
    return {key for _, keys in keys_by_field(model) if {*keys}.intersection(some) for key in keys}


@lru_cache(maxsize=256)
def source_keys_of(model: type[Params]) -> frozenset[str]:
    """Tell the keys of ``model`` that are of the source; none where the author of the kind has not said which."""
    owners = [each for each in model.__mro__ if issubclass(each, Params) and SourceParams in each.__bases__]
    names = {name for owner in owners for name in owner.model_fields}
    return frozenset(key for name, keys in keys_by_field(model) if name in names for key in keys)


def read(
    model: type[P], metadata: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> tuple[P | None, list[str]]:
    """Read ``model`` from ``metadata`` and return it, or ``None``, with a sentence for every problem found.

    ``defaults`` speak for the parameters that ``metadata`` is silent about, under whatever key.
    """
    params, problems = examine(model, metadata, defaults)
    return (None if problems else params), problems


def examine(
    model: type[P],
    metadata: Mapping[str, str],
    defaults: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> tuple[P | None, list[str]]:
    """Read as :func:`read`, and return the parameters, too, if only the rules between them are broken.

    ``secrets`` speak before ``metadata``, and no message repeats them.
    """
    hidden = _given(model, secrets or {}, secret=True)
    given = {**dict(_given(model, defaults or {})), **dict(_given(model, metadata)), **dict(hidden)}
    try:
        params = model.model_validate({name: each.text for name, each in given.items()}, by_alias=False, by_name=True)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=True)
        return None, [_sentence(model, each, given) for each in wrong] + _cross(model, given, wrong)
    return params, _without_secrets(params.problems(), given)


def misread(model: type[Params], metadata: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield key and sentence for each value that its own parameter refuses; what is missing may come from elsewhere."""
    given = dict(_given(model, metadata))
    try:
        model.model_validate({name: each.text for name, each in given.items()}, by_alias=False, by_name=True)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_context=True):
            name = str(each["loc"][0]) if each["loc"] else ""
            if name in given:
                yield given[name].key, _sentence(model, each, given)


def said_as(params: Params, metadata: Mapping[str, str], value: float) -> str:
    """Repeat the one key and text of ``metadata`` that means ``value`` to ``params``; empty if that is not clear."""
    given = [each for name, each in _given(type(params), metadata) if getattr(params, name) == value]
    return given[0].shown() if len(given) == 1 else ""


def unknown_keys(metadata: Mapping[str, str], known: set[str]) -> Iterator[str]:
    """Yield a sentence for every key that nobody reads, naming the nearest one that exists."""
    folded = {key.casefold(): key for key in known}
    unknown = [key for key in sorted(metadata) if key not in known and key.removesuffix(FROM_ENV) not in known]
    for key in unknown[:_NAMED]:
        near = get_close_matches(key.removesuffix(FROM_ENV).casefold(), folded, n=1, cutoff=0.6)
        yield f"unknown key {key[:_SHOWN]!r}" + (f", did you mean '{folded[near[0]]}'?" if near else "")
    if len(unknown) > _NAMED:
        yield f"and {len(unknown) - _NAMED} more unknown keys"


def _keys(name: str, field: FieldInfo) -> tuple[str, ...]:
    declared = [mark.keys for mark in field.metadata if isinstance(mark, Names)]
    return declared[0] if declared else (_camel(name),)


def _given(model: type[Params], metadata: Mapping[str, str], *, secret: bool = False) -> Iterator[tuple[str, _Given]]:
    """Find each field's text: plain keys first, then those from the environment; trimmed, and empty is absent."""
    for name, field in model.model_fields.items() if metadata else ():
        keys = _keys(name, field)
        for key in (*keys, *(key + FROM_ENV for key in keys)):
            text = metadata.get(key, "").strip()
            if text:
                hidden = secret or key not in keys or SecretStr in _parts(field.annotation)
                yield name, _Given(key, text, secret=hidden)
                break


def _parts(annotation: Any) -> set[Any]:  # noqa: ANN401 - a type expression has no better type
    return {annotation, *getattr(annotation, "__args__", ())}


def _sentence(model: type[Params], error: ErrorDetails, given: Mapping[str, _Given]) -> str:
    """Say what is wrong with one field in the words of its user."""
    name = str(error["loc"][0]) if error["loc"] else ""
    if name not in model.model_fields:
        return _reason(error)
    field = model.model_fields[name]
    key = _keys(name, field)[0]
    if error["type"] == "missing":
        return f"'{key}' is required"
    reason = _reason_of_duration(error) if is_duration(field) else _reason(error)
    return f"{given[name].shown()} {given[name].kept_in(reason)}" if name in given else f"'{key}' {reason}"


def _reason_of_duration(error: ErrorDetails) -> str:
    """Give a bound its unit, and tell which one a bare number had: nobody thinks of milliseconds first."""
    bound = error.get("ctx", {}).get(_BOUNDS.get(error["type"], ""))
    if bound is None:
        return _reason(error)
    reason = f"{_reason(error).rpartition(' ')[0]} {spelled(bound)}"
    return reason if has_unit(str(error["input"])) else f"{reason}; without a unit it is milliseconds"


def _reason(error: ErrorDetails) -> str:
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case "enum" | "literal_error":
            return f"is not one of {error['ctx']['expected']}"
        case _:
            text = error["msg"]
            return f"{text[:1].lower()}{text[1:]}".replace("input should", "must")


def _without_secrets(problems: Iterable[str], given: Mapping[str, _Given]) -> list[str]:
    secrets = [piece for each in given.values() for piece in each.telling()]
    return [redacted(problem, secrets) for problem in problems]


def _cross(model: type[P], given: Mapping[str, _Given], wrong: list[ErrorDetails]) -> list[str]:
    """Check the rules between fields although some field is wrong: those that are get their default, or a blank."""
    lenient = _lenient(model)
    bad = {str(error["loc"][0]) for error in wrong if error["loc"]}
    rest = {name: each.text for name, each in given.items() if name not in bad}
    if lenient is None:
        return []
    try:
        partial = lenient.model_validate(rest, by_alias=False, by_name=True)
    except ValidationError:
        return []
    return _without_secrets(partial.problems(), given)


@lru_cache(maxsize=256)
def _lenient(model: type[Params]) -> type[Params] | None:
    """Return ``model`` with a blank for whatever it requires, ``None`` if a plugin's own type has none."""
    required = {name: field for name, field in model.model_fields.items() if field.is_required()}
    try:
        blanks: dict[str, Any] = {
            name: (field.rebuild_annotation(), _blank(field.annotation)) for name, field in required.items()
        }
    except LookupError:
        return None
    return create_model(model.__name__, __base__=model, **blanks)


def _blank(annotation: Any) -> object:  # noqa: ANN401 - a type expression has no better type
    """Return a value that says as little as its type allows; raise ``LookupError`` for a type without one."""
    origin = getattr(annotation, "__origin__", annotation)
    if NoneType in _parts(annotation):
        return None
    if origin is Literal:
        return annotation.__args__[0]
    if isinstance(origin, type) and issubclass(origin, Enum):
        return next(iter(origin))
    return _BLANKS[origin]
