"""The warm pods of one simulated function: the service's own plan, book and refill decide, and what they say is done.

A claim takes as long as the function's ``claim``; an adoption, a drain and a deletion happen at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, assert_never

from scaler.model import Instant
from scaler.pool.book import Book
from scaler.pool.plan import Action, Adopt, Claim, Create, Delete, Drain, Plan, Reclaim, Recycle, Settle, plan
from scaler.pool.refill import Refill
from scaler.pool.sizes import Stand
from scaler.pool.view import UNCLAIMED, PoolView, Replicas, Rules, Stage, WarmPod
from simulations.figures import Step
from simulations.kernel import Stop
from simulations.ledger import PoolFigures
from simulations.model import SECOND, Function, Pool, micros
from simulations.requests import NEVER

_KEPT: Final = UNCLAIMED | {Stage.DRAINING}
_TELLING: Final = (Adopt, Delete)
"""What can be followed by more at the same instant; a plan has counted everything else already."""
_AT_HAND: Final = frozenset({Stage.AVAILABLE, Stage.DRAINING})
_ROUNDS: Final = 16  # plans that may follow from one another at one instant


class Served(Protocol):
    """What a stock needs of the function that it is kept for: :class:`simulations.kernel.Kernel`, or its like."""

    now: int
    claiming: int
    warm: int
    at_hand: int
    missed: int

    def run(self, until: int) -> Stop:
        """Let everything happen until an instant, or until there is news for the pool."""
        ...

    def seen(self) -> Replicas:
        """Return the replicas as the pool sees them."""
        ...

    @property
    def wanted(self) -> int | None:
        """How many replicas the scaler's word amounts to."""
        ...

    @property
    def unsettled_until(self) -> int:
        """When the next replica will have been found by every client."""
        ...

    @property
    def version(self) -> int:
        """Which version of the function is current."""
        ...

    def bridge(self) -> None:
        """Let a claimed pod serve."""
        ...

    def unbridge(self) -> None:
        """Let a bridge serve no more."""
        ...

    def adopt(self) -> None:
        """Make a bridge a replica."""
        ...


@dataclass(slots=True)
class _Pod:
    """One warm pod; instants in microseconds, ``busy_until`` while it is being claimed."""

    number: int
    version: int
    born: int
    ready_at: int
    since: int
    stage: Stage = Stage.WARMING
    busy_until: int = NEVER
    shown: WarmPod | None = None

    def seen(self) -> WarmPod:
        """Return it as the plan sees it."""
        if self.shown is None:
            self.shown = WarmPod(
                name=f"warm-{self.number:08}",
                uid=str(self.number),
                version="",
                stage=self.stage,
                template=str(self.version),
                ready=self.stage is not Stage.WARMING,
                since=Instant(self.since / SECOND),
                born=Instant(self.born / SECOND),
                busy=self.busy_until < NEVER,
            )
        return self.shown

    def turn(self, stage: Stage, now: int, busy_until: int = NEVER) -> None:
        """Let it be in another stage from now on, busy until an instant."""
        self.stage, self.since, self.busy_until, self.shown = stage, now, busy_until, None


