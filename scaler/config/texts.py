"""The parts of the document that speak in the words of the installed kinds: texts by key, as in metadata."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from scaler.config.text import Path, Problem, Tree, shown
from scaler.triggers.guesses import guessed, is_about
from scaler.triggers.kind import Kinds
from scaler.triggers.params import (
    FROM_ENV,
    Params,
    aliases,
    examine,
    keys_of,
    misread,
    required_keys_of,
    secret_keys_of,
    source_keys_of,
)

_KINDS: Final = ("defaults", "kinds")
_CONNECTIONS: Final = "connections"
_REFERENCES: Final = ("secretRef", "folder")
_TOLD_TO_ANYBODY: Final = "any address that a trigger names would be told it"
_BY_REFERENCE: Final = "say in 'secretRef' or 'folder' where it is"


@dataclass(frozen=True, slots=True)
class Told:
    """Parameters by kind, and by connection."""

    kinds: dict[str, dict[str, str]] = field(default_factory=dict)
    connections: dict[str, dict[str, str]] = field(default_factory=dict)


def texts_of(tree: Tree, kinds: Kinds) -> tuple[Told, list[Problem]]:
    """Read all parameters, with every problem; sections of a wrong type are told elsewhere."""
    told = Told(
        kinds={kind: _texts(tree, (*_KINDS, kind)) for kind in _mapping(tree.value, *_KINDS) if kind in kinds},
        connections={
            name: _texts(tree, (_CONNECTIONS, name, "parameters")) for name in _mapping(tree.value, _CONNECTIONS)
        },
    )
    problems = [*_wrong_kinds(tree, kinds, told.kinds)]
    for name, texts in told.connections.items():
        problems += _wrong_connection(tree, (_CONNECTIONS, name), kinds, texts)
    return told, problems


def _wrong_kinds(tree: Tree, kinds: Kinds, told: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
    for kind in _mapping(tree.value, *_KINDS):
        path = (*_KINDS, kind)
        if kind in told:
            yield from _wrong(tree, path, kinds[kind].params, told[kind], _TOLD_TO_ANYBODY)
        else:
            yield tree.place(path).problem_of_key(_no_kind(kind, path[:-1], kinds))


def _no_kind(kind: str, path: Path, kinds: Kinds) -> str:
    return f"{shown(kind)} in '{dotted(path)}' is not an installed kind{nearest(kind, sorted(kinds))}"


def _texts(tree: Tree, path: Path) -> dict[str, str]:
    return {key: tree.place((*path, key)).text for key in _mapping(tree.value, *path)}


def _wrong_connection(tree: Tree, path: Path, kinds: Kinds, texts: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with what a connection says, and with the parameters that its credentials are for."""
    kind = _mapping(tree.value, *path).get("kind")
    if not isinstance(kind, str):
        return
    if kind not in kinds:
        yield tree.place((*path, "kind")).problem(_no_kind(kind, path, kinds))
        return
    model = kinds[kind].params
    wrong = [*_wrong(tree, (*path, "parameters"), model, texts, _BY_REFERENCE)]
    wrong += _wrong_references(tree, path, model, texts)
    yield from wrong or _incomplete(tree, path, model, texts)


def _wrong_references(tree: Tree, path: Path, model: type[Params], texts: Mapping[str, str]) -> Iterator[Problem]:
    said = dict.fromkeys(texts, "parameters")
    for where in _REFERENCES:
        for key in _mapping(tree.value, *path, where, "keys"):
            at = (*path, where, "keys", key)
            if key in said:
                problem = f"'{key}' in '{dotted(at[:-1])}' is in '{dotted((*path, said[key]))}', too"
                yield tree.place(at).problem_of_key(problem)
            said[key] = f"{where}.keys"
            yield from _wrong_credential(tree, at, model)


def _incomplete(tree: Tree, path: Path, model: type[Params], texts: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what keeps every trigger from using the connection, whatever it says and whatever the credentials are."""
    of_source, known = source_keys_of(model), keys_of(model)
    own = {key for key in known if key not in of_source}
    credentials = {key for where in _REFERENCES for key in _mapping(tree.value, *path, where, "keys")}
    unsure = sorted(credentials | (own.intersection(required_keys_of(model)) - {*texts}))
    if not of_source:
        return
    guess = guessed(model, unsure, lambda given: examine(model, texts, None, given)[1])
    for said in examine(model, texts, None, guess)[1]:
        if not is_about(said, {*own, *aliases(model, unsure)}, known):
            yield tree.place(path).problem_of_key(f"{said}, in '{dotted(path)}'")


def _wrong_credential(tree: Tree, at: Path, model: type[Params]) -> Iterator[Problem]:
    key, keys, of_source = str(at[-1]), keys_of(model), source_keys_of(model)
    within = f" in '{dotted(at[:-1])}'"
    if key not in keys:
        known = sorted(of_source or keys)
        yield tree.place(at).problem_of_key(f"unknown parameter {shown(key)}{within}{nearest(key, known)}")
    elif of_source and key not in of_source:
        yield tree.place(at).problem_of_key(f"'{key}'{within} is not about reaching the source: say it in 'parameters'")


def _wrong(tree: Tree, path: Path, model: type[Params], texts: Mapping[str, str], why: str) -> Iterator[Problem]:
    """Yield what is wrong with parameters; whether they are complete is a matter of each trigger."""
    keys, secrets = set(keys_of(model)), set(secret_keys_of(model))
    for key, text in texts.items():
        place = tree.place((*path, key))
        within = f" in '{dotted(path)}'"
        if key not in keys and key.removesuffix(FROM_ENV) in keys:
            yield place.problem_of_key(f"'{key}'{within}: KEDA fills such keys in a trigger, and nobody does it here")
        elif key not in keys:
            yield place.problem_of_key(f"unknown key {shown(key)}{within}{nearest(key, sorted(keys))}")
        elif key in secrets:
            yield place.problem_of_key(f"'{key}'{within} is secret: {why}")
        elif not text:
            yield place.problem(f"'{key}'{within} must be text, a number, true or false")
    for key, said in misread(model, texts):
        yield tree.place((*path, key)).problem(f"{said}, in '{dotted(path)}'")


def _mapping(value: object, *path: str | int) -> dict[str, object]:
    """Return the mapping at ``path``, an empty one if there is something else or nothing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def nearest(key: str, known: Sequence[str]) -> str:
    """Ask whether the known key that is most like ``key`` was meant, if there is one."""
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(key.casefold(), folded, n=1, cutoff=0.6)
    return f", did you mean '{folded[near[0]]}'?" if near else ""


def dotted(path: Path) -> str:
    """Write a path as people do."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
