"""Objects of a cluster in place of what a scenario would say: a manifest, a file of several, a folder, kubectl's lists.

What a function says of its ``scaledObject``, ``scaledJob``, ``deployment`` or ``hpa`` may be the path of such a file.
Of several objects of the kind in it the one with the function's name is meant.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from scaler.config.reading import told
from scaler.config.section import Section
from scaler.config.text import Path as Steps
from scaler.config.text import Tree, read_trees
from scaler.verbs.manifests import Manifest, manifests, mapping
from simulations.scenario.specs import ScaledJobSection, ScaledObjectSection

SUFFIXES: Final = (".yaml", ".yml", ".json")
MAX_BYTES: Final = 16 * 1024 * 1024  # of one file: manifests come in bundles
KINDS: Final[Mapping[str, str]] = {
    "scaledObject": "ScaledObject",
    "scaledJob": "ScaledJob",
    "deployment": "Deployment",
    "hpa": "HorizontalPodAutoscaler",
}
"""The key of a function, and the kind of object that stands for it."""
_SPECS: Final[Mapping[str, type[Section]]] = {"scaledObject": ScaledObjectSection, "scaledJob": ScaledJobSection}
_HPA_OF_KEDA: Final = "keda-hpa-"

Function = dict[str, Any]
"""What a scenario says of a function, before it is checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """One object, and the file that it is from; none where it stands in the scenario itself."""

    manifest: Manifest
    file: Path | None = None

    @property
    def name(self) -> str:
        """Return its own name."""
        return str(mapping(self.manifest.body.get("metadata")).get("name") or "")

    def spec(self) -> tuple[Function, list[str]]:
        """Return its ``spec`` with its annotations, as a scenario says them, and what is wrong with it."""
        body = self.manifest.body
        annotations = {str(k): str(v) for k, v in mapping(mapping(body.get("metadata")).get("annotations")).items()}
        said = {**mapping(body.get("spec")), **({"annotations": annotations} if annotations else {})}
        key = next(key for key, kind in KINDS.items() if kind == self.manifest.kind)
        places = {(): self.manifest.place("spec"), **dict(_below(self.manifest, "spec"))}
        try:
            _SPECS[key].model_validate(said)
        except ValidationError as error:
            problems = told(error, Tree(value=said, places=places), _SPECS[key])
            return said, [f"{self.file or 'manifest'}:{each}" for each in problems]
        return said, []


def with_manifests(function: Function, folder: Path) -> tuple[Function, list[str]]:
    """Put what the objects say in the place of their paths, and of themselves; and say what is wrong with them."""
    found, problems = dict(function), list[str]()
    for key in KINDS:
        said = found.get(key)
        try:
            one = _object(said, key, str(function.get("name", "")), folder)
        except ValueError as error:
            problems.append(f"{key}: {error}")
            found.pop(key)
            continue
        if one is not None:
            found[key], wrong = one.spec() if key in _SPECS else (dict(one.manifest.body), [])
            problems += [f"{key}: {each}" for each in wrong]
            if wrong:
                found.pop(key)
            _beside(found, one)
            if one.manifest.namespace:
                found.setdefault("namespace", one.manifest.namespace)
    return found, problems


def objects_in(path: Path) -> list[Object]:
    """Return every object of a file, or of all files of a folder that are YAML: :func:`left_out` tells the others.

    Raises ``ValueError`` with everything that is wrong.
    """
    return _read(path)[0] if path.is_dir() else _objects(path)


def left_out(path: Path) -> list[str]:
    """Return what is wrong with the files of a folder that are left out."""
    return _read(path)[1] if path.is_dir() else []


def _read(folder: Path) -> tuple[list[Object], list[str]]:
    found, wrong = list[Object](), list[str]()
    for file in sorted(each for each in folder.rglob("*") if each.suffix in SUFFIXES and each.is_file()):
        try:
            found += _objects(file)
        except ValueError as error:
            wrong.append(str(error))
    return found, wrong


def _objects(file: Path) -> list[Object]:
    try:
        with file.open("rb") as opened:
            trees, wrong = read_trees(opened.read(MAX_BYTES + 1), MAX_BYTES)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror or error}") from error
    if wrong:
        raise ValueError("; ".join(f"{file}:{each}" for each in wrong))
    return [Object(manifest=each, file=file) for tree in trees for each in manifests(tree)]


def key_of(path: Path) -> str:
    """Return the key of a function that stands for what a file holds: ``scaledJob`` where there is no ScaledObject."""
    try:
        held = {each.manifest.kind for each in objects_in(path)}
    except ValueError:
        held = set()  # what is wrong is told where it is read
    return "scaledJob" if KINDS["scaledJob"] in held and KINDS["scaledObject"] not in held else "scaledObject"


def _object(said: object, key: str, name: str, folder: Path) -> Object | None:
    """Return the object that is meant, ``None`` where fields are said instead of one."""
    if isinstance(said, str):
        return _chosen(objects_in(folder / said), KINDS[key], name, folder / said)
    if isinstance(said, dict) and "kind" in said and "apiVersion" in said:
        if said["kind"] != KINDS[key]:
            raise ValueError(f"is a {said['kind']}, not a {KINDS[key]}")
        return Object(manifest=Manifest(tree=Tree(value=said, places={}), path=(), body=said))
    return None


def _chosen(objects: list[Object], kind: str, name: str, path: Path) -> Object:
    fitting = [each for each in objects if each.manifest.kind == kind]
    named = [each for each in fitting if each.name == name] or fitting
    if len(named) == 1:
        return named[0]
    if not named:
        kinds = ", ".join(sorted({each.manifest.kind for each in objects} - {""})) or "no object of Kubernetes"
        raise ValueError(f"{path} has no {kind}; there is {kinds}")
    raise ValueError(f"{path} has several, and none is called '{name}': {', '.join(each.name for each in named)}")


def _beside(function: Function, one: Object) -> None:
    """Take a ScaledObject's Deployment and HPA from its file, where they are, unless the scenario says them."""
    if one.manifest.kind != KINDS["scaledObject"] or one.file is None:
        return
    target = one.manifest.get("spec", "scaleTargetRef", "name")
    wanted = {"deployment": (KINDS["deployment"], target), "hpa": (KINDS["hpa"], _HPA_OF_KEDA + one.name)}
    for each in objects_in(one.file):
        for key, meant in wanted.items():
            if (each.manifest.kind, each.name) == meant:
                function.setdefault(key, dict(each.manifest.body))


def _below(manifest: Manifest, *path: str) -> Iterator[tuple[Steps, Any]]:
    """Yield the places of everything below ``path``, seen from there."""
    start = (*manifest.path, *path)
    for steps, place in manifest.tree.places.items():
        if steps[: len(start)] == start:
            yield steps[len(start) :], place
