"""The replicas of one workload as its controller keeps them: started, ready, replaced, removed; and its bridges."""

from dataclasses import dataclass

from simulations.model import Starts
from simulations.requests import NEVER

SETTLE = 2_000_000
"""Microseconds after which every client has found a pod (the pool's ``KUBE_PROXY``)."""
SURGE = 0.25
"""The share of replicas that a rollout starts above their number (the default of a Deployment's ``maxSurge``)."""


@dataclass(frozen=True, slots=True, order=True)
class Starting:
    """A pod that becomes Ready ``at`` an instant; a ``replacing`` one takes the place of an older one then."""

    at: int
    number: int
    replacing: bool = False


class Pods:
    """``replicas`` are asked for; ``ready`` of them serve, the others start. ``bridges`` serve beside them.

    Pods that leave are not here any more: what they still finish is known to the requests.
    """

    def __init__(self, starts: Starts, replicas: int) -> None:
        self.replicas = replicas
        self.ready = replicas
        self.bridges = 0
        self.version = 0
        self.started = 0
        self._phases = tuple(each.tolist() for each in (starts.schedule, starts.pull, starts.start, starts.ready))
        self._starting: list[Starting] = []
        self._outdated = 0
        self._recent: list[int] = []

    @property
    def serving(self) -> int:
        """How many take requests."""
        return self.ready + self.bridges

    @property
    def starting(self) -> int:
        """How many start, replacements included."""
        return len(self._starting)

    @property
    def existing(self) -> int:
        """How many replicas there are, without the surge of a rollout."""
        return self.ready + sum(not each.replacing for each in self._starting)

    @property
    def next_ready(self) -> int:
        """When the next pod becomes Ready."""
        return min(self._starting).at if self._starting else NEVER

    @property
    def rolling(self) -> bool:
        """Whether pods of an older version are left."""
        return self._outdated > 0

    def scale(self, replicas: int, now: int) -> None:
        """Ask for another number: pods are created, or removed, those that start and the newest of them first."""
        self.replicas = replicas
        for _ in range(replicas - self.existing):
            self._create(now, replacing=False)
        for _ in range(self.existing - replicas):
            self._remove()

    def become_ready(self) -> bool:
        """Let the next pod become Ready, and tell whether it replaces an older one; then another one may be begun."""
        pod = min(self._starting)
        self._starting.remove(pod)
        self._recent.append(pod.at)
        if not pod.replacing:
            self.ready += 1
            return False
        self._outdated -= 1
        if self._outdated > sum(each.replacing for each in self._starting):
            self._create(pod.at, replacing=True)
        return True

    def roll(self, now: int) -> None:
        """Begin a new version: what starts is started anew, what is ready is replaced a few at a time."""
        self.version += 1
        anew = sum(not each.replacing for each in self._starting)
        self._starting = []
        for _ in range(anew):
            self._create(now, replacing=False)
        self._outdated = self.ready
        for _ in range(min(self._outdated, -int(-self.ready * SURGE // 1))):
            self._create(now, replacing=True)

    def adopt(self) -> None:
        """Make a bridge a replica; the workload's controller removes the newest pod that starts for it."""
        self.bridges -= 1
        self.ready += 1
        self._drop_newest()

    def settled(self, now: int) -> int:
        """Count the replicas that every client has found."""
        self._recent = [at for at in self._recent if at > now - SETTLE]
        return max(0, self.ready - len(self._recent))

    def unsettled_until(self, now: int) -> int:
        """Return when the next replica will be settled."""
        return min((at + SETTLE for at in self._recent if at > now - SETTLE), default=NEVER)

    def phases(self, first: int) -> tuple[int, int, int, int]:
        """Return the microseconds that the pods started since number ``first`` were to spend in each phase."""
        schedule, pull, start, ready = (
            sum(phase[number % len(phase)] for number in range(first, self.started)) for phase in self._phases
        )
        return schedule, pull, start, ready

    def _create(self, now: int, *, replacing: bool) -> None:
        takes = sum(phase[self.started % len(phase)] for phase in self._phases)
        self._starting.append(Starting(now + takes, self.started, replacing))
        self.started += 1

    def _remove(self) -> None:
        if self._drop_newest():
            return
        self.ready -= 1
        if self._outdated:  # the old ones go first, and need no replacement
            self._outdated -= 1
            replacing = [each for each in self._starting if each.replacing]
            if len(replacing) > self._outdated:
                self._starting.remove(max(replacing))

    def _drop_newest(self) -> bool:
        """Remove the pod that would be Ready last, if any starts."""
        starting = [each for each in self._starting if not each.replacing]
        if starting:
            self._starting.remove(max(starting))
        return bool(starting)
