"""Whose pods a pool keeps warm, by what a scenario knows of a function's workload: as the service finds it."""

from collections.abc import Mapping
from dataclasses import dataclass

from scaler.config.pools import FunctionsSection
from scaler.verbs.manifests import mapping
from simulations.scenario.deployments import labels
from simulations.scenario.document import FunctionSection


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a function's replicas are of; ``namespace`` is ``None`` where nothing says it, and then may be any."""

    name: str
    namespace: str | None
    labels: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace is not None else self.name

    def is_meant(self, by: FunctionsSection) -> bool:
        """Tell whether it is one of the functions of a pool."""
        if self.namespace not in {None, by.namespace}:
            return False
        if by.selector is not None:
            return all(self.labels.get(key) == value for key, value in by.selector.match_labels.items())
        return by.open_function is True or by.deployment == self.name


def workload_of(name: str, section: FunctionSection) -> Workload:
    """Return the workload of a function: the scale target, else its Deployment, else what is called as it is.

    Of several functions with one section each is called as it is.
    """
    scaled = section.scaled_object
    target = mapping(scaled.scale_target_ref).get("name") if scaled is not None else None
    own = mapping(mapping(section.deployment).get("metadata"))
    called = target or own.get("name") if name == section.name else None
    namespace = section.namespace or own.get("namespace")
    return Workload(
        name=str(called or name),
        namespace=None if namespace is None else str(namespace),
        labels=labels(section.deployment),
    )


def wanted(pool: FunctionsSection) -> str:
    """Say whom a pool means, for a person."""
    if pool.selector is not None:
        said = ", ".join(f"{key}={value}" for key, value in pool.selector.match_labels.items())
        return f"Deployments labelled {said} in {pool.namespace}"
    if pool.open_function:
        return f"the functions of OpenFunction in {pool.namespace}"
    return f"the Deployment {pool.namespace}/{pool.deployment}"
