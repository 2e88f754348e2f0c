"""``/metrics``, ``/healthz``, ``/readyz`` and ``/status``: GET only, and nothing of it is secret."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, assert_never

from aiohttp import web
from prometheus_client.aiohttp import make_aiohttp_handler

from scaler.decisions import Decisions
from scaler.errors import ConfigError
from scaler.live import Live
from scaler.model import Decision, Instant, Outage, Standing, Undecided
from scaler.net.egress import split_host_port
from scaler.net.secrets import redacted, secrets_of
from scaler.observe.metrics import REGISTRY, TRIGGERS

AT_ONCE: Final = 100  # triggers told without a pause: some 2 ms
MAX_REQUEST: Final = 1024  # bytes: nothing is ever posted
SHARED: Final = 1.0  # s for which what was told of the triggers is told again


@asynccontextmanager
async def running_http(address: str, app: web.Application) -> AsyncIterator[int]:
    """Serve ``app`` on ``address`` (host:port, port 0 picks a free one) for as long as the block lasts."""
    host, port = _parsed(address)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError([f"cannot listen on {address}: {error.strerror}"]) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _parsed(address: str) -> tuple[str, int]:
    try:
        return split_host_port(address, lowest=0)
    except ValueError as error:
        raise ConfigError([f"cannot listen: {error}"]) from error


@dataclass(frozen=True, slots=True)
class Told:
    """What the pages tell besides the triggers: whether we are ready, which configuration is in force, the pools."""

    ready: Callable[[], bool]
    config: Callable[[], dict[str, Any]]
    pool: Callable[[], dict[str, Any]] | None = None

    def head(self) -> bytes:
        """Return the beginning of ``/status``, without its closing brace."""
        head = {"ready": self.ready(), "config": self.config(), **({"pool": self.pool()} if self.pool else {})}
        return json.dumps(head).encode()[:-1]


def application(
    told: Told, decisions: Decisions | tuple[()] = (), clock: Callable[[], Instant] = lambda: Instant(0.0)
) -> web.Application:
    """Build the routes; a process without triggers of its own has no ``decisions``."""
    listing = Listing(decisions, clock)

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ready\n") if told.ready() else web.Response(text="not ready\n", status=503)

    async def status(_: web.Request) -> web.Response:
        triggers = await listing.text()
        return web.Response(body=told.head() + b', "triggers": [' + triggers + b"]}", content_type="application/json")

    expose = make_aiohttp_handler(registry=REGISTRY)

    async def metrics(request: web.Request) -> web.StreamResponse:
        _count(decisions)
        return await expose(request)

    app = web.Application(client_max_size=MAX_REQUEST)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/status", status)
    app.router.add_get("/metrics", metrics)
    return app


class Listing:
    """What is told of all triggers, as JSON; written in slices, between which calls are answered, and shared."""

    def __init__(self, decisions: Iterable[Live], clock: Callable[[], Instant]) -> None:
        self._decisions = decisions
        self._clock = clock
        self._turn = asyncio.Lock()
        self._written: tuple[Instant, bytes] | None = None

    async def text(self) -> bytes:
        """Return the items of the list, at most :data:`SHARED` seconds after they were written."""
        async with self._turn:
            if self._written is None or self._clock() - self._written[0] >= SHARED:
                text = await self._write()
                self._written = self._clock(), text
            return self._written[1]

    async def _write(self) -> bytes:
        lives, parts = list(self._decisions), []
        for first in range(0, len(lives), AT_ONCE):
            now = self._clock()
            parts.append(", ".join(json.dumps(told_of(live, now)) for live in lives[first : first + AT_ONCE]).encode())
            await asyncio.sleep(0)
        return b", ".join(parts)


def _count(decisions: Iterable[Live]) -> None:
    states = Counter(_decided(live)[0] for live in decisions)
    for state in Standing:
        TRIGGERS.labels(state).set(states[state])


def _decided(live: Live) -> tuple[Standing, Decision | None, str]:
    """Say how much the answer is worth, what it is, and why; a stand-in's answer is the last it gave."""
    match live.judge.verdict:
        case Decision() as decision:
            return decision.standing, decision, decision.why
        case Undecided(why=why):
            frozen = live.stand_in.decision
            return (Standing.FROZEN, frozen, frozen.why) if frozen is not None else (Standing.UNKNOWN, None, why)
        case _:
            assert_never(live.judge.verdict)


def told_of(live: Live, now: Instant) -> dict[str, Any]:
    """Tell what KEDA is told of one trigger, and why; ``age`` is that of the snapshot or of the scale, in seconds."""
    trigger = live.trigger
    state, decision, why = _decided(live)
    return {
        "namespace": trigger.namespace,
        "name": trigger.name,
        "kind": trigger.kind,
        "query": redacted(str(trigger.ask.query), secrets_of(trigger.ask)),
        "metric": trigger.ask.metric.name,
        "target": trigger.ask.metric.target,
        "value": decision.value if decision is not None else None,
        "active": decision.active if decision is not None else None,
        "state": state,
        "age": round(now - decision.read_at, 3) if decision is not None else None,
        "why": str(why),
        "outage": _outage(live, now),
        "freeze": live.stand_in.problem or None,
    }


def _outage(live: Live, now: Instant) -> dict[str, Any] | None:
    reading = live.judge.reading
    if not isinstance(reading, Outage):
        return None
    return {"cause": reading.cause, "detail": reading.detail, "seconds": round(now - reading.since, 3)}
