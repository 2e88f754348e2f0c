"""From copies of the API's objects to the view that is planned from: labels say a pod's stage, we say since when.

Instants are those at which this process first saw a fact: no clock but our own is compared with our own.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final

from scaler.model import Instant
from scaler.pool.expectations import Expectations
from scaler.pool.functions import Function
from scaler.pool.manifests import ADOPTED, BRIDGED, DRAINING, STAGE, TEMPLATE, WARM
from scaler.pool.plan import UNWELL
from scaler.pool.seen import UNSCHEDULABLE, PodSeen
from scaler.pool.sight import Sight
from scaler.pool.view import Replicas, Stage, WarmPod

LOST_AFTER: Final = 60.0  # s after which a pod that is being deleted counts no more: its node is dead
TROUBLED: Final = 20.0  # s for which a pod may be in trouble, such as CrashLoopBackOff, before it has failed
_ENDED: Final = frozenset({"Failed", "Succeeded"})
_CLAIMED: Final = {BRIDGED: Stage.BRIDGED, DRAINING: Stage.DRAINING, ADOPTED: Stage.ADOPTED}


class Moments:
    """When each fact about a pod was first seen, for as long as it holds."""

    def __init__(self) -> None:
        self._since: dict[str, dict[str, tuple[object, Instant]]] = {}

    def since(self, uid: str, what: str, value: object, now: Instant) -> Instant:
        """Return since when ``what`` has been ``value``."""
        facts = self._since.setdefault(uid, {})
        known = facts.get(what)
        if known is None or known[0] != value:
            known = facts[what] = (value, now)
        return known[1]

    def knows(self, uid: str, what: str) -> bool:
        """Tell whether anything was ever seen of it."""
        return what in self._since.get(uid, {})

    def drop(self, uid: str, what: str) -> None:
        """Forget one fact."""
        self._since.get(uid, {}).pop(what, None)

    def keep(self, uids: Iterable[str]) -> None:
        """Forget all other pods."""
        kept = set(uids)
        for uid in self._since.keys() - kept:
            del self._since[uid]


class Outlook:
    """Looks at one function's pods; ``fit`` tells whether a pod's own check has passed."""

    def __init__(self, sight: Sight, expected: Expectations, fit: Callable[[str], bool]) -> None:
        self.moments = Moments()
        self._sight = sight
        self._expected = expected
        self._fit = fit
        self._found: frozenset[str] | None = None  # the pods that were there before we looked

    def pods(self, function: Function, now: Instant) -> tuple[WarmPod, ...]:
        """Return the pods of ours as they will be once what was begun is done."""
        warm = self._sight.warm_pods(function.workload.uid)
        if self._found is None:
            self._found = frozenset(pod.uid for pod in warm)
        ahead = time.time() - now  # read once: pods of one second stay of one age, so all leaders order them alike
        shown = [(each, self._pod(each, function, now, ahead)) for each in warm]
        return tuple(pod for each, pod in shown if not (each.leaving and now - pod.since > LOST_AFTER))

    def replicas(self, function: Function, now: Instant, settle: float) -> Replicas:
        """Return the workload's own replicas; one is settled ``settle`` seconds after it was seen to be Ready."""
        workload, current = function.workload, function.replica_set
        own = [pod for pod in self._sight.replicas(workload) if not pod.leaving]
        since = {pod.uid: self.moments.since(pod.uid, "ready", pod.ready, now) for pod in own}
        ready = [since[pod.uid] for pod in own if pod.ready]
        return Replicas(
            asked=workload.asked,
            ready=len(ready),
            settled=sum(now - each >= settle for each in ready),
            handoff=function.handoff,
            why=function.why,
            wants=current.wants if current else 0,
            observed=current.observed if current else False,
            covered=self._covered(function, own),
        )

    def keep(self, function: Function) -> None:
        """Forget what is gone."""
        pods = (*self._sight.warm_pods(function.workload.uid), *self._sight.replicas(function.workload))
        self.moments.keep(pod.uid for pod in pods)

    def unsettled_until(self, function: Function, now: Instant, settle: float) -> Instant | None:
        """Return when the next Ready replica will be settled."""
        own = [pod for pod in self._sight.replicas(function.workload) if pod.ready and not pod.leaving]
        ends = (Instant(self.moments.since(pod.uid, "ready", pod.ready, now) + settle) for pod in own)
        return min((end for end in ends if end > now), default=None)

    def troubled_until(self, function: Function, now: Instant) -> Instant | None:
        """Return when the next pod that is in trouble, or was available and is not, will have failed."""
        pods = [pod for pod in self._sight.warm_pods(function.workload.uid) if not pod.leaving]
        ends = (Instant(self.moments.since(pod.uid, "trouble", pod.trouble, now) + TROUBLED) for pod in pods)
        fallen = (
            Instant(self.moments.since(pod.uid, "up", value=False, now=now) + UNWELL)
            for pod in pods
            if not (pod.ready and self._fit(pod.uid)) and self.moments.knows(pod.uid, "up")
        )
        leaving = (Instant(now + LOST_AFTER) for pod in self._sight.warm_pods(function.workload.uid) if pod.leaving)
        return min((end for end in (*ends, *fallen, *leaving) if end > now), default=None)

    def _covered(self, function: Function, own: list[PodSeen]) -> int:
        """Count the pods that the current ReplicaSet has Ready, and those that it was given and has not taken."""
        current = function.replica_set
        taken = sum(pod.ready for pod in own if current and pod.owner and pod.owner.uid == current.uid)
        given = sum(
            self._staged(pod) is Stage.ADOPTED and not _owned(pod)
            for pod in self._sight.warm_pods(function.workload.uid)
            if not pod.leaving
        )
        return taken + given

    def _pod(self, pod: PodSeen, function: Function, now: Instant, ahead: float) -> WarmPod:
        """Return a pod as it will be; one that waits in the sight of a Service is of no template that is current.

        So it is where a Service came later than the pod, with labels of the template that no Service had selected.
        """
        exposed = pod.labels.get(STAGE) == WARM and not function.hidden.isdisjoint(pod.labels)
        stage, deleting = self._stage(pod, function.workload.template, now), pod.uid in self._expected.deleting
        fact = (stage, pod.leaving, pod.ready or stage is Stage.WARMING)
        self.moments.since(pod.uid, "ready", pod.ready, now)
        return WarmPod(
            name=pod.name,
            uid=pod.uid,
            version=pod.marks.version,
            stage=stage,
            template="" if exposed else pod.labels.get(TEMPLATE, ""),
            ready=pod.ready,
            since=self.moments.since(pod.uid, "stage", fact, now),
            born=self._born(pod, now, ahead),
            busy=deleting or pod.uid in self._expected.changing,
            owned=_owned(pod),
            leaving=pod.leaving or deleting,
        )

    def _born(self, pod: PodSeen, now: Instant, ahead: float) -> Instant:
        """Return when a pod was created: as we saw it, or for one that was there before us as the API server says.

        The server's clock may be wrong by hours, which would make every new pod as old.
        """
        first = self.moments.since(pod.uid, "there", value=True, now=now)
        return Instant(min(now, pod.born - ahead)) if pod.uid in (self._found or ()) else first

    def _stage(self, pod: PodSeen, template: str, now: Instant) -> Stage:
        if pod.phase in _ENDED and not _owned(pod):  # what a ReplicaSet has is that one's to replace
            return Stage.FAILED
        claimed = self._staged(pod)
        if claimed is not None:
            self.moments.drop(pod.uid, "up")  # it is not checked meanwhile, so it begins anew if it comes back
            return claimed
        if pod.trouble == UNSCHEDULABLE and pod.labels.get(TEMPLATE) != template:
            return Stage.FAILED  # nobody waits for a place for it
        return self._unclaimed(pod, now)

    def _staged(self, pod: PodSeen) -> Stage | None:
        """Return the stage that a pod was brought to, or is being brought to; ``None`` for one that nobody claimed."""
        return self._expected.changing.get(pod.uid) or _CLAIMED.get(pod.labels.get(STAGE, ""))

    def _unclaimed(self, pod: PodSeen, now: Instant) -> Stage:
        """Tell how far a pod has come: one that fell ill, or cannot start, is given some time."""
        if pod.ready and self._fit(pod.uid):
            self.moments.since(pod.uid, "up", value=True, now=now)
            return Stage.AVAILABLE
        fallen = self.moments.knows(pod.uid, "up") and now - self.moments.since(pod.uid, "up", value=False, now=now)
        ill = now - self.moments.since(pod.uid, "trouble", pod.trouble, now)
        startless = pod.trouble not in ("", UNSCHEDULABLE) and ill >= TROUBLED
        return Stage.FAILED if startless or fallen >= UNWELL else Stage.WARMING


def _owned(pod: PodSeen) -> bool:
    """Tell whether a ReplicaSet has it; our own pods' controller is the workload itself."""
    return pod.owner is not None and pod.owner.kind == "ReplicaSet"
