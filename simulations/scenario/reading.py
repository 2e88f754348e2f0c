"""From a file to a scenario: read strictly, manifests put in place, policies laid over it, all checked at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from scaler.config.reading import load as load_configuration
from scaler.config.reading import told
from scaler.config.section import Section
from scaler.config.text import Tree, read_trees
from scaler.errors import ConfigError
from scaler.verbs.manifests import configuration, manifests
from simulations.model import World
from simulations.policies.overlays import laid
from simulations.scenario.building import defaults_of, end_of, meanings_of, members_of, pool_of, pools_of
from simulations.scenario.document import ScenarioDocument
from simulations.scenario.kinds import kinds
from simulations.scenario.manifests import KINDS, left_out, with_manifests
from simulations.scenario.merging import merged

S = TypeVar("S", bound=Section)

MAX_BYTES: Final = 16 * 1024 * 1024
MOST: Final = 20
"""Problems that a message names; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario that can be simulated: plain values, manifests in place, and what they mean.

    ``folder`` is where its paths are seen from. ``left_out`` says what is wrong with files of folders of manifests.
    """

    name: str
    values: Mapping[str, Any]
    document: ScenarioDocument
    folder: str
    left_out: tuple[str, ...] = ()

    @property
    def policies(self) -> Mapping[str, "Scenario"]:
        """What it compares itself with, by name; raises :class:`ConfigError` where one does not go with it."""
        found, problems = dict[str, Scenario](), list[str]()
        for name, upper in self.document.policies.items():
            try:
                found[name] = overlaid(self.values, upper, name=name, folder=Path(self.folder))
            except ConfigError as error:
                problems += [f"policies.{name}: {each}" for each in error.problems]
        if problems:
            raise ConfigError(problems)
        return found


def load(path: Path) -> Scenario:
    """Read a scenario; raise :class:`ConfigError` with everything that is wrong."""
    return understood(tree_of(path), name=path.stem, folder=path.parent, about=str(path))


def tree_of(path: Path) -> Tree:
    """Read a file of one YAML document; raise :class:`ConfigError` for another."""
    try:
        with path.open("rb") as file:
            trees, problems = read_trees(file.read(MAX_BYTES + 1), MAX_BYTES)
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror or error}"], about=str(path)) from error
    if problems:
        raise ConfigError(map(str, problems), about=str(path))
    if len(trees) != 1 or not isinstance(trees[0].value, dict):
        raise ConfigError(["is not one YAML document with the keys of a scenario"], about=str(path))
    if "apiVersion" in trees[0].value:
        said = "is a manifest: name it in a scenario's 'scaledObject', or in --manifests beside a trace"
        raise ConfigError([said], about=str(path))
    return trees[0]


def understood(tree: Tree, *, name: str, folder: Path, about: str) -> Scenario:
    """Check a document that was read; raise :class:`ConfigError` with everything that is wrong."""
    values, problems = in_place(tree.value, folder)
    document, more = _document(values, tree)
    problems += [str(each) for each in more]
    if document is not None and not problems:
        problems += _senseless(document, str(folder))
    if problems or document is None:
        raise ConfigError(_first(problems), about=about)
    aside = tuple(_left_out(tree.value, folder))
    scenario = Scenario(name=name, values=values, document=document, folder=str(folder), left_out=aside)
    try:
        _ = scenario.policies  # each is read, so that a wrong one is told now
    except ConfigError as error:
        raise ConfigError(_first(list(error.problems)), about=about) from error
    return scenario


def overlaid(
    base: Mapping[str, Any], upper: Mapping[str, Any], *, name: str, folder: Path, beside: Path | None = None
) -> Scenario:
    """Return the scenario that differs from ``base`` in ``upper``, whose own paths are seen from ``beside``.

    Raises :class:`ConfigError` as :func:`load` does.
    """
    below = {key: value for key, value in base.items() if key not in {"policies", "use"}}
    difference, problems = in_place(upper, beside or folder)
    if problems:
        raise ConfigError(_first(problems))
    return meant(merged(below, difference), name=name, folder=folder)


def meant(values: Mapping[str, Any], *, name: str, folder: Path) -> Scenario:
    """Return the scenario of plain values with manifests in place; raises as :func:`load` does."""
    document, wrong = _document(values, Tree(value=values, places={}))
    said = [each.said for each in wrong] if document is None else _senseless(document, str(folder))
    if document is None or said:
        raise ConfigError(_first(said))
    return Scenario(name=name, values=values, document=document, folder=str(folder))


def in_place(values: object, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Put what manifests and configurations say in the place of their paths."""
    said = dict(values) if isinstance(values, dict) else {}
    problems = list[str]()
    functions = said.get("functions")
    for number, function in enumerate(functions if isinstance(functions, list) else []):
        if isinstance(function, dict) and any(key in function for key in KINDS):
            found, wrong = with_manifests(function, folder)
            said["functions"] = [*said["functions"][:number], found, *said["functions"][number + 1 :]]
            problems += [f"functions[{number}].{each}" for each in wrong]
    if isinstance(said.get("config"), str):
        try:
            said["config"] = configured(folder / said["config"])
        except (OSError, ConfigError) as error:
            problems.append(f"config: {said.pop('config')}: {error}")
    return said, problems


