"""Knative's autoscaler at the helm of a function, in place of KEDA and the HPA."""

from simulations.controllers import Rescale
from simulations.figures import Cause
from simulations.keda import ScaledObject
from simulations.model import KnativeRules, micros
from simulations.pods import Pods
from simulations.policies.knative import begun, poked, step
from simulations.requests import Requests

TICKED = "the concurrency of the last minute, or of the last seconds"
POKED = "a request came at zero pods"


class Knative:
    """Looks every ``tick``, and at once when a request comes at zero pods. It asks no scaler."""

    def __init__(
        self, rules: KnativeRules, bounds: ScaledObject, requests: Requests, pods: Pods, rescale: Rescale
    ) -> None:
        self.held_back = False
        self._rules = rules
        self._bounds = bounds
        self._requests = requests
        self._pods = pods
        self._rescale = rescale
        self._state = begun(0, pods.ready)
        self._area = self._at = 0
        self._next = micros(rules.tick)
        self._stopped = bounds.stopped

    @property
    def next_at(self) -> int:
        """When the next tick is."""
        return self._next

    def act(self, now: int) -> None:
        """Do a tick."""
        self._next = now + micros(self._rules.tick)
        self._add(now)
        self._state, desired = step(self._state, self._rules, now, self._area, self._pods.serving)
        self._area = 0
        self._ask(desired, TICKED)

    def arrived(self, now: int) -> None:
        """Add up the concurrency; with nobody there, look at once."""
        self._add(now)
        if self._pods.replicas == 0:
            self._state, desired = poked(self._state, self._rules, now)
            self._area = 0
            self._ask(desired, POKED)

    def ended(self, now: int) -> None:
        """Add up the concurrency."""
        self._add(now)

    def woken(self, trigger: int, now: int) -> None:
        """Hear no scaler."""

    def reached(self, *, up: bool, now: int) -> None:
        """Miss no scaler."""

    def paused(self, *, paused: bool, now: int) -> None:  # noqa: ARG002 - at once
        """Keep what is there while it is paused."""
        self._stopped = paused

    def _add(self, now: int) -> None:
        self._area += self._requests.unfinished * (now - self._at)
        self._at = now

    def _ask(self, desired: int, why: str) -> None:
        replicas = min(max(desired, self._bounds.min_replicas), self._bounds.max_replicas)
        if replicas != self._pods.replicas and not self._stopped:
            self._rescale(replicas, Cause.KNATIVE, why)
