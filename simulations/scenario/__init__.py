"""Scenarios: YAML in, worlds out.

``load`` reads a scenario with everything that it names (manifests, a configuration, traces) and says all that is wrong
at once; ``world`` draws from a seed what is simulated of it; ``varied`` is the same scenario with one key changed.
"""

from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from scaler.errors import ConfigError
from simulations.model import World
from simulations.policies.overlays import OVERLAYS, laid
from simulations.scenario.building import doubts, workloads, world_of
from simulations.scenario.merging import changed, known_keys
from simulations.scenario.plain import assumed, of_trace
from simulations.scenario.reading import Scenario, load, meant, overlaid, tree_of
from simulations.scenario.recorded import traces_of

__all__ = [
    "Scenario",
    "assumed",
    "doubts",
    "known_keys",
    "laid_over",
    "load",
    "of_trace",
    "traces_of",
    "varied",
    "workloads",
    "world",
]


def world(scenario: Scenario, seed: int, bins: int = 0) -> World:
    """Draw the world of a scenario; its timelines have ``bins`` samples.

    Raises :class:`ConfigError` where it would be more than can be simulated.
    """
    drawn = world_of(scenario.document, scenario.folder, seed, bins)
    for name, options in (scenario.document.use or {}).items():
        drawn = laid(name, drawn, options)
    return drawn


def varied(scenario: Scenario, key: str, value: object) -> Scenario:
    """Return the scenario with ``key`` set to ``value``, a text in YAML or what it means.

    ``pool.size``, ``cooldownPeriod``, ``pollingInterval``, ``maxReplicaCount``, ``target`` and their like change every
    function or pool, also under the scenario's policies unless they say otherwise; a dotted path leads to one value.
    Raises :class:`ConfigError` for what is unknown or wrong.
    """
    values = changed(scenario.values, key, value)
    try:
        found = meant(values, name=scenario.name, folder=Path(scenario.folder))
    except ConfigError as error:
        raise ConfigError(error.problems, about=f"{key}={value}") from error
    return replace(found, left_out=scenario.left_out)


def laid_over(scenario: Scenario, policy: str) -> Scenario:
    """Return the scenario under a policy: one of its own, one of the simulator's, or a file that says what differs.

    Raises :class:`ConfigError` where it is none of these, or wrong.
    """
    if policy in scenario.policies:
        return scenario.policies[policy]
    if policy in OVERLAYS:
        return overlaid(scenario.values, {"use": policy}, name=policy, folder=Path(scenario.folder))
    path = Path(policy)
    if not path.exists():
        known = [*scenario.policies, *OVERLAYS]
        near = get_close_matches(policy, known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
        raise ConfigError([f"no policy and no file {policy[:200]!r}, {hint}"])
    tree = tree_of(path)
    said = tree.value if isinstance(tree.value, dict) else {}
    try:
        return overlaid(scenario.values, said, name=path.stem, folder=Path(scenario.folder), beside=path.parent)
    except ConfigError as error:
        raise ConfigError(error.problems, about=policy) from error
