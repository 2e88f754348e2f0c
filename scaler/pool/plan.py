"""What must happen now for a pool to be as it should: the whole hand-off as one function from what is to what to do.

Level-triggered: a plan follows from the present view, never from what has just happened, so it does not matter who
began a hand-off or where it was interrupted. The protocol is that of a bridge first and an adoption later:

1. *Claim* while the scaler's word exceeds the Ready replicas and the bridges: at once, and never more than that.
2. *Adopt* only while the ReplicaSet wants more pods than are Ready or handed over, **and** its controller has observed
   that it does: before, it would meet one pod too many and delete ours, as the only one it knows.
3. Else *drain* the bridge once the cold replicas have come and every client knows them, and *recycle* it.
4. The rest is stock: *create* what is missing, *delete* what is too much, failed or outdated.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from scaler.model import Instant
from scaler.pool.view import UNCLAIMED, Handoff, PoolView, Rules, Stage, WarmPod

UNWELL: Final = 30.0  # s for which a bridge may be unready before it is given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Give the pod to its function, as a bridge."""

    pod: WarmPod


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Let the ReplicaSet take the pod."""

    pod: WarmPod


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Take our marks off a pod that the ReplicaSet has taken: from now on it is a replica like any other."""

    pod: WarmPod


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaim:
    """Take back a pod that no ReplicaSet has taken: it is a bridge again."""

    pod: WarmPod


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Take the pod out of its Services."""

    pod: WarmPod


@dataclass(frozen=True, slots=True, kw_only=True)
class Recycle:
    """Let a drained pod wait for the next claim."""

    pod: WarmPod


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete the pod; ``why`` in an operator's words."""

    pod: WarmPod
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Create one warm pod of the current template."""


Action = Claim | Adopt | Settle | Reclaim | Drain | Recycle | Delete | Create


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now; ``missing`` replicas are wanted at once and have no warm pod.

    ``again_at`` is when another plan could follow with nothing new seen, ``None`` if never.
    """

    actions: tuple[Action, ...] = ()
    missing: int = 0
    again_at: Instant | None = None


def plan(view: PoolView, rules: Rules) -> Plan:
    """Say what must happen for ``view`` to become as the scaler's word and ``rules`` want it."""
    claims, missing = _claims(view)
    handed = _handed_over(view, rules)
    moved = {action.pod.uid for action in (*claims, *handed)}
    drains = [each for each in _drains(view, rules) if each.pod.uid not in moved]
    actions = (*claims, *handed, *drains, *_stock(view, rules, moved))
    return Plan(actions=actions, missing=missing, again_at=_again_at(view, rules))


def outdated(pod: WarmPod, view: PoolView, rules: Rules) -> bool:
    """Tell whether a pod is not of the current template, or too old."""
    return pod.template != view.template or view.now >= pod.born + rules.max_age


def serving(view: PoolView) -> int:
    """Count what serves the function or is about to: its Ready replicas, bridges, and what is being handed over."""
    ours = sum(
        (pod.stage is Stage.BRIDGED and (pod.ready or pod.busy)) or (pod.stage is Stage.ADOPTED and not pod.owned)
        for pod in view.pods
        if not pod.leaving
    )
    return view.replicas.ready + ours


# -- claims ----------------------------------------------------------------------------------------------------------


def _claims(view: PoolView) -> tuple[list[Claim], int]:
    """Claim as many as are wanted and not served; a pod of another template than the current one is never claimed."""
    short = max(0, (view.wanted or 0) - serving(view))
    usable = [pod for pod in _free(view) if pod.ready and pod.template == view.template]
    drained = [pod for pod in usable if pod.stage is Stage.DRAINING]
    waiting = [pod for pod in usable if pod.stage is Stage.AVAILABLE]
    chosen = [*_oldest(drained), *_oldest(waiting)][:short]
    return [Claim(pod=pod) for pod in chosen], short - len(chosen)


# -- bridges ---------------------------------------------------------------------------------------------------------


