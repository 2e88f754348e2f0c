"""The fast engine: one function as :class:`simulations.kernel.Kernel` is, with the arrays inside."""

from collections.abc import Callable
from functools import cache

import numpy as np

from scaler.model import OnUnknown
from scaler.pool.view import Handoff, Replicas
from simulations.fast import places as p
from simulations.fast.arrays import ints
from simulations.fast.compiling import available, compiled, ready
from simulations.fast.kernel import CRAMPED, MOVE, NEWS, SAMPLE, WORDS, Case, cramped, enter, run
from simulations.fast.packing import case_of
from simulations.fast.pods import adopt
from simulations.fast.watched import wanted
from simulations.figures import Blame, Cause, Figures, Move
from simulations.kernel import ADOPTED, BRIDGED, DRAINED, Stop
from simulations.ledger import Ledger, PoolFigures, summed
from simulations.model import SECOND, Function, Happening, Ints, World, micros
from simulations.pods import SETTLE, Pods
from simulations.requests import NEVER, Requests

_PAST = -1
_COMPILING = 20.0
"""Seconds that it takes to compile, once."""
_REQUEST, _LOOK = 1e-6, 1e-5
"""Seconds that the twin takes for a request, and for a look of a controller."""
_spent = {"seconds": 0.0}
CAUSES = tuple(Cause)
_STOPS = (Happening.SCALER_DOWN, Happening.SCALER_UP)


def fast_kernel(function: Function, world: World) -> "FastKernel | None":
    """Return the kernel of ``function`` over arrays, ``None`` where the reference has to do it."""
    return FastKernel(function, world, jit=_pays(function, world)) if suits(function) else None


def suits(function: Function) -> bool:
    """Tell whether the arrays hold it: one trigger, KEDA and the HPA, and no fallback that could be needed."""
    return unsuited(function) is None


