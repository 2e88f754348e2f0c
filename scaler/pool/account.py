"""The books of one function's pool: what it was good for and what it cost, for people's eyes and for its own size."""

from collections import Counter
from typing import Final

from scaler.model import Instant
from scaler.observe import metrics
from scaler.pool.book import Book
from scaler.pool.functions import Function
from scaler.pool.plan import has_failed, outdated
from scaler.pool.refill import Refill
from scaler.pool.seen import requested
from scaler.pool.view import UNCLAIMED, PoolView, Rules, Stage, WarmPod

_COUNTED: Final = (
    metrics.POOL_PODS,
    metrics.POOL_TARGET,
    metrics.POOL_OVER_TARGET,
    metrics.POOL_CLAIMS,
    metrics.POOL_AVOIDED,
    metrics.POOL_IDLE_SECONDS,
    metrics.POOL_IDLE_BYTES,
    metrics.POOL_BREAKER,
)


class Account:
    """Counts for one function."""

    def __init__(self, function: Function, now: Instant) -> None:
        self.book = Book(begun=now)
        self.hits = 0
        self.misses = 0
        self.idle_pod_seconds = 0.0
        about = function.workload.document["metadata"]
        self._labels = (function.pool, about["namespace"], about["name"])
        self._requested = requested(function.workload.document["spec"]["template"]["spec"])
        self._stages: dict[str, Stage] = {}
        self._starting: set[str] = set()
        self._failed: set[str] = set()
        self._shown: tuple[int, ...] = ()
        self._idle = 0
        self._begun = self._at = now
        self._lost: set[str] = set()

    def look(self, view: PoolView, rules: Rules, refill: Refill) -> None:
        """Enter what is there, and what has changed since the last look."""
        self._pass_time(view.now)
        present = [pod for pod in view.pods if not pod.leaving]
        self._idle = sum(pod.stage in UNCLAIMED for pod in present)
        self._follow(view, rules, refill)
        self._note_lost(view)
        self.book.vacant(rules.size - sum(pod.stage is Stage.AVAILABLE for pod in present))
        live = sum(pod.stage in UNCLAIMED for pod in view.pods) + view.creating
        stages = Counter(pod.stage for pod in present)
        self._show(
            (*(stages[stage] for stage in Stage), rules.size, max(0, live - rules.size - rules.surge), refill.open)
        )

    def _show(self, numbers: tuple[int, ...]) -> None:
        """Set the gauges that have changed: pods by stage, the target, what is above it, and the breaker."""
        if numbers == self._shown:
            return
        self._shown = numbers
        *pods, target, over, broken = numbers
        for stage, count in zip(Stage, pods, strict=True):
            metrics.POOL_PODS.labels(*self._labels, stage).set(count)
        metrics.POOL_TARGET.labels(*self._labels).set(target)
        metrics.POOL_OVER_TARGET.labels(*self._labels).set(over)
        metrics.POOL_BREAKER.labels(*self._labels).set(broken)

    def wanted(self, view: PoolView, rules: Rules, *, claims: int, missing: int) -> None:
        """Enter that so many claims begin and so many replicas have no warm pod; the unknown changes nothing."""
        if view.wanted is None:
            return
        missed = self.book.asked(
            view.now, wanted=view.wanted, ready=view.replicas.ready, claims=claims, missing=missing
        )
        if missed:
            self._miss(missed, _why_missed(view, rules))

    def claimed(self, now: Instant) -> None:
        """Enter that a warm pod was claimed."""
        if self.book.taken(now):
            self.hits += 1
            metrics.POOL_CLAIMS.labels(*self._labels, "warm").inc()

    def refused(self) -> None:
        """Enter that a claim was given up: whoever waits for it has a cold start."""
        self._miss(1, "refused")

    def _miss(self, pods: int, why: str) -> None:
        self.misses += pods
        metrics.POOL_CLAIMS.labels(*self._labels, "cold").inc(pods)
        metrics.POOL_MISSES.labels(why).inc(pods)

    def settled(self) -> None:
        """Enter that a warm pod is a replica for good."""
        metrics.POOL_AVOIDED.labels(*self._labels).inc()

    def close(self) -> None:
        """Show the function's numbers no longer."""
        for stage in Stage:
            metrics.POOL_PODS.remove(*self._labels, stage)
        for metric in _COUNTED[1:]:
            for extra in (("warm",), ("cold",)) if metric is metrics.POOL_CLAIMS else ((),):
                metric.remove(*self._labels, *extra)

    def _pass_time(self, now: Instant) -> None:
        waited = self._idle * (now - self._at)
        self._at = now
        self.idle_pod_seconds += waited
        metrics.POOL_IDLE_SECONDS.labels(*self._labels).inc(waited)
        metrics.POOL_IDLE_BYTES.labels(*self._labels).inc(waited * self._requested)

    def _follow(self, view: PoolView, rules: Rules, refill: Refill) -> None:
        """Note which pods became available, and which failed, since the last look."""
        for pod in view.pods:
            before = self._stages.get(pod.uid)
            if before is None and (not pod.ready or pod.born > self._begun):
                self._starting.add(pod.uid)
            if pod.busy or before not in {None, Stage.WARMING}:
                continue
            if pod.stage is Stage.AVAILABLE:
                refill.succeeded()
                self._became_available(pod, view.now)
            elif has_failed(pod, view, rules) and pod.uid not in self._failed:
                self._failed.add(pod.uid)
                if pod.template == view.template:
                    refill.failed(view.now, pod.name)
        self._stages = {pod.uid: pod.stage for pod in view.pods}
        self._starting &= self._stages.keys()
        self._failed &= self._stages.keys()

    def _note_lost(self, view: PoolView) -> None:
        """Count pods that a ReplicaSet was given, and deletes though it has fewer Ready ones than it is to have."""
        ending = {pod.uid for pod in view.pods if pod.stage is Stage.ADOPTED and pod.leaving}
        short = view.replicas.ready < view.replicas.asked
        metrics.POOL_LOST.inc(len(ending - self._lost) if short else 0)
        self._lost = ending

    def _became_available(self, pod: WarmPod, now: Instant) -> None:
        """Enter how long it took, if we saw it start: one that was there before us, or is well again, tells nothing."""
        if pod.uid not in self._starting:
            return
        self._starting.discard(pod.uid)
        metrics.POOL_WARM_UP_SECONDS.observe(now - pod.born)
        lead_time = self.book.refilled(now)
        if lead_time is None:
            self.book.warmed(now - pod.born)
        else:
            metrics.POOL_LEAD_SECONDS.observe(lead_time)


def _why_missed(view: PoolView, rules: Rules) -> str:
    warm = [pod for pod in view.pods if pod.stage in UNCLAIMED and not pod.leaving]
    if view.hold:
        return "held"
    if any(outdated(pod, view, rules) for pod in warm):
        return "outdated"
    return "warming" if view.creating or any(pod.stage is Stage.WARMING for pod in warm) else "empty"
