"""The service under test: the very composition that ``warmscaler serve`` runs, which can be stopped and started."""

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from enum import StrEnum
from typing import Any, Final, NoReturn

import structlog

from scaler.aio import Cell
from scaler.observe.logs import set_up_logs
from scaler.pooling import clock
from scaler.rpc.server import Listen
from scaler.service import Service, Settings, running
from scaler.web.http import told_of
from simulations.demo.brokers.process import HOST, free_ports
from simulations.demo.journal import Journal
from simulations.demo.pool import Pool


class Condition(StrEnum):
    """What the service is doing."""

    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Scaler:
    """The service on two fixed ports of loopback; :meth:`toggle` stops it as SIGTERM does, and starts it again.

    With it a ``pool`` is kept, if there is one.
    """

    def __init__(self, pool: Pool | None = None) -> None:
        port, http_port = free_ports(2)
        self.address = f"{HOST}:{port}"
        self.status_url = f"http://{HOST}:{http_port}/status"
        self._settings = Settings(listen=Listen(address=self.address), http=f"{HOST}:{http_port}", dev=True)
        self.condition: Cell[Condition] = Cell(Condition.STARTING)
        self._wanted: Cell[bool] = Cell(value=True)
        self._pool = pool
        self._service: Service | None = None

    def toggle(self) -> bool:
        """Want the opposite of what was wanted; returns whether it shall run."""
        self._wanted.set(not self._wanted.value)
        return self._wanted.value

    async def run(self) -> NoReturn:
        """Run the service whenever it is wanted, until cancelled."""
        while True:
            seen = self._wanted.version
            if self._wanted.value:
                await self._serve(seen)
                self.condition.set(Condition.STOPPED)
            else:
                await self._wanted.changed(seen)

    async def _serve(self, seen: int) -> None:
        self.condition.set(Condition.STARTING)
        async with running(self._settings) as service, self._pooling(service):
            self._service = service
            self.condition.set(Condition.SERVING)
            try:
                await self._wanted.changed(seen)
            finally:
                self._service = None
                self.condition.set(Condition.STOPPING)

    def _pooling(self, service: Service) -> AbstractAsyncContextManager[None]:
        return self._pool.kept(service.decisions) if self._pool is not None else nullcontext()

    async def serving(self) -> None:
        """Wait until it serves."""
        while self.condition.value is not Condition.SERVING:
            await self.condition.changed(self.condition.version)

    def status(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what ``/status`` says, by the name of the ScaledObject; nothing while it is stopped."""
        if self._service is None:
            return {}
        return {live.trigger.name: told_of(live, clock()) for live in self._service.decisions}


@contextmanager
def logs_in(journal: Journal) -> Iterator[None]:
    """Let the service's log lines be lines of the journal for as long as the block lasts."""

    def write(_: Any, level: str, event: MutableMapping[str, Any]) -> NoReturn:  # noqa: ANN401 - structlog's signature
        name, loud = event.get("event"), level not in {"debug", "info"}
        if loud or name in _PHRASES:
            journal.say("scaler", _PHRASES.get(str(name), str(name)).format_map(event), loud=loud)
        raise structlog.DropEvent

    set_up_logs(people=True)  # which silences libraries, too
    structlog.configure(processors=[write], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        yield
    finally:
        structlog.reset_defaults()


_PHRASES: Final = {
    "unreadable": "cannot read the broker ({cause}): last values are held",
    "answers again": "reads the broker again",
    "serving": "serves on port {port}",
    "probe cannot be loaded": "probe {kind} cannot be loaded",
}
