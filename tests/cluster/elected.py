"""A process that stands for election and, while it leads, writes to a ConfigMap and says so: `python -m … OPTIONS`.

Each line of what it prints is an event as JSON. A write carries the version that it replaces, as the pool's do.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from scaler.aio import first_signal
from scaler.errors import ApiRefused, ApiUnreachable, LeadershipLost
from scaler.net.kube import CONFIG_MAPS, Document, Kube, running_kube
from scaler.pool.elector import Elector, Leadership, Timing
from tests.servers.process import Server, wait_until

LEASE = "pool"
RECORD = "record"
EVERY = 0.05  # s between two writes
TIMES = {"lease": 3.0, "renew_deadline": 2.0, "retry": 0.4, "request": 1.0}
"""Shorter than those by default, for tests that wait for the end of a Lease again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a candidate is told. ``skew`` seconds its wall clock is wrong; its monotonic one runs ``rate`` as fast."""

    kubeconfig: str
    namespace: str
    who: str
    times: dict[str, float]
    skew: float = 0.0
    rate: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One event: ``leads``, ``wrote`` (``version`` is the ConfigMap's then), ``refused``, ``lost``, ``ended``.

    ``at`` is on the machine's monotonic clock, which all processes share; a write is as of the check before it.
    """

    who: str
    what: str
    term: int
    at: float
    version: int = 0


class Candidate(Server):
    """Such a process; it ``answers`` once it stands."""

    def __init__(self, home: Path, options: Options) -> None:
        super().__init__(home)
        self.options = options

    def command(self) -> Sequence[str]:
        """Return the command line."""
        return [sys.executable, "-m", "tests.cluster.elected", json.dumps(asdict(self.options))]

    def answers(self) -> bool:
        """Tell whether it stands."""
        return self.log.exists() and self.log.read_text().count('"stands"') > self._stood

    def launch(self) -> None:
        """Start without waiting."""
        self._stood = self.log.read_text().count('"stands"') if self.log.exists() else 0
        super().launch()

    def said(self, what: str = "") -> list[Said]:
        """Return what it has said so far, in all its lives."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        events = [Said(**json.loads(line)) for line in lines if line.startswith('{"who"') and line.endswith("}")]
        return [each for each in events if what in {"", each.what}]

    def wait_writing(self, *, within: float, since: float = 0.0) -> float:
        """Wait until it writes, and return when its first write after ``since`` was."""
        wait_until(lambda: any(each.at > since for each in self.said("wrote")), within=within, what=f"{self} writes")
        return min(each.at for each in self.said("wrote") if each.at > since)

    def __exit__(self, *_: object) -> None:
        self.resume()
        self.kill()


async def stand(options: Options) -> None:
    """Stand for election until a signal comes."""
    async with running_kube(Path(options.kubeconfig)) as kube:
        assert kube is not None

        def clock() -> float:
            return time.monotonic() * options.rate

        async def lead(leadership: Leadership) -> None:
            await _write_on(kube, options, leadership)

        elector = Elector(kube, options.namespace, LEASE, options.who, Timing(**options.times), clock)
        _say(options, "stands", -1)
        async with asyncio.TaskGroup() as tasks:
            standing = tasks.create_task(elector.run(lead))
            await first_signal(signal.SIGTERM)
            standing.cancel()
        _say(options, "ended", -1)


async def _write_on(kube: Kube, options: Options, leadership: Leadership) -> None:
    """Write again and again, each time after a check."""
    say = _sayer(options, leadership.term)
    say("leads", time.monotonic(), 0)
    record: Document | None = None
    try:
        while True:
            try:
                record = record or await kube.get(CONFIG_MAPS, options.namespace, RECORD)
                record["data"] = {"writer": options.who, "term": str(leadership.term), "at": str(time.monotonic())}
                at = time.monotonic()
                leadership.check()
                record = await kube.call("PUT", CONFIG_MAPS.path(options.namespace, RECORD), record, patience=1.0)
                say("wrote", at, int(record["metadata"]["resourceVersion"]))
            except (ApiRefused, ApiUnreachable):
                record = None
                say("refused", time.monotonic(), 0)
            await asyncio.sleep(EVERY)
    except LeadershipLost:
        say("lost", time.monotonic(), 0)
        await asyncio.Event().wait()


def _sayer(options: Options, term: int) -> Callable[[str, float, int], None]:
    return lambda what, at, version: _say(options, what, term, at, version)


def _say(options: Options, what: str, term: int, at: float = 0.0, version: int = 0) -> None:
    event = Said(who=options.who, what=what, term=term, at=at or time.monotonic(), version=version)
    sys.stdout.write(json.dumps(asdict(event)) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Stand, with a wall clock that is wrong if so asked."""
    options = Options(**json.loads(sys.argv[1]))
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    right = time.time_ns
    time.time_ns = lambda: right() + int(options.skew * 1e9)
    asyncio.run(stand(options))


if __name__ == "__main__":
    main()
