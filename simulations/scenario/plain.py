"""A scenario made of a trace alone: a file of timestamps is enough to ask with, and all else has its usual value."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scaler.config.text import Tree
from simulations.scenario.deployments import USUAL_MEMORY
from simulations.scenario.manifests import key_of
from simulations.scenario.merging import changed
from simulations.scenario.reading import Scenario, understood
from simulations.scenario.recorded import recorded
from simulations.scenario.workloads import SERVICE

QUESTION = "What would these requests have waited for, and what would they have cost?"
SERVING = f"a request takes {SERVICE} (service)"
STARTING = "a pod starts in 4 s as a rule, 7 s at times: image there, 3 s to start, up to 1 s to Ready (pods)"
REQUESTING = f"a pod requests {USUAL_MEMORY // 2**20}Mi (memory)"
SINGLY = "a pod serves one request at once (concurrency)"


def of_trace(
    path: Path,
    *,
    trace_format: str | None = None,
    manifests: Path | None = None,
    config: Path | None = None,
    reading: Mapping[str, str] | None = None,
) -> Scenario:
    """Return the scenario of a trace; ``manifests`` and ``config`` are a user's own files.

    ``reading`` says, by keys such as ``trace.unit``, what the trace leaves open.

    Raises :class:`ConfigError` with everything that is wrong.
    """
    trace = {"path": str(path.resolve()), **({"format": trace_format} if trace_format is not None else {})}
    function: dict[str, Any] = {"name": _name(path), "trace": trace}
    if manifests is not None:
        function[key_of(manifests)] = str(manifests.resolve())
    values: dict[str, Any] = {"question": QUESTION, "functions": [function]}
    if config is not None:
        values["config"] = str(config.resolve())
    for key, value in (reading or {}).items():
        values = changed(values, key, value)
    return understood(Tree(value=values, places={}), name=path.name, folder=path.parent, about=str(path))


def assumed(scenario: Scenario) -> Iterator[str]:
    """Yield what a scenario does not say and its answer rests on, in words with numbers, and the key that says it."""
    for function in scenario.document.functions:
        said = function.model_fields_set
        found = recorded(function.trace, scenario.folder).values() if function.trace is not None else ()
        scaled = function.scaled_job or function.scaled_object
        if function.target is None and (scaled is None or "triggers" not in scaled.model_fields_set):
            yield "one replica for 10 requests that wait or are served, told by push (target)"
        if scaled is None:
            yield "KEDA's own cooldownPeriod 300 s, at most 100 replicas (cooldownPeriod, maxReplicaCount; --manifests)"
        if "service" not in said and not (found and all(each.service is not None for each in found)):
            yield SERVING
        if "pods" not in said:
            yield STARTING
        if not said & {"memory", "deployment"} and not (found and all(each.memory is not None for each in found)):
            yield REQUESTING
        if "concurrency" not in said:
            yield SINGLY


def _name(path: Path) -> str:
    """Return the name of a function after a file: what a Kubernetes object may be called."""
    stem = path.name.partition(".")[0].lower()
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in stem).strip("-")
    return kept[:200].strip("-") or "function"
