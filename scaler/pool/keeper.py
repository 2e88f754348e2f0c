"""One function and its warm pods: looks, plans, and lets the plan be carried out.

Whatever happens is only a reason to look again. Nothing here waits: what takes time is a task, noted in the
expectations before it is begun, so that looking again meanwhile plans nothing twice.
"""

from collections.abc import Iterable
from typing import Final

from scaler.model import Instant
from scaler.pool.account import Account
from scaler.pool.claims import Answer, Outcome
from scaler.pool.deeds import Around, Deeds
from scaler.pool.ear import Ear
from scaler.pool.examiner import Examiner
from scaler.pool.expectations import Expectations
from scaler.pool.functions import Function
from scaler.pool.manifests import STAGE, TEMPLATE, WARM
from scaler.pool.outlook import Outlook
from scaler.pool.plan import Action, Claim, Create, Plan, plan
from scaler.pool.refill import Refill
from scaler.pool.seen import UNSCHEDULABLE, requested
from scaler.pool.sizes import Stand
from scaler.pool.view import UNCLAIMED, PoolView, Rules, Stage

KUBE_PROXY: Final = 2.0  # s in which every node knows of a change of an EndpointSlice
DNS_POLL: Final = 1.0  # s beyond the DNS bound in which a client has looked again (dapr-proxy: every 200 ms)
FIRST_REST: Final = 0.05  # s in which nothing but claims is tried after a write came to nothing; doubled each time
LONGEST_REST: Final = 5.0
CLAIM_RETRIES: Final = 3