def _handed_over(view: PoolView, rules: Rules) -> list[Adopt | Settle | Reclaim]:
    given = [pod for pod in _free(view) if pod.stage is Stage.ADOPTED]
    late = [pod for pod in given if not pod.owned and view.now - pod.since >= rules.take_within]
    guarded = [pod for pod in given if pod.owned and view.now - pod.since >= rules.guard]
    return [
        *(Adopt(pod=pod) for pod in _adoptable(view)),
        *(Reclaim(pod=pod) for pod in late),
        *(Settle(pod=pod) for pod in guarded),
    ]


def _adoptable(view: PoolView) -> Sequence[WarmPod]:
    """Choose bridges that the ReplicaSet is sure to keep: what it must delete for them is a pod that is not Ready."""
    replicas = view.replicas
    if replicas.handoff is not Handoff.ADOPT or not replicas.observed:
        return ()
    room = min(replicas.wants, replicas.asked) - replicas.covered
    fit = [pod for pod in _free(view) if pod.stage is Stage.BRIDGED and pod.ready and pod.template == view.template]
    return _oldest(fit)[: max(0, room)]


def _drains(view: PoolView, rules: Rules) -> list[Drain | Delete]:
    """Let go of bridges that are not needed any more, and of those that are unwell.

    A bridge stands in for replicas that are asked for and not Ready, too. While nobody knows what is wanted, all stay.
    """
    bridges = [pod for pod in view.pods if pod.stage is Stage.BRIDGED and not pod.leaving]
    unwell = [pod for pod in bridges if not (pod.ready or pod.busy) and view.now - pod.since >= UNWELL]
    if view.wanted is None:
        return [Drain(pod=pod) for pod in unwell]
    well = [pod for pod in bridges if pod.ready or pod.busy]
    spare = view.replicas.settled + len(well) - max(view.wanted, view.replicas.asked)
    rested = [pod for pod in well if not pod.busy and view.now - pod.since >= rules.linger]
    rested.sort(key=lambda pod: (pod.template == view.template, pod.since, pod.name))
    return [Drain(pod=pod) for pod in (*unwell, *rested[: max(0, spare)])]


# -- stock -----------------------------------------------------------------------------------------------------------


def _stock(view: PoolView, rules: Rules, moved: set[str]) -> list[Recycle | Delete | Create]:
    """Bring the unclaimed pods to their number: either by removing or by adding, never both at once."""
    warm = [pod for pod in view.pods if pod.stage in UNCLAIMED and pod.uid not in moved]
    coming = view.creating + _unanswered(view, moved)
    recycled, ended = _after_draining(view, rules, moved, room=rules.size - len(warm) - coming)
    deleted = _deleted(view, rules, warm)
    if deleted:
        return [*ended, *deleted]
    return [*recycled, *ended, *_created(view, rules, warm, coming=coming + len(recycled))]


def _unanswered(view: PoolView, moved: set[str]) -> int:
    """Count the claims that may still be refused: until they are answered their pods hold their places in the stock."""
    claimed = sum(pod.stage is Stage.AVAILABLE and pod.uid in moved for pod in view.pods)
    return claimed + sum(pod.stage is Stage.BRIDGED and pod.busy for pod in view.pods)


def _after_draining(view: PoolView, rules: Rules, moved: set[str], *, room: int) -> tuple[list[Recycle], list[Delete]]:
    """Take drained pods into the stock as far as there is room and they are good for it; the others end."""
    done = [
        pod
        for pod in _free(view)
        if pod.stage is Stage.DRAINING and pod.uid not in moved and view.now - pod.since >= rules.drain
    ]
    good = [pod for pod in done if pod.ready and not outdated(pod, view, rules)][: max(0, room)]
    kept = {pod.uid for pod in good}
    ended = [Delete(pod=pod, why="served and not needed any more") for pod in done if pod.uid not in kept]
    return [Recycle(pod=pod) for pod in good], ended


