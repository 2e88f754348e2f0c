"""A recording of the service, played back: how near the model is to what was, and what else could have been."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import yaml

from scaler.config.text import shown
from scaler.errors import ConfigError
from simulations.policies.overlays import OVERLAYS
from simulations.replay import Asked, Replay, lines, replay
from simulations.report.export import document
from simulations.scenario.document import FunctionSection, ScenarioDocument
from simulations.scenario.merging import changed
from simulations.scenario.plain import REQUESTING, SERVING, SINGLY, STARTING
from simulations.scenario.reading import checked
from simulations.verbs.options import Output
from simulations.verbs.printing import put_report, show
from simulations.verbs.studies import Way

POSSIBLE: Final = ("service", "pods", "concurrency", "memory", "claim", "target", "kubernetes", "slo")
"""Keys that ``--set`` changes, with those below them; all else is as it was recorded."""
_USUAL: Final = {"service": SERVING, "pods": STARTING, "memory": REQUESTING, "concurrency": SINGLY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says of a recording, as it was typed: ``settings`` are such as ``service=1s``."""

    manifests: Path | None = None
    only: Sequence[str] = ()
    policies: Sequence[str] = ()
    settings: Sequence[str] = ()


def played(path: Path, said: Said, way: Way, output: Output, html: Path | None) -> None:
    """Print both parts of a replay; raise :class:`ConfigError` where there is no recording, or something is wrong."""
    unknown = [each for each in said.policies if each not in OVERLAYS]
    if unknown:
        raise ConfigError([f"no policy {shown(each)}; there are {', '.join(OVERLAYS)}" for each in unknown])
    world = _world(said.settings)
    (function,) = world.functions
    asked = Asked(
        manifests=said.manifests,
        only=tuple(said.only) or ("*",),
        function=function,
        kubernetes=world.kubernetes,
        seeds=tuple(range(1, way.seeds + 1)),
        engine=way.engine,
        slo=world.slo,
        timeline=way.timeline,
        command=way.command,
    )
    found = replay(path, {name: {} for name in said.policies}, asked)
    sys.stderr.writelines(f"assumed: {each}\n" for each in _assumed(function))
    if found.study is None:
        sys.stderr.write("nothing arrived that could be told, so there is nothing to simulate otherwise\n")
    _show(found, output, html)


def _show(found: Replay, output: Output, html: Path | None) -> None:
    if output is Output.JSON:
        study = None if found.study is None else document(found.study)
        fidelity = [asdict(each) for each in found.fidelity]
        sys.stdout.write(json.dumps({"fidelity": fidelity, "study": study}, indent=2) + "\n")
        if html is not None and found.study is not None:
            put_report(found.study, html)
        return
    stream = sys.stdout if output is Output.TABLE else sys.stderr
    stream.writelines(f"{line}\n" for line in lines(found))
    if found.study is not None:
        stream.write("\n")
        show(found.study, output, html)


def _assumed(function: FunctionSection) -> Iterator[str]:
    """Yield what no recording says and nobody has said, on which the second part rests."""
    yield from (words for key, words in _USUAL.items() if key not in function.model_fields_set)


def _world(settings: Sequence[str]) -> ScenarioDocument:
    """Read what is said of the world that a recording does not tell of; raise with everything that is wrong."""
    values, problems = dict[str, object](functions=[{"name": "recorded"}]), list[str]()
    for pair in settings:
        try:
            values = _changed(values, pair)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return checked(ScenarioDocument, values)


def _changed(values: dict[str, object], pair: str) -> dict[str, object]:
    key, given, value = pair.partition("=")
    if not given:
        raise ConfigError([f"--set {shown(pair)} is not KEY=VALUE, such as service=1s"])
    if key.partition(".")[0] not in POSSIBLE:
        raise ConfigError([f"--set {shown(key)}: a recording says it, or has none; possible are {', '.join(POSSIBLE)}"])
    try:
        said = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError([f"--set {key}: {shown(value)} is no value, such as 1s, 5 or {{constant: 1s}}"]) from None
    return changed(values, key, said)
