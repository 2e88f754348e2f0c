"""The composition root: everything is built, started and stopped here, in one list."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from structlog import get_logger

from scaler.aio import end_within, first_signal, ungrouped
from scaler.config.document import Config
from scaler.config.live import following_config
from scaler.decisions import Decisions, running_decisions
from scaler.hub import Hub, running_hub
from scaler.model import Instant
from scaler.net.kube import running_kube
from scaler.observe.heartbeat import heartbeat
from scaler.probes.base import Surroundings
from scaler.probes.registry import Catalogue, installed
from scaler.rpc.server import Health, Listen, running_server
from scaler.web.http import application, running_http

log = get_logger(__name__)

STOP_WITHIN: Final = 9.5  # s after the first signal, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve: ``http`` is host:port, ``config`` a file to follow, ``dev`` lets sources on loopback be read.

    ``kubeconfig`` says how to reach the Kubernetes API outside of a cluster; in a pod its service account does.
    """

    listen: Listen
    http: str
    config: Path | None = None
    kubeconfig: Path | None = None
    dev: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service: its ports and its decisions."""

    port: int
    http_port: int
    decisions: Decisions


def clock() -> Instant:
    """Tell the time that all readings and decisions are on."""
    return Instant(time.monotonic())


@asynccontextmanager
async def running(settings: Settings, catalogue: Catalogue | None = None) -> AsyncIterator[Service]:
    """Run the whole service for as long as the block lasts: started from the bottom up, stopped from the top down."""
    kinds = (catalogue or reported(installed())).kinds
    health = Health()
    with ungrouped():
        async with (
            beating(),
            running_kube(settings.kubeconfig) as kube,
            running_hub(Surroundings(clock=clock)) as hub,
            running_decisions(hub, kinds, clock, kube) as decisions,
            following_config(settings.config, kinds, applying(hub, decisions, dev=settings.dev), clock) as config,
            running_http(settings.http, application(decisions, lambda: health.ready, config.told, clock)) as http_port,
            running_server(settings.listen, decisions, health) as port,
        ):
            await health.set_ready(ready=True)
            tls = settings.listen.tls is not None
            api = kube is not None
            log.info("serving", port=port, http_port=http_port, tls=tls, kubernetes=api, kinds=sorted(kinds))
            yield Service(port=port, http_port=http_port, decisions=decisions)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends the process at once."""
    async with running(settings):
        received = await first_signal(signal.SIGTERM, signal.SIGINT)
        log.info("draining", signal=received.name)
        end_within(STOP_WITHIN)
    log.info("stopped")


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Measure the event loop for as long as the block lasts."""
    async with asyncio.TaskGroup() as tasks:
        beat = tasks.create_task(heartbeat(), name="heartbeat")
        try:
            yield
        finally:
            beat.cancel()


def reported(catalogue: Catalogue) -> Catalogue:
    """Say which plugins could not be loaded; the others serve."""
    for name, reason in catalogue.broken.items():
        log.error("probe cannot be loaded", kind=name, reason=reason)
    return catalogue


def applying(hub: Hub, decisions: Decisions, *, dev: bool) -> Callable[[Config], Awaitable[None]]:
    """Return what puts a configuration in force; ``dev`` lets sources on this machine be read, whatever it says."""

    async def apply(config: Config) -> None:
        egress = replace(config.egress, loopback=True) if dev else config.egress
        hub.surround(Surroundings(clock=clock, egress=egress))
        await decisions.configure(config.defaults, config.limits)

    return apply
