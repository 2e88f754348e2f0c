"""From plain functions to compiled ones, kept on disk between runs.

A function is compiled together with everything that it calls in this package. What the twin does by ``heapq`` on a list
is done by ``simulations.fast.heap`` on an array.
"""

import hashlib
import heapq
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import Any, Final, TypeVar, cast

from simulations.fast import heap

_Function = TypeVar("_Function", bound=Callable[..., object])
_PACKAGE = __name__.rpartition(".")[0]
_INSTEAD: dict[object, Callable[..., object]] = {
    heapq.heappush: heap.push,
    heapq.heappop: heap.pop,
}
_SOURCES: Final = (
    "scaler/*.py",
    "scaler/policy/*.py",
    "simulations/*.py",
    "simulations/fast/*.py",
    "simulations/hpa/*.py",
    "simulations/keda/*.py",
    "simulations/validation/*.py",
)
"""The modules that compiled code takes constants from: they are frozen in it."""
_UNUSED: Final = 30 * 86_400
"""Seconds after which machine code of another version goes, where nobody has used it."""


def available() -> bool:
    """Tell whether numba is installed."""
    return find_spec("numba") is not None


def compiled(function: _Function) -> _Function:
    """Return ``function`` compiled; the machine code is made at its first call, or comes from the cache.

    A cache that cannot be written is done without.
    """
    import numba  # noqa: PLC0415 - it is the extra ``jit``, and takes a while to load

    config: Any = numba.config  # its options are attributes that only it knows
    before, config.CACHE_DIR = config.CACHE_DIR, str(cache_directory())
    try:
        # Where it may not write there, numba would write beside the source, and not notice what else has changed.
        return cast("_Function", numba.njit(cache=_writable(), error_model="numpy")(_linked(function)))
    finally:
        config.CACHE_DIR = before


def ready(function: Callable[..., object]) -> bool:
    """Tell whether the machine code of ``function`` is in the cache."""
    return any(cache_directory().glob(f"*/*.{function.__name__}-*.nbi"))


def _writable() -> bool:
    own = cache_directory()
    try:
        own.mkdir(parents=True, exist_ok=True)
        os.utime(own)  # it is in use
    except OSError:
        return False
    _sweep(own)
    return os.access(own, os.W_OK)


def _sweep(own: Path) -> None:
    """Remove the machine code of other versions that was not used for long; what cannot be removed stays."""
    for path in own.parent.glob("compiled-*"):
        try:
            unused = path != own and time.time() - path.stat().st_mtime > _UNUSED
        except OSError:
            continue
        if unused:
            shutil.rmtree(path, ignore_errors=True)


@cache
def cache_directory() -> Path:
    """Return where machine code is kept: another place for every version of what it is made of."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "warmscaler" / f"compiled-{fingerprint(Path(__file__).parents[2])}"


def fingerprint(root: Path) -> str:
    """Return what tells versions of the machine code apart: its makers', and those of its sources below ``root``."""
    made_of = hashlib.sha256(f"{sys.version} {version('numba')} {version('llvmlite')}".encode())
    for path in sources(root):
        content = path.read_bytes()
        made_of.update(f"{path.relative_to(root)} {len(content)}\n".encode() + content)
    return made_of.hexdigest()[:16]


def sources(root: Path) -> Iterator[Path]:
    """Yield the modules below ``root`` that compiled code is made of, or takes constants from."""
    for pattern in _SOURCES:
        yield from sorted(root.glob(pattern))


def _linked(function: Callable[..., object]) -> FunctionType:
    """Return a copy of ``function`` that calls compiled functions wherever it calls one of this package."""
    plain = cast("FunctionType", _INSTEAD.get(function, function))
    names = dict(plain.__globals__)
    for name in plain.__code__.co_names:
        called = names.get(name)
        if called in _INSTEAD or (isinstance(called, FunctionType) and called.__module__.startswith(_PACKAGE)):
            names[name] = _part(called)
    linked = FunctionType(plain.__code__, names, plain.__name__)
    linked.__qualname__, linked.__module__ = plain.__qualname__, plain.__module__
    return linked


@cache
def _part(function: Callable[..., object]) -> object:
    """Return a function that only compiled ones call; each is compiled once, whoever calls it."""
    import numba  # noqa: PLC0415 - as above

    options: Any = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True}
    return numba.njit(**options)(_linked(function))
