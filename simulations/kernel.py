"""One function between two interventions: every arrival, every pod, every look of a controller, in order.

The reference: it runs the service's own policy and the exact models of KEDA and the HPA, event by event. What happens
at one instant happens in this order: requests end, pods become Ready, requests arrive, incidents, the scaler reads,
controllers act, a sample is taken.
"""

from enum import StrEnum
from typing import Final

from scaler.policy.demand import Bounds, wanted
from scaler.pool.view import Handoff, Replicas
from simulations.controllers import Controllers, KedaAndHpa
from simulations.figures import Blame, Cause, Figures, Move
from simulations.hpa import MetricSpec, TargetKind
from simulations.knative import Knative
from simulations.ledger import Ledger, PoolFigures, Standing, summed
from simulations.model import Backlog, Function, Happening
from simulations.pods import Pods
from simulations.requests import NEVER, Requests
from simulations.watched import MILLI, Watched

BRIDGED: Final = "a warm pod serves"
DRAINED: Final = "its cold replica is there, or nobody needs it"
ADOPTED: Final = "a replica like any other now"


class Stop(StrEnum):
    """Why a kernel came back."""

    TIME = "the instant is reached"
    NEWS = "the pool may have something to do"


class Kernel:
    """One function. With ``pooled`` it comes back whenever the pool may have something to do.

    ``claiming`` pods are being claimed and do not serve yet, ``warm`` ones are nobody's, ``at_hand`` ones could be
    claimed at once; the world sets them.
    """

    def __init__(self, function: Function, *, end: int, warmup: int = 0, bins: int = 0, pooled: bool = False) -> None:
        self.now = 0
        self.claiming = 0
        self.warm = self.at_hand = 0
        self.missed = 0
        self.function = function
        self.requests = Requests(function.work)
        self.pods = self._housed()
        metrics = [trigger.metric for trigger in function.scaled.triggers]
        pairs = zip(function.triggers, metrics, strict=True)
        self.watched = [Watched(trigger, metric, self.requests) for trigger, metric in pairs]
        self._ledger = Ledger(since=warmup)
        self._ledger.most = self.pods.replicas
        self._controllers = self._controlled()
        self._incidents = list(function.incidents)
        self._pooled = pooled
        self._news = False
        self._paused = function.scaled.stopped
        self._told: tuple[int | None, int, int] | None = None
        self._end, self._bins = end, bins
        self._sampled = (0, 0)
        self._needs = self._needed_by()
        self._first = self.requests.first_since(warmup)

    # -- what the world does -------------------------------------------------------------------------------------------

    def run(self, until: int) -> Stop:
        """Let everything happen up to and at ``until``, or until there is news for the pool."""
        self._news = False
        while (at := self._next_at()) <= until:
            self._pass(at)
            self._happen()
            if self._news:
                return Stop.NEWS
        self._pass(until)
        return Stop.TIME

    def bridge(self) -> None:
        """Let a claimed pod serve."""
        self._pass(self.now)
        self._bridged(1, Cause.CLAIM, BRIDGED)

    def unbridge(self) -> None:
        """Let a bridge serve no more; it finishes what it holds."""
        self._bridged(-1, Cause.DRAIN, DRAINED)

    def adopt(self) -> None:
        """Make a bridge a replica."""
        before = self.pods.bridges
        self.pods.adopt()
        self._enter(before, before - 1, Cause.ADOPT, ADOPTED)
        self._begin()

    def figures(self, pool: PoolFigures | None = None) -> Figures:
        """Say what it came to."""
        return summed(self._ledger, self.function, self.requests, self.pods, pool or PoolFigures())

    def seen(self) -> Replicas:
        """Return the replicas as the pool sees them; while a version is rolled out nothing is adopted."""
        pods = self.pods
        handoff = Handoff.BRIDGE if pods.rolling else Handoff.ADOPT
        return Replicas(
            asked=pods.replicas,
            ready=pods.ready,
            settled=pods.settled(self.now),
            handoff=handoff,
            wants=pods.replicas,
            observed=True,
            covered=pods.ready,
        )

    @property
    def unsettled_until(self) -> int:
        """When the next replica will have been found by every client."""
        return self.pods.unsettled_until(self.now)

    @property
    def version(self) -> int:
        """How many versions were rolled out."""
        return self.pods.version

    @property
    def wanted(self) -> int | None:
        """How many replicas the scaler's word amounts to: ``None`` while that is unknown, none while it is paused."""
        if self._paused:
            return 0
        scaled, replicas = self.function.scaled, self.pods.replicas
        bounds = Bounds(least=scaled.min_replicas, most=scaled.max_replicas)
        return wanted([each.signal(replicas) for each in self.watched], bounds, replicas)

    # -- one event -----------------------------------------------------------------------------------------------------

    def _next_at(self) -> int:
        requests, incidents = self.requests, self._incidents
        return min(
            requests.next_end,
            self.pods.next_ready,
            requests.next_arrival,
            incidents[0].at if incidents else NEVER,
            self._next_reading(),
            self._controllers.next_at,
            self._next_sample(),
        )

    def _next_reading(self) -> int:
        return min((each.next_reading for each in self.watched), default=NEVER)

    def _next_sample(self) -> int:
        taken = len(self._ledger.samples)
        return (taken + 1) * self._end // self._bins if taken < self._bins else NEVER

    def _pass(self, until: int) -> None:
        if self.now < self._ledger.since <= until:
            self._ledger.started_before = self.pods.started
            self._ledger.most = self.pods.replicas
        self._ledger.pass_time(until, self._standing())
        self.now = until

    def _happen(self) -> None:
        """Do the first thing that is due."""
        requests, now = self.requests, self.now
        if requests.next_end <= now:
            self._controllers.ended(now)
            requests.end()
            self._begin()
        elif self.pods.next_ready <= now:
            self._become_ready()
        elif requests.next_arrival <= now:
            self._arrive()
        elif self._incidents and self._incidents[0].at <= now:
            self._suffer(self._incidents.pop(0).what)
        elif self._next_reading() <= now:
            self._read()
        elif self._controllers.next_at <= now:
            self._controllers.act(now)
        else:
            self._sample()

    def _become_ready(self) -> None:
        serving = self.pods.serving
        if self.pods.become_ready():
            self._drain(1, serving)
        self._begin()
        self._hear()

    def _arrive(self) -> None:
        self._controllers.arrived(self.now)
        self.requests.arrive()
        counted = self.now >= self._ledger.since
        self._ledger.cold += counted and self.pods.serving + self.claiming + self.at_hand == 0
        for each in self.watched:
            if isinstance(each.source, Backlog):
                each.arrived(self.now)
        self._begin()

    def _read(self) -> None:
        for number, each in enumerate(self.watched):
            if each.next_reading <= self.now:
                before = each.active
                each.read(self.now)
                if each.active and not before:
                    self._controllers.woken(number, self.now)
        self._hear()

    def _begin(self) -> None:
        """Give waiting requests to free slots; from a source that does not answer nobody can take any."""
        if not self._cut():
            self.requests.begin(self.now, self.pods.serving * self.function.concurrency)

    def _drain(self, pods: int, serving: int) -> None:
        """Let so many of the pods that served until now finish what they hold."""
        if pods:
            self.requests.drain(pods, serving, (serving - pods) * self.function.concurrency)

    def _cut(self) -> bool:
        return any(each.down for each in self.watched)

    # -- what happens to it ----------------------------------------------------------------------------------------

    def _suffer(self, what: Happening) -> None:
        now = self.now
        match what:
            case Happening.SOURCE_DOWN | Happening.SOURCE_UP:
                self._reach_source(up=what is Happening.SOURCE_UP)
            case Happening.SCALER_DOWN | Happening.SCALER_UP:
                self._reach_scaler(up=what is Happening.SCALER_UP)
            case Happening.PAUSE | Happening.RESUME:
                paused = what is Happening.PAUSE
                self._paused = paused or self.function.scaled.paused_replicas is not None
                self._controllers.paused(paused=paused, now=now)
            case Happening.ROLLOUT:
                self.pods.roll(now)
                self._enter(self.pods.replicas, self.pods.replicas, Cause.ROLLOUT, what)
                self._news = self._pooled

    def _reach_source(self, *, up: bool) -> None:
        for each in self.watched:
            if up:
                each.find()
            elif each.remote:
                each.lose(self.now)
        self._begin()

    def _reach_scaler(self, *, up: bool) -> None:
        for each in self.watched:
            if up:
                each.start(self.now)
            else:
                each.stop()
        self._controllers.reached(up=up, now=self.now)

    # -- pods ------------------------------------------------------------------------------------------------------

    def _housed(self) -> Pods:
        return Pods(self.function.starts, self.function.replicas)

    def _controlled(self) -> Controllers:
        if self.function.knative is not None:
            return Knative(self.function.knative, self.function.scaled, self.requests, self.pods, self._rescale)
        return KedaAndHpa(self.function, self.watched, self.pods, self._rescale)

    def _rescale(self, replicas: int, cause: Cause, why: str) -> None:
        before, serving = self.pods.replicas, self.pods.serving
        self.pods.scale(replicas, self.now)
        self._drain(serving - self.pods.serving, serving)
        if self.now >= self._ledger.since:
            self._ledger.most = max(self._ledger.most, replicas)
        self._enter(before, replicas, cause, why)
        self._begin()
        self._hear()

    def _bridged(self, by: int, cause: Cause, why: str) -> None:
        before, serving = self.pods.bridges, self.pods.serving
        self.pods.bridges += by
        self._drain(max(0, -by), serving)
        self._enter(before, before + by, cause, why)
        self._begin()

    def _enter(self, before: int, after: int, cause: Cause, why: str) -> None:
        self._ledger.move(Move(at=self.now, before=before, after=after, cause=cause, why=why))

    def _hear(self) -> None:
        """Come back if the pool may claim, or has bridges that may be needed no more."""
        if not self._pooled:
            return
        want, pods = self.wanted, self.pods
        stand = (want, pods.ready, pods.replicas)
        short = want is not None and want > pods.serving + self.claiming
        if stand != self._told and (short or pods.bridges or self.claiming):
            self._news = True
        self._told = stand

    # -- what it costs ---------------------------------------------------------------------------------------------

    def _standing(self) -> Standing:
        pods, requests = self.pods, self.requests
        return Standing(
            waiting=requests.arrived - max(requests.begun, min(self._first, requests.arrived)),
            serving=requests.serving,
            draining=requests.draining,
            drained=-(-requests.draining // self.function.concurrency),
            ready=pods.serving,
            starting=pods.starting,
            replicas=pods.replicas,
            blame=self._blame(self._needed()),
            needed=None if self._needs is None else -(-MILLI * requests.unfinished // self._needs[1]),
            limited=pods.replicas >= self.function.scaled.max_replicas,
        )

    def _blame(self, needed: int | None) -> Blame:
        if self._cut():
            return Blame.SOURCE
        if self.pods.starting or self.claiming:
            return Blame.START
        if self.pods.replicas == 0:
            return Blame.POLL
        if self._controllers.held_back:
            return Blame.RATE
        most = self.function.scaled.max_replicas
        return Blame.HPA if needed is not None and min(needed, most) > self.pods.replicas else Blame.QUEUE

    def _needed_by(self) -> tuple[Watched, int] | None:
        """Return the first trigger that counts the backlog, and its target in milli units."""
        pairs = zip(self.watched, self.function.scaled.triggers, strict=True)
        counting = [(each, spec.metric.target) for each, spec in pairs if _averaged(each, spec.metric)]
        return counting[0] if counting else None

    def _needed(self) -> int | None:
        """Return how many replicas the backlog asks for."""
        if self._needs is None:
            return None
        watched, target = self._needs
        return -(-watched.backlog // target)

    def _sample(self) -> None:
        arrivals, missed = self._sampled
        requests, pods = self.requests, self.pods
        self._sampled = (requests.arrived, self.missed)
        row = (requests.arrived - arrivals, requests.waiting, pods.replicas, pods.serving, pods.starting, self.warm)
        self._ledger.samples.append((self.now, *row, self.missed - missed))


def _averaged(watched: Watched, metric: MetricSpec) -> bool:
    """Tell whether a trigger says how many requests one replica is there for."""
    return isinstance(watched.source, Backlog) and metric.kind is TargetKind.AVERAGE_VALUE
