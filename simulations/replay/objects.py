"""The scaled objects of a recording, as the records that simulate them: from the API that was read, or a user's YAML.

What a recording does not say has KEDA's defaults, and that is told: a remark for each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from scaler.config.reading import told
from scaler.config.text import Tree
from scaler.errors import ConfigError
from scaler.model import Rules
from scaler.triggers.metadata import Defaults
from simulations.keda import ScaledObject
from simulations.model import Counts
from simulations.recording import Recording, Scaled, Watched
from simulations.run import Engine
from simulations.scenario.document import FunctionSection, KubernetesSection
from simulations.scenario.kinds import kinds
from simulations.scenario.manifests import objects_in
from simulations.scenario.scaled import scaled_object
from simulations.scenario.specs import ScaledJobSection, ScaledObjectSection
from simulations.scenario.triggers import EXTERNAL, PUSH, Meaning, meaning
from simulations.statistics import SLO

JOB: Final = "ScaledJob"
_Section = ScaledObjectSection | ScaledJobSection
_SECTIONS: Final[Mapping[str, type[_Section]]] = {
    "ScaledObject": ScaledObjectSection,
    JOB: ScaledJobSection,
}
_FORGETTING: Final = frozenset({"redis", "memory"})
"""Kinds whose sources count what nobody has taken; the others count until it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person says of a recording.

    ``manifests`` are ScaledObjects in place of the recorded ones, by name and, where they say one, namespace;
    ``only`` are globs of ``namespace/name``. ``function`` says how requests are served and pods start, what a pod
    requests, and what a replica takes in place of what the first trigger says; ``kubernetes`` whose HPA it was.
    ``seeds`` draw what is not recorded: when KEDA and the HPA looked, how long pods took. A request may wait ``slo``
    seconds. ``timeline`` tells whether a report needs one. ``command`` is what a person types for the same.
    """

    manifests: Path | None = None
    only: tuple[str, ...] = ("*",)
    function: FunctionSection = field(default_factory=lambda: FunctionSection(name="recorded"))
    kubernetes: KubernetesSection = field(default_factory=KubernetesSection)
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    engine: Engine = Engine.FAST
    slo: float = SLO
    timeline: bool = False
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """One scaled object with the triggers that are simulated, in its order, and what a person should know of it."""

    recorded: Scaled
    scaled: ScaledObject
    section: _Section
    triggers: tuple[Watched, ...]
    meanings: tuple[Meaning, ...]
    remarks: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return namespace and name."""
        return self.recorded.full_name


def understood(recording: Recording, asked: Asked) -> list[Understood]:
    """Understand every object that is asked for and has triggers.

    Raises :class:`ConfigError` with everything that is wrong, and where nothing is left.
    """
    wanted = [each for each in recording.scaled if each.triggers and _wanted(each, asked.only)]
    said = _said(asked.manifests) if asked.manifests is not None else {}
    found, problems = list[Understood](), list[str]()
    if said and wanted and not any(_meant(each, said) for each in wanted):
        needed = ", ".join(each.full_name for each in wanted)
        problems.append(f"{asked.manifests} has {_listed(said)}, and none of what was recorded: {needed}")
    for scaled in wanted:
        try:
            found.append(_understood(scaled, said, asked.function.target))
        except ConfigError as error:
            problems += [f"{scaled.full_name}: {each}" for each in error.problems]
    if problems:
        raise ConfigError(problems)
    if not found:
        names = ", ".join(each.full_name for each in recording.scaled) or "none at all"
        raise ConfigError([f"the recording has no such scaled object; there is {names}"])
    return found


def _wanted(scaled: Scaled, only: Sequence[str]) -> bool:
    return any(fnmatchcase(scaled.full_name, glob) for glob in only)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spec:
    """The spec of one object, and whether a person has said it: then its triggers have metadata."""

    kind: str
    said: Mapping[str, Any]
    by_hand: bool


_Name = tuple[str, str]
"""Namespace, empty where a manifest has none, and name."""