class Keeper:
    """Keeps the pool of one function at ``size`` warm pods."""

    def __init__(self, function: Function, around: Around) -> None:
        now = around.clock()
        refill = function.section.refill
        self.function = function
        self.view = PoolView(now=now, template=function.workload.template)
        self.plan = Plan()
        self.size = 0
        self.why = "not decided yet"
        self.problem = ""
        self.said = ""
        self.again_at: Instant | None = None
        self.refill = Refill(now, rate=refill.rate, burst=refill.burst)
        self.account = Account(function, now)
        self.ear = Ear(around.signals, around.ours, self._hear)
        self._around = around
        self._expected = Expectations()
        self._examiner = Examiner(around.checking, around.clock, around.tasks, self._look_again)
        self._outlook = Outlook(around.sight, self._expected, self._examiner.fit)
        self._resting_until = now
        self._deeds = Deeds(around, self._expected, self._done)
        self._refusals = 0  # in a row, of any writes
        self._claims_refused = 0  # of claims alone: that pods cannot be created is no reason to claim late
        self._word_at: Instant | None = None
        self.begun = False

    def begin(self) -> None:
        """Listen, and act from now on."""
        self.begun = True
        self._examiner.update(self.function.section.check)
        self.ear.update(self.function)

    def update(self, function: Function) -> None:
        """Go on with the function as it is now."""
        if function.workload.template != self.function.workload.template:
            self.refill.begin_anew()
        self.function = function
        refill = function.section.refill
        self.refill.adjust(self._around.clock(), rate=refill.rate, burst=refill.burst)
        self._examiner.update(function.section.check)
        self.ear.update(function)

    def end(self) -> None:
        """Listen no longer."""
        self.begun = False
        self.ear.end()
        self._examiner.end()
        self.account.close()

    def stand(self, *, added: bool) -> Stand:
        """Say what its size follows from; ``added``: its pool came with a change of the configuration."""
        function, now = self.function, self._around.clock()
        pods = self.view.pods if self.begun else self._outlook.pods(function, now)
        return Stand(
            pool=function.pool,
            section=function.section,
            retired=function.retired,
            added=added,
            measured=self.account.book.measured(now),
            memory=requested(function.workload.document["spec"]["template"]["spec"]),
            held=sum(pod.stage in UNCLAIMED and not pod.leaving for pod in pods),
        )

    @property
    def settle(self) -> float:
        """Seconds after which everybody who finds pods has found a change."""
        return self._around.dns_bound() + DNS_POLL if self.function.headless else KUBE_PROXY

    @property
    def hold(self) -> str:
        """Why no pod may be created now, empty if any may."""
        warm = self._around.sight.warm_pods(self.function.workload.uid)
        current = [pod for pod in warm if pod.labels.get(TEMPLATE) == self.function.workload.template]
        homeless = sum(pod.trouble == UNSCHEDULABLE and not pod.leaving for pod in current)
        unschedulable = f"{homeless} of its warm pods cannot be scheduled" if homeless else ""
        return self.function.waits or unschedulable or self.refill.hold(self._around.clock())

    @property
    def ill(self) -> str:
        """What is wrong with one of the waiting pods, by its state or its own check; empty if nothing is."""
        pods = [pod for pod in self._around.sight.warm_pods(self.function.workload.uid) if not pod.leaving]
        troubles = ((pod.name, pod.trouble or self._examiner.problem(pod.uid)) for pod in pods)
        return next((f"{name}: {trouble}" for name, trouble in troubles if trouble), "")

    def _hear(self) -> None:
        if self.begun:
            self._word_at = self._around.clock()
            self.act()
            self._word_at = None

    # -- look, plan, begin ---------------------------------------------------------------------------------------

    def act(self) -> None:
        """Look, plan, and begin what is planned; while a refusal is recent, only claims are."""
        now = self._around.clock()
        rules = self.rules()
        self._examiner.watch(self._to_be_checked())
        self.view = self._look(now)
        self.account.look(self.view, rules, self.refill)
        self.plan = plan(self.view, rules)
        allowed = tuple(self._allowed(self.plan.actions, now))
        claims = sum(isinstance(each, Claim) for each in allowed)
        self.account.wanted(self.view, rules, claims=claims, missing=self.plan.missing)
        for action in allowed:
            if isinstance(action, Create):
                self.refill.take(now)
            self._deeds.begin(action, self.function, self._word_at)
        self._outlook.keep(self.function)
        self.again_at = self._next(now)

    def _allowed(self, actions: tuple[Action, ...], now: Instant) -> Iterable[Action]:
        """Leave out what must wait since writes came to nothing; a claim is tried again at once, for a few times."""
        if now >= self._resting_until:
            return actions
        return [each for each in actions if isinstance(each, Claim) and self._claims_refused <= CLAIM_RETRIES]

    def rules(self) -> Rules:
        """Return how the pool is to be kept now."""
        section, pace = self.function.section, self._around.pace
        return Rules(
            size=0 if self.function.problem else self.size,
            surge=section.surge,
            max_age=section.max_age,
            start_within=pace.start_within,
            linger=pace.linger,
            drain=self.settle + pace.grace,
            take_within=pace.take_within,
            guard=pace.guard,
        )

    def _look(self, now: Instant) -> PoolView:
        unseen = self._expected.creating - self._around.sight.pods.objects.keys()
        pods = self._outlook.pods(self.function, now)
        coming = len(unseen) + sum(pod.stage is Stage.WARMING and not pod.leaving for pod in pods)
        return PoolView(
            now=now,
            template=self.function.workload.template,
            pods=pods,
            creating=len(unseen),
            wanted=self.ear.wanted(),
            replicas=self._outlook.replicas(self.function, now, self.settle),
            tokens=self.refill.tokens(now, coming),
            hold=self.hold,
        )

    def _to_be_checked(self) -> dict[str, str]:
        """Return the addresses of the pods that wait, by uid."""
        pods = self._around.sight.warm_pods(self.function.workload.uid)
        waiting = [pod for pod in pods if pod.ready and not pod.leaving and pod.labels.get(STAGE) == WARM]
        return {pod.uid: pod.address for pod in waiting if pod.address}

    def _look_again(self) -> None:
        self._around.look_again(self.function.workload.uid)

    def _next(self, now: Instant) -> Instant | None:
        """Return when to look again though nothing was heard."""
        missing = self.size - sum(pod.stage in (Stage.WARMING, Stage.AVAILABLE) for pod in self.view.pods)
        token = self.refill.token_at(now) if missing > self.view.creating and not self.view.hold else None
        resting = self._resting_until if self._resting_until > now else None
        ends = (
            self.plan.again_at,
            self._outlook.unsettled_until(self.function, now, self.settle),
            self._outlook.troubled_until(self.function, now),
            self.refill.again_at(now),
            token,
            resting,
        )
        return min((each for each in ends if each is not None and each > now), default=None)

    def _done(self, step: str, answer: Answer) -> None:
        """Take what became of a write, and look again."""
        now = self._around.clock()
        if answer.outcome is Outcome.DONE:
            self._refusals, self.problem = 0, ""
            if step == "claim":
                self._claims_refused = 0
                self.account.claimed(now)
            if step == "settle":
                self.account.settled()
        elif step == "create" and answer.outcome is Outcome.REFUSED:
            self.refill.refused(now, answer.said)
            self.problem = answer.said
        else:
            self._refusals += 1
            if step == "claim":
                self._claims_refused += 1
                if self._claims_refused == CLAIM_RETRIES + 1:
                    self.account.refused()
            self.problem = answer.said
            self._resting_until = Instant(now + min(LONGEST_REST, FIRST_REST * 2.0 ** min(self._refusals, 10)))
        self._look_again()
