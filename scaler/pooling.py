"""The pool's controller with all that it needs of the other parts, which know nothing of it."""

import os
import socket
import time
from collections.abc import Collection
from functools import partial
from typing import Final

from scaler.errors import ConfigError
from scaler.keda import Reference
from scaler.model import Instant
from scaler.net.egress import split_host_port
from scaler.net.kube import LEASES, Kube
from scaler.pool.checks import checking
from scaler.pool.controller import LEASE, Controller
from scaler.pool.deeds import PACE, Pace
from scaler.pool.dns import Caching, find_caching
from scaler.pool.elector import Elector
from scaler.pool.fleet import Outside
from scaler.pool.preflight import CACHED_AT_MOST, Preflight
from scaler.pool.signals import Signals
from scaler.rpc.fitness import ask_health

KIND: Final = "kind"  # a key that every trigger of ours has
ADDRESS: Final = "scalerAddress"
_SHOWN: Final = 60  # characters of a wrong name that a message repeats


def clock() -> Instant:
    """Tell the time that everything in this process is on."""
    return Instant(time.monotonic())


def pool_of(  # noqa: PLR0913 - each one says where or how the controller is run
    kube: Kube | None,
    signals: Signals,
    kinds: Collection[str],
    *,
    namespace: str,
    lease: str = LEASE,
    scaler: str = "",
    dev: bool = False,
    pace: Pace = PACE,
) -> Controller:
    """Make the controller that hears ``signals``, of the scaler at ``scaler`` or (empty) of this process.

    The triggers of the ``kinds`` are that scaler's. It leads by the ``lease`` in ``namespace``. ``dev`` lets it check
    pods on loopback and ask no name server, and ``pace`` is another one where time runs faster. Raises
    :class:`ConfigError` without an API.
    """
    if kube is None:
        raise ConfigError(["a pool needs the Kubernetes API: run in a pod, or say --kubeconfig"])
    outside = Outside(
        kube=kube,
        signals=signals,
        ours=partial(answers, kinds, scaler),
        clock=clock,
        checking=partial(checking, ask_health=ask_health, loopback=dev),
        pace=pace,
    )
    elector = Elector(kube, namespace, lease, f"{socket.gethostname()}-{os.getpid()}", clock=time.monotonic)
    return Controller(outside, elector, Preflight(_not_asked if dev else find_caching))


async def _not_asked() -> Caching:
    """Ask nobody: where we are tried out, the name server is no cluster's."""
    return Caching(positive=None, negative=None, bound=CACHED_AT_MOST, why="not asked with --dev", fix="")


def lease_named(text: str | None) -> str:
    """Return the name of a Lease that a command line says, or the usual one; raise :class:`ConfigError` for no name."""
    if text is None:
        return LEASE
    try:
        if not text:
            raise ValueError("a name is needed")  # noqa: TRY301 - told like a wrong name
        LEASES.path("default", text)
    except ValueError as error:
        raise ConfigError([f"--lease {text[:_SHOWN]!r} is not a name such as {LEASE}: {error}"]) from error
    return text


def answers(kinds: Collection[str], scaler: str, reference: Reference) -> bool:
    """Tell whether the scaler answers a trigger: one of the ``kinds``, or one at the address of ``scaler``.

    ``scaler`` is host:port, or empty for the one of this process, which does not know what it is called.
    """
    metadata = reference[2]
    if metadata.get(KIND) in kinds:
        return True
    try:
        return bool(scaler) and _place(metadata.get(ADDRESS, "")) == _place(scaler)
    except ValueError:
        return False


def _place(address: str) -> tuple[str, int]:
    """Return the host and the port of a gRPC address, one host's names alike: ``dns:///A.b.svc:1`` is ``a.b:1``.

    Raises ``ValueError`` for what has none.
    """
    host, port = split_host_port(address.rpartition("/")[2].removeprefix("dns:"))
    return host.casefold().removesuffix(".").removesuffix(".cluster.local").removesuffix(".svc"), port
