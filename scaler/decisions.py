"""Every live trigger, and the judges that they share.

A trigger lives here from the first time KEDA asks for it until nobody has asked for ``limits.forget_after`` seconds and
no stream is open; at most ``limits.triggers`` are kept.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

from structlog import get_logger

from scaler.config.document import Limits
from scaler.errors import Cause, ConfigError, LimitReached
from scaler.freeze import Freezer, running_freezer
from scaler.hub import Hub
from scaler.judge import Judge
from scaler.keda import Reference
from scaler.live import Live
from scaler.model import Instant, Rules, Trigger, Unresolved
from scaler.net.kube import Kube
from scaler.observe import metrics
from scaler.policy.step import State, heir
from scaler.probes.registry import AnyProbe
from scaler.refusals import Refusals
from scaler.triggers.metadata import Defaults, understand

log = get_logger(__name__)

SWEEP_EVERY: Final = 30.0  # s, at most; shorter where triggers are forgotten sooner
FEW_STREAMS: Final = 20_000  # always allowed, however few triggers are

QueryKey = tuple[str, Hashable, bool, Hashable]
JudgeKey = tuple[Rules, float]


class Decisions:
    """Every live trigger, and the judges they share; the ``audience`` is called with each that comes."""

    def __init__(
        self,
        hub: Hub,
        probes: Mapping[str, AnyProbe],
        clock: Callable[[], Instant],
        *,
        freezer: Freezer,
        refusals: Refusals,
    ) -> None:
        self._hub = hub
        self._freezer = freezer
        self._refusals = refusals
        self._probes = probes
        self._clock = clock
        self._defaults = Defaults()
        self._limits = Limits()
        self._live: dict[bytes, Live] = {}
        self._judges: dict[QueryKey, dict[JudgeKey, Judge]] = {}
        self.audience: set[Callable[[Live], None]] = set()
        self._hushed = False
        self._drained = False

    def __iter__(self) -> Iterator[Live]:
        """Go through the live triggers, as they are now."""
        return iter(tuple(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    @property
    def most_streams(self) -> int:
        """How many streams may be open: KEDA opens two for each trigger, and may come back before they ended."""
        return max(FEW_STREAMS, 3 * self._limits.triggers)

    def known(self, identity: bytes) -> Live | None:
        """Return the live trigger of this identity, if there is one, and note that it was asked for."""
        live = self._live.get(identity)
        if live is not None:
            live.asked_at = self._clock()
            if self._refusals.open:
                self._refusals.hear(live.reference)
        return live

    def admit(self, identity: bytes, reference: Reference) -> Live:
        """Begin to follow a trigger that is not known yet.

        Raises :class:`ConfigError` for metadata that can never work, :class:`LimitReached` for one trigger too many.
        """
        trigger = self._admissible(reference)
        if len(self._live) >= self._limits.triggers:
            metrics.REJECTED.labels("limit").inc()
            raise LimitReached(f"{self._limits.triggers} triggers are followed already (limits.triggers)")
        judge = self._judge(trigger)
        stand_in = self._freezer.stand_in(reference)
        live = self._live[identity] = Live(reference, trigger, judge, stand_in, now=self._clock())
        judge.lives.add(live)
        if self._hushed:
            live.rises.close()
        if self._drained:
            live.close()
        for hear in tuple(self.audience):
            hear(live)
        return live

    async def configure(self, defaults: Defaults, limits: Limits) -> None:
        """Go on with another configuration: whoever is understood differently now follows that, and streams tell.

        Ten thousand triggers take seconds to understand, so calls are answered in between.
        """
        before, self._defaults, self._limits = self._defaults, defaults, limits
        concerned = [item for item in self._live.items() if before.differ(defaults, item[1].reference[2])]
        broken = []
        for identity, live in concerned:
            if self._live.get(identity) is live and (problem := self._reunderstand(live)):
                broken.append(problem)
            await asyncio.sleep(0)
        if broken:
            # Those with an address of their own are read on, the others are held.
            log.error("triggers are not understood any more, and go on", triggers=len(broken), first=broken[0])

    def _reunderstand(self, live: Live) -> str:
        """Change what is understood differently now; what is not understood any more goes on, and is told.

        A connection that the configuration does not offer to it any more is read no longer: what it said is held.
        """
        try:
            self._change(live, self._understand(live.reference))
        except ConfigError as error:
            if not live.trigger.ask.inline:
                self._change(live, _cut_off(live.trigger, str(error)))
            return str(error)
        except Exception as error:  # noqa: BLE001 - a defect of one plugin must not keep a configuration from the others
            return f"trigger of {live.reference[0]}/{live.reference[1]}: {type(error).__name__}, a bug in its probe"
        return ""

    @property
    def unasked_for(self) -> float:
        """The seconds since anybody asked for any trigger."""
        return self._clock() - max((live.asked_at for live in self), default=float("-inf"))

    def drain_pushes(self) -> None:
        """End the streams that push, now and from now on; those that follow targets go on."""
        self._hushed = True
        for live in self:
            live.rises.close()

    def drain(self) -> None:
        """End every stream, now and from now on; calls are still answered."""
        self._drained = True
        for live in self:
            live.close()

    def end(self) -> None:
        """Stop following everything."""
        for siblings in self._judges.values():
            for judge in siblings.values():
                judge.end()

    async def run(self) -> None:
        """Forget what nobody asks for, and tell authors what was refused, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._refusals.run(), name="refusals")
            tasks.create_task(self._sweep(), name="forget")

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(SWEEP_EVERY, self._limits.forget_after / 4))
            self.forget_unasked()

    def forget_unasked(self) -> None:
        """Drop every trigger without a stream that was last asked for too long ago."""
        now = self._clock()
        for key, live in tuple(self._live.items()):
            if live.streams:
                live.asked_at = now
            elif now - live.asked_at > self._limits.forget_after:
                del self._live[key]
                live.close()
                self._release(live)
                live.tell()
                metrics.FORGOTTEN.inc()

    def _admissible(self, reference: Reference) -> Trigger:
        """Understand a newcomer; one that cannot be understood is told to its author, too."""
        try:
            trigger = self._understand(reference)
        except ConfigError as error:
            self._refusals.refuse(reference, str(error))
            raise
        self._refusals.hear(reference)
        return trigger

    def _understand(self, reference: Reference) -> Trigger:
        return understand(*reference, self._probes, self._defaults)

    def _change(self, live: Live, trigger: Trigger) -> None:
        if trigger == live.trigger:
            return
        was_active, judge = live.judge.active, self._judge(trigger)
        if _query_key(trigger) != _query_key(live.trigger):
            judge.inherit(live.judge)
        judge.lives.add(live)
        if judge is not live.judge:
            self._release(live)
        live.trigger, live.judge = trigger, judge
        if judge.active and not was_active:
            live.rises.set(judge.verdict)
        if trigger.ask.metric != live.metric.value:
            live.metric.set(trigger.ask.metric)
        live.tell()

    def _judge(self, trigger: Trigger) -> Judge:
        """Return the judge of all triggers that ask the same by the same rules."""
        siblings = self._judges.setdefault(_query_key(trigger), {})
        key = (trigger.rules, trigger.interval)
        if key not in siblings:
            known = next((heir(each.state, trigger.rules) for each in siblings.values()), State())
            siblings[key] = Judge(trigger, self._clock, known)
            siblings[key].begin(self._hub, self._probes[trigger.kind])
        return siblings[key]

    def _release(self, live: Live) -> None:
        live.judge.lives.discard(live)
        if not live.judge.lives:
            siblings = self._judges[_query_key(live.trigger)]
            del siblings[live.trigger.rules, live.trigger.interval]
            if not siblings:
                del self._judges[_query_key(live.trigger)]
            live.judge.end()


def _cut_off(trigger: Trigger, why: str) -> Trigger:
    """Return the trigger with nothing to read, for as long as it is not understood."""
    source = trigger.ask.source
    meant = source.meant if isinstance(source, Unresolved) else source
    nothing = Unresolved(connection="", meant=meant, cause=Cause.FORBIDDEN, detail=why)
    return replace(trigger, ask=replace(trigger.ask, source=nothing))


def _query_key(trigger: Trigger) -> QueryKey:
    return trigger.kind, trigger.ask.source, trigger.ask.inline, trigger.ask.query


@asynccontextmanager
async def running_decisions(
    hub: Hub, probes: Mapping[str, AnyProbe], clock: Callable[[], Instant], kube: Kube | None = None
) -> AsyncIterator[Decisions]:
    """Run the decisions for as long as the block lasts; with ``kube``, what is unknown is frozen by it."""
    async with running_freezer(kube, clock) as freezer, asyncio.TaskGroup() as tasks:
        decisions = Decisions(hub, probes, clock, freezer=freezer, refusals=Refusals(kube, clock))
        running = tasks.create_task(decisions.run(), name="decisions")
        try:
            yield decisions
        finally:
            decisions.drain()
            running.cancel()
            decisions.end()
