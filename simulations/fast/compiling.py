"""From plain functions to compiled ones, kept on disk between runs.

A function is compiled together with everything that it calls in this package. What the twin does by ``heapq`` on a list
is done by ``simulations.fast.heap`` on an array.
"""

import hashlib
import heapq
import os
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

from simulations.fast import heap

_Function = TypeVar("_Function", bound=Callable[..., object])
_PACKAGE = __name__.rpartition(".")[0]
_INSTEAD: dict[object, Callable[..., object]] = {
    heapq.heappush: heap.push,
    heapq.heappop: heap.pop,
}


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
    try:
        cache_directory().mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(cache_directory(), os.W_OK)


@cache
def cache_directory() -> Path:
    """Return where machine code is kept: another place for every version of what it is made of."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    made_of = hashlib.sha256(f"{sys.version} {version('numba')} {version('llvmlite')}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        made_of.update(path.read_bytes())
    return Path(base) / "warmscaler" / f"compiled-{made_of.hexdigest()[:16]}"


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

    options: Any = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(**options)(_linked(function))
