"""One leader among several processes, by a Lease, and a leader that knows when it may not write any more.

Why two never hold it at once: a leader counts its time from before it asked for the renewal, and stops
``renew_deadline`` seconds later. Another one takes the Lease no sooner than ``lease`` seconds, which is longer, after
it has seen that renewal, which is later. Each counts on its own monotonic clock and compares no time of day with
another's: clocks may be wrong by hours, and may run at speeds that differ by less than the two times do.

What that cannot promise, nor any lease: a write begun in time may arrive late. It carries preconditions for that.
Whoever deletes the Lease, or empties its holder, gives it away at once though its leader stops a moment later.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from secrets import token_hex
from typing import Final, NoReturn

from structlog import get_logger

from scaler.aio import ungrouped
from scaler.errors import ApiRefused, ApiUnreachable, ConfigError, LeadershipLost
from scaler.net.kube import CONFLICT, LEASES, NOT_FOUND, Document, Kube, understood
from scaler.observe import metrics

log = get_logger(__name__)

LONGEST: Final = 60.0  # s for which a Lease is left to one who is silent, whatever it says

_ATTEMPTS: Final = 2  # of one renewal: the second with what was read after a conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds: 0 < retry, 0 < request, retry + request <= renew_deadline < lease <= :data:`LONGEST`.

    A Lease that was not renewed for ``lease`` is free. Its leader renews it every ``retry``; a call takes ``request``
    at most. When none has succeeded for ``renew_deadline``, what the leader does has the rest of ``lease`` to end.

    Raises :class:`ConfigError` for times that do not agree.
    """

    lease: float = 8.0
    renew_deadline: float = 5.0
    retry: float = 1.0
    request: float = 2.0

    def __post_init__(self) -> None:
        if not (self.retry > 0 and self.request > 0 and self.retry + self.request <= self.renew_deadline):
            raise ConfigError([f"{self}: renew_deadline must leave room for retry and request, both above 0"])
        if not self.renew_deadline < self.lease <= LONGEST:
            raise ConfigError([f"{self}: lease must be longer than renew_deadline and at most {LONGEST:g}"])


class Leadership:
    """One term of a leader. ``term`` is greater than that of any before, unless the Lease was deleted in between."""

    __slots__ = ("_clock", "_until", "term")

    def __init__(self, clock: Callable[[], float], until: float, term: int) -> None:
        self.term = term
        self._clock = clock
        self._until = until

    @property
    def left(self) -> float:
        """Seconds for which this process may still write if no renewal succeeds."""
        return self._until - self._clock()

    @property
    def holds(self) -> bool:
        """Whether this process may write now, also if it has just slept for an hour."""
        return self.left > 0

    def check(self) -> None:
        """Raise :class:`LeadershipLost` if this process may not write now; to be called just before each write."""
        if not self.holds:
            raise LeadershipLost("another process may lead by now")

    def renew(self, until: float) -> None:
        """Go on until then."""
        self._until = until

    def end(self) -> None:
        """Hold no more."""
        self._until = float("-inf")