def _said(path: Path) -> Mapping[_Name, _Spec]:
    """Return the objects of a user's YAML by name; raise :class:`ConfigError` for what is none."""
    try:
        objects = [each for each in objects_in(path) if each.manifest.kind in _SECTIONS]
    except ValueError as error:
        raise ConfigError([str(error)]) from error
    if not objects:
        raise ConfigError([f"{path} has no ScaledObject and no ScaledJob"])
    problems = [problem for each in objects for problem in each.spec()[1]]
    if problems:
        raise ConfigError(problems)
    return {
        (str(each.manifest.get("metadata", "namespace") or ""), each.name): _Spec(
            kind=each.manifest.kind, said=each.spec()[0], by_hand=True
        )
        for each in objects
    }


def _meant(scaled: Scaled, said: Mapping[_Name, _Spec]) -> _Spec | None:
    return said.get((scaled.namespace, scaled.name)) or said.get(("", scaled.name))


def _listed(said: Mapping[_Name, _Spec]) -> str:
    return ", ".join(f"{namespace}/{name}" if namespace else name for namespace, name in said)


def _understood(scaled: Scaled, said: Mapping[_Name, _Spec], target: float | None) -> Understood:
    by_hand = _meant(scaled, said)
    spec, remarks = (by_hand, []) if by_hand is not None else _spec(scaled)
    if said and by_hand is None:
        remarks.append(f"no manifest is of it, so it is as it was recorded; there is {_listed(said)}")
    section = _section(spec)
    ours = [each for each in section.triggers if each.type in EXTERNAL]
    if len(ours) < len(section.triggers):
        others = ", ".join(each.type for each in section.triggers if each.type not in EXTERNAL)
        remarks.append(f"triggers that KEDA asks itself are not recorded, and left out: {others}")
    if len(ours) != len(scaled.triggers):
        raise ConfigError([f"{len(ours)} external triggers are said, and {len(scaled.triggers)} were recorded"])
    pairs = list(zip(ours, scaled.triggers, strict=True))
    meanings = tuple(
        meaning(each, kinds(), Defaults()) if spec.by_hand else _recorded(each.type == PUSH, watched)
        for each, watched in pairs
    )
    if target is not None:
        meanings = (replace(meanings[0], target=target), *meanings[1:])
    section = section.model_copy(update={"triggers": ours})
    return Understood(
        recorded=scaled,
        scaled=scaled_object(section, meanings, None),
        section=section,
        triggers=scaled.triggers,
        meanings=meanings,
        remarks=tuple(remarks),
    )


def _spec(scaled: Scaled) -> tuple[_Spec, list[str]]:
    """Return what was recorded of an object, else KEDA's defaults."""
    if scaled.spec is None:
        triggers = [{"type": PUSH if each.pushed else EXTERNAL[1]} for each in scaled.triggers]
        remark = "its ScaledObject was not recorded (no access to the API?): KEDA's defaults are assumed"
        return _Spec(kind="ScaledObject", said={"triggers": triggers}, by_hand=False), [remark]
    spec, remarks = {**scaled.spec, "annotations": dict(scaled.annotations)}, list[str]()
    advanced = dict(spec.get("advanced") or {})
    if advanced.pop("scalingModifiers", None) is not None:
        remarks.append("its scalingModifiers are not simulated: each trigger counts by itself")
        spec["advanced"] = advanced
    known = [each for each in spec["triggers"] if "n" in each or each["type"] not in EXTERNAL]
    if len(known) < len(spec["triggers"]):
        remarks.append("a trigger that never was asked for, or of another scaler, is left out")
    spec["triggers"] = [{key: value for key, value in each.items() if key != "n"} for each in known]
    return _Spec(kind=scaled.kind or "ScaledObject", said=spec, by_hand=False), remarks


def _section(spec: _Spec) -> _Section:
    said = dict(spec.said)
    if not spec.by_hand:
        said["triggers"] = [{"metadata": {}, **each} for each in said["triggers"]]
    section = _SECTIONS[spec.kind]
    try:
        return section.model_validate(said)
    except ValidationError as error:
        raise ConfigError([str(each) for each in told(error, Tree(value=said, places={}), section)]) from error


def _recorded(push: bool, watched: Watched) -> Meaning:  # noqa: FBT001 - the one thing that the series does not say
    return Meaning(
        kind=watched.kind,
        target=watched.target,
        rules=Rules(activation=watched.activation),
        interval=watched.interval,
        push=push,
        external=True,
        counts=Counts.WAITING if watched.kind in _FORGETTING else Counts.UNFINISHED,
    )
