"""A tiny model of what surrounds the plan: a ReplicaSet with its controller, pods that start and fail, late writes.

Time goes in steps of a second. The controller's memory is what a process has: writes under way, and since when it has
seen what; :meth:`World.restart` takes it away.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from scaler.model import Instant
from scaler.pool.plan import Action, Adopt, Claim, Create, Delete, Reclaim, Settle, plan
from scaler.pool.view import Handoff, PoolView, Replicas, Rules, Stage, WarmPod
from tests.pool.views import BECOMES

W, A, F, B, D, G = Stage.WARMING, Stage.AVAILABLE, Stage.FAILED, Stage.BRIDGED, Stage.DRAINING, Stage.ADOPTED
STOCK: Final = frozenset({W, A, F})
SETTLE: Final = 3.0  # s
START: Final = (2, 12)  # s that a pod takes to be ready
KEDA: Final = (1, 6)  # s from a demand to the replicas
COOLDOWN: Final = 20  # s
ENDING: Final = (1, 8)  # s that a pod takes to go
SIGHT: Final = (0, 5)  # s after which the ReplicaSet's controller sees what it is asked for
WRITE: Final = (0, 2)  # s that a write is under way
SLACK: Final = WRITE[1] + SIGHT[1] + 1  # s in which a scale-down may meet what was handed over before it


@dataclass(eq=False)
class Pod:
    """One pod: of ours while ``stage`` is said, of the ReplicaSet while ``owned``."""

    name: str
    uid: int
    template: int
    born: int
    ready_at: float
    stage: Stage | None = None
    owned: bool = False
    version: int = 0
    ends_at: int | None = None
    failed: bool = False
    given_at: int = 0

    def ready(self, now: int) -> bool:
        """Whether it is Ready."""
        return now >= self.ready_at and not self.failed

    def seen_stage(self, now: int) -> Stage:
        """Return the stage that an outlook would find."""
        if self.stage in {B, D, G}:
            return self.stage
        return F if self.failed else A if self.ready(now) else W


@dataclass
class Writing:
    """A write that is under way; ``pod`` is the one it is for, as it was read."""

    action: Action
    lands_at: int
    pod: Pod | None = None
    version: int = 0
    name: str = ""
    template: int = 0


@dataclass
class World:
    """Everything that there is. ``faults`` is the chance of each kind of trouble in a second."""

    seed: int
    rules: Rules
    faults: float = 0.02
    now: int = 1000
    template: int = 0
    demand: int | None = 0
    asked: int = 0
    wants: int = 0  # what the ReplicaSet's controller has seen
    pods: list[Pod] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    claims: int = 0
    adopted: int = 0

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self._writing: list[Writing] = []
        self._since: dict[int, tuple[object, int]] = {}
        self._made = 0
        self._keda: tuple[int, int] | None = None
        self._idle_since = 0
        self._sees_at = 0
        self._lowered_at = 0

    # -- one second ------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Let a second pass for everybody, in an order that chance decides."""
        self.now += 1
        for each in self.chance.sample((self._trouble, self._scale, self._replace, self._land, self._end), 5):
            each()
            self._check()
        if self.chance.random() < 0.8:
            self._plan()

    def restart(self) -> None:
        """Take the controller's memory; of each write that was under way nobody knows whether it was made."""
        for each in self._writing:
            if self.chance.random() < 0.5:
                self._carry_out(each)
        self._writing, self._since = [], {}

    def _trouble(self) -> None:
        if self.chance.random() < self.faults:
            self.demand = self.chance.choice([None, 0, 0, 1, 2, 5])
        if self.chance.random() < self.faults / 4:
            self.template += 1
        if self.chance.random() < self.faults:
            self.restart()
        for pod in self.pods:
            if self.chance.random() < self.faults / 4:
                trouble = self.chance.randrange(3)
                pod.failed = trouble == 0 and pod.stage in {W, A}
                pod.ready_at = self.now + 40 if trouble == 1 else pod.ready_at
                pod.ends_at = pod.ends_at or (self.now + 3 if trouble == 2 else None)
                pod.version += 1

    def _scale(self) -> None:
        """Ask for replicas as KEDA and the HPA do: up after a moment, to zero after a while."""
        wanted = self.asked if self.demand is None else self.demand
        if wanted:
            self._idle_since = self.now
        if wanted > self.asked or (0 < wanted < self.asked and self.chance.random() < 0.05):
            self._keda = self._keda or (self.now + self.chance.randint(*KEDA), wanted)
        if not wanted and self.now - self._idle_since >= COOLDOWN and self.asked:
            self._ask(0)
        if self._keda is not None and self.now >= self._keda[0]:
            self._ask(wanted)
            self._keda = None

    def _ask(self, replicas: int) -> None:
        if replicas < self.asked:
            self._lowered_at = self.now
        self.asked, self._sees_at = replicas, self.now + self.chance.randint(*SIGHT)

    def _replace(self) -> None:
        """Do what the controllers of the Deployment and of its ReplicaSets do."""
        if self.now >= self._sees_at:
            self.wants = self.asked
        for pod in self.pods:
            if pod.stage is G and not pod.owned and pod.ends_at is None and self.chance.random() < 0.5:
                pod.owned = True
                pod.version += 1
        own = [each for each in self.pods if each.owned and each.ends_at is None]
        own += [self._make(f"cold-{self._made}", None) for _ in range(self.wants - len(own))]
        ready = sum(each.ready(self.now) and each.template == self.template for each in own)
        own.sort(key=lambda each: (each.template == self.template, each.ready(self.now), each.stage is G, -each.born))
        for pod in own[: max(0, len(own) - self.wants)]:
            self._delete(pod, "the ReplicaSet")
        old = [each for each in own if each.template != self.template and each.ends_at is None]
        for pod in old[: max(1, ready)]:  # a rollout
            self._delete(pod, "the rollout")

    def _make(self, name: str, stage: Stage | None) -> Pod:
        self._made += 1
        starts = self.now + self.chance.randint(*START)
        pod = Pod(name, self._made, self.template, self.now, starts, stage, owned=stage is None)
        self.pods.append(pod)
        return pod

    def _delete(self, pod: Pod, who: str) -> None:
        kept = pod.stage is G and pod.ready(self.now) and pod.template == self.template
        if who == "the ReplicaSet" and kept and pod.given_at > self._lowered_at + SLACK:
            self.wrong.append(f"{pod.name} was handed over and deleted, though nobody asked for fewer replicas")
        pod.ends_at = self.now + self.chance.randint(*ENDING)
        pod.version += 1

    def _end(self) -> None:
        self.pods = [each for each in self.pods if each.ends_at is None or each.ends_at > self.now]

    # -- the controller --------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        for action in plan(self.view(), self.rules).actions:
            lands = self.now + self.chance.randint(*WRITE)
            if isinstance(action, Create):
                name = next(each for each in self._names() if each not in self._taken())
                self._writing.append(Writing(action, lands, name=name, template=self.template))
            else:
                pod = next(each for each in self.pods if str(each.uid) == action.pod.uid)
                if isinstance(action, Claim | Adopt) and pod.template != self.template:
                    self.wrong.append(f"{pod.name} is of an older template and was claimed")
                self._writing.append(Writing(action, lands, pod, int(action.pod.version)))

    def _names(self) -> Iterator[str]:
        number = 0
        while True:
            yield f"warm-{self.template}-{number}"
            number += 1

    def _taken(self) -> set[str]:
        return {each.name for each in self.pods} | {each.name for each in self._writing}

    def _land(self) -> None:
        for each in [each for each in self._writing if each.lands_at <= self.now]:
            self._writing.remove(each)
            if self.chance.random() >= self.faults:
                self._carry_out(each)

    def _carry_out(self, write: Writing) -> None:
        """Do what the API does: nothing to a pod that was changed, and no second one of a name."""
        pod, action = write.pod, write.action
        if pod is None:
            if write.name not in {each.name for each in self.pods}:
                self._make(write.name, W).template = write.template
            return
        if pod not in self.pods or pod.version != write.version:
            return
        pod.version += 1
        if isinstance(action, Delete):
            if pod.stage in {B, G}:
                self.wrong.append(f"{pod.name} was deleted while it was claimed")
            pod.ends_at = self.now + self.chance.randint(*ENDING)
        elif isinstance(action, Settle):
            pod.stage = None
        elif not isinstance(action, Create):
            self._move(pod, action)

    def _move(self, pod: Pod, action: Action) -> None:
        if isinstance(action, Claim):
            self.claims += 1
            if pod.stage not in {W, A, D}:
                self.wrong.append(f"{pod.name} was claimed twice")
        if isinstance(action, Adopt):
            self.adopted += 1
            pod.given_at = self.now
        if isinstance(action, Reclaim) and pod.owned:
            self.wrong.append(f"{pod.name} was taken back from its ReplicaSet")
        pod.stage = BECOMES[type(action)]

    def view(self) -> PoolView:
        """Return what the controller sees, with its own writes done already."""
        doing = {each.pod.uid: each.action for each in self._writing if each.pod is not None}
        ours = tuple(self._seen(each, doing.get(each.uid)) for each in self.pods if each.stage is not None)
        creating = sum(each.pod is None for each in self._writing)
        return PoolView(
            now=Instant(float(self.now)),
            template=str(self.template),
            pods=ours,
            creating=creating,
            wanted=self.demand,
            replicas=self._replicas(ours),
            tokens=3,
        )

    def _seen(self, pod: Pod, doing: Action | None) -> WarmPod:
        stage = BECOMES.get(type(doing), G) if doing and not isinstance(doing, Delete) else pod.seen_stage(self.now)
        ready = pod.ready(self.now)
        fact = (stage, pod.ends_at is not None, ready or stage is W)
        if self._since.get(pod.uid, (None, 0))[0] != fact:
            self._since[pod.uid] = fact, self.now
        return WarmPod(
            name=pod.name,
            uid=str(pod.uid),
            version=str(pod.version),
            stage=stage,
            template=str(pod.template),
            ready=ready,
            since=Instant(float(self._since[pod.uid][1])),
            born=Instant(float(pod.born)),
            busy=doing is not None,
            owned=pod.owned,
            leaving=pod.ends_at is not None or isinstance(doing, Delete),
        )

    def _replicas(self, ours: tuple[WarmPod, ...]) -> Replicas:
        own = [each for each in self.pods if each.owned and each.ends_at is None]
        ready = [each for each in own if each.ready(self.now)]
        rolling = any(each.owned and each.template != self.template for each in self.pods)
        given = sum(each.stage is G and not each.owned and not each.leaving for each in ours)
        return Replicas(
            asked=self.asked,
            ready=len(ready),
            settled=sum(self.now - each.ready_at >= SETTLE for each in ready),
            handoff=Handoff.BRIDGE if rolling else Handoff.ADOPT,
            wants=self.asked,
            observed=self.wants == self.asked and self.now >= self._sees_at,
            covered=sum(each.template == self.template for each in ready) + given,
        )

    # -- what must hold --------------------------------------------------------------------------------------------

    def _check(self) -> None:
        live = sum(each.stage in STOCK for each in self.pods)
        if live > self.rules.size + self.rules.surge:
            self.wrong.append(f"{live} live pods at {self.now}, of {self.rules.size} + {self.rules.surge}")

    def calm(self) -> "World":
        """Let nothing go wrong any more."""
        self.faults = 0.0
        self.demand = self.demand or 0
        for pod in self.pods:
            pod.ready_at = min(pod.ready_at, self.now + 20)
        return self

    def unfinished(self) -> list[str]:
        """Say what is not as it should be once everything is at rest."""
        own = [each for each in self.pods if each.owned]
        warm = [each for each in self.pods if each.stage in STOCK and not each.owned]
        others = [each for each in self.pods if each not in own and each not in warm]
        said = {
            f"{len(own)} replicas instead of {self.asked}": len(own) != self.asked,
            f"{self.asked} replicas are asked for, {self.demand} are wanted": self.asked != self.demand,
            f"{len(warm)} warm pods instead of {self.rules.size}": len(warm) != self.rules.size,
            "a replica has marks of ours": any(each.stage for each in own),
            "a warm pod is not available": any(each.seen_stage(self.now) is not A for each in warm),
            "a pod is outdated": any(each.template != self.template for each in self.pods),
            f"{len(others)} pods are neither": bool(others),
        }
        return [what for what, wrong in said.items() if wrong]


def rules(seed: int) -> Rules:
    """Return the rules of one history."""
    chance = Random(f"rules {seed}")
    usual = Rules(start_within=60.0, linger=15.0, drain=10.0, take_within=15.0, guard=15.0)
    return replace(usual, size=chance.randint(0, 4), surge=chance.randint(0, 2))
