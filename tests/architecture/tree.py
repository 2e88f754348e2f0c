"""The source tree as facts: which files there are, which modules import what."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "scaler" / "rpc" / "pb"
PACKAGES = ("scaler", "simulations", "tests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import: what is imported, by its full name, and whether that happens when the module is loaded."""

    name: str
    line: int
    on_load: bool


@cache
def kept_files() -> tuple[Path, ...]:
    """Return every file of the repository, also those not committed yet, without what is ignored."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return tuple(path for name in names if name and (path := ROOT / name).is_file())


@cache
def written_modules() -> tuple[Path, ...]:
    """Return every Python file that a person wrote."""
    found = (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return tuple(path for path in found if not path.is_relative_to(GENERATED))


def module_name(path: Path) -> str:
    """Return the dotted name of a module's file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def belongs(module: str, packages: tuple[str, ...]) -> bool:
    """Tell whether ``module`` is one of ``packages`` or inside one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@cache
def syntax(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text(), filename=str(path))


def imports(path: Path) -> Iterator[Import]:
    """Yield every import of a module, wherever it stands; ``from a import b`` counts as ``a.b``."""
    inside = {id(node) for function in functions(path) for node in ast.walk(function) if node is not function}
    for node in ast.walk(syntax(path)):
        for name in _imported(node):
            yield Import(name=name, line=getattr(node, "lineno", 0), on_load=id(node) not in inside)


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names):
            return [f"{module}.{alias.name}" for alias in names]
        case _:
            return []


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function and method of a module."""
    return [node for node in ast.walk(syntax(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function's body; its signature and docstring are not body."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
