"""One document laid over another: how a policy differs from its scenario, and how a sweep varies a key.

What the upper one says holds; mappings are merged key by key, ``null`` takes a key out, and all else is replaced, also
what says one of several things, such as a pool's ``size``. Functions are found by name; an entry without one is about
all of them.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final

import yaml

from scaler.config.pools import AutoSection, PoolSection
from scaler.config.section import Section
from scaler.config.text import shown
from scaler.errors import ConfigError
from simulations.scenario.document import FunctionSection, ScenarioDocument
from simulations.scenario.specs import ScaledJobSection, ScaledObjectSection

Document = dict[str, Any]
"""A scenario as plain values."""

ONE_OF: Final = frozenset(
    {"size", "arrivals", "trace", "service", "schedule", "pull", "start", "ready", "claim", "metadata"}
)
"""Keys whose value says one of several things, and is replaced as a whole."""
WARM: Final = "warm"
"""The pool that a varied ``pool.…`` makes where the scenario has none."""
_BEHAVIOR: Final = "behavior"
_BEHAVIOR_AT: Final = ("advanced", "horizontalPodAutoscalerConfig")


def merged(base: Mapping[str, Any], upper: Mapping[str, Any]) -> Document:
    """Return ``base`` with what ``upper`` says over it."""
    result = dict(base)
    for key, value in upper.items():
        if value is None:
            result.pop(key, None)
        elif key == "functions" and isinstance(value, list) and isinstance(result.get(key), list):
            result[key] = _functions(result[key], value)
        elif isinstance(value, dict) and isinstance(result.get(key), dict) and key not in ONE_OF:
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def _functions(base: list[Any], upper: list[Any]) -> list[Any]:
    for one in upper:
        name = one.get("name", "*") if isinstance(one, dict) else "*"
        rest = {key: value for key, value in one.items() if key != "name"} if isinstance(one, dict) else {}
        meant = [fnmatchcase(str(each.get("name", "")), str(name)) for each in base]
        if not any(meant):
            raise ConfigError([f"functions: no function {shown(name)}; there are {_listed(base)}"])
        base = [merged(each, rest) if hit else each for each, hit in zip(base, meant, strict=True)]
    return base


def _listed(functions: list[Any]) -> str:
    return ", ".join(str(each.get("name", "?")) for each in functions if isinstance(each, dict))


def changed(document: Mapping[str, Any], key: str, value: object) -> Document:
    """Return ``document`` with ``key`` set to ``value``, wherever the key belongs: see :func:`known_keys`.

    Raises :class:`ConfigError` that names the nearest key.
    """
    said = _meant(key, value) if isinstance(value, str) else value
    steps = tuple(key.split("."))
    head, rest = steps[0], steps[1:]
    if head == "pool" and rest:
        return _pools(document, rest, said)
    if head == "target" and not rest:
        return merged(document, {"functions": [{"target": said}]})
    if head == "functions" and len(rest) > 1:
        return _function_changed(document, rest[0], _placed(rest[1:], key), said)
    if head in _keys(ScenarioDocument) - {"functions", "policies"} and (rest or head not in _keys(FunctionSection)):
        return merged(document, _nested(steps, said))
    below = _placed(steps, key)
    if below[0] == "scaledObject" and _has_jobs(document):
        below = ("scaledJob", *below[1:])
    return _function_changed(document, "*", below, said)


def _meant(key: str, text: str) -> object:
    """Read a value; raise :class:`ConfigError` for one that is not YAML."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        what = getattr(error, "problem", None) or "cannot be read"
        raise ConfigError([f"{key}: {shown(text)} is not a value in YAML: {what}"]) from error


def _function_changed(document: Mapping[str, Any], name: str, steps: tuple[str, ...], value: object) -> Document:
    """Change the functions called ``name``, a glob; what is said of a trace leaves the rest of what is said of it."""
    if steps[0] != "trace" or len(steps) == 1:
        return merged(document, {"functions": [{"name": name, **_nested(steps, value)}]})
    said = [each for each in document.get("functions", ()) if "trace" in each and fnmatchcase(str(each["name"]), name)]
    if not said:
        raise ConfigError([f"{'.'.join(steps)}: there is no trace that it could be about"])
    changes = [{"name": each["name"], "trace": merged(each["trace"], _nested(steps[1:], value))} for each in said]
    return merged(document, {"functions": changes})


def known_keys() -> list[str]:
    """List what can be varied, besides any dotted path from the document's top."""
    auto = [f"pool.{key}" for key in _keys(AutoSection)]
    pool = [f"pool.{key}" for key in _keys(PoolSection) - {"functions"}]
    scaled = (_keys(ScaledObjectSection) | _keys(ScaledJobSection)) - {"triggers", "annotations"}
    function = _keys(FunctionSection) - {"name", "scaledObject", "scaledJob"}
    top = _keys(ScenarioDocument) - {"functions", "policies", "question"}
    return sorted({*auto, *pool, *scaled, *function, *top, _BEHAVIOR})


def _placed(steps: tuple[str, ...], key: str) -> tuple[str, ...]:
    """Return the path, within a function, of what people call by the last part of it."""
    head = steps[0]
    if head == _BEHAVIOR:
        return ("scaledObject", *_BEHAVIOR_AT, *steps)
    if head in _keys(FunctionSection):
        return steps
    if head in _keys(ScaledObjectSection) | _keys(ScaledJobSection):
        return ("scaledObject", *steps)
    raise _unknown(key)


def _unknown(key: str) -> ConfigError:
    near = get_close_matches(key, known_keys(), n=1, cutoff=0.5)
    return ConfigError([f"unknown key {shown(key)}" + (f", did you mean '{near[0]}'?" if near else "")])


def _pools(document: Mapping[str, Any], steps: tuple[str, ...], value: object) -> Document:
    """Change every pool; where there is none, all functions get one together."""
    if steps[0] not in _keys(PoolSection) | _keys(AutoSection):
        raise _unknown(".".join(("pool", *steps)))
    pools = document.get("pools") or (document.get("config") or {}).get("pools")
    if not pools:
        pools = {WARM: {"functions": {"namespace": "default", "openFunction": True}}}
        document = {**document, "functions": [_warm(each) for each in document.get("functions", ())]}
    return merged(document, {"pools": {name: dict(_pool(pool, steps, value)) for name, pool in pools.items()}})


def _warm(function: Mapping[str, Any]) -> Document:
    """Give a function the pool of all, wherever it is; a ScaledJob has none."""
    return dict(function) if "scaledJob" in function else {**function, "pool": function.get("pool") or WARM}


def _pool(pool: Mapping[str, Any], steps: tuple[str, ...], value: object) -> Iterator[tuple[str, Any]]:
    change: Document = _nested(steps, value)
    if steps == ("size",) and isinstance(value, int):
        change = {"size": {"fixed": value}}
    elif steps[0] in _keys(AutoSection):
        auto = (pool.get("size") or {}).get("auto") or {}
        change = {"size": {"auto": {**auto, **change}}}
    yield from merged(pool, change).items()


def _has_jobs(document: Mapping[str, Any]) -> bool:
    return any("scaledJob" in each for each in document.get("functions", ()) if isinstance(each, dict))


def _nested(steps: tuple[str, ...], value: object) -> Document:
    for step in reversed(steps):
        value = {step: value}
    return value if isinstance(value, dict) else {}


def _keys(model: type[Section]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}
