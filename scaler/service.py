"""The composition root: everything is built, started and stopped here, in one list."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, assert_never

from structlog import get_logger

from scaler.aio import end_within, first_signal, ungrouped
from scaler.config.config_map import following_config_map
from scaler.config.credentials import Credentials, running_credentials
from scaler.config.document import Config
from scaler.config.file import FileOrigin
from scaler.config.live import LastGood, following_config
from scaler.config.source import ConfigMapName, Origin, Place
from scaler.decisions import Decisions, running_decisions
from scaler.errors import ConfigError
from scaler.hub import Hub, running_hub
from scaler.net.kube import Kube, running_kube
from scaler.observe.heartbeat import heartbeat
from scaler.pool.controller import LEASE, Controller, running_controller
from scaler.pool.signals import InProcess
from scaler.pooling import clock, pool_of
from scaler.probes.base import Surroundings
from scaler.probes.registry import Catalogue, installed
from scaler.recording.files import Place as Recording
from scaler.recording.running import recording
from scaler.rpc.asking import Asking, ClientTls, running_asking
from scaler.rpc.server import Health, Listen, running_server
from scaler.rpc.servicer import identify
from scaler.web.http import Told, application, running_http

log = get_logger(__name__)

SECRETS: Final = Path("/etc/warmscaler/secrets")
STOP_WITHIN: Final = 9.5  # s after the first signal, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to serve: ``http`` is host:port, ``config`` what to follow, ``dev`` lets sources on loopback be read.

    ``kubeconfig`` says how to reach the Kubernetes API outside of a cluster; in a pod its service account does.
    ``state`` is the folder that keeps the last good text of a file, ``secrets`` the one with folders of credentials.
    ``pool``: whether this process also stands for election to keep the warm pods. ``record`` is where to write down
    what it reads, decides and answers.
    """

    listen: Listen
    http: str
    config: Place | None = None
    kubeconfig: Path | None = None
    state: Path | None = None
    secrets: Path = SECRETS
    dev: bool = False
    pool: bool = False
    record: Recording | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How to keep pools in a process of their own, which asks the scaler at ``scaler`` (host:port); else as above.

    ``lease`` is the name of the one that its leader holds.
    """

    scaler: str
    tls: ClientTls | None
    http: str
    lease: str = LEASE
    config: Place | None = None
    kubeconfig: Path | None = None
    state: Path | None = None
    dev: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service: its ports and its decisions."""

    port: int
    http_port: int
    decisions: Decisions


@asynccontextmanager
async def running(settings: Settings, catalogue: Catalogue | None = None) -> AsyncIterator[Service]:
    """Run the whole service for as long as the block lasts: started from the bottom up, stopped from the top down.

    No port is open before a configuration is in force, so nobody is told by defaults what it would not have told; how
    long that is waited for is the matter of its origin. Credentials are waited for briefly, and followed anyway.
    """
    kinds = (catalogue or reported(installed())).kinds
    health = Health()
    with ungrouped():
        async with (
            beating(),
            running_kube(settings.kubeconfig) as kube,
            running_hub(Surroundings(clock=clock)) as hub,
            running_decisions(hub, kinds, clock, kube) as decisions,
            running_credentials(kube, home(settings.config, kube), settings.secrets) as credentials,
            pooling(settings, kube, decisions, kinds) as pool,
            recorded(settings.record, decisions, kube, pool),
            applying(Applying(hub, decisions, credentials, pool, dev=settings.dev)) as apply,
            originating(settings.config, settings.state, kube) as origin,
            following_config(origin, kinds, apply, clock) as config,
            running_http(settings.http, application(pages(health, config, pool), decisions, clock)) as http_port,
            running_server(settings.listen, decisions, health) as port,
            leading(pool),
        ):
            await health.set_ready(ready=True)
            tls = settings.listen.tls is not None
            api = kube is not None
            log.info("serving", port=port, http_port=http_port, tls=tls, kubernetes=api, kinds=sorted(kinds))
            yield Service(port=port, http_port=http_port, decisions=decisions)


