"""The pool's controller with all that it needs of the other parts, which know nothing of it."""

import os
import socket
import time
from functools import partial
from typing import Final

from scaler.errors import ConfigError
from scaler.keda import Reference
from scaler.model import Instant
from scaler.net.kube import Kube
from scaler.pool.checks import checking
from scaler.pool.controller import LEASE, Controller
from scaler.pool.deeds import PACE, Pace
from scaler.pool.dns import find_caching
from scaler.pool.elector import Elector
from scaler.pool.fleet import Outside
from scaler.pool.preflight import Preflight
from scaler.pool.signals import Signals
from scaler.rpc.fitness import ask_health

KIND: Final = "kind"  # a key that every trigger of ours has
ADDRESS: Final = "scalerAddress"


def clock() -> Instant:
    """Tell the time that everything in this process is on."""
    return Instant(time.monotonic())


def pool_of(  # noqa: PLR0913 - each one says where or how the controller is run
    kube: Kube | None,
    signals: Signals,
    *,
    namespace: str,
    scaler: str = "",
    dev: bool = False,
    pace: Pace = PACE,
) -> Controller:
    """Make the controller that hears ``signals``, of the scaler at ``scaler`` or (empty) of this process.

    The Lease that it leads by is in ``namespace``. ``dev`` lets it check pods on loopback, and ``pace`` is another one
    where time runs faster. Raises :class:`ConfigError` without an API.
    """
    if kube is None:
        raise ConfigError(["a pool needs the Kubernetes API: run in a pod, or say --kubeconfig"])
    outside = Outside(
        kube=kube,
        signals=signals,
        ours=partial(_ours, scaler),
        clock=clock,
        checking=partial(checking, ask_health=ask_health, loopback=dev),
        pace=pace,
    )
    elector = Elector(kube, namespace, LEASE, f"{socket.gethostname()}-{os.getpid()}", clock=time.monotonic)
    return Controller(outside, elector, Preflight(find_caching))


def _ours(scaler: str, reference: Reference) -> bool:
    """Tell whether the scaler answers a trigger: one of our kinds, or one that names its address."""
    metadata = reference[2]
    return KIND in metadata or (bool(scaler) and metadata.get(ADDRESS, "").endswith(scaler))
