"""Scenarios: YAML in, worlds out.

``load`` reads a scenario with everything that it names (manifests, a configuration, traces) and says all that is wrong
at once; ``world`` draws from a seed what is simulated of it; ``varied`` is the same scenario with one key changed.
"""

from dataclasses import replace
from pathlib import Path

from scaler.errors import ConfigError
from simulations.model import World
from simulations.scenario.building import world_of
from simulations.scenario.merging import changed, known_keys
from simulations.scenario.reading import Scenario, load, overlaid

__all__ = ["Scenario", "known_keys", "load", "varied", "world"]


def world(scenario: Scenario, seed: int, bins: int = 0) -> World:
    """Draw the world of a scenario; its timelines have ``bins`` samples.

    Raises :class:`ConfigError` where it would be more than can be simulated.
    """
    return world_of(scenario.document, scenario.folder, seed, bins)


def varied(scenario: Scenario, key: str, value: object) -> Scenario:
    """Return the scenario with ``key`` set to ``value``, a text in YAML or what it means.

    ``pool.size``, ``cooldownPeriod``, ``pollingInterval``, ``maxReplicaCount``, ``target`` and their like change every
    function or pool; a dotted path leads to one value. Raises :class:`ConfigError` for what is unknown or wrong.
    """
    values = changed(scenario.values, key, value)
    try:
        found = overlaid(values, {}, name=scenario.name, folder=Path(scenario.folder))
    except ConfigError as error:
        raise ConfigError(error.problems, about=f"{key}={value}") from error
    return replace(found, policies=scenario.policies)
