"""What the scaler says of one function, as replicas: its ScaledObject's triggers, followed and added up."""

from collections.abc import Callable
from dataclasses import replace

from scaler.keda import Reference
from scaler.policy.demand import Bounds, Signal, wanted
from scaler.pool.functions import Function
from scaler.pool.seen import ScaledObjectSeen
from scaler.pool.signals import Following, Signals


class Ear:
    """Follows those triggers of a function that are ``ours``; ``on_news`` is called in the moment of a decision."""

    def __init__(self, signals: Signals, ours: Callable[[Reference], bool], on_news: Callable[[], None]) -> None:
        self._signals = signals
        self._ours = ours
        self._on_news = on_news
        self._scaled: ScaledObjectSeen | None = None
        self._asked = 0
        self._followed: list[Following] = []
        self._heard: dict[int, Signal | None] = {}

    def update(self, function: Function) -> None:
        """Go on with the function as it is now."""
        self._asked = function.workload.asked
        before, self._scaled = self._scaled, function.scaled
        if (before.triggers if before else ()) != (self._scaled.triggers if self._scaled else ()):
            self._follow()

    def end(self) -> None:
        """Follow nothing any more."""
        self._scaled = None
        self._follow()

    def wanted(self) -> int | None:
        """Return how many replicas will be asked for, ``None`` while that is unknown.

        With a formula a trigger's word only tells that there is work, not how much. What nobody scales wants nothing.
        """
        scaled = self._scaled
        if scaled is None or scaled.paused or not self._heard:
            return 0
        bounds = Bounds(least=scaled.least, most=scaled.most)
        signals = [self._per_replica(number, scaled) for number in sorted(self._heard)]
        if scaled.formula and any(each is not None and each.active for each in signals):
            return min(scaled.most, max(1, scaled.least, self._asked))
        return wanted(signals, bounds, self._asked)

    @property
    def problem(self) -> str:
        """Why nothing is heard of a trigger, empty if all are."""
        if self._scaled is None:
            return "no ScaledObject scales it"
        if not self._followed:
            return "its ScaledObject has no trigger of this scaler"
        return next((each.problem for each in self._followed if each.problem), "")

    def _per_replica(self, number: int, scaled: ScaledObjectSeen) -> Signal | None:
        """Return a signal as the HPA will compare it: a total counts for every replica that is there."""
        signal, (_, total) = self._heard[number], scaled.triggers[number]
        return replace(signal, value=signal.value * max(1, self._asked)) if signal is not None and total else signal

    def _follow(self) -> None:
        for each in self._followed:
            each.end()
        triggers = self._scaled.triggers if self._scaled else ()
        ours = {number: reference for number, (reference, _) in enumerate(triggers) if self._ours(reference)}
        self._followed, self._heard = [], dict.fromkeys(ours)  # one that is quiet speaks for none of the others
        for number, reference in ours.items():
            self._followed.append(self._signals.follow(reference, self._listener(number)))

    def _listener(self, number: int) -> Callable[[Signal | None], None]:
        heard = self._heard

        def listen(signal: Signal | None) -> None:
            if self._heard is heard:  # it is not one of a trigger that was replaced
                heard[number] = signal
                self._on_news()

        return listen
