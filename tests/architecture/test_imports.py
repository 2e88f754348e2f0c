"""Who may import whom, where an allow-list says it: a deny-list misses what nobody thought of.

The layers, the cycles and the probes' independence are import-linter's contracts in pyproject.toml.
"""

import ast
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, belongs, imports, module_name, syntax, written_modules

# They decide and plan, and can do nothing else: the simulator and the service run the very same code.
PURE = (
    "scaler.errors",
    "scaler.model",
    "scaler.policy",
    "scaler.pool.plan",
    "scaler.pool.view",
    "simulations.hpa",
    "simulations.keda",
)
PURE_STANDARD_LIBRARY = frozenset(
    {
        "abc",
        "bisect",
        "collections",
        "dataclasses",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "math",
        "operator",
        "statistics",
        "typing",
    }
)
ACTING_BUILTINS = frozenset({"open", "print", "input", "eval", "exec", "breakpoint", "__import__"})

# What the simulator borrows of the service. The demo is a shell around the real service, so it may have more.
BORROWED = (
    "scaler.config.document",
    "scaler.config.memory",
    "scaler.config.pools",
    "scaler.config.reading",
    "scaler.config.section",
    "scaler.config.text",
    "scaler.errors",
    "scaler.model",
    "scaler.policy",
    "scaler.pool.book",
    "scaler.pool.plan",
    "scaler.pool.refill",
    "scaler.pool.sizes",
    "scaler.pool.view",
    "scaler.recording.format",
    "scaler.probes.cron.probe",  # when a window opens and closes
    "scaler.probes.registry",  # a user's triggers are understood by the models of their kinds
    "scaler.triggers",
    "scaler.verbs.manifests",
    "scaler.verbs.output",
)
SHELLS_OF_THE_SERVICE = ("simulations.cluster", "simulations.demo")

WIRE = ("grpc", "grpc_health", "grpc_reflection", "google.protobuf", "scaler.rpc.pb")
SPEAKERS = ("scaler.rpc", "simulations.demo")

MODULES = [pytest.param(path, id=module_name(path)) for path in written_modules()]
OURS = [param for param in MODULES if not str(param.id).startswith("tests")]


@pytest.mark.parametrize("path", [param for param in OURS if belongs(str(param.id), PURE)])
def test_pure_modules_cannot_act(path: Path) -> None:
    foreign = [
        found
        for found in imports(path)
        if not belongs(found.name, PURE) and found.name.split(".")[0] not in PURE_STANDARD_LIBRARY
    ]
    acting = {node.id for node in ast.walk(syntax(path)) if isinstance(node, ast.Name)} & ACTING_BUILTINS
    assert (foreign, acting) == ([], set())


@pytest.mark.parametrize("path", [param for param in OURS if str(param.id).startswith("simulations")])
def test_the_simulator_borrows_decisions_and_nothing_else(path: Path) -> None:
    if belongs(module_name(path), SHELLS_OF_THE_SERVICE):
        return
    assert [i for i in imports(path) if belongs(i.name, ("scaler",)) and not belongs(i.name, BORROWED)] == []


@pytest.mark.parametrize("path", OURS)
def test_only_rpc_speaks_protobuf(path: Path) -> None:
    if belongs(module_name(path), SPEAKERS):
        return
    assert [i for i in imports(path) if belongs(i.name, WIRE)] == []


@pytest.mark.parametrize("path", [param for param in OURS if belongs(str(param.id), ("scaler",))])
def test_the_service_never_loads_the_simulator(path: Path) -> None:
    assert [i for i in imports(path) if belongs(i.name, ("simulations",)) and i.on_load] == []


@pytest.mark.parametrize("path", OURS)
def test_nothing_that_ships_needs_the_tests(path: Path) -> None:
    tests_only = ("tests", "pytest", "hypothesis", "confluent_kafka", "trustme")
    assert [i for i in imports(path) if belongs(i.name, tests_only)] == []


def test_the_purity_list_names_the_standard_library_only() -> None:
    assert sys.stdlib_module_names >= PURE_STANDARD_LIBRARY
    assert (ROOT / "scaler" / "model.py").exists()
