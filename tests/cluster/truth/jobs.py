"""What KEDA's ScaledJobs live through, and what its operator says of each poll of theirs.

The operator logs, poll by poll, how many Jobs it counts and how many it creates: what it saw and what it did.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from simulations.hpa import MetricSpec
from simulations.keda import Told
from simulations.keda.jobs import Jobs, JobSpec, Several, Strategy, demand, started
from tests.cluster import manifests
from tests.cluster.api import Document
from tests.cluster.truth.objects import END, Script

POLL = 3.0
MOST = 7
LASTS = 5.0  # s that a Job runs
_OLD = 1.3  # s from a reading of the list to what is logged, on a busy machine; the reading itself may be 0.2 s old
_WHOLE = 1.0  # s: the log tells whole seconds

Lengths = Sequence[Sequence[tuple[float, int]]]
"""When each list was set, to what, in seconds from the beginning of the script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCase:
    """One ScaledJob, a list for each of its triggers, and how long the pods of its Jobs take until they run."""

    name: str
    spec: JobSpec
    lists: tuple[Script, ...]
    pending: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One poll: the Jobs that KEDA counted and created, and how long the lists may have been, one after the other."""

    at: float
    jobs: Jobs
    created: int
    lengths: Sequence[tuple[int, ...]]


WORK: Script = ((2.0, 3), (14.0, 9), (27.0, 2), (38.0, 0), (50.0, 12), (62.0, 1), (70.0, 0))
MORE: Script = ((8.0, 2), (33.0, 5), (55.0, 0))
JOB_CASES = (
    JobCase(name="job-default", spec=JobSpec(max_replicas=MOST), lists=(WORK,)),
    JobCase(name="job-accurate", spec=JobSpec(strategy=Strategy.ACCURATE, max_replicas=MOST), lists=(WORK,)),
    JobCase(
        name="job-accurate-slow",
        spec=JobSpec(strategy=Strategy.ACCURATE, max_replicas=MOST),
        lists=(WORK,),
        pending=4.0,
    ),
    JobCase(name="job-eager", spec=JobSpec(strategy=Strategy.EAGER, max_replicas=MOST), lists=(WORK,)),
    JobCase(
        name="job-custom",
        spec=JobSpec(strategy=Strategy.CUSTOM, max_replicas=MOST, deduction=1, percentage=0.5),
        lists=(WORK,),
    ),
    JobCase(name="job-minimum", spec=JobSpec(min_replicas=2, max_replicas=MOST), lists=(WORK,)),
    JobCase(name="job-most-of-two", spec=JobSpec(max_replicas=MOST), lists=(WORK, MORE)),
    JobCase(name="job-sum-of-two", spec=JobSpec(several=Several.SUM, max_replicas=MOST), lists=(WORK, MORE)),
)


def scaled_job(namespace: str, case: JobCase, scaler: str, redis: str) -> Document:
    """Return a case's ScaledJob, answered by the ``scaler`` from lists of ``redis`` (both host:port)."""
    spec = case.spec
    strategy = {"strategy": spec.strategy.value, "multipleScalersCalculation": spec.several.value}
    if spec.strategy is Strategy.CUSTOM:
        strategy["customScalingRunningJobPercentage"] = f"{spec.percentage}"
    own = {"customScalingQueueLengthDeduction": spec.deduction} if spec.strategy is Strategy.CUSTOM else {}
    words = {"address": redis, "listLength": "1", "interval": "200ms"}
    triggers = [
        manifests.trigger(scaler, "redis", {**words, "listName": f"{case.name}-{number}"}, push=False)
        for number in range(len(case.lists))
    ]
    document = manifests.scaled_job(
        namespace,
        case.name,
        triggers,
        lasts=LASTS,
        pollingInterval=round(POLL),
        minReplicaCount=spec.min_replicas,
        maxReplicaCount=spec.max_replicas,
        scalingStrategy={**strategy, **own},
    )
    notes = document["spec"]["jobTargetRef"]["template"]["metadata"]["annotations"]
    notes.update({f"pod-ready.stage.kwok.x-k8s.io/{what}": f"{case.pending:g}s" for what in ("delay", "jitter-delay")})
    return document


def polls(case: JobCase, log: str, begun: float, lengths: Lengths) -> list[Poll]:
    """Read the polls of a case during the script from the operator's log."""
    lines = [json.loads(line) for line in log.splitlines() if f'"scaledJob.Name":"{case.name}"' in line]
    told = [(datetime.fromisoformat(line["ts"]).timestamp() - begun, line) for line in lines]
    starts = [number for number, (_, line) in enumerate(told) if "Number of running Jobs" in line]
    found = [_poll(told[start:end], lengths) for start, end in zip(starts, [*starts[1:], len(told)], strict=True)]
    return [poll for poll in found if 0.0 < poll.at < END]


def _poll(told: Sequence[tuple[float, Document]], lengths: Lengths) -> Poll:
    at = told[0][0]
    words = {key: value for _, line in told for key, value in line.items()}
    return Poll(
        at=at,
        jobs=Jobs(unfinished=words["Number of running Jobs"], pending=words["Number of pending Jobs"]),
        created=words.get("Number of jobs", 0),
        lengths=list(product(*(_between(each, at - _OLD, at + _WHOLE) for each in lengths))),
    )


def _between(lengths: Sequence[tuple[float, int]], earliest: float, latest: float) -> list[int]:
    """Return how long a list was at any instant of a time."""
    before = [length for at, length in [(-END, 0), *lengths] if at <= earliest]
    return [before[-1], *(length for at, length in lengths if earliest < at <= latest)]


def simulated(case: JobCase, poll: Poll) -> Iterator[int]:
    """Yield how many Jobs the simulator starts at a poll, for each length that the lists may have had."""
    metrics = [MetricSpec(target=1_000)] * len(case.lists)
    for lengths in poll.lengths:
        answers = [Told(value=1_000 * length, active=length > 0) for length in lengths]
        yield started(case.spec, demand(case.spec, answers, metrics), poll.jobs).count
