"""The steps of a plan, begun: each is a task that is noted in the expectations before it can do anything."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, assert_never

from structlog import get_logger

from scaler.config.pools import CheckSection
from scaler.keda import Reference
from scaler.model import Instant
from scaler.observe import metrics
from scaler.pool import manifests
from scaler.pool.checks import Check
from scaler.pool.claims import Answer, Outcome, Writes
from scaler.pool.expectations import Expectations
from scaler.pool.functions import Function
from scaler.pool.manifests import Patch, pod_name, warm_pod
from scaler.pool.plan import Action, Adopt, Claim, Create, Delete, Drain, Reclaim, Recycle, Settle
from scaler.pool.seen import PodSeen
from scaler.pool.sight import Sight
from scaler.pool.signals import Signals
from scaler.pool.view import Stage

log = get_logger(__name__)

Step = Adopt | Settle | Reclaim | Drain | Recycle | Delete


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Times that no configuration says, in seconds; see :class:`scaler.pool.view.Rules`.

    ``grace`` is what a drained pod has for what it holds, once its clients have noticed.
    """

    linger: float = 15.0
    grace: float = 5.0
    start_within: float = 600.0
    take_within: float = 30.0
    guard: float = 30.0


PACE: Final = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the functions of one namespace share. ``dns_bound`` tells for how long DNS may hide a change, in seconds.

    ``ours`` tells which triggers the scaler answers, ``checking`` makes a pod's own check, ``look_again`` is
    told by uid of a workload whose writes are done. ``tasks`` runs the writes.
    """

    sight: Sight
    writes: Writes
    signals: Signals
    tasks: asyncio.TaskGroup
    ours: Callable[[Reference], bool]
    checking: Callable[[CheckSection], Check]
    dns_bound: Callable[[], float]
    clock: Callable[[], Instant]
    look_again: Callable[[str], None]
    pace: Pace = PACE


class Deeds:
    """Begins what is planned for one function; ``on_done`` hears the step and what became of it."""

    def __init__(self, around: Around, expected: Expectations, on_done: Callable[[str, Answer], None]) -> None:
        self._around = around
        self._expected = expected
        self._on_done = on_done

    def begin(self, action: Action, function: Function, word_at: Instant | None) -> None:
        """Begin one action; on a pod that is another one by now, nothing. ``word_at``: when the scaler spoke."""
        if isinstance(action, Create):
            self._create(function)
            return
        pod = self._around.sight.pods.objects.get(action.pod.name)
        if pod is None or pod.uid != action.pod.uid:
            return
        if isinstance(action, Claim):
            write = self._around.writes.claim(pod, manifests.bridging(pod.marks, function.serving), word_at)
            self._run("claim", self._expected.change(pod.uid, Stage.BRIDGED), write)
        else:
            self._change(action, pod, function)

    def _change(self, action: Step, pod: PodSeen, function: Function) -> None:
        marks = pod.marks
        match action:
            case Adopt():
                self._adopt(pod, function)
            case Settle():
                self._patch(
                    pod,
                    Stage.ADOPTED,
                    "settle",
                    manifests.settling(marks, function.workload.document["spec"]["template"]),
                )
            case Reclaim():
                workload = function.workload.document
                patch = manifests.reclaiming(marks, workload, function.hidden, function.serving)
                self._patch(pod, Stage.BRIDGED, "reclaim", patch)
            case Drain():
                self._patch(pod, Stage.DRAINING, "drain", manifests.draining(marks, function.hidden))
            case Recycle():
                self._patch(pod, Stage.AVAILABLE, "recycle", manifests.recycling(marks))
            case Delete(why=why):
                log.info("deletes a warm pod", pod=pod.name, why=why)
                self._run("delete", self._expected.deletion(pod.uid), self._around.writes.delete(pod))
            case _:
                assert_never(action)

    def _adopt(self, pod: PodSeen, function: Function) -> None:
        if function.replica_set is not None:
            patch = manifests.adoption(pod.marks, function.workload.pod_labels, function.replica_set.hash_label)
            self._patch(pod, Stage.ADOPTED, "adopt", patch)

    def _create(self, function: Function) -> None:
        workload = function.workload
        taken = {*self._around.sight.pods.objects, *self._expected.creating}
        name = pod_name(workload.name, workload.uid, workload.template, taken)
        document = warm_pod(name, function.pool, workload.document, function.hidden)
        self._run("create", self._expected.creation(name), self._around.writes.create(document))

    def _patch(self, pod: PodSeen, stage: Stage, step: str, patch: Patch) -> None:
        self._run(step, self._expected.change(pod.uid, stage), self._around.writes.patch(pod, patch))

    def _run(self, step: str, note: AbstractContextManager[None], write: Coroutine[Any, Any, Answer]) -> None:
        noted = ExitStack()
        noted.enter_context(note)
        task = self._around.tasks.create_task(write, name=step)
        task.add_done_callback(partial(self._ended, step, noted))

    def _ended(self, step: str, noted: ExitStack, task: asyncio.Task[Answer]) -> None:
        noted.close()
        if task.cancelled() or task.exception() is not None:
            return  # which the task group takes care of
        answer = task.result()
        metrics.POOL_STEPS.labels(step, answer.outcome).inc()
        if step == "create":
            metrics.POOL_CREATES.labels(answer.outcome).inc()
        if answer.outcome is Outcome.REFUSED:
            log.warning("the API refused", step=step, why=answer.said)
        self._on_done(step, answer)