def home(place: Place | None, kube: Kube | None) -> str:
    """Return our own namespace: its Secrets connections may name, and it has the Lease of the pool's leader."""
    if isinstance(place, ConfigMapName):
        return place.namespace
    return kube.namespace if kube is not None else "default"


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends the process at once."""
    async with running(settings):
        received = await first_signal(signal.SIGTERM, signal.SIGINT)
        log.info("draining", signal=received.name)
        end_within(STOP_WITHIN)
    log.info("stopped")


async def keep_pools(settings: PoolSettings) -> None:
    """Keep pools until SIGTERM or SIGINT; a second one ends the process at once."""
    async with running_pool(settings):
        received = await first_signal(signal.SIGTERM, signal.SIGINT)
        log.info("stopping", signal=received.name)
        end_within(STOP_WITHIN)
    log.info("stopped")


@asynccontextmanager
async def running_pool(settings: PoolSettings) -> AsyncIterator[int]:
    """Keep pools beside a scaler elsewhere for as long as the block lasts; offer the port of our pages."""
    kinds = reported(installed()).kinds
    with ungrouped():
        async with (
            beating(),
            running_kube(settings.kubeconfig) as kube,
            running_asking(settings.scaler, settings.tls) as asking,
            originating(settings.config, settings.state, kube) as origin,
            nullcontext(pool_beside(settings, kube, asking, kinds)) as pool,
            following_config(origin, kinds, configuring(pool), clock) as config,
            running_http(settings.http, application(Told(lambda: True, config.told, pool.told))) as http_port,
            running_controller(pool),
        ):
            log.info("keeps pools", http_port=http_port, scaler=settings.scaler)
            yield http_port


def pool_beside(settings: PoolSettings, kube: Kube | None, asking: Asking, kinds: Collection[str]) -> Controller:
    """Make the controller that hears a scaler elsewhere."""
    return pool_of(
        kube,
        asking,
        kinds,
        namespace=home(settings.config, kube),
        lease=settings.lease,
        scaler=settings.scaler,
        dev=settings.dev,
    )


@asynccontextmanager
async def pooling(
    settings: Settings, kube: Kube | None, decisions: Decisions, kinds: Collection[str]
) -> AsyncIterator[Controller | None]:
    """Offer the pool's controller, which hears the decisions of this process; ``None`` if it is not asked for."""
    if not settings.pool:
        yield None
        return
    signals = InProcess(decisions, identify)
    try:
        yield pool_of(kube, signals, kinds, namespace=home(settings.config, kube), dev=settings.dev)
    finally:
        signals.end()


def recorded(
    place: Recording | None, decisions: Decisions, kube: Kube | None, pool: Controller | None
) -> AbstractAsyncContextManager[None]:
    """Record for as long as the block lasts, if that is asked for."""
    if place is None:
        return nullcontext()
    return recording(place, decisions, clock, kube=kube, pools=pool.told if pool is not None else None)


@asynccontextmanager
async def leading(pool: Controller | None) -> AsyncIterator[None]:
    """Let the controller, if there is one, do its work: last of all parts to begin, and first to end."""
    if pool is None:
        yield
        return
    async with running_controller(pool):
        yield


def pages(health: Health, config: LastGood, pool: Controller | None) -> Told:
    """Say what the pages tell besides the triggers."""
    return Told(lambda: health.ready, config.told, pool.told if pool is not None else None)


def configuring(pool: Controller) -> Callable[[Config], Awaitable[None]]:
    """Return what puts a configuration's pools in force."""

    async def apply(config: Config) -> None:
        put_in_force(pool, config)

    return apply


def put_in_force(pool: Controller, config: Config) -> None:
    """Go on with a configuration's pools; that there are none is said, since a pool was asked for."""
    pool.configure(config.pools)
    if not config.pools:
        log.warning("the configuration has no pools: no pod is kept warm")


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


@asynccontextmanager
async def originating(place: Place | None, state: Path | None, kube: Kube | None) -> AsyncIterator[Origin | None]:
    """Offer what the configuration is read from; raise :class:`ConfigError` if that cannot be."""
    match place:
        case None:
            yield None
        case Path():
            yield FileOrigin(place, state)
        case ConfigMapName() if kube is None:
            raise ConfigError([f"--config {place} needs the Kubernetes API: run in a pod, or say --kubeconfig"])
        case ConfigMapName():
            async with following_config_map(kube, place) as origin:
                yield origin
        case _:
            assert_never(place)


class Applying:
    """Puts configurations in force, and new credentials of their connections; ``dev`` lets loopback be read."""

    def __init__(
        self, hub: Hub, decisions: Decisions, credentials: Credentials, pool: Controller | None, *, dev: bool
    ) -> None:
        self._hub = hub
        self._pool = pool
        self._decisions = decisions
        self._credentials = credentials
        self._dev = dev
        self._config = Config()
        self._turn = asyncio.Lock()

    async def apply(self, config: Config) -> None:
        """Go on with another configuration."""
        async with self._turn:
            self._config = config
            egress = replace(config.egress, loopback=True) if self._dev else config.egress
            self._hub.surround(Surroundings(clock=clock, egress=egress))
            await self._credentials.follow(config.connections)
            await self._tell()
            if self._pool is not None:
                put_in_force(self._pool, config)

    async def run(self) -> None:
        """Go on with each change of credentials, until cancelled."""
        while True:
            await self._credentials.changed()
            async with self._turn:
                await self._tell()

    async def _tell(self) -> None:
        config = self._config
        defaults = replace(config.defaults, connections=self._credentials.connections(config.connections))
        await self._decisions.configure(defaults, config.limits)


@asynccontextmanager
async def applying(applies: Applying) -> AsyncIterator[Callable[[Config], Awaitable[None]]]:
    """Offer what puts a configuration in force, and follow its credentials for as long as the block lasts."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(applies.run(), name="credentials")
        try:
            yield applies.apply
        finally:
            task.cancel()
