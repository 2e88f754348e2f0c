"""What there is to choose from: shipped scenarios, policies, keys, formats of traces.

The shipped scenarios are there in a plain install; the other lists are those of modules that need numpy.
"""

# ruff: noqa: PLC0415 - as above

import json
import sys
from collections.abc import Sequence

import yaml

from scaler.config.text import shown
from scaler.errors import ConfigError
from simulations.verbs.opening import shipped
from simulations.verbs.options import Output

SCHEMA = "schema"
_WHAT = ("scenarios", "policies", "keys", "formats")


def show_list(what: str, output: Output) -> None:
    """Print names, and what each of them is; raise :class:`ConfigError` for what is no such list."""
    if what not in _WHAT:
        raise ConfigError([f"{shown(what)} is none of {', '.join(_WHAT)}"])
    rows = {"scenarios": _scenarios, "policies": _policies, "keys": _keys, "formats": _formats}[what]()
    match output:
        case Output.TABLE:
            width = max(len(name) for name, _ in rows)
            sys.stdout.writelines(f"{name:<{width}}  {about}".rstrip() + "\n" for name, about in rows)
        case Output.JSON:
            sys.stdout.write(json.dumps([{"name": name, "about": about} for name, about in rows], indent=2) + "\n")
        case Output.YAML:
            sys.stdout.write(yaml.safe_dump([{"name": name, "about": about} for name, about in rows], sort_keys=False))
        case Output.CSV:
            raise ConfigError(["-o csv is not for this verb: table, json or yaml"])


def text_of(name: str) -> str:
    """Return a shipped scenario as it stands, or the schema; raise :class:`ConfigError` where there is none."""
    if name == SCHEMA:
        from simulations.scenario.document import scenario_schema

        return json.dumps(scenario_schema(), indent=2) + "\n"
    if name not in shipped():
        raise ConfigError([f"no scenario {shown(name)}; there are {', '.join([*shipped(), SCHEMA])}"])
    return shipped()[name].read_text(encoding="utf-8")


def _scenarios() -> list[tuple[str, str]]:
    return [
        (name, str(yaml.safe_load(path.read_text(encoding="utf-8"))["question"])) for name, path in shipped().items()
    ]


def _policies() -> list[tuple[str, str]]:
    from simulations.policies.overlays import OVERLAYS

    return [(name, _with_options(overlay.about, list(overlay.options))) for name, overlay in OVERLAYS.items()]


def _with_options(about: str, options: Sequence[str]) -> str:
    return f"{about} ({', '.join(options)})" if options else about


def _formats() -> list[tuple[str, str]]:
    from simulations.traces import FORMATS

    return [(each.name, each.what) for each in FORMATS]


def _keys() -> list[tuple[str, str]]:
    from simulations.scenario import known_keys
    from simulations.scenario.document import ScenarioDocument

    described = {field.alias or name: field.description or "" for name, field in ScenarioDocument.model_fields.items()}
    return [(key, described.get(key, "")) for key in known_keys()]
