"""A ScaledJob instead of a Deployment: KEDA's polls start Jobs, and each Job serves once and is done.

A Job takes up to the function's concurrency of waiting requests when its pod runs, serves them at once, and ends with
the last of them; one that finds nothing ends at once. A pod of a Job has no readiness to wait for. A rollout leaves the
Jobs of before alone, as the ScaledJob's ``rollout.strategy: gradual`` does.
"""

from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop, heappush
from typing import Final

import numpy as np

from simulations.controllers import Controllers, Rescale
from simulations.figures import Blame, Cause
from simulations.keda.jobs import Jobs, JobSpec, Several, Strategy, demand, started
from simulations.kernel import Kernel
from simulations.model import Function, Job, Starts, micros
from simulations.pods import Pods
from simulations.requests import NEVER
from simulations.watched import Watched

NO_REPLICAS: Final = 0
"""What "as you are" means where there is nothing to keep: no new Jobs."""


class JobPods(Pods):
    """The pods of Jobs, one each: ``replicas`` are the Jobs that are not finished.

    ``fresh`` are up and have taken nothing yet.
    """

    def __init__(self, starts: Starts, replicas: int) -> None:
        unready = np.zeros_like(starts.ready)
        super().__init__(replace(starts, ready=unready), 0)
        self.fresh = 0
        self._runs: list[int] = (starts.schedule + starts.pull).tolist()
        self._pending: list[int] = []
        self._ends: list[int] = []
        self.scale(replicas, 0)

    def pending(self, now: int) -> int:
        """Count the Jobs whose pods do not run: they wait for a node, or for their image."""
        while self._pending and self._pending[0] <= now:
            heappop(self._pending)
        return len(self._pending)

    def scale(self, replicas: int, now: int) -> None:
        """Start Jobs until there are so many; none is ever removed."""
        for number in range(self.started, self.started + replicas - self.existing):
            heappush(self._pending, now + self._runs[number % len(self._runs)])
        super().scale(max(replicas, self.existing), now)

    def become_ready(self) -> bool:
        """Let the next pod come up; it replaces none."""
        self.fresh += 1
        return super().become_ready()

    def take(self, until: int) -> None:
        """Let a fresh one be busy until an instant, which may be now."""
        self.fresh -= 1
        heappush(self._ends, until)

    def finish(self, now: int) -> None:
        """Let those be done whose last request is."""
        while self._ends and self._ends[0] <= now:
            heappop(self._ends)
            self.ready -= 1
            self.replicas -= 1

    def roll(self, now: int) -> None:
        """Begin a new version, which is that of later Jobs."""
        del now
        self.version += 1


class KedaJobs:
    """KEDA's polls over one ScaledJob."""

    def __init__(self, function: Function, watched: Sequence[Watched], pods: JobPods, rescale: Rescale) -> None:
        self.held_back = False
        self._spec = spec_of(function.job or Job())
        self._metrics = [trigger.metric for trigger in function.scaled.triggers]
        self._watched = watched
        self._pods = pods
        self._rescale = rescale
        self._interval = micros(function.scaled.polling_interval)
        self._next = function.phases.check
        self._paused = function.scaled.stopped

    @property
    def next_at(self) -> int:
        """When the next poll is."""
        return NEVER if self._paused else self._next

    def act(self, now: int) -> None:
        """Ask every trigger, and start what they ask for."""
        self._next += self._interval
        pods = self._pods
        asked = demand(self._spec, [each.answer(NO_REPLICAS, NO_REPLICAS) for each in self._watched], self._metrics)
        jobs = started(self._spec, asked, Jobs(unfinished=pods.replicas, pending=pods.pending(now)))
        if jobs.count:
            self._rescale(pods.replicas + jobs.count, Cause.JOB, jobs.why)

    def arrived(self, now: int) -> None:
        """Ask nobody: KEDA looks at sources, not at requests."""

    def ended(self, now: int) -> None:
        """Do nothing for one that is served."""

    def woken(self, trigger: int, now: int) -> None:
        """Hear no push: a ScaledJob has none."""

    def reached(self, *, up: bool, now: int) -> None:
        """Hear nothing of a scaler that stops: the next poll will fail."""

    def paused(self, *, paused: bool, now: int) -> None:
        """Poll no more; afterwards, at once."""
        self._paused, self._next = paused, now


class JobKernel(Kernel):
    """One function whose requests are served by Jobs."""

    pods: JobPods

    def _housed(self) -> JobPods:
        return JobPods(self.function.starts, self.function.replicas)

    def _controlled(self) -> Controllers:
        return KedaJobs(self.function, self.watched, self.pods, self._rescale)

    def _begin(self) -> None:
        """End the Jobs that are done, and let fresh ones take what waits; while the source is away they wait."""
        pods, requests = self.pods, self.requests
        pods.finish(self.now)
        while pods.fresh and not self._cut():
            first = requests.begun
            requests.begin(self.now, requests.serving + self.function.concurrency)
            longest = int(self.function.work.service[first : requests.begun].max(initial=0))
            pods.take(self.now + longest)
        pods.finish(self.now)

    def _blame(self, needed: int | None) -> Blame:
        if self._cut():
            return Blame.SOURCE
        if self.pods.starting:
            return Blame.START
        del needed
        return Blame.QUEUE if self.pods.replicas >= self.function.scaled.max_replicas else Blame.POLL


def spec_of(job: Job) -> JobSpec:
    """Return what KEDA goes by."""
    return JobSpec(
        strategy=Strategy(job.strategy),
        several=Several(job.several),
        min_replicas=job.min_replicas,
        max_replicas=job.max_replicas,
        deduction=job.running_deduction,
        percentage=job.running_percentage,
    )
