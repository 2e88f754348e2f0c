"""The leader's work: every function of every pool, each with its keeper, in one loop that wakes for any news."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from structlog import get_logger

from scaler.aio import woken
from scaler.config.pools import CheckSection, FunctionsSection, PoolSection, SizeSection
from scaler.keda import Reference
from scaler.model import Instant
from scaler.net.kube import Document, Kube
from scaler.pool.checks import Check
from scaler.pool.claims import Writes
from scaler.pool.deeds import PACE, Around, Pace
from scaler.pool.elector import Leadership
from scaler.pool.functions import Function, function_of, meant, pools_named, waits
from scaler.pool.keeper import Keeper
from scaler.pool.manifests import POOL
from scaler.pool.orphans import Orphans
from scaler.pool.seen import WorkloadSeen
from scaler.pool.sight import Sight
from scaler.pool.signals import Signals
from scaler.pool.sizes import Sizes

log = get_logger(__name__)

LOOK_EVERY: Final = 1.0  # s between two looks at every size
NEWS_TOGETHER: Final = 0.05  # s for which news is gathered; what the scaler says is acted on at once, whatever this is
SIZED: Final = "PoolSized"
HELD: Final = "PoolHeld"
RETIRED: Final = "(retired)"  # the pool of pods whose own is not configured any more

Pools = Mapping[str, PoolSection]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the pool needs of others.

    ``checking`` makes the check that a configuration describes. ``dns_bound`` is for how long DNS may hide a change, in
    seconds, and ``headless`` is told where that matters. ``said`` is told what people should know: reason and message.
    """

    kube: Kube
    signals: Signals
    ours: Callable[[Reference], bool]
    clock: Callable[[], Instant]
    checking: Callable[[CheckSection], Check]
    headless: Callable[[Document], None] = lambda _workload: None
    dns_bound: Callable[[], float] = lambda: 30.0
    said: Callable[[Document, str, str], None] = lambda _regarding, _reason, _message: None
    pace: Pace = PACE


