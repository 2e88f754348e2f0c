"""What a function's triggers amount to, in replicas."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from scaler.keda import Reference
from scaler.net.kube import Document
from scaler.policy.demand import Signal
from scaler.pool.ear import Ear
from scaler.pool.functions import Function
from scaler.pool.signals import Following, Heard
from tests.pool.seeing import function, scaled_object, service, sight_of, template, trigger, workload

PODS = template({"app": "orders"})


class Followed:
    """One trigger that is followed."""

    problem = ""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.ended = False

    def end(self) -> None:
        self.ended = True


@dataclass
class Said:
    """Signals by queue; ``first`` is what is told at once."""

    first: dict[str, Signal] = field(default_factory=dict)
    followed: dict[str, Followed] = field(default_factory=dict)

    def follow(self, reference: Reference, heard: Heard) -> Following:
        queue = reference[2]["queue"]
        self.followed[queue] = Followed(heard)
        heard(self.first.get(queue))
        return self.followed[queue]

    def say(self, queue: str, signal: Signal | None) -> None:
        self.followed[queue].heard(signal)


def busy(value: float, target: float = 5.0) -> Signal:
    return Signal(active=True, value=value, target=target)


QUIET = Signal(active=False, value=0.0, target=5.0)


def found(*triggers: Document, replicas: int = 0, **said: Any) -> Function:
    """Return a function with these triggers."""
    scaled = [scaled_object(*triggers, **said)] if triggers else []
    made = workload(PODS, replicas=replicas)
    return function(sight_of(made, service("orders", {"app": "orders"}), *scaled))


def listening(
    said: Said,
    seen: Function,
    on_news: Callable[[], None] = lambda: None,
    ours: Callable[[Reference], bool] | None = None,
) -> Ear:
    ear = Ear(said, ours or (lambda _: True), on_news)
    ear.update(seen)
    return ear


def test_what_nobody_scales_wants_nothing_and_says_so() -> None:
    ear = listening(Said(), found())
    assert ear.wanted() == 0
    assert "no ScaledObject" in ear.problem


def test_triggers_of_other_scalers_are_not_heard() -> None:
    ear = listening(Said(), found(trigger()), ours=lambda _: False)
    assert ear.wanted() == 0
    assert "no trigger of this scaler" in ear.problem


@pytest.mark.parametrize(
    ("signal", "wanted"),
    [(None, None), (QUIET, 0), (busy(0.0), 1), (busy(5.0), 1), (busy(12.0), 3), (busy(1e9), 10)],
)
def test_one_trigger(signal: Signal | None, wanted: int | None) -> None:
    said = Said()
    ear = listening(said, found(trigger(), maxReplicaCount=10))
    assert ear.wanted() is None
    said.say("q", signal)
    assert ear.wanted() == wanted


def test_at_least_what_the_scaled_object_says_while_active() -> None:
    said = Said({"q": busy(1.0)})
    assert listening(said, found(trigger(), minReplicaCount=4)).wanted() == 4


def test_a_total_counts_for_every_replica() -> None:
    said = Said({"q": busy(10.0)})
    assert listening(said, found(trigger(metricType="Value"), replicas=3)).wanted() == 6
    assert listening(said, found(trigger(metricType="Value"), replicas=0)).wanted() == 2


def test_with_a_formula_a_word_tells_only_that_there_is_work() -> None:
    said = Said({"q": busy(1000.0)})
    advanced = {"scalingModifiers": {"formula": "q * 2"}}
    assert listening(said, found(trigger(), advanced=advanced)).wanted() == 1
    assert listening(said, found(trigger(), advanced=advanced, replicas=3)).wanted() == 3
    assert listening(Said({"q": QUIET}), found(trigger(), advanced=advanced)).wanted() == 0


def test_what_is_paused_wants_nothing() -> None:
    said = Said({"q": busy(100.0)})
    assert listening(said, found(trigger(), notes={"autoscaling.keda.sh/paused": "true"})).wanted() == 0


def test_a_quiet_trigger_does_not_speak_for_one_that_has_not_spoken() -> None:
    words: list[int | None] = []
    said = Said({"a": QUIET, "b": QUIET})
    ear = Ear(said, lambda _: True, lambda: words.append(ear.wanted()))
    ear.update(found(trigger("a"), trigger("b")))
    assert words == [None, 0]


def test_one_that_is_replaced_is_heard_no_more() -> None:
    said = Said({"a": busy(50.0), "b": busy(5.0)})
    ear = listening(said, found(trigger("a")))
    old = said.followed["a"]
    ear.update(found(trigger("b")))
    assert (old.ended, ear.wanted()) == (True, 1)
    old.heard(busy(500.0))
    assert ear.wanted() == 1


def test_one_that_stays_is_not_followed_anew() -> None:
    said = Said()
    ear = listening(said, found(trigger("a")))
    first = said.followed["a"]
    ear.update(found(trigger("a"), replicas=2, maxReplicaCount=3))
    assert said.followed["a"] is first
    said.say("a", busy(500.0))
    assert ear.wanted() == 3


def test_the_end_of_all_listening() -> None:
    said = Said({"a": busy(50.0)})
    ear = listening(said, found(trigger("a")))
    ear.end()
    assert (said.followed["a"].ended, ear.wanted()) == (True, 0)


def test_what_a_trigger_lacks_is_the_ears_problem() -> None:
    said = Said()
    ear = listening(said, found(trigger("a"), trigger("b")))
    said.followed["b"].problem = "is not known"
    assert ear.problem == "is not known"