class Stock:
    """The pool of one function; the world sets ``size``, and reads ``woken``: whether replicas were wanted at once."""

    def __init__(self, served: Served, function: Function, pool: Pool, since: int) -> None:
        self.size = 0
        self.woken = False
        self.book = Book(begun=Instant(0.0))
        self._steps: list[Step] = []
        self._served = served
        self._function = function
        self._section = pool.section
        refill = pool.section.refill
        self._refill = Refill(Instant(0.0), rate=refill.rate, burst=refill.burst)
        self._takes: list[int] = function.starts.total.tolist()
        self._pods: dict[int, _Pod] = {}
        self._created = 0
        self._since = since
        self._now = self._warm_time = self._in_time = self._hits = self._missed = self._warmed = 0
        self._again_at = 0

    @property
    def next_at(self) -> int:
        """When it must act though nothing was heard."""
        ends = [pod.busy_until for pod in self._pods.values()]
        warming = [pod.ready_at for pod in self._pods.values() if pod.stage is Stage.WARMING]
        return min([self._again_at, *ends, *warming])

    def act(self) -> None:
        """Pass the time since, and do whatever is planned until nothing more is."""
        self._pass()
        self._turn()
        for _ in range(_ROUNDS):
            if not self._plan():
                break
        served = self._served
        served.warm = sum(pod.stage in UNCLAIMED for pod in self._pods.values())
        served.at_hand = sum(pod.stage in _AT_HAND for pod in self._pods.values())

    def stand(self, pool: str) -> Stand:
        """Say what the size follows from."""
        return Stand(
            pool=pool,
            section=self._section,
            retired=False,
            added=False,
            measured=self.book.measured(Instant(self._served.now / SECOND)),
            memory=self._function.memory,
            held=sum(pod.stage in UNCLAIMED for pod in self._pods.values()),
        )

    def figures(self) -> PoolFigures:
        """Say what it came to by now."""
        self._pass()
        return PoolFigures(
            warm_time=self._warm_time,
            warmed=self._warmed,
            hits=self._hits,
            missed=self._missed,
            steps=tuple(each for each in self._steps if each.at >= self._since),
        )

    @property
    def steps(self) -> Sequence[Step]:
        """Every wake-up so far."""
        return self._steps

    # -- time ------------------------------------------------------------------------------------------------------

    def _pass(self) -> None:
        now = self._served.now
        span = now - max(self._now, self._since)
        self._now = now
        if span > 0:
            self._warm_time += span * sum(pod.stage in _KEPT for pod in self._pods.values())

    def _turn(self) -> None:
        """Let pods become available, and claims be done."""
        now = self._now
        for pod in self._pods.values():
            if pod.stage is Stage.WARMING and pod.ready_at <= now:
                pod.turn(Stage.AVAILABLE, now)
                self._refill.succeeded()
                if self.book.refilled(Instant(now / SECOND)) is None:
                    self.book.warmed((now - pod.born) / SECOND)
            if pod.busy_until <= now:
                pod.turn(pod.stage, now)
                self._served.claiming -= 1
                self._served.bridge()

    # -- what is planned, and done ---------------------------------------------------------------------------------

    def _plan(self) -> bool:
        """Plan, and do it; tell whether another plan could follow from what was done."""
        view, rules = self._look(), self._rules()
        self.book.vacant(rules.size - sum(pod.stage is Stage.AVAILABLE for pod in view.pods))
        planned = plan(view, rules)
        missed, before = self._enter(view, planned), self._in_time
        for action in planned.actions:
            self._do(action)
        # A claim that comes late is for a replica that was missed before, and was a step then.
        if pods := self._in_time - before + missed:
            self._steps.append(Step(at=self._now, pods=pods, missed=missed))
        self._again_at = self._next(planned, view)
        return any(isinstance(action, _TELLING) for action in planned.actions)

    def _look(self) -> PoolView:
        now = Instant(self._now / SECOND)
        coming = sum(pod.stage is Stage.WARMING for pod in self._pods.values())
        replicas = self._served.seen()
        if self._section.handoff == "bridge":
            replicas = Replicas(asked=replicas.asked, ready=replicas.ready, settled=replicas.settled)
        return PoolView(
            now=now,
            template=str(self._served.version),
            pods=tuple(pod.seen() for pod in self._pods.values()),
            wanted=self._served.wanted,
            replicas=replicas,
            tokens=self._refill.tokens(now, coming),
            hold=self._refill.hold(now),
        )

    def _rules(self) -> Rules:
        section = self._section
        return Rules(size=self.size, surge=section.surge, max_age=section.max_age)

    def _enter(self, view: PoolView, planned: Plan) -> int:
        """Keep the book: what is wanted, and what of it has no warm pod; return how many of the latter are new."""
        if view.wanted is None:
            return 0
        claims = sum(isinstance(each, Claim) for each in planned.actions)
        missed = self.book.asked(
            view.now, wanted=view.wanted, ready=view.replicas.ready, claims=claims, missing=planned.missing
        )
        if self._now >= self._since:
            self._missed += missed
            self._served.missed = self._missed
        self.woken = self.woken or bool(claims or missed)
        return missed

    def _do(self, action: Action) -> None:
        match action:
            case Create():
                self._create()
            case Claim(pod=pod):
                self._claim(self._pods[int(pod.uid)])
            case Adopt(pod=pod):
                del self._pods[int(pod.uid)]
                self._served.adopt()
            case Drain(pod=pod):
                self._pods[int(pod.uid)].turn(Stage.DRAINING, self._now)
                self._served.unbridge()
            case Recycle(pod=pod):
                self._pods[int(pod.uid)].turn(Stage.AVAILABLE, self._now)
            case Delete(pod=pod):
                del self._pods[int(pod.uid)]
            case Settle() | Reclaim():
                pass  # an adoption here is never refused
            case _:
                assert_never(action)

    def _create(self) -> None:
        now = self._now
        self._refill.take(Instant(now / SECOND))
        takes = self._takes[self._created % len(self._takes)]
        self._pods[self._created] = _Pod(self._created, self._served.version, now, now + takes, now)
        self._created += 1
        self._warmed += now >= self._since

    def _claim(self, pod: _Pod) -> None:
        pod.turn(Stage.BRIDGED, self._now, self._now + self._function.claim)
        self._served.claiming += 1
        hit = self.book.taken(Instant(self._now / SECOND))
        self._in_time += hit
        self._hits += hit and self._now >= self._since

    def _next(self, planned: Plan, view: PoolView) -> int:
        """Return when another plan could follow with nothing heard."""
        missing = self.size - sum(pod.stage in {Stage.WARMING, Stage.AVAILABLE} for pod in self._pods.values())
        token = self._refill.token_at(view.now) if missing > 0 and not view.hold else None
        seconds = [each for each in (planned.again_at, token, self._refill.again_at(view.now)) if each is not None]
        bridges = any(pod.stage is Stage.BRIDGED for pod in self._pods.values())
        ends = [max(self._now + 1, micros(each)) for each in seconds if each > view.now]
        return min([*ends, self._served.unsettled_until if bridges else NEVER], default=NEVER)