@dataclass(eq=False)
class Elector:
    """A candidate for the Lease ``name``. Needs the verbs get and update on it, and create on Leases.

    ``identity`` is for people; what the Lease says ends with something random, since a process is not the one that had
    its name before it. ``holder`` is who holds the Lease, as far as is known, and ``problem`` why that is not known.
    """

    kube: Kube
    namespace: str
    name: str
    identity: str
    timing: Timing = field(default_factory=Timing)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._path = LEASES.path(self.namespace, self.name)
        self.me = f"{self.identity}_{token_hex(4)}"
        self.holder = self.problem = ""
        self._lease: Document | None = None  # as last read or written, if nothing has failed since
        self._held: Document | None = None  # what was last seen said by somebody else
        self._held_at = 0.0  # when that was new
        self._written = False  # whether the Lease may say that we hold it
        self._stamped = 0  # microseconds

    async def run(self, lead: Callable[[Leadership], Awaitable[None]]) -> NoReturn:
        """Stand for election, ``lead`` as a task while elected, and stand again, for ever.

        ``lead`` is cancelled and awaited when leadership is lost, and has to end soon: before it has, this process is
        no candidate. If it returns or raises :class:`LeadershipLost`, leadership is given away. What else it raises
        ends this, and so does cancellation; then the Lease is released, so that a successor has it at its next look.
        """
        try:
            while True:
                await self._serve(await self._elected(), lead)
                await self._release()
                await asyncio.sleep(self.timing.retry)
        finally:
            await self._release()

    async def _elected(self) -> Leadership:
        """Wait until the Lease is ours."""
        while True:
            try:
                lease = await self._read()
                if self._free(lease):
                    began = self.clock()
                    written = await self._write(lease, self._taken(lease))
                    return Leadership(self.clock, began + self.timing.renew_deadline, _transitions(written))
            except (ApiRefused, ApiUnreachable) as error:
                self._note(error)
            await asyncio.sleep(self.timing.retry)

    def _free(self, lease: Document | None) -> bool:
        """Tell whether the Lease may be taken: nobody holds it, or who holds it was silent for too long."""
        said = lease["spec"] if lease is not None else self._held
        if said is None or self.holder in {"", self.me}:
            return True
        if said != self._held:
            self._held, self._held_at = said, self.clock()
        lasts = max(self.timing.lease, min(LONGEST, float(said.get("leaseDurationSeconds") or 0)))
        return self.clock() - self._held_at >= lasts

    async def _serve(self, leadership: Leadership, lead: Callable[[Leadership], Awaitable[None]]) -> None:
        """Lead for one term; nothing of it goes on after this."""

        async def work() -> None:
            try:
                await lead(leadership)
            except* LeadershipLost:
                log.warning("a write came too late and was not made", lease=self.name, me=self.me)

        metrics.LEADER.set(1)
        metrics.LEADER_CHANGES.labels("gained").inc()
        log.info("leads", lease=self.name, me=self.me, term=leadership.term)
        try:
            with ungrouped():
                async with asyncio.TaskGroup() as tasks:
                    working = tasks.create_task(work(), name="lead")
                    await self._keep(leadership, working)
                    leadership.end()
                    metrics.LEADER.set(0)
                    await self._stop(working)
        finally:
            leadership.end()
            metrics.LEADER.set(0)

    async def _keep(self, leadership: Leadership, working: asyncio.Task[None]) -> None:
        """Renew the Lease until the work has ended, or leadership."""
        while True:
            await asyncio.wait({working}, timeout=max(0.0, min(self.timing.retry, leadership.left)))
            if working.done():
                return
            if not await self._renewed(leadership):
                metrics.LEADER_CHANGES.labels("lost").inc()
                log.warning("leads no more", lease=self.name, me=self.me, holder=self.holder, why=self.problem)
                return

    async def _stop(self, working: asyncio.Task[None]) -> None:
        working.cancel()
        _, going = await asyncio.wait({working}, timeout=self.timing.lease - self.timing.renew_deadline)
        if going:
            log.error("what the leader did does not end: it may not write, and this process is no candidate")

    async def _renewed(self, leadership: Leadership) -> bool:
        """Try to renew the Lease once; tell whether leadership goes on. An answer that was lost is looked for."""
        for _ in range(_ATTEMPTS):
            if not leadership.holds:
                return False
            try:
                lease = self._lease or await self._read(leadership.left)
                if lease is None or self.holder != self.me:
                    return False
                began = self.clock()
                await self._write(lease, {}, leadership.left)
            except (ApiRefused, ApiUnreachable) as error:
                self._note(error)
                if not _conflict(error):
                    break
            else:
                leadership.renew(began + self.timing.renew_deadline)
                return True
        return leadership.holds

    async def _release(self) -> None:
        """Say that nobody holds the Lease, if it says that we do; who cannot say it in time lets it run out."""
        with suppress(ApiRefused, ApiUnreachable, TimeoutError):
            async with asyncio.timeout(self.timing.request):
                while self._written:
                    try:
                        lease = self._lease or await self._read()
                        if lease is not None and self.holder == self.me:
                            await self._write(lease, {"holderIdentity": "", "leaseDurationSeconds": 1})
                            metrics.LEADER_CHANGES.labels("released").inc()
                        self._written = False
                    except ApiRefused as error:
                        if not _conflict(error):
                            raise

    async def _read(self, patience: float = LONGEST) -> Document | None:
        """Return the Lease, ``None`` if there is none, and remember what it says."""
        self._lease = None
        try:
            lease = await self.kube.call("GET", self._path, patience=self._at_most(patience))
        except ApiRefused as error:
            if error.status != NOT_FOUND:
                raise
            self.holder = self.holder if self._held else ""
            return None
        return self._understand(lease)

    async def _write(self, lease: Document | None, change: Document, patience: float = LONGEST) -> Document:
        """Make, change or (without a change) renew the Lease as it was read; the answer is what it says now.

        The server refuses it (409) if anybody has written meanwhile.
        """
        self._lease, self._written = None, True
        old = lease or {
            "apiVersion": LEASES.api,
            "kind": "Lease",
            "metadata": {"namespace": self.namespace, "name": self.name},
            "spec": {},
        }
        method, path = ("PUT", self._path) if lease else ("POST", LEASES.path(self.namespace))
        new = {**old, "spec": {**old["spec"], **change, "renewTime": self._stamp()}}
        return self._understand(await self.kube.call(method, path, new, patience=self._at_most(patience)))

    def _taken(self, lease: Document | None) -> Document:
        """Return what changes when we take the Lease."""
        return {
            "holderIdentity": self.me,
            "leaseDurationSeconds": ceil(self.timing.lease),
            "acquireTime": self._stamp(),
            "leaseTransitions": _transitions(lease) + 1 if lease else 0,
        }

    def _stamp(self) -> str:
        """Tell the time of day, never the same twice: a renewal that changed nothing would be none."""
        self._stamped = max(time.time_ns() // 1000, self._stamped + 1)
        return datetime.fromtimestamp(self._stamped / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _understand(self, lease: Document) -> Document:
        with understood(self._path):
            lease = {**lease, "spec": dict(lease.get("spec") or {})}
            self.holder = str(lease["spec"].get("holderIdentity") or "")
            lease["metadata"]["resourceVersion"], _transitions(lease)
        if self.holder in {"", self.me}:
            self._held = None
        else:
            self._written = False
        self._lease, self.problem = lease, ""
        return lease

    def _note(self, error: ApiRefused | ApiUnreachable) -> None:
        """Note what the API said or did not say; a conflict is how one of two candidates learns of the other."""
        if not _conflict(error) and str(error) != self.problem:
            self.problem = str(error)
            log.warning("cannot elect", lease=self.name, me=self.me, why=self.problem)

    def _at_most(self, patience: float) -> float:
        return max(0.001, min(self.timing.request, patience))


def _conflict(error: ApiRefused | ApiUnreachable) -> bool:
    return isinstance(error, ApiRefused) and error.status == CONFLICT


def _transitions(lease: Document) -> int:
    return int(lease["spec"].get("leaseTransitions") or 0)
