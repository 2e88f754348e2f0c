"""Bytes in, one :class:`Config` out, or every problem with its place. The service and ``lint`` read with this."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from scaler.config.document import LATER, VERSION, Config, Document
from scaler.config.text import Path, Problem, Tree, read_trees, shown
from scaler.errors import ConfigError
from scaler.triggers.kind import Kind
from scaler.triggers.params import FROM_ENV, Params, keys_of, misread, secret_keys_of

Kinds = Mapping[str, Kind[Any]]
"""The installed kinds by name: what ``defaults.kinds`` may speak of."""

MOST: Final = 100  # problems that are told
_KINDS: Final = ("defaults", "kinds")
_WORDS: Final[Mapping[str, str]] = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "model_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
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
    texts, problems = _texts(tree, kinds)
    try:
        document = Document.model_validate(tree.value)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=True)
        return None, sorted([*problems, *(_problem(each, tree) for each in wrong)])
    return (None if problems else document.config(texts)), problems


def _foreign(tree: Tree) -> Problem | None:
    """Say that the document is of another format: its keys would only be called unknown, one by one."""
    if not isinstance(tree.value, dict):
        return tree.place(()).problem(f"must be a mapping that begins with 'version: {VERSION}'")
    version = tree.value.get("version", VERSION)
    if isinstance(version, bool) or version != VERSION:
        said = f"version: {shown(version)} is not known here; this release reads version {VERSION}"
        return tree.place(("version",)).problem(said)
    return None


def _problem(error: ErrorDetails, tree: Tree) -> Problem:
    path: Path = error["loc"]
    place = tree.place(path)
    if error["type"] == "extra_forbidden":
        return place.problem_of_key(_unknown(path))
    if error["type"] == "missing":
        return place.problem(f"'{_dotted(path)}' is required" + (f": {VERSION}" if path == ("version",) else ""))
    return place.problem(f"{_dotted(path)}: {_shown(error)}{_reason(error)}")


def _shown(error: ErrorDetails) -> str:
    value = error["input"]
    return "" if isinstance(value, dict | list | None) else f"{shown(value)} "


def _reason(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    said = _WORDS.get(error["type"], error["msg"])
    return f"{said[:1].lower()}{said[1:]}".replace("input should", "must")


def _unknown(path: Path) -> str:
    key = str(path[-1])
    if path in {(each,) for each in LATER}:
        return f"'{key}' comes with a later release and would have no effect in this one: leave it out"
    within = f" in '{_dotted(path[:-1])}'" if path[:-1] else ""
    return f"unknown key {shown(key)}{within}{_nearest(key, _known(path[:-1]))}"


def _nearest(key: str, known: Sequence[str]) -> str:
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(key.casefold(), folded, n=1, cutoff=0.6)
    return f", did you mean '{folded[near[0]]}'?" if near else ""


def _known(path: Path) -> list[str]:
    """List the keys that a section may have, by walking the models down to it."""
    model: type[BaseModel] = Document
    for step in path:
        if isinstance(step, str):
            kind = next(field.annotation for field in model.model_fields.values() if field.alias == step)
            model = next(
                each for each in (kind, *get_args(kind)) if isinstance(each, type) and issubclass(each, BaseModel)
            )
    return [field.alias or name for name, field in model.model_fields.items()]


def _dotted(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _texts(tree: Tree, kinds: Kinds) -> tuple[dict[str, dict[str, str]], list[Problem]]:
    """Read ``defaults.kinds`` as texts, since that is what metadata is; sections of a wrong type are told elsewhere."""
    texts: dict[str, dict[str, str]] = {}
    problems: list[Problem] = []
    for kind in _mapping(tree.value, *_KINDS):
        path = (*_KINDS, kind)
        if kind not in kinds:
            said = f"{shown(kind)} in 'defaults.kinds' is not an installed kind{_nearest(kind, sorted(kinds))}"
            problems.append(tree.place(path).problem_of_key(said))
            continue
        texts[kind] = {key: tree.place((*path, key)).text for key in _mapping(tree.value, *path)}
        problems += _wrong_defaults(tree, path, kinds[kind].params, texts[kind])
    return texts, problems


def _mapping(value: object, *path: str) -> dict[str, object]:
    """Return the mapping at ``path``, an empty one if there is something else or nothing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _wrong_defaults(tree: Tree, path: Path, model: type[Params], texts: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with the defaults of one kind; whether they are complete is a matter of each trigger."""
    keys, secrets = set(keys_of(model)), set(secret_keys_of(model))
    for key, text in texts.items():
        place = tree.place((*path, key))
        within = f" in '{_dotted(path)}'"
        if key not in keys and key.removesuffix(FROM_ENV) in keys:
            yield place.problem_of_key(f"'{key}'{within}: KEDA fills such keys in a trigger, and nobody does it here")
        elif key not in keys:
            yield place.problem_of_key(f"unknown key {shown(key)}{within}{_nearest(key, sorted(keys))}")
        elif key in secrets:
            yield place.problem_of_key(f"'{key}'{within} is secret: any address that a trigger names would be told it")
        elif not text:
            yield place.problem(f"'{key}'{within} must be text, a number, true or false")
    for key, said in misread(model, texts):
        yield tree.place((*path, key)).problem(f"{said}, in '{_dotted(path)}'")