def unsuited(function: Function) -> str | None:
    """Return in a few words what of it the arrays do not hold; ``None`` where they hold it all."""
    fails = any(each.rules.on_unknown is OnUnknown.ERROR for each in function.triggers)
    fails = fails or any(incident.what in _STOPS for incident in function.incidents)
    reasons = {
        "Knative's autoscaler": function.knative is not None,
        "a ScaledJob": function.job is not None,
        "a pause by annotation": function.scaled.stopped,
        "several triggers": max(len(function.triggers), len(function.hpa.metrics)) > 1,
        "no trigger": not (function.triggers and function.hpa.metrics),
        "a fallback that may be needed": function.scaled.fallback is not None and fails,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _pays(function: Function, world: World) -> bool:
    """Tell whether to run what is compiled: if it is already, or the twin took as long by now as compiling takes."""
    if not available():
        return False
    looks = world.end / micros(function.scaled.polling_interval) + world.end / (15 * SECOND)
    _spent["seconds"] += _REQUEST * len(function.work.arrivals) + _LOOK * looks
    return _spent["seconds"] > _COMPILING or ready(run)


@cache
def _run(*, jit: bool) -> Callable[[Case, int], int]:
    return compiled(run) if jit else run


class _Scalar:
    """An attribute that is a number of the arrays."""

    def __init__(self, place: int) -> None:
        self._place = place

    def __get__(self, kernel: "FastKernel", _: type["FastKernel"]) -> int:
        return int(kernel.k[self._place])

    def __set__(self, kernel: "FastKernel", value: int) -> None:
        kernel.k[self._place] = value


class FastKernel:
    """One function over arrays: compiled with ``jit``, else the twin."""

    now = _Scalar(p.NOW)
    claiming = _Scalar(p.CLAIMING)
    warm = _Scalar(p.WARM)
    at_hand = _Scalar(p.AT_HAND)
    missed = _Scalar(p.MISSED)

    def __init__(self, function: Function, world: World, *, jit: bool) -> None:
        self.function = function
        self._jit = jit
        self._run = _run(jit=jit)
        self._case = case_of(function, world, compiled=jit)
        self.k = self._case.k

    # -- what the world does -------------------------------------------------------------------------------------------

    def run(self, until: int) -> Stop:
        """Let everything happen up to and at ``until``, or until there is news for the pool."""
        while (why := self._run(self._case, until)) == CRAMPED:
            self._grow()
        return Stop.NEWS if why == NEWS else Stop.TIME

    def bridge(self) -> None:
        """Let a claimed pod serve."""
        self._bridged(1, Cause.CLAIM, BRIDGED)

    def unbridge(self) -> None:
        """Let a bridge serve no more; it finishes what it holds."""
        self._bridged(-1, Cause.DRAIN, DRAINED)

    def adopt(self) -> None:
        """Make a bridge a replica."""
        before = int(self.k[p.BRIDGES])
        adopt(self.k)
        self.k[p.UNHEARD] = 1
        self._entered(before, before - 1, Cause.ADOPT, ADOPTED)

    def figures(self, pool: PoolFigures | None = None) -> Figures:
        """Say what it came to."""
        pods = Pods(self.function.starts, 0)
        pods.started = int(self.k[p.STARTED])
        return summed(self._ledger(), self.function, _Done(self._case), pods, pool or PoolFigures())

    def seen(self) -> Replicas:
        """Return the replicas as the pool sees them; while a version is rolled out nothing is adopted."""
        asked, ready = int(self.k[p.REPLICAS]), int(self.k[p.READY])
        return Replicas(
            asked=asked,
            ready=ready,
            settled=max(0, ready - len(self._unsettled())),
            handoff=Handoff.BRIDGE if self.k[p.OUTDATED] > 0 else Handoff.ADOPT,
            wants=asked,
            observed=True,
            covered=ready,
        )

    @property
    def unsettled_until(self) -> int:
        """When the next replica will have been found by every client."""
        return min((at + SETTLE for at in self._unsettled()), default=NEVER)

    @property
    def version(self) -> int:
        """How many versions were rolled out."""
        return int(self.k[p.VERSION])

    @property
    def wanted(self) -> int | None:
        """How many replicas the scaler's word amounts to."""
        replicas = int(wanted(self.k))
        return None if replicas == p.NOBODY else replicas

    # -- inside --------------------------------------------------------------------------------------------------------

    def _unsettled(self) -> list[int]:
        first = self.k[p.RECENT_FROM]
        return [int(at) for at in self.k[first : first + self.k[p.RECENT]] if at > self.now - SETTLE]

    def _bridged(self, by: int, cause: Cause, why: str) -> None:
        before = int(self.k[p.BRIDGES])
        self.k[p.BRIDGES] = before + by
        self.k[p.GONE] = max(0, -by)
        self._entered(before, before + by, cause, why)

    def _entered(self, before: int, after: int, cause: Cause, why: str) -> None:
        """Enter what the pool did, and let requests begin."""
        if cramped(self.k):
            self._grow()
        enter(self.k, (before, after), cause, WORDS.index(why))
        self._run(self._case, _PAST)

    def _grow(self) -> None:
        """Make more room for pods that have just become Ready, and for moves."""
        k = np.asarray(self.k, dtype=np.int64)
        moves = k[p.MOVES_FROM]
        wider = np.concatenate([k[:moves], np.zeros(moves - k[p.RECENT_FROM], dtype=np.int64), k[moves:], k[moves:]])
        wider[p.MOVES_FROM] += moves - k[p.RECENT_FROM]
        self.k = ints(wider, compiled=self._jit)
        self._case = self._case._replace(k=self.k)

    def _ledger(self) -> Ledger:
        """Return what was added up as the reference keeps it."""
        k = np.asarray(self.k, dtype=np.int64).tolist()
        ledger = Ledger(since=k[p.SINCE], now=k[p.NOW], started_before=k[p.STARTED_BEFORE], cold=k[p.COLD])
        ledger.wakes, ledger.sleeps, ledger.ups, ledger.downs = k[p.WAKES : p.DOWNS + 1]
        ledger.most, ledger.blamed = k[p.MOST], k[p.BLAMED : p.BLAMED + len(Blame)]
        ledger.ready_time, ledger.busy_time, ledger.starting_time = k[p.READY_TIME : p.STARTING_TIME + 1]
        ledger.limit_time, ledger.overshoot_time = k[p.LIMIT_TIME], k[p.OVERSHOOT_TIME]
        ledger.draining_time, ledger.draining_busy_time = k[p.DRAINING_TIME], k[p.DRAINING_BUSY_TIME]
        ledger.moves = [
            Move(at=at, before=before, after=after, cause=CAUSES[cause], why=WORDS[why])
            for at, before, after, cause, why in _rows(k[k[p.MOVES_FROM] :], MOVE, k[p.MOVES])
        ]
        ledger.samples = _rows(k[k[p.SAMPLES_FROM] :], SAMPLE, k[p.SAMPLES])
        return ledger


def _rows(table: list[int], width: int, rows: int) -> list[tuple[int, ...]]:
    return list(zip(*[iter(table[: width * rows])] * width, strict=True))


class _Done(Requests):
    """The requests as they came out, for the reference to count."""

    def __init__(self, case: Case) -> None:
        self.arrived, self.begun = int(case.k[p.ARRIVED]), int(case.k[p.BEGUN])
        self._came = np.asarray(case.arrivals, dtype=np.int64)
        self._took = np.asarray(case.service[: self.begun], dtype=np.int64)
        self._began = np.asarray(case.begins[: self.begun], dtype=np.int64)
        self._left = np.asarray(case.done[: case.k[p.ENDED]], dtype=np.int64)

    def first_since(self, instant: int) -> int:
        """Return the number of the first request that arrives at ``instant`` or later."""
        return int(np.searchsorted(self._came, instant))

    def counted(self, first: int, now: int) -> tuple[int, int]:
        """Return how many were begun, and how many of them served by ``now``, from number ``first`` on."""
        ends = self._began[first:] + self._took[first:]
        return len(ends), int(np.count_nonzero(ends <= now))

    def waits(self, first: int) -> Ints:
        """Return how long each waited that was begun, from number ``first`` on."""
        return self._began[first:] - self._came[first : max(first, self.begun)]

    def unbegun(self, first: int, now: int) -> Ints:
        """Return how long each had waited by ``now`` that was not begun, from number ``first`` on."""
        return now - self._came[max(first, self.begun) : self.arrived]

    def service_of(self, first: int) -> int:
        """Return the service time of all that were begun, from number ``first`` on."""
        return int(self._took[first:].sum())

    @property
    def done(self) -> Ints:
        """When each left, ascending."""
        return self._left