def _deleted(view: PoolView, rules: Rules, warm: Sequence[WarmPod]) -> list[Delete]:
    present = [pod for pod in warm if not pod.leaving]
    failed = [Delete(pod=pod, why="failed to start") for pod in present if has_failed(pod, view, rules)]
    if failed:
        return [each for each in failed if not each.pod.busy]
    old = [pod for pod in present if outdated(pod, view, rules)]
    most = rules.size + min(rules.surge, len(old))
    surplus = max(0, len(present) + view.creating - most)
    if surplus:
        return [Delete(pod=pod, why="more than the size") for pod in _least_useful(view, rules, present)[:surplus]]
    return [Delete(pod=pod, why=_age(pod, view)) for pod in _replaced(view, rules, present, old)]


def _replaced(view: PoolView, rules: Rules, present: Sequence[WarmPod], old: Sequence[WarmPod]) -> Iterable[WarmPod]:
    """Choose the one outdated pod that may go: its successor is available or, without surge, has no other place."""
    fresh = [pod for pod in present if pod not in old]
    coming = view.creating or any(pod.stage is Stage.WARMING for pod in fresh)
    free = [pod for pod in old if not pod.busy]
    if coming or not free or any(pod.leaving for pod in view.pods if pod.stage in UNCLAIMED):
        return ()
    spare = len(present) > rules.size or (not rules.surge and len(present) == rules.size and not view.hold)
    return _oldest(free)[:1] if spare else ()


def _created(view: PoolView, rules: Rules, warm: Sequence[WarmPod], *, coming: int) -> list[Create]:
    """Create what is missing; everything that exists or is ``coming`` counts, be it leaving, failed or unschedulable.

    A pod whose claim is not answered is ``coming``, too: it may come back.
    """
    if view.hold:
        return []
    fresh = [pod for pod in warm if not pod.leaving and not outdated(pod, view, rules)]
    old = sum(not pod.leaving for pod in warm) - len(fresh)
    missing = rules.size - len(fresh) - coming
    room = rules.size + min(rules.surge, old) - len(warm) - coming
    return [Create()] * max(0, min(missing, room, view.tokens))


def _least_useful(view: PoolView, rules: Rules, present: Sequence[WarmPod]) -> list[WarmPod]:
    """Order those that may be deleted: outdated first, then those still warming, then the newest."""
    free = [pod for pod in present if not pod.busy]
    return sorted(
        free, key=lambda pod: (not outdated(pod, view, rules), pod.stage is Stage.AVAILABLE, -pod.born, pod.name)
    )


def has_failed(pod: WarmPod, view: PoolView, rules: Rules) -> bool:
    """Tell whether a pod ended, cannot start, or has not become available in its time."""
    late = pod.stage is Stage.WARMING and view.now - pod.since >= rules.start_within
    return pod.stage is Stage.FAILED or late


def _age(pod: WarmPod, view: PoolView) -> str:
    return "older than maxAge" if pod.template == view.template else "of an older template"


# -- when to look again ----------------------------------------------------------------------------------------------


def _again_at(view: PoolView, rules: Rules) -> Instant | None:
    """Return the next instant at which a pod's time is up; a view whose replicas settle is looked at by its keeper."""
    ends = [Instant(at) for pod in view.pods if not pod.leaving for at in _ends(pod, rules)]
    return min((at for at in ends if at > view.now), default=None)


def _ends(pod: WarmPod, rules: Rules) -> tuple[float, ...]:
    match pod.stage:
        case Stage.WARMING:
            return pod.since + rules.start_within, pod.born + rules.max_age
        case Stage.AVAILABLE | Stage.FAILED:
            return (pod.born + rules.max_age,)
        case Stage.BRIDGED:
            return pod.since + rules.linger, pod.since + UNWELL
        case Stage.DRAINING:
            return (pod.since + rules.drain,)
        case Stage.ADOPTED:
            return pod.since + rules.take_within, pod.since + rules.guard
        case _:
            assert_never(pod.stage)


def _free(view: PoolView) -> list[WarmPod]:
    """Return the pods that something may be done with: nothing is under way, and they stay."""
    return [pod for pod in view.pods if not (pod.busy or pod.leaving)]


def _oldest(pods: Iterable[WarmPod]) -> list[WarmPod]:
    return sorted(pods, key=lambda pod: (pod.born, pod.name))
