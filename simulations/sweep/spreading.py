"""The same function of many arguments, on all cores of this machine or on many machines.

Arrays above a megabyte in the arguments are written to memory that the processes of one machine share.

More than one machine, by joblib's own means; each must have the same Warmscaler and the files of the scenario::

    dask scheduler                           # on one machine
    dask worker tcp://HOST:8786              # on each
    warmscaler simulate sweep … --backend dask --address tcp://HOST:8786

    ray start --head; ray start --address=HOST:6379
    warmscaler simulate sweep … --backend ray --address HOST:6379

Dask is tried by the tests on a cluster of two workers; Ray is not tested.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any, Final, TypeVar, assert_never
from urllib.parse import urlsplit

from scaler.config.text import shown
from scaler.errors import ConfigError
from simulations.progress import watched

PATIENCE: Final = 5.0
"""Seconds in which a cluster's scheduler takes a connection, or is taken for absent."""

_Result = TypeVar("_Result")


class Backend(StrEnum):
    """Where the runs are."""

    LOKY = "loky"
    """Processes of this machine."""
    DASK = "dask"
    RAY = "ray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """``jobs`` processes, all cores with -1; for Dask and Ray the ``address`` of the cluster, whose workers count."""

    backend: Backend = Backend.LOKY
    jobs: int = -1
    address: str | None = None

    def __post_init__(self) -> None:
        """Raise :class:`ConfigError` for numbers of processes that are none."""
        if self.jobs < 1 and self.jobs != -1:
            raise ConfigError([f"--jobs {self.jobs}: at least 1 process, or -1 for all cores"])


def spread(
    function: Callable[..., _Result], tasks: Sequence[tuple[Any, ...]], where: Where, doing: str
) -> list[_Result]:
    """Call a module's ``function`` with the arguments of each task; return the results in their order.

    Shows a progress bar on a terminal, that says what it is ``doing``. An interrupt, or an error of a call, ends all
    processes at once. Raises ``ConfigError`` where a backend cannot be used.
    """
    with _running(function, tasks, where) as results:
        return [next(results) for _ in watched(tasks, doing=doing)]


@contextmanager
def _running(
    function: Callable[..., _Result], tasks: Sequence[tuple[Any, ...]], where: Where
) -> Iterator[Iterator[_Result]]:
    """Yield the results as they come."""
    if where.backend is Backend.LOKY and (where.jobs == 1 or len(tasks) <= 1):
        yield (function(*each) for each in tasks)
        return
    joblib = _needed("joblib", "simulate")
    with _configured(joblib, where):
        parallel = joblib.Parallel(return_as="generator", pre_dispatch="all")
        results = parallel(joblib.delayed(function)(*each) for each in tasks)
        try:
            yield results
        finally:
            results.close()  # ends what still runs, where this is left early


def _configured(joblib: Any, where: Where) -> AbstractContextManager[Any]:  # noqa: ANN401 - a module of an extra
    settings: dict[str, Any] = {"backend": str(where.backend)}
    match where.backend:
        case Backend.LOKY:
            settings |= {"n_jobs": where.jobs, "inner_max_num_threads": 1}
        case Backend.DASK:
            _needed("distributed", "many")
            settings["scheduler_host"] = _addressed(where, "tcp://HOST:8786, as 'dask scheduler' prints it")
        case Backend.RAY:
            ray = _needed("ray", None)
            ray.init(address=_addressed(where, "HOST:6379, as 'ray start --head' prints it"))
            import_module("ray.util.joblib").register_ray()
        case _:
            assert_never(where.backend)
    configured: AbstractContextManager[Any] = joblib.parallel_config(**settings)
    return configured


def _addressed(where: Where, like: str) -> str:
    if where.address is None:
        raise ConfigError([f"the backend {where.backend} needs the address of its cluster: {like}"])
    _reach(where.address, like)
    return where.address


def _reach(address: str, like: str) -> None:
    """Raise :class:`ConfigError` where nobody listens, at once: the clients of a cluster try for minutes."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None:
        raise ConfigError([f"--address {shown(address)} is not {like}"])
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        why = f"{error.strerror or error}"
        raise ConfigError([f"--address {shown(address)}: no scheduler answers there: {why}"]) from error


def _needed(module: str, extra: str | None) -> Any:  # noqa: ANN401 - whatever the extra installs
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        how = f"pip install 'warmscaler[{extra}]'" if extra else f"pip install {module}"
        raise ConfigError([f"'{module}' is not installed: {how}"]) from error