class Fleet:
    """Keeps all pools for as long as ``leadership`` lasts."""

    def __init__(self, outside: Outside, leadership: Leadership, tasks: asyncio.TaskGroup) -> None:
        self._outside = outside
        self._leadership = leadership
        self._tasks = tasks
        self._pools: Pools = {}
        self._known = False  # whether any were told
        self._added: set[str] = set()  # those that were not, at first
        self._places: dict[str, tuple[Around, asyncio.Task[None]]] = {}
        self._orphans: dict[str, Orphans] = {}
        self._keepers: dict[str, Keeper] = {}
        self._sizes = Sizes()
        self._wake = asyncio.Event()
        self._dirty: set[str] = set()
        self._every = True
        self._unsynced: set[str] = set()  # namespaces that were not listed yet at the last look
        self._changed: set[str] = set()
        self._sized_at = float("-inf")

    def configure(self, pools: Pools) -> None:
        """Go on with other pools."""
        if self._known:
            self._added = (self._added & pools.keys()) | (pools.keys() - self._pools.keys())
        self._pools, self._known = pools, True
        self._every, self._sized_at = True, float("-inf")
        for namespace in {each.functions.namespace for each in pools.values()} - self._places.keys():
            self._open(namespace)
        self._wake.set()

    def __iter__(self) -> Iterator[Keeper]:
        """Go through the functions."""
        return iter(tuple(self._keepers.values()))

    @property
    def unseen(self) -> dict[str, str]:
        """Why something of a namespace cannot be followed, by its name; empty if all is."""
        return {name: around.sight.problem for name, (around, _) in self._places.items() if around.sight.problem}

    def end(self) -> None:
        """Listen to nobody any more."""
        for keeper in self:
            keeper.end()

    async def run(self) -> None:
        """Keep them, until cancelled."""
        while True:
            if await woken(self._wake, self._pause()):
                await asyncio.sleep(NEWS_TOGETHER)
            if self._every or self._changed or self._unsynced:
                self._gather()
            if self._outside.clock() - self._sized_at >= LOOK_EVERY:
                self._measure()
            self._act()

    # -- who is there --------------------------------------------------------------------------------------------

    def _open(self, namespace: str) -> None:
        outside = self._outside
        sight = Sight(
            outside.kube,
            namespace,
            on_pods=self._look_again,
            on_workload=self._changed_itself,
            on_all=self._gather_again,
        )
        around = Around(
            sight=sight,
            writes=Writes(outside.kube, sight, self._leadership),
            signals=outside.signals,
            tasks=self._tasks,
            ours=outside.ours,
            checking=outside.checking,
            dns_bound=outside.dns_bound,
            clock=outside.clock,
            look_again=self._look_again,
            pace=outside.pace,
        )
        self._orphans[namespace] = Orphans(sight, around.writes, self._tasks)
        self._places[namespace] = around, self._tasks.create_task(sight.run(), name=f"sight of {namespace}")

    def _gather(self) -> None:
        """Look at every workload that may be another one: what is new gets a keeper, what is gone loses its own."""
        every, changed = self._every, self._changed
        self._every, self._changed = False, set()
        for namespace, (around, _) in self._places.items():
            if not around.sight.synced:
                self._unsynced.add(namespace)
                continue
            fresh = every or namespace in self._unsynced
            self._unsynced.discard(namespace)
            known = {uid for uid, each in self._keepers.items() if each.function.namespace == namespace}
            present = {each.uid for each in around.sight.workloads()}
            for uid in (known | present) if fresh else (known | present) & changed:
                self._gather_one(uid, namespace, around)
        self._close_unused()

    def _close_unused(self) -> None:
        """Look at a namespace no longer that no pool names, once nothing of ours is in it."""
        used = {each.functions.namespace for each in self._pools.values()}
        used |= {each.function.namespace for each in self._keepers.values()}
        for namespace in self._places.keys() - used:
            self._places.pop(namespace)[1].cancel()
            del self._orphans[namespace]
            self._unsynced.discard(namespace)

    def _gather_one(self, uid: str, namespace: str, around: Around) -> None:
        workload = around.sight.by_uid(uid)
        function = self._function(namespace, workload, around.sight) if workload is not None else None
        if function is not None:
            self._keep(uid, function, around)
        elif uid in self._keepers:
            self._keepers.pop(uid).end()

    def _function(self, namespace: str, workload: WorkloadSeen, sight: Sight) -> Function | None:
        """Say of which pool a workload is a function; of none any more, it is kept to the end of its warm pods."""
        names = [
            name
            for name, section in self._pools.items()
            if section.functions.namespace == namespace and meant(section.functions, workload)
        ]
        if names:
            name = next((each for each in pools_named(workload, sight) if each in names), names[0])
            return function_of(name, self._pools[name], workload, sight)
        known = self._keepers.get(workload.uid)
        if known is not None and known.view.pods:
            return function_of(known.function.pool, known.function.section, workload, sight, retired=True)
        if sight.warm_pods(workload.uid):
            name = sight.warm_pods(workload.uid)[0].labels.get(POOL, RETIRED)
            return function_of(name, _nothing(namespace, workload), workload, sight, retired=True)
        return None

    def _keep(self, uid: str, function: Function, around: Around) -> None:
        keeper = self._keepers.get(uid)
        if keeper is not None and keeper.function.pool != function.pool:
            self._keepers.pop(uid).end()
            keeper = None
        if keeper is None:
            self._keepers[uid] = Keeper(function, around)
            self._sized_at = float("-inf")
            self._dirty.add(uid)
        elif keeper.function != function:
            if keeper.function.section != function.section or keeper.function.retired != function.retired:
                self._sized_at = float("-inf")
            keeper.update(function)
            self._dirty.add(uid)

    # -- how many, and what to do --------------------------------------------------------------------------------

    def _measure(self) -> None:
        """Decide every size anew, and say which pods are to be checked."""
        self._sized_at = self._outside.clock()
        for orphans in self._orphans.values():
            orphans.look(self._sized_at)
        stands = {uid: each.stand(added=each.function.pool in self._added) for uid, each in self._keepers.items()}
        self._sizes.decide(stands, self._sized_at)
        for uid, keeper in self._keepers.items():
            self._resize(keeper)
            self._complain(keeper)
            if (
                waits(keeper.function.workload, self._places[keeper.function.namespace][0].sight)
                != keeper.function.waits
            ):
                self._changed.add(uid)  # its Dapr proxy came or went, which is another workload's doing
            if keeper.function.headless:
                self._outside.headless(keeper.function.workload.document)

    def _resize(self, keeper: Keeper) -> None:
        size, why = self._sizes.of(keeper.function.workload.uid)
        if keeper.begun and size != keeper.size:
            name = keeper.function.workload.name
            log.info("another size", pool=keeper.function.pool, function=name, size=size, why=why)
            message = f"{size} warm pods instead of {keeper.size}: {why}"
            self._outside.said(keeper.function.workload.document, SIZED, message)
            self._dirty.add(keeper.function.workload.uid)
        keeper.size, keeper.why = size, why
        if not keeper.begun:
            keeper.begin()

    def _complain(self, keeper: Keeper) -> None:
        """Say once why a pool cannot be kept, and again when the reason is another one."""
        trouble = keeper.function.problem or keeper.hold
        if trouble and trouble != keeper.said:
            log.warning("a pool is held", function=keeper.function.workload.name, why=trouble)
            self._outside.said(keeper.function.workload.document, HELD, f"no warm pod is created: {trouble}")
        keeper.said = trouble

    def _act(self) -> None:
        now = self._outside.clock()
        due = {uid for uid, each in self._keepers.items() if each.again_at is not None and each.again_at <= now}
        wanted, self._dirty = self._dirty | due, set()
        for uid in wanted:
            if (keeper := self._keepers.get(uid)) is not None:
                keeper.act()
                if keeper.function.retired and not keeper.view.pods and not keeper.view.creating:
                    self._changed_itself(uid)

    def _pause(self) -> float:
        """Return the seconds until somebody is due."""
        now = self._outside.clock()
        ends = [each.again_at for each in self._keepers.values() if each.again_at is not None]
        return max(0.0, min([*ends, self._sized_at + LOOK_EVERY], default=now + LOOK_EVERY) - now)

    def _look_again(self, uid: str) -> None:
        self._dirty.add(uid)
        self._wake.set()

    def _changed_itself(self, uid: str) -> None:
        self._changed.add(uid)
        self._wake.set()

    def _gather_again(self) -> None:
        self._every = True
        self._wake.set()


def _nothing(namespace: str, workload: WorkloadSeen) -> PoolSection:
    """Return the section of a pool that nobody describes any more."""
    functions = FunctionsSection(namespace=namespace, deployment=workload.name)
    return PoolSection(functions=functions, size=SizeSection(fixed=0))
