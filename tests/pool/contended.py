"""Two claimers who both believe that they lead, on any API: what they do to one another, and what must not happen."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from scaler.net.kube import PODS, Document, Kube
from scaler.pool import manifests
from scaler.pool.claims import Answer, Outcome, Writes
from scaler.pool.elector import Leadership
from scaler.pool.manifests import BRIDGED, DRAINING, STAGE, WARM, Patch
from scaler.pool.seen import PodSeen
from scaler.pool.sight import Sight

CLAIMERS: Final = ("ada", "bob")
BY: Final = "claimed-by"  # the label that a claim gives here, in place of what Services select
FREE: Final = frozenset({WARM, DRAINING})
AT_ONCE: Final = 8  # claims of one claimer
KILLED: Final = 0.04  # of all rounds end with the claimer's death, with all that it knew
DELETES: Final = 0.05  # of all rounds delete a pod that is thought to wait
TICK: Final = 0.05  # s: both begin their rounds together, or there would be little contention
PATIENCE: Final = 5.0  # s for a round; what has no answer by then is given up
SYNC_WITHIN: Final = 20.0  # s


@dataclass
class Contest:
    """What is fought for, and what was seen. ``connect`` makes a client for one life of a claimer.

    ``conditions`` says whether claims carry their conditions: a negative control is made without.
    """

    connect: Callable[[str], Kube]
    namespace: str
    attempts: int
    pods: int = 12
    conditions: bool = True
    seed: int = 0
    tried: int = 0
    lives: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    _won: set[tuple[str, str]] = field(default_factory=set)
    _made: int = 0

    def fresh(self) -> Document:
        """Return one more warm pod that no scheduler touches."""
        self._made += 1
        labels = {manifests.WORKLOAD: "contended", STAGE: WARM}
        about = {"namespace": self.namespace, "name": f"warm-{self._made}", "labels": labels}
        spec = {"schedulerName": "nobody", "containers": [{"name": "function", "image": "example.org/function:1"}]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec}

    def saw(self, before: Document | None, after: Document, *, gone: bool) -> None:
        """Look at one change of a pod."""
        if before is None:
            return
        old, new = _labels(before), _labels(after)
        if old.get(BY) and new.get(BY) and old[BY] != new[BY]:
            self.twice.append(f"{after['metadata']['name']}: {old[BY]}'s, then {new[BY]}'s")
        ends = gone or "deletionTimestamp" in after["metadata"]
        if ends and old.get(STAGE) == BRIDGED and "deletionTimestamp" not in before["metadata"]:
            self.deleted.append(after["metadata"]["name"])

    def won(self, pod: PodSeen, answer: Answer) -> None:
        """Enter the answer to a claim: of one state of a pod there is one winner."""
        self.outcomes[answer.outcome] += 1
        if answer.outcome is Outcome.DONE:
            state = pod.uid, pod.marks.version
            if state in self._won:
                self.twice.append(f"{pod.name}: version {pod.marks.version} was given away twice")
            self._won.add(state)

    @property
    def over(self) -> bool:
        """Whether there were enough attempts."""
        return self.tried >= self.attempts


async def contend(contest: Contest) -> None:
    """Let both claim, give back, delete, create, die and come again, until there were enough attempts."""
    setting = contest.connect("setting")
    for _ in range(contest.pods):
        await setting.call("POST", PODS.path(contest.namespace), contest.fresh())
    async with asyncio.TaskGroup() as tasks:
        for who in CLAIMERS:
            tasks.create_task(_Claimer(contest, who).run())


class _Claimer:
    def __init__(self, contest: Contest, who: str) -> None:
        self._contest = contest
        self._who = who
        self._chance = Random(f"{who} {contest.seed}")

    async def run(self) -> None:
        """Live again and again."""
        while not self._contest.over:
            self._contest.lives += 1
            kube = self._contest.connect(self._who)
            async with _following(kube, self._contest.namespace) as sight:
                leading = Leadership(lambda: 0.0, until=1.0, term=1)
                await self._live(sight, Writes(kube, sight, leading))

    async def _live(self, sight: Sight, writes: Writes) -> None:
        """Act on what is seen, which may be old, until killed."""
        loop = asyncio.get_running_loop()
        while not self._contest.over:
            await asyncio.sleep((loop.time() // TICK + 1.5) * TICK - loop.time())
            round_ = [asyncio.create_task(each) for each in self._deeds(sight, writes)]
            killed = self._chance.random() < KILLED
            if killed:
                for _ in range(self._chance.randint(0, 3)):
                    await asyncio.sleep(0)
            else:
                await asyncio.wait(round_, timeout=PATIENCE)
            await _ended(round_)
            if killed:
                return

    def _deeds(self, sight: Sight, writes: Writes) -> Iterator[Coroutine[None, None, object]]:
        seen = [each for each in sight.pods.objects.values() if not each.leaving]
        free = [each for each in seen if each.labels.get(STAGE) in FREE]
        chosen = free[:AT_ONCE]  # both choose by the same order, as the plan does
        if chosen and self._chance.random() < DELETES:
            yield writes.delete(self._chance.choice(free))
            yield writes.create(self._contest.fresh())
        for pod in chosen:
            yield self._claim(writes, pod)
        for pod in seen:
            if pod.labels.get(BY) == self._who:
                yield writes.patch(pod, manifests.draining(pod.marks, [BY]))
        yield asyncio.sleep(0)

    async def _claim(self, writes: Writes, pod: PodSeen) -> None:
        self._contest.tried += 1
        patch: Patch = manifests.bridging(pod.marks, {BY: self._who})
        conditions = len(pod.marks.unchanged())
        answer = await writes.claim(pod, patch if self._contest.conditions else patch[conditions:], None)
        self._contest.won(pod, answer)


async def _ended(tasks: list[asyncio.Task[object]]) -> None:
    """End what is not done, whatever it does; nothing is heard of it any more."""
    for each in tasks:
        each.cancel()
    failed = [each for each in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(each, Exception)]
    if failed:
        raise ExceptionGroup("a write failed in a way that no write may", failed)


@asynccontextmanager
async def _following(kube: Kube, namespace: str) -> AsyncIterator[Sight]:
    """See the pods of a namespace for as long as the block lasts."""
    sight = Sight(kube, namespace, on_pods=lambda _: None, on_workload=lambda _: None, on_all=lambda: None)
    following = asyncio.create_task(sight.pods.run())
    try:
        async with asyncio.timeout(SYNC_WITHIN):
            while not sight.pods.synced:  # noqa: ASYNC110 - the mirror tells no one else
                await asyncio.sleep(0.005)
        yield sight
    finally:
        following.cancel()


def _labels(document: Document) -> Document:
    return document["metadata"].get("labels") or {}
