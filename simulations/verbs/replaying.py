"""A recording of the service, played back: how near the model is to what was, and what else could have been."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scaler.config.text import shown
from scaler.errors import ConfigError
from simulations.policies.overlays import OVERLAYS
from simulations.replay import Asked, lines, replay
from simulations.report.export import document
from simulations.scenario.document import FunctionSection
from simulations.verbs.options import Output
from simulations.verbs.printing import show
from simulations.verbs.studies import Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says of a recording, as it was typed: ``settings`` are of a function, such as ``service=1s``."""

    manifests: Path | None = None
    only: Sequence[str] = ()
    policies: Sequence[str] = ()
    settings: Sequence[str] = ()


def played(path: Path, said: Said, way: Way, output: Output, html: Path | None) -> None:
    """Print both parts of a replay; raise :class:`ConfigError` where there is no recording, or something is wrong."""
    unknown = [each for each in said.policies if each not in OVERLAYS]
    if unknown:
        raise ConfigError([f"no policy {shown(each)}; there are {', '.join(OVERLAYS)}" for each in unknown])
    asked = Asked(
        manifests=said.manifests,
        only=tuple(said.only) or ("*",),
        function=_function(said.settings),
        seeds=tuple(range(1, way.seeds + 1)),
        engine=way.engine,
        command=way.command,
    )
    found = replay(path, {name: {} for name in said.policies}, asked)
    if output is Output.JSON:
        study = None if found.study is None else document(found.study)
        fidelity = [asdict(each) for each in found.fidelity]
        sys.stdout.write(json.dumps({"fidelity": fidelity, "study": study}, indent=2) + "\n")
        return
    stream = sys.stdout if output is Output.TABLE else sys.stderr
    stream.writelines(f"{line}\n" for line in lines(found))
    if found.study is None:
        sys.stderr.write("nothing arrived that could be told, so there is nothing to simulate otherwise\n")
    else:
        stream.write("\n")
        show(found.study, output, html)


def _function(settings: Sequence[str]) -> FunctionSection:
    """Read what is said of how requests are served and pods start."""
    import yaml  # noqa: PLC0415 - for values

    from simulations.scenario.reading import checked  # noqa: PLC0415

    values = {}
    for pair in settings:
        key, given, value = pair.partition("=")
        if not given:
            raise ConfigError([f"--set {pair[:60]!r} is not KEY=VALUE, such as service=1s"])
        values[key] = yaml.safe_load(value)
    return checked(FunctionSection, {"name": "recorded", **values})