def _left_out(values: object, folder: Path) -> Iterator[str]:
    """Yield what is wrong with files of the folders that functions name."""
    functions = values.get("functions", ()) if isinstance(values, dict) else ()
    said = (function.get(key) for function in functions for key in KINDS)
    for path in dict.fromkeys(each for each in said if isinstance(each, str)):
        yield from left_out(folder / path)


def configured(path: Path) -> dict[str, Any]:
    """Return the service's configuration, of its own file or in a ConfigMap, as plain values; raise ``ConfigError``."""
    content = path.read_bytes()
    trees, _ = read_trees(content)
    inner = (configuration(each) for tree in trees for each in manifests(tree))
    content = next((text.encode() for text in inner if text is not None), content)
    load_configuration(content, kinds())
    value = read_trees(content)[0][0].value
    return value if isinstance(value, dict) else {}


def checked(model: type[S], values: Mapping[str, Any]) -> S:
    """Return a section of a scenario made of plain values; raise :class:`ConfigError` with everything wrong in it."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        said = told(error, Tree(value=values, places={}), model)
        raise ConfigError(each.said for each in said) from error


def _document(values: Mapping[str, Any], tree: Tree) -> tuple[ScenarioDocument | None, list[Any]]:
    try:
        return ScenarioDocument.model_validate(values), []
    except ValidationError as error:
        return None, sorted(told(error, Tree(value=values, places=tree.places), ScenarioDocument))


def _senseless(document: ScenarioDocument, folder: str) -> list[str]:
    """Return what is wrong although every key is right: triggers, traces, names that name nothing."""
    try:
        members = list(members_of(document, folder))
        end_of(document, members)
    except ConfigError as error:
        return list(error.problems)
    names = {each.name for each in members}
    problems = [*_wrong_names(document, names), *_wrong_policy(document)]
    seen = set[int]()
    for member in members:
        if id(member.section) in seen:
            continue
        seen.add(id(member.section))
        try:
            meanings = meanings_of(member.section, member.scaled, defaults_of(document))
            pool_of(member, meanings, pools_of(document))
        except ConfigError as error:
            problems += [f"function {member.name}: {each}" for each in error.problems]
    return problems


def _wrong_names(document: ScenarioDocument, names: set[str]) -> Iterator[str]:
    for number, feed in enumerate(document.feeds):
        for key, name in (("from", feed.source), ("to", feed.sink)):
            if name not in names:
                yield f"feeds[{number}].{key}: {_no_function(name, names)}"
    try:
        TopologicalSorter(
            {name: {each.source for each in document.feeds if each.sink == name} for name in names}
        ).prepare()
    except CycleError as error:
        yield f"feeds: requests go round in a circle: {' → '.join(reversed(error.args[1]))}"
    for number, incident in enumerate(document.incidents):
        for glob in incident.functions:
            if not any(fnmatchcase(name, glob) for name in names):
                yield f"incidents[{number}].functions: {_no_function(glob, names)}"


def _wrong_policy(document: ScenarioDocument) -> Iterator[str]:
    for name, options in (document.use or {}).items():
        try:
            laid(name, World(functions=(), end=0), options)
        except ConfigError as error:
            yield from (f"use: {each}" for each in error.problems)


def _no_function(name: str, names: set[str]) -> str:
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"no function '{name}'" + (f", did you mean '{near[0]}'?" if near else "")


def _first(problems: list[str]) -> list[str]:
    more = len(problems) - MOST
    return [*problems[:MOST], f"and {more} more"] if more > 0 else problems
