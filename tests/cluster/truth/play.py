"""The script of a play: lists of Redis that grow and are emptied at their times, over ScaledObjects and ScaledJobs."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from redis import Redis as Client

from tests.cluster import manifests
from tests.cluster.api import SCALED_JOBS, SCALED_OBJECTS, Api
from tests.cluster.control_plane import condition
from tests.cluster.functions import quantile
from tests.cluster.truth.jobs import JOB_CASES, Lengths, Poll, polls, scaled_job
from tests.cluster.truth.objects import CASES, END, Case, Script, scaled_object
from tests.cluster.truth.replayed import Recorded
from tests.cluster.truth.syncs import ScaleAudit, changes, looks, waits
from tests.cluster.truth.timelines import Step
from tests.cluster.warmscaler import Warmscaler
from tests.servers.process import wait_until
from tests.servers.redis import Redis

PLACE = "truth"
_PAUSED = "autoscaling.keda.sh/paused"

Acts = Iterator[tuple[float, Callable[[], None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What the real controllers did: with each ScaledObject, and at each poll of each ScaledJob.

    ``slow`` is the time that the autoscaler waited for its metrics in one of twenty syncs.
    """

    slow: float
    objects: Mapping[str, Recorded]
    jobs: Mapping[str, Sequence[Poll]]


class Play:
    """All cases on a stage."""

    def __init__(self, api: Api, redis: Redis, scaler: Warmscaler) -> None:
        self.api = api
        self.redis = redis
        self.scaler = scaler
        self.begun = 0.0
        self._lengths: dict[str, list[tuple[float, int]]] = {}
        self._paused: dict[str, list[float]] = {}

    def deploy(self) -> None:
        """Deploy everything; returns when KEDA follows it."""
        self.api.apply(manifests.namespace(PLACE))
        for case in CASES:
            self.api.apply(manifests.deployment(PLACE, case.name, replicas=case.replicas))
            self.api.apply(scaled_object(PLACE, case, self.scaler.address, self.redis.address))
        for job in JOB_CASES:
            self.api.apply(scaled_job(PLACE, job, self.scaler.address, self.redis.address))
        pushed = sum(trigger.push for case in CASES for trigger in case.scaled.triggers)
        wait_until(self._ready, within=60.0, what="everything ready", every=0.2)
        wait_until(lambda: self.scaler.streams() == pushed, within=60.0, what=f"{pushed} streams", every=0.2)

    def perform(self) -> None:
        """Do what the scripts say, each at its time, until their end."""
        with Client(host=self.redis.host, port=self.redis.port, socket_timeout=5.0) as client:
            acts = sorted(self._acts(client), key=lambda act: act[0])
            self.begun = time.time()
            for at, act in [*acts, (END, lambda: None)]:
                time.sleep(max(0.0, self.begun + at - time.time()))  # the script's own time, not a wait for anything
                act()

    def played(self, audit: ScaleAudit, log: str) -> Played:
        """Tell what happened, by the API server's record and the log of KEDA's operator."""
        events = audit.events()
        waited = [each for case in CASES for each in waits(case.name, events)]
        return Played(
            slow=quantile(waited, 0.95),
            objects={case.name: self._recorded(case, events) for case in CASES},
            jobs={job.name: polls(job, log, self.begun, self._told(job.name, job.lists)) for job in JOB_CASES},
        )

    def _recorded(self, case: Case, events: Sequence[dict[str, object]]) -> Recorded:
        changed = [Step(step.at - self.begun, step.value) for step in changes(case.name, events)]
        paused = [at - self.begun for at in self._paused.get(case.name, ())]
        return Recorded(
            lengths=self._told(case.name, case.lists),
            looks=[at - self.begun for at in looks(case.name, events)],
            changes=[step for step in changed if 0.0 < step.at < END],
            paused=(paused[0], paused[1]) if paused else None,
        )

    def _told(self, name: str, lists: Sequence[Script]) -> Lengths:
        return [
            [(at - self.begun, length) for at, length in self._lengths[f"{name}-{number}"]]
            for number in range(len(lists))
        ]

    def _ready(self) -> bool:
        every = [*self.api.all(SCALED_OBJECTS, PLACE), *self.api.all(SCALED_JOBS, PLACE)]
        return all(condition(each, "Ready") == "True" for each in every)

    def _acts(self, client: Client) -> Acts:
        scripts = [(each.name, each.lists) for each in CASES] + [(each.name, each.lists) for each in JOB_CASES]
        for name, lists in scripts:
            for number, script in enumerate(lists):
                for at, length in script:
                    yield at, partial(self._set, client, f"{name}-{number}", length)
        for case in CASES:
            for at, value in zip(case.paused or (), ("true", None), strict=False):
                yield at, partial(self._pause, case.name, value)

    def _set(self, client: Client, queue: str, length: int) -> None:
        """Make a list as long as that, in one go."""
        with client.pipeline(transaction=True) as pipeline:
            pipeline.delete(queue)
            if length:
                pipeline.rpush(queue, *range(length))
            pipeline.execute()
        self._lengths.setdefault(queue, []).append((time.time(), length))

    def _pause(self, name: str, value: str | None) -> None:
        self.api.patch(SCALED_OBJECTS, name, PLACE, {"metadata": {"annotations": {_PAUSED: value}}})
        self._paused.setdefault(name, []).append(time.time())
