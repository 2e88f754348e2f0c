"""Bytes in, one :class:`Config` out, or every problem with its place. The service and ``lint`` read with this."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from scaler.config.document import VERSION, Config, Document
from scaler.config.text import Path, Problem, Tree, read_trees, shown
from scaler.config.texts import dotted, nearest, texts_of
from scaler.errors import ConfigError
from scaler.triggers.kind import Kinds

MOST: Final = 100  # problems that are told
_KEY: Final = "[key]"  # what pydantic puts behind the path of a value whose key is wrong
_WORDS: Final[Mapping[str, str]] = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "model_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
    "too_short": "must not be empty",
}


def load(content: bytes, kinds: Kinds) -> Config:
    """Read a configuration; raise :class:`ConfigError` with every problem, each as ``line:column: sentence``."""
    config, problems = examine(content, kinds)
    if config is None:
        raise ConfigError(str(each) for each in problems)
    return config


def examine(content: bytes, kinds: Kinds) -> tuple[Config | None, list[Problem]]:
    """Read a configuration and return it, or ``None`` and what is wrong, in the order of the text; never raises."""
    trees, problems = read_trees(content)
    if not problems and len(trees) != 1:
        said = "more than one YAML document" if trees else f"nothing in it; the least is 'version: {VERSION}'"
        problems.append(Problem(line=1, column=1, said=said))
    if not trees:
        return None, problems
    config, more = read_tree(trees[0], kinds)
    problems += more
    return (None if problems else config), _first(sorted(problems))


def _first(problems: list[Problem]) -> list[Problem]:
    """Keep as many problems as a person reads, and say how many there are besides."""
    if len(problems) <= MOST:
        return problems
    return [*problems[:MOST], replace(problems[MOST], said=f"and {len(problems) - MOST} more problems")]


def read_tree(tree: Tree, kinds: Kinds) -> tuple[Config | None, list[Problem]]:
    """Read a configuration out of a document that is YAML; as :func:`examine`."""
    if problem := _foreign(tree):
        return None, [problem]
    texts, problems = texts_of(tree, kinds)
    try:
        document = Document.model_validate(tree.value)
    except ValidationError as error:
        return None, sorted([*problems, *told(error, tree, Document)])
    return (None if problems else document.config(texts.kinds, texts.connections)), problems


def told(error: ValidationError, tree: Tree, model: type[BaseModel]) -> list[Problem]:
    """Say everything that keeps ``tree`` from being a ``model``, in the words of its author."""
    return [_problem(each, tree, model) for each in error.errors(include_url=False, include_context=True)]


def _foreign(tree: Tree) -> Problem | None:
    """Say that the document is of another format: its keys would only be called unknown, one by one."""
    if not isinstance(tree.value, dict):
        return tree.place(()).problem(f"must be a mapping that begins with 'version: {VERSION}'")
    version = tree.value.get("version", VERSION)
    if isinstance(version, bool) or version != VERSION:
        said = f"version: {shown(version)} is not known here; this release reads version {VERSION}"
        return tree.place(("version",)).problem(said)
    return None


def _problem(error: ErrorDetails, tree: Tree, model: type[BaseModel]) -> Problem:
    path: Path = error["loc"]
    if path[-1:] == (_KEY,):
        path = path[:-1]
        return tree.place(path).problem_of_key(f"{dotted(path)}: {_shown(error)}{_reason(error)}")
    place = tree.place(path)
    if error["type"] == "extra_forbidden":
        return place.problem_of_key(_unknown(path, model))
    if error["type"] == "missing":
        return place.problem(f"'{dotted(path)}' is required" + (f": {VERSION}" if path == ("version",) else ""))
    return place.problem(f"{dotted(path)}: {_shown(error)}{_reason(error)}")


def _shown(error: ErrorDetails) -> str:
    value = error["input"]
    return "" if isinstance(value, dict | list | None) else f"{shown(value)} "


def _reason(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    said = _WORDS.get(error["type"], error["msg"])
    return f"{said[:1].lower()}{said[1:]}".replace("input should", "must")


def _unknown(path: Path, model: type[BaseModel]) -> str:
    key = str(path[-1])
    within = f" in '{dotted(path[:-1])}'" if path[:-1] else ""
    return f"unknown key {shown(key)}{within}{nearest(key, _known(path[:-1], model))}"


def _known(path: Path, model: type[BaseModel]) -> list[str]:
    """List the keys that a section may have, by walking the models down to it."""
    kind: Any = model
    for step in path:
        kind = _within(kind, step)
    found = _model(kind)
    return [field.alias or name for name, field in found.model_fields.items()] if found is not None else []


def _within(kind: Any, step: str | int) -> Any:  # noqa: ANN401 - a type expression has no better type
    """Return the type of what stands at ``step`` in a value of a type."""
    model = _model(kind)
    if model is not None:
        return next((each.annotation for each in model.model_fields.values() if each.alias == step), None)
    inner = next((each for each in (kind, *get_args(kind)) if get_origin(each) in {dict, list}), None)
    return get_args(inner)[-1] if inner is not None else None


def _model(kind: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type expression has no better type
    offered = (kind, *get_args(kind)) if get_origin(kind) not in {dict, list} else ()
    return next((each for each in offered if isinstance(each, type) and issubclass(each, BaseModel)), None)
